#include "sparse/parts.h"

#include "autograd/record.h"
#include "ops/make.h"

namespace rustorch::sparse_detail {

int64_t sparse_dims(const Tensor& t) {
  if (!is_sparse(t)) return 0;
  return is_coo(t) ? sparse_data(t).indices.size(0) : 2;
}

int64_t batch_dims(const Tensor& t) { return is_compressed(t) ? sparse_data(t).indices.dim() - 1 : 0; }

Tensor flat_places(const Tensor& indices, IntArrayRef sizes) {
  const int64_t d = indices.size(0);
  if (d == 1) return indices.select(0, 0);
  Tensor flat = zeros({indices.size(1)}, kInt64, indices.device());
  for (int64_t i = 0; i < d; ++i) flat = flat.mul(sizes[static_cast<size_t>(i)]).add(indices.select(0, i));
  return flat;
}

Tensor coordinates(const Tensor& flat, IntArrayRef sizes) {
  if (sizes.size() == 1) return flat.unsqueeze(0);
  std::vector<Tensor> rows(sizes.size());
  Tensor rest = flat;
  for (size_t i = sizes.size(); i-- > 0;) {
    const int64_t n = std::max<int64_t>(sizes[i], 1);
    rows[i] = rest.remainder(Scalar(n));
    rest = rest.div(Scalar(n), "floor");
  }
  if (rows.empty()) return zeros({0, flat.size(0)}, kInt64, flat.device());
  return stack(rows, 0);
}

namespace {
/// Sizes of the block grid in front, of a block behind it.
struct Grid {
  int64_t rows, cols, block_rows = 1, block_cols = 1;
  explicit Grid(const Tensor& t) {
    const SparseData& d = sparse_data(t);
    const int64_t b = batch_dims(t);
    if (is_blocked(d.layout)) {
      block_rows = d.values.size(b + 1);
      block_cols = d.values.size(b + 2);
    }
    rows = t.size(b) / std::max<int64_t>(block_rows, 1);
    cols = t.size(b + 1) / std::max<int64_t>(block_cols, 1);
  }
};
}  // namespace

Tensor element_values(const Tensor& t, const Tensor& values) {
  const int64_t b = batch_dims(t), lead = b + (is_blocked(t.layout()) ? 3 : 1);
  std::vector<int64_t> shape{1};
  for (int64_t i = 0; i < lead; ++i) shape[0] *= values.size(i);
  for (int64_t i = lead; i < values.dim(); ++i) shape.push_back(values.size(i));
  return values.reshape(shape);
}

Tensor element_indices(const Tensor& t) {
  const SparseData& d = sparse_data(t);
  const int64_t b = batch_dims(t);
  const Grid grid(t);
  const int64_t lines = by_rows(d.layout) ? grid.rows : grid.cols;
  int64_t batches = 1;
  for (int64_t i = 0; i < b; ++i) batches *= t.size(i);
  const int64_t nnz = d.plain.size(-1);
  const Tensor starts = d.indices.to(kInt64).reshape({batches, lines + 1});
  const Tensor counts = starts.narrow(1, 1, lines).sub(starts.narrow(1, 0, lines)).reshape({-1});
  RT_CHECK(counts.numel() == 0 || counts.ge(0).all().item<bool>(), Value, "sparse",
           "compressed indices must not decrease");
  const Tensor line_numbers = arange(Scalar(batches * lines), kInt64, t.device());
  const Tensor line = repeat_interleave(line_numbers, counts);
  RT_CHECK(line.size(0) == batches * nnz, Value, "sparse",
           "compressed indices end at another number than there are plain indices; got ", line.size(0),
           "; expected ", batches * nnz);
  const Tensor across = d.plain.to(kInt64).reshape({-1});
  const Tensor along = line.remainder(Scalar(std::max<int64_t>(lines, 1)));
  Tensor row = by_rows(d.layout) ? along : across, col = by_rows(d.layout) ? across : along;
  Tensor batch = line.div(Scalar(std::max<int64_t>(lines, 1)), "floor");
  const int64_t br = grid.block_rows, bc = grid.block_cols;
  if (is_blocked(d.layout)) {
    const int64_t n = row.size(0);
    const auto spread = [&](const Tensor& x) {
      return x.reshape({n, 1, 1}).expand({n, br, bc}).reshape({-1});
    };
    const Tensor in_rows = arange(Scalar(br), kInt64, t.device()).reshape({1, br, 1});
    const Tensor in_cols = arange(Scalar(bc), kInt64, t.device()).reshape({1, 1, bc});
    row = row.reshape({n, 1, 1}).mul(br).add(in_rows).expand({n, br, bc}).reshape({-1});
    col = col.reshape({n, 1, 1}).mul(bc).add(in_cols).expand({n, br, bc}).reshape({-1});
    batch = spread(batch);
  }
  std::vector<Tensor> rows;
  if (b > 0) {
    const Tensor first = coordinates(batch, t.sizes().slice(0, static_cast<size_t>(b)));
    for (int64_t i = 0; i < b; ++i) rows.push_back(first.select(0, i));
  }
  rows.push_back(row);
  rows.push_back(col);
  return stack(rows, 0);
}

Tensor row_starts(const Tensor& rows, int64_t n) {
  const Tensor at = contiguous_raw(rows);
  Tensor starts = zeros({n + 1}, kInt64, Device::Cpu());
  auto* s = starts.mutable_data_ptr<int64_t>();
  const auto* r = at.const_data_ptr<int64_t>();
  const int64_t count = at.numel();
  for (int64_t i = 0; i < count; ++i) {
    RT_CHECK(static_cast<uint64_t>(r[i]) < static_cast<uint64_t>(n), Index, "sparse", "index ", r[i],
             " is out of bounds for dimension with size ", n);
    ++s[r[i] + 1];
  }
  for (int64_t i = 0; i < n; ++i) s[i + 1] += s[i];
  return starts;
}

bool is_increasing(const Tensor& flat) {
  const int64_t n = flat.numel();
  if (n < 2) return true;
  const Tensor f = contiguous_raw(flat.device().is_cpu() ? flat : flat.to(Device::Cpu()));
  const auto* p = f.const_data_ptr<int64_t>();
  for (int64_t i = 1; i < n; ++i)
    if (p[i] <= p[i - 1]) return false;
  return true;
}

bool same_places(const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes()) return false;
  if (a.impl()->storage() == b.impl()->storage() && a.strides() == b.strides() &&
      a.storage_offset() == b.storage_offset())
    return true;
  return a.dtype() == b.dtype() && rustorch::equal(a, b);
}

