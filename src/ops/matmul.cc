// Products of matrices and vectors: shape rules, and the reduction of every rank to one batched product.
#include <algorithm>
#include <vector>

#include "gen/impl.h"
#include "gen/impl_aten.h"
#include "ops/nn_common.h"

namespace rustorch::impl {
namespace {

// `nothing`: whether factors of no elements may be of any dtype, as their product is all zero.
void check_dtypes(const char* op, const Tensor& a, const Tensor& b, bool nothing = false) {
  RT_CHECK(a.dtype() == b.dtype(), DType, op,
           "expected m1 and m2 to have the same dtype, but got: ", dtype_scalar_name(a.dtype()),
           " != ", dtype_scalar_name(b.dtype()));
  if (nothing && (a.numel() == 0 || b.numel() == 0)) return;
  RT_CHECK(a.dtype() != kBool, NotImplemented, op, "\"", op, "\" not implemented for 'Bool'");
}

void check_inner(const char* op, const Tensor& a, const Tensor& b, int64_t ka, int64_t kb) {
  if (ka != kb) [[unlikely]]
    raise_shape(op,
                rustorch::cat("mat1 and mat2 shapes cannot be multiplied (", a.size(-2), "x", a.size(-1),
                              " and ", b.size(-2), "x", b.size(-1), ")"),
                a.sizes(), b.sizes());
}

void run(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha = 1, const Scalar& beta = 0,
         const Tensor& bias = {}, bool trans_b = false, Epilogue act = Epilogue::None) {
  if (out.numel() == 0) return;
  if (out.dtype() == kBool) return backend_for(out).fill(out, Scalar(0));
  MatmulCall call;
  call.out = out;
  call.a = a;
  call.b = b;
  call.bias = bias;
  call.alpha = alpha;
  call.beta = beta;
  call.trans_b = trans_b;
  call.act = act;
  backend_for(out).matmul(call);
}

// A contiguous copy of self broadcast to sizes, to be accumulated into; uninitialised when beta is 0.
Tensor accumulator(const char* op, const Tensor& self, IntArrayRef sizes, const Scalar& beta, DType dtype) {
  if (!is_expandable_to(self.sizes(), sizes)) [[unlikely]]
    raise_shape(op,
                rustorch::cat("The expanded size of the tensor must match the existing size; got ",
                              self.sizes(), "; expected a shape that broadcasts to ", sizes),
                self.sizes(), sizes);
  RT_CHECK(self.dtype() == dtype, DType, op, "self and mat2 must have the same dtype, but got ",
           dtype_scalar_name(self.dtype()), " and ", dtype_scalar_name(dtype));
  Tensor out = make_tensor(sizes, dtype, self.device());
  if (!beta.equal(0)) backend_for(out).copy(out, rustorch::expand(self, sizes));
  return out;
}

void check_product(const char* op, const Tensor& mat1, const Tensor& mat2) {
  RT_CHECK(mat1.dim() == 2, Shape, op, "mat1 must be a matrix, got ", mat1.dim(), "-D tensor");
  RT_CHECK(mat2.dim() == 2, Shape, op, "mat2 must be a matrix, got ", mat2.dim(), "-D tensor");
  check_inner(op, mat1, mat2, mat1.size(1), mat2.size(0));
  check_dtypes(op, mat1, mat2);
}

// act(beta * self + alpha * mat1 @ mat2)
Tensor add_product(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                   const Scalar& alpha, Epilogue act = Epilogue::None) {
  check_product("addmm", mat1, mat2);
  const int64_t sizes[] = {mat1.size(0), mat2.size(1)};
  Tensor out = accumulator("addmm", self, sizes, beta, mat1.dtype());
  run(out, mat1, mat2, alpha, beta, {}, false, act);
  return out;
}

}  // namespace

Tensor mm(const Tensor& self, const Tensor& mat2) {
  const TensorImpl &a = *self.impl(), &b = *mat2.impl();
  RT_CHECK(a.dim() == 2, Shape, "mm", "self must be a matrix");
  RT_CHECK(b.dim() == 2, Shape, "mm", "mat2 must be a matrix");
  check_inner("mm", self, mat2, a.size(1), b.size(0));
  check_dtypes("mm", self, mat2, true);
  Tensor out = make_tensor({a.size(0), b.size(1)}, a.dtype(), a.device());
  run(out, self, mat2);
  return out;
}

Tensor _int_mm(const Tensor& self, const Tensor& mat2) {
  RT_CHECK(self.dim() == 2, Shape, "_int_mm", "self must be a matrix, got ", self.dim(), "-D tensor");
  RT_CHECK(mat2.dim() == 2, Shape, "_int_mm", "mat2 must be a matrix, got ", mat2.dim(), "-D tensor");
  check_inner("_int_mm", self, mat2, self.size(1), mat2.size(0));
  RT_CHECK(self.dtype() == kInt8 || self.dtype() == kUInt8, DType, "_int_mm",
           "Expected self dtype to be int8 or uint8 but got ", dtype_scalar_name(self.dtype()));
  RT_CHECK(mat2.dtype() == kInt8, DType, "_int_mm", "Expected mat2 dtype to be of type int8 but got ",
           dtype_scalar_name(mat2.dtype()));
  if (!self.device().is_cpu()) return rustorch::mm(self.to(kInt32), mat2.to(kInt32));
  Tensor out = make_tensor({self.size(0), mat2.size(1)}, kInt32, self.device());
  run(out, self, mat2);
  return out;
}

Tensor bmm(const Tensor& self, const Tensor& mat2) {
  RT_CHECK(self.dim() == 3, Shape, "bmm", "batch1 must be a 3D tensor");
  RT_CHECK(mat2.dim() == 3, Shape, "bmm", "batch2 must be a 3D tensor");
  if (self.size(0) != mat2.size(0) || self.size(2) != mat2.size(1)) [[unlikely]]
    raise_shape(
        "bmm",
        rustorch::cat("Expected size for first two dimensions of batch2 tensor to be: [", self.size(0), ", ",
                      self.size(2), "] but got: [", mat2.size(0), ", ", mat2.size(1), "]."),
        self.sizes(), mat2.sizes());
  check_dtypes("bmm", self, mat2, true);
  Tensor out = make_tensor({self.size(0), self.size(1), mat2.size(2)}, self.dtype(), self.device());
  run(out, self, mat2);
  return out;
}

Tensor mv(const Tensor& self, const Tensor& vec) {
  RT_CHECK(self.dim() == 2 && vec.dim() == 1, Shape, "mv", "vector + matrix @ vector expected, got 1, ",
           self.dim(), ", ", vec.dim());
  if (self.size(1) != vec.size(0)) [[unlikely]]
    raise_shape("mv",
                rustorch::cat("size mismatch, got input (", self.size(0), "), mat (", self.size(0), "x",
                              self.size(1), "), vec (", vec.size(0), ")"),
                self.sizes(), vec.sizes());
  check_dtypes("mv", self, vec, true);
  const int64_t n = self.size(0);
  Tensor out = make_tensor({n}, self.dtype(), self.device());
  const int64_t column[] = {n, 1}, unit[] = {1, 1};
  const int64_t vec_sizes[] = {vec.size(0), 1}, vec_strides[] = {vec.stride(0), 1};
  run(make_alias(out, column, unit, 0), self, make_alias(vec, vec_sizes, vec_strides, vec.storage_offset()));
  return out;
}

Tensor dot(const Tensor& self, const Tensor& tensor) {
  RT_CHECK(self.dim() == 1 && tensor.dim() == 1, Shape, "dot", "1D tensors expected, but got ", self.dim(),
           "D and ", tensor.dim(), "D tensors");
  if (self.size(0) != tensor.size(0)) [[unlikely]]
    raise_shape("dot",
                rustorch::cat("inconsistent tensor size, expected tensor [", self.size(0), "] and src [",
                              tensor.size(0), "] to have the same number of elements, but got ", self.size(0),
                              " and ", tensor.size(0), " elements respectively"),
                self.sizes(), tensor.sizes());
  RT_CHECK(self.dtype() == tensor.dtype(), DType, "dot",
           "expected both vectors to have same dtype, but found ", dtype_scalar_name(self.dtype()), " and ",
           dtype_scalar_name(tensor.dtype()));
  check_dtypes("dot", self, tensor);
  const int64_t k = self.size(0);
  Tensor out = make_tensor(IntArrayRef{}, self.dtype(), self.device());
  const int64_t one[] = {1, 1}, row[] = {1, k}, column[] = {k, 1};
  const int64_t row_strides[] = {1, self.stride(0)}, column_strides[] = {tensor.stride(0), 1};
  run(make_alias(out, one, one, 0), make_alias(self, row, row_strides, self.storage_offset()),
      make_alias(tensor, column, column_strides, tensor.storage_offset()));
  return out;
}

Tensor vdot(const Tensor& self, const Tensor& other) {
  return rustorch::dot(self.is_complex() ? rustorch::conj(self) : self, other);
}

Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias) {
  const int64_t dims = input.dim(), wdims = weight.dim();
  RT_CHECK(dims >= 1, Shape, "linear", "input must have at least one dimension; got a 0-d tensor");
  RT_CHECK(wdims == 1 || wdims == 2, Shape, "linear", "weight must be a vector or a matrix; got ", wdims,
           " dimensions");
  const int64_t k = input.size(-1), n = wdims == 2 ? weight.size(0) : 1;
  const int64_t rows =
      k == 0 ? numel_of(input.sizes().slice(0, static_cast<size_t>(dims - 1))) : input.numel() / k;
  if (weight.size(-1) != k) [[unlikely]]
    raise_shape("linear",
                rustorch::cat("mat1 and mat2 shapes cannot be multiplied (", rows, "x", k, " and ",
                              weight.size(-1), "x", n, ")"),
                input.sizes(), weight.sizes());
  check_dtypes("linear", input, weight, true);
  DimVector sizes = input.sizes().vec();
  if (wdims == 2)
    sizes.back() = n;
  else
    sizes.pop_back();
  Tensor out = make_tensor(sizes, input.dtype(), input.device());
  Tensor b;
  if (bias && bias->defined()) {
    check_dtypes("linear", input, *bias);
    if (!is_expandable_to(bias->sizes(), IntArrayRef{n}) && !(wdims == 1 && bias->dim() == 0)) [[unlikely]]
      raise_shape("linear",
                  rustorch::cat("The size of tensor a (", n, ") must match the size of tensor b (",
                                bias->numel(), ") at non-singleton dimension 0"),
                  weight.sizes(), bias->sizes());
    b = contiguous_raw(bias->numel() == n && bias->dim() == 1 ? *bias : rustorch::expand(*bias, {n}));
  }
  if (dims == 2 && wdims == 2) {
    run(out, input, weight, 1, 0, b, true);
    return out;
  }
  const int64_t a_sizes[] = {rows, k}, a_strides[] = {k, 1}, c_sizes[] = {rows, n}, c_strides[] = {n, 1};
  const int64_t w_sizes[] = {n, k}, w_strides[] = {wdims == 2 ? weight.stride(0) : k, weight.stride(-1)};
  const Tensor flat = contiguous_raw(input);
  run(make_alias(out, c_sizes, c_strides, 0), make_alias(flat, a_sizes, a_strides, flat.storage_offset()),
      make_alias(weight, w_sizes, w_strides, weight.storage_offset()), 1, 0, b, true);
  return out;
}

Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
             const Scalar& alpha) {
  return add_product(self, mat1, mat2, beta, alpha);
}

