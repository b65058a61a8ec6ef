// Between tensors and the records of a file. The only header of this folder that knows Tensor.
//
// TensorWriter collects tensors into a table of storages; tensors that share memory share a storage in the
// file, and the same tensor given twice is one object. TensorReader gives every storage its own memory,
// copied once when its first tensor is asked for; tensors that shared a storage in the file share memory
// again.
#pragma once
#include <unordered_map>
#include <vector>

#include "formats/value.h"
#include "rustorch/tensor.h"

namespace rustorch::formats {

class TensorWriter {
 public:
  /// Describes t. The tensors stay alive, and must not be written to, until the file is written.
  Value add(const Tensor& t, bool is_parameter = false);
  const std::vector<Storage>& storages() const { return storages_; }

 private:
  Value add_sparse(const Tensor& t);
  Value add_quantized(const Tensor& t);

  std::vector<Tensor> kept_;
  std::vector<Storage> storages_;
  std::unordered_map<const void*, int64_t> by_storage_;
  std::unordered_map<const void*, Value> by_tensor_;
};

class TensorReader {
 public:
  explicit TensorReader(std::vector<Storage> storages) : storages_(std::move(storages)) {}
  /// The tensor of a record (a Value of kind tensor); the same Value gives the same tensor.
  Tensor make(const Value& value);

 private:
  const Tensor& bytes_of(int64_t storage);
  Tensor make_sparse(const Value& value);
  Tensor make_quantized(const Value& value);

  std::vector<Storage> storages_;
  std::unordered_map<int64_t, Tensor> bytes_;  // uint8 tensors that own the memory
  std::unordered_map<const Node*, Tensor> made_;
};

}  // namespace rustorch::formats