Tensor settled(const Tensor& t) {
  return is_coo(t) && !sparse_data(t).coalesced && needs_grad(t) ? rustorch::coalesce(t) : t;
}

Tensor as_coo(const Tensor& t) {
  if (!is_compressed(t)) return t;
  const bool in_order = t.layout() == Layout::SparseCsr;
  const Tensor indices = element_indices(t);
  const bool coalesced = in_order && is_increasing(flat_places(
                                         indices, t.sizes().slice(0, static_cast<size_t>(indices.size(0)))));
  return coo(indices, element_values(t, rustorch::_sparse_values(t)), t.sizes(), coalesced);
}

Tensor add_rows(int64_t n, const Tensor& places, const Tensor& values) {
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = n;
  if (values.dtype() == kBool)
    return zeros(shape, kUInt8, values.device()).index_add(0, places, values.to(kUInt8)).ne(0);
  return zeros(shape, values.dtype(), values.device()).index_add(0, places, values);
}

namespace {
/// The blocks of a sparse matrix that hold something: coordinates [batch + 2, blocks] and values
/// [blocks, rows, cols, dense sizes].
std::pair<Tensor, Tensor> blocks_of(const Tensor& t, const std::vector<int64_t>& grid_sizes, int64_t br,
                                    int64_t bc) {
  const Tensor& at = sparse_data(t).indices;
  const int64_t b = at.size(0) - 2;
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < b; ++i) rows.push_back(at.select(0, i));
  rows.push_back(at.select(0, b).div(Scalar(br), "floor"));
  rows.push_back(at.select(0, b + 1).div(Scalar(bc), "floor"));
  const auto [places, inverse, counts] = _unique2(flat_places(stack(rows, 0), grid_sizes), true, true);
  const Tensor inside =
      at.select(0, b).remainder(Scalar(br)).mul(bc).add(at.select(0, b + 1).remainder(Scalar(bc)));
  const Tensor values = rustorch::_sparse_values(t);
  std::vector<int64_t> shape{places.size(0), br, bc};
  for (int64_t i = 1; i < values.dim(); ++i) shape.push_back(values.size(i));
  const Tensor spread = add_rows(places.size(0) * br * bc, inverse.mul(br * bc).add(inside), values);
  return {coordinates(places, grid_sizes), spread.reshape(shape)};
}
}  // namespace