Tensor _addmm_activation(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                         const Scalar& alpha, bool use_gelu) {
  RT_CHECK(!mat1.is_complex(), NotImplemented, "_addmm_activation",
           "clamp is not supported for complex types");
  if (!mat1.is_floating_point()) {  // the backends apply activations to real products
    const Tensor z = add_product(self, mat1, mat2, beta, alpha);
    return use_gelu ? rustorch::gelu(z) : rustorch::relu(z);
  }
  const Epilogue act = use_gelu ? Epilogue::Gelu : Epilogue::Relu;
  const bool is_bias = self.dim() == 1 && mat1.dim() == 2 && mat2.dim() == 2 &&
                       self.size(0) == mat2.size(1) && self.dtype() == mat1.dtype() && beta.equal(1) &&
                       alpha.equal(1);
  if (!is_bias) return add_product(self, mat1, mat2, beta, alpha, act);
  check_product("_addmm_activation", mat1, mat2);
  Tensor out = make_tensor({mat1.size(0), mat2.size(1)}, mat1.dtype(), mat1.device());
  run(out, mat1, mat2, 1, 0, contiguous_raw(self), false, act);
  return out;
}

Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
  RT_CHECK(batch1.dim() == 3, Shape, "baddbmm", "batch1 must be a 3D tensor");
  RT_CHECK(batch2.dim() == 3, Shape, "baddbmm", "batch2 must be a 3D tensor");
  if (batch1.size(0) != batch2.size(0) || batch1.size(2) != batch2.size(1)) [[unlikely]]
    raise_shape(
        "baddbmm",
        rustorch::cat("Expected size for first two dimensions of batch2 tensor to be: [", batch1.size(0),
                      ", ", batch1.size(2), "] but got: [", batch2.size(0), ", ", batch2.size(1), "]."),
        batch1.sizes(), batch2.sizes());
  check_dtypes("baddbmm", batch1, batch2);
  const int64_t sizes[] = {batch1.size(0), batch1.size(1), batch2.size(2)};
  Tensor out = accumulator("baddbmm", self, sizes, beta, batch1.dtype());
  run(out, batch1, batch2, alpha, beta);
  return out;
}

Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
              const Scalar& alpha) {
  RT_CHECK(batch1.dim() == 3, Shape, "addbmm", "batch1 must be a 3D tensor");
  RT_CHECK(batch2.dim() == 3, Shape, "addbmm", "batch2 must be a 3D tensor");
  RT_CHECK(batch1.size(0) == batch2.size(0), Shape, "addbmm",
           "batch1 and batch2 must have same number of batches, got ", batch1.size(0), " and ",
           batch2.size(0));
  RT_CHECK(batch1.size(2) == batch2.size(1), Shape, "addbmm", "Incompatible matrix sizes for bmm (",
           batch1.size(1), "x", batch1.size(2), " and ", batch2.size(1), "x", batch2.size(2), ")");
  // the sum over the batch is one product of [n, b * k] and [b * k, m]
  const int64_t n = batch1.size(1), m = batch2.size(2), bk = batch1.size(0) * batch1.size(2);
  return rustorch::addmm(self, rustorch::reshape(rustorch::permute(batch1, {1, 0, 2}), {n, bk}),
                         rustorch::reshape(batch2, {bk, m}), beta, alpha);
}

