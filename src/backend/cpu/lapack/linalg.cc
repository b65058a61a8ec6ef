#include "backend/cpu/lapack/linalg.h"

namespace rustorch::cpu {
namespace {

template <class T>
void run(const LinalgCall& call) {
  switch (call.kind) {
    case LinalgKind::Cholesky:
      return cholesky<T>(call);
    case LinalgKind::Lu:
      return lu<T>(call);
    case LinalgKind::LuSolve:
      return lu_solve<T>(call);
    case LinalgKind::SolveTriangular:
      return solve_triangular<T>(call);
    case LinalgKind::Inverse:
      return inverse<T>(call);
    case LinalgKind::Qr:
      return qr<T>(call);
    case LinalgKind::QrVectors:
      return qr_vectors<T>(call);
    case LinalgKind::Svd:
      return svd<T>(call);
    case LinalgKind::Eigh:
      return eigh<T>(call);
    case LinalgKind::Eig:
      return eig<T>(call);
    case LinalgKind::LeastSquares:
      return least_squares<T>(call);
    case LinalgKind::Ldl:
      return ldl<T>(call);
    case LinalgKind::LdlSolve:
      return ldl_solve<T>(call);
    default:
      break;
  }
}

}  // namespace

void linalg(const LinalgCall& call) {
  if (call.kind == LinalgKind::Permutation) return permutation(call);
  if (call.kind == LinalgKind::Distances) return distances(call);
  for (const Tensor* t : {&call.a, &call.b, &call.u, &call.v})
    if (t->defined())
      for (int64_t d = 1; d < t->dim(); ++d)
        RT_CHECK(t->size(d) <= INT32_MAX, Value, "linalg",
                 "a dimension of a matrix is too large for LAPACK; got ", t->size(d));
  switch (call.a.impl()->dtype()) {
    case DType::Float32:
      return run<float>(call);
    case DType::Float64:
      return run<double>(call);
    case DType::Complex64:
      return run<std::complex<float>>(call);
    case DType::Complex128:
      return run<std::complex<double>>(call);
    default:
      raise(ErrorKind::NotImplemented, "linalg",
            cat("\"linalg\" not implemented for '", dtype_scalar_name(call.a.impl()->dtype()), "'"));
  }
}

}  // namespace rustorch::cpu