Tensor compress(const char* op, const Tensor& t, Layout layout, IntArrayRef block) {
  const int64_t b = sparse_dims(t) - 2;
  std::vector<int64_t> grid = t.sizes().slice(0, static_cast<size_t>(b + 2)).vec();
  Tensor source = t, indices, values;
  const bool rows_first = by_rows(layout);
  if (is_blocked(layout)) {
    RT_CHECK(block.size() == 2 && block[0] > 0 && block[1] > 0, Value, op,
             "blocksize must be two positive numbers");
    RT_CHECK(t.size(b) % block[0] == 0 && t.size(b + 1) % block[1] == 0, Value, op, "tensor sparse size (",
             t.size(b), ",", t.size(b + 1), ") must be divisible by given blocksize (", block[0], ",",
             block[1], ")");
    grid[static_cast<size_t>(b)] /= block[0];
    grid[static_cast<size_t>(b + 1)] /= block[1];
    std::tie(indices, values) = blocks_of(t, grid, block[0], block[1]);
  } else {
    indices = sparse_data(t).indices;
    values = rustorch::_sparse_values(t);
  }
  if (!rows_first) {  // in the order of columns
    std::vector<Tensor> rows;
    for (int64_t i = 0; i < b; ++i) rows.push_back(indices.select(0, i));
    rows.push_back(indices.select(0, b + 1));
    rows.push_back(indices.select(0, b));
    std::swap(grid[static_cast<size_t>(b)], grid[static_cast<size_t>(b + 1)]);
    const Tensor flipped = stack(rows, 0);
    const Tensor order = argsort(flat_places(flipped, grid), std::optional<bool>(true), 0);
    indices = flipped.index_select(1, order);
    values = values.index_select(0, order);
  }
  int64_t batches = 1;
  for (int64_t i = 0; i < b; ++i) batches *= t.size(i);
  const int64_t lines = grid[static_cast<size_t>(b)], n = indices.size(1);
  RT_CHECK(batches == 0 || n % batches == 0, Value, op,
           "Expect the same number of specified elements per batch.");
  const int64_t nnz = batches == 0 ? 0 : n / batches;
  const Tensor line =
      flat_places(indices.narrow(0, 0, b + 1), IntArrayRef(grid.data(), static_cast<size_t>(b + 1)));
  const Tensor starts = row_starts(line.to(Device::Cpu()), batches * lines);
  std::vector<int64_t> lead(t.sizes().begin(), t.sizes().begin() + b);
  std::vector<Tensor> compressed;
  for (int64_t k = 0; k < batches; ++k) {
    const Tensor own = starts.narrow(0, k * lines, lines + 1).sub(k * nnz);
    RT_CHECK(own.select(0, 0).item<int64_t>() == 0 && own.select(0, lines).item<int64_t>() == nnz, Value, op,
             "Expect the same number of specified elements per batch.");
    compressed.push_back(own);
  }
  std::vector<int64_t> shape = lead;
  shape.push_back(lines + 1);
  const Tensor first = (compressed.empty() ? zeros({0, lines + 1}, kInt64) : stack(compressed, 0))
                           .reshape(shape)
                           .to(t.device());
  shape.back() = nnz;
  const Tensor plain = indices.select(0, b + 1).reshape(shape).contiguous();
  for (int64_t i = 1; i < values.dim(); ++i) shape.push_back(values.size(i));
  return rustorch::_sparse_compressed(first, plain, values.reshape(shape), t.sizes(), layout);
}

}  // namespace rustorch::sparse_detail