namespace {
/// t * factor in the dtype of t, which the factor must fit.
Tensor scaled(const Tensor& t, const Scalar& factor) {
  if (factor.equal(1)) return t;
  if (t.dtype() == kBool) return rustorch::logical_and(t, rustorch::full({}, factor, kBool, t.device()));
  if (is_integral(t.dtype(), false) && !factor.is_integral())
    return rustorch::mul(t, Scalar(factor.to_int()));
  return rustorch::mul(t, factor);
}
}  // namespace

Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
             const Scalar& alpha) {
  RT_CHECK(mat.dim() == 2 && vec.dim() == 1 && self.dim() <= 1, Shape, "addmv",
           "vector + matrix @ vector expected, got ", self.dim(), ", ", mat.dim(), ", ", vec.dim());
  if (mat.size(1) != vec.size(0) || (self.dim() == 1 && self.size(0) != mat.size(0) && self.size(0) != 1))
      [[unlikely]]
    raise_shape("addmv",
                rustorch::cat("size mismatch, got input (", self.dim() ? self.size(0) : 1, "), mat (",
                              mat.size(0), "x", mat.size(1), "), vec (", vec.size(0), ")"),
                mat.sizes(), vec.sizes());
  Tensor product = scaled(rustorch::mv(mat, vec), alpha);
  if (beta.equal(0)) return product;
  return rustorch::add(scaled(self, beta), product);
}

Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta,
            const Scalar& alpha) {
  RT_CHECK(vec1.dim() == 1 && vec2.dim() == 1, Shape, "addr",
           "addr: Expected 1-D argument vec1 and vec2, but got ", vec1.dim(), "-D and ", vec2.dim(), "-D");
  RT_CHECK(is_expandable_to(self.sizes(), IntArrayRef{vec1.size(0), vec2.size(0)}), Shape, "addr",
           "The expanded size of the tensor must match; got ", self.sizes(), "; expected [", vec1.size(0),
           ", ", vec2.size(0), "]");
  Tensor product = scaled(rustorch::outer(vec1, vec2), alpha);
  if (beta.equal(0)) return product;
  return rustorch::add(scaled(self, beta), product);
}

Tensor outer(const Tensor& self, const Tensor& vec2) {
  RT_CHECK(self.dim() == 1, Shape, "outer", "Expected 1-D argument self, but got ", self.dim(), "-D");
  RT_CHECK(vec2.dim() == 1, Shape, "outer", "Expected 1-D argument vec2, but got ", vec2.dim(), "-D");
  return rustorch::mul(rustorch::unsqueeze(self, 1), vec2);
}

Tensor inner(const Tensor& self, const Tensor& other) {
  check_dtypes("inner", self, other, true);
  if (self.dim() == 0 || other.dim() == 0) return rustorch::mul(self, other);
  if (self.size(-1) != other.size(-1)) [[unlikely]]
    raise_shape("inner",
                rustorch::cat("inner() the last dimension must match on both input tensors but got shapes ",
                              self.sizes(), " and ", other.sizes()),
                self.sizes(), other.sizes());
  const int64_t last_self[] = {self.dim() - 1}, last_other[] = {other.dim() - 1};
  return rustorch::tensordot(self, other, last_self, last_other);
}

Tensor chain_matmul(TensorList matrices) {
  RT_CHECK(!matrices.empty(), Value, "chain_matmul", "expected at least 1 matrix; got an empty list");
  const size_t n = matrices.size();
  if (n == 1) return matrices[0];
  std::vector<Tensor> parts(matrices.begin(), matrices.end());
  const bool row = parts.front().dim() == 1, column = parts.back().dim() == 1;
  if (row) parts.front() = rustorch::unsqueeze(parts.front(), 0);
  if (column) parts.back() = rustorch::unsqueeze(parts.back(), 1);
  std::vector<int64_t> p;
  for (const Tensor& t : parts) {
    RT_CHECK(t.dim() == 2, Shape, "chain_matmul", "tensors must be 2-D; got ", t.dim(), "-D");
    p.push_back(t.size(0));
  }
  p.push_back(parts.back().size(1));
  // cost[i][j]: fewest multiplications for the product of i..j; split[i][j]: where to divide it
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> split(n, std::vector<size_t>(n, 0));
  for (size_t length = 1; length < n; ++length)
    for (size_t i = 0; i + length < n; ++i) {
      const size_t j = i + length;
      cost[i][j] = -1;
      for (size_t s = i; s < j; ++s) {
        const double c =
            cost[i][s] + cost[s + 1][j] +
            static_cast<double>(p[i]) * static_cast<double>(p[s + 1]) * static_cast<double>(p[j + 1]);
        if (cost[i][j] < 0 || c < cost[i][j] || (n == 3 && c == cost[i][j])) {  // (a b) c, as PyTorch
          cost[i][j] = c;
          split[i][j] = s;
        }
      }
    }
  auto product = [&](auto&& self, size_t i, size_t j) -> Tensor {
    if (i == j) return parts[i];
    return rustorch::mm(self(self, i, split[i][j]), self(self, split[i][j] + 1, j));
  };
  Tensor out = product(product, 0, n - 1);
  if (row) out = rustorch::select(out, 0, 0);
  if (column) out = rustorch::select(out, -1, 0);
  return out;
}

}  // namespace rustorch::impl
