#include "rustorch/nn/utils.h"

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::nn::utils {

namespace {
std::vector<Tensor> grads_of(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> out;
  for (const Tensor& p : parameters) {
    if (Tensor g = p.grad(); g.defined()) out.push_back(std::move(g));
  }
  return out;
}
}  // namespace

Tensor get_total_norm(TensorList tensors, double norm_type, bool error_if_nonfinite) {
  if (tensors.empty()) return zeros({});
  const NoGradGuard no_grad;
  std::vector<Tensor> norms;
  for (const Tensor& t : tensors) norms.push_back(linalg_vector_norm(t, norm_type));
  const Tensor total = linalg_vector_norm(stack(norms), norm_type);
  RT_CHECK(!error_if_nonfinite || total.isfinite().item<bool>(), Value, "clip_grad_norm_",
           "The total norm of order ", norm_type,
           " for gradients from `parameters` is non-finite, so it cannot be clipped");
  return total;
}

void clip_grads_with_norm_(const std::vector<Tensor>& parameters, double max_norm, const Tensor& total_norm) {
  const NoGradGuard no_grad;
  const Tensor factor =
      (total_norm + 1e-6).reciprocal().mul(max_norm).clamp(std::optional<Scalar>(), Scalar(1.0));
  for (const Tensor& g : grads_of(parameters)) g.mul_(factor);
}

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  Tensor total = get_total_norm(grads_of(parameters), norm_type, error_if_nonfinite);
  clip_grads_with_norm_(parameters, max_norm, total);
  return total;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  const NoGradGuard no_grad;
  for (const Tensor& g : grads_of(parameters)) g.clamp_(Scalar(-clip_value), Scalar(clip_value));
}

Tensor parameters_to_vector(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> flat;
  for (const Tensor& p : parameters) flat.push_back(p.reshape({-1}));
  return cat(flat);
}

void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters) {
  int64_t at = 0;
  for (const Tensor& p : parameters) {
    p.set_data(vector.narrow(0, at, p.numel()).view_as(p).data());
    at += p.numel();
  }
}

namespace rnn {

namespace {
std::vector<int64_t> numbers(const Tensor& t) {
  const Tensor flat = t.to(kInt64).reshape({-1}).contiguous();
  const auto* data = flat.const_data_ptr<int64_t>();
  return std::vector<int64_t>(data, data + flat.numel());
}

std::vector<int64_t> with_tail(std::vector<int64_t> head, const Tensor& like, int64_t from) {
  for (int64_t d = from; d < like.dim(); ++d) head.push_back(like.size(d));
  return head;
}
}  // namespace

PackedSequence pack_padded_sequence(const Tensor& input_in, const Tensor& lengths_in, bool batch_first,
                                    bool enforce_sorted) {
  Tensor input = input_in, lengths = lengths_in, order, back;
  if (!enforce_sorted) {
    std::tie(lengths, order) = sort(lengths, 0, true);
    input = input.index_select(batch_first ? 0 : 1, order);
    back = empty_like(order).index_put_(std::vector<std::optional<Tensor>>{order}, arange(order.numel()));
  }
  if (batch_first) input = input.transpose(0, 1);
  const std::vector<int64_t> sizes = numbers(lengths);
  RT_CHECK(!sizes.empty() && input.size(1) > 0, Value, "pack_padded_sequence", "Cannot pack empty tensors.");
  RT_CHECK(static_cast<int64_t>(sizes.size()) == input.size(1), Shape, "pack_padded_sequence",
           "Expected `len(lengths)` to be equal to batch_size, but got ", sizes.size(),
           " (batch_size=", input.size(1), ")");
  for (size_t i = 0; i < sizes.size(); ++i) {
    RT_CHECK(
        sizes[i] > 0, Value, "pack_padded_sequence",
        "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0");
    RT_CHECK(i == 0 || sizes[i - 1] >= sizes[i], Value, "pack_padded_sequence",
             "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True.");
  }
  RT_CHECK(sizes[0] <= input.size(0), Shape, "pack_padded_sequence", "Expected lengths of at most ",
           input.size(0), " (the padded length); got ", sizes[0]);
  std::vector<int64_t> batch_sizes;
  std::vector<Tensor> pieces;
  auto count = static_cast<int64_t>(sizes.size());
  for (int64_t start = 0; count > 0;) {
    const int64_t end = sizes[static_cast<size_t>(count - 1)];  // until here the batch has `count` sequences
    if (end > start) {
      pieces.push_back(
          input.narrow(0, start, end - start).narrow(1, 0, count).reshape(with_tail({-1}, input, 2)));
      batch_sizes.insert(batch_sizes.end(), static_cast<size_t>(end - start), count);
      start = end;
    }
    while (count > 0 && sizes[static_cast<size_t>(count - 1)] <= start) --count;
  }
  return {cat(pieces), tensor(batch_sizes), order, back};
}

std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first,
                                               double padding_value, int64_t total_length) {
  const std::vector<int64_t> sizes = numbers(sequence.batch_sizes);
  auto steps = static_cast<int64_t>(sizes.size());
  RT_CHECK(total_length < 0 || total_length >= steps, Value, "pad_packed_sequence",
           "Expected total_length to be at least the length of the longest sequence in input, but got "
           "total_length=",
           total_length, " and max sequence length being ", steps);
  steps = std::max(steps, total_length);
  const Tensor& data = sequence.data;
  const int64_t batch = sizes[0];
  std::vector<int64_t> position, lengths(static_cast<size_t>(batch));
  for (size_t t = 0; t < sizes.size(); ++t) {
    for (int64_t b = 0; b < sizes[t]; ++b) {
      position.push_back(static_cast<int64_t>(t) * batch + b);
      ++lengths[static_cast<size_t>(b)];
    }
  }
  const Tensor flat =
      full(with_tail({steps * batch}, data, 1), Scalar(padding_value), data.dtype(), data.device());
  Tensor out = flat.index_copy(0, tensor(position), data).reshape(with_tail({steps, batch}, data, 1));
  const Tensor sizes_out = tensor(lengths);
  if (batch_first) out = out.transpose(0, 1);
  const Tensor& back = sequence.unsorted_indices;
  if (!back.defined()) return {out, sizes_out};
  return {out.index_select(batch_first ? 0 : 1, back), sizes_out.index_select(0, back)};
}

Tensor pad_sequence(TensorList sequences, bool batch_first, double padding_value) {
  RT_CHECK(!sequences.empty(), Value, "pad_sequence", "received an empty list of sequences");
  int64_t longest = 0;
  for (const Tensor& s : sequences) longest = std::max(longest, s.size(0));
  std::vector<Tensor> padded;
  for (const Tensor& s : sequences) {
    const int64_t missing = longest - s.size(0);
    if (missing == 0) {
      padded.push_back(s);
    } else {
      padded.push_back(
          cat({s, full(with_tail({missing}, s, 1), Scalar(padding_value), s.dtype(), s.device())}));
    }
  }
  return stack(padded, batch_first ? 0 : 1);
}

PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted) {
  std::vector<int64_t> lengths;
  for (const Tensor& s : sequences) lengths.push_back(s.size(0));
  return pack_padded_sequence(pad_sequence(sequences), tensor(lengths), false, enforce_sorted);
}

std::vector<Tensor> unpad_sequence(const Tensor& padded, const Tensor& lengths, bool batch_first) {
  const std::vector<int64_t> sizes = numbers(lengths);
  std::vector<Tensor> out;
  for (size_t b = 0; b < sizes.size(); ++b) {
    out.push_back(padded.select(batch_first ? 0 : 1, static_cast<int64_t>(b)).narrow(0, 0, sizes[b]));
  }
  return out;
}

std::vector<Tensor> unpack_sequence(const PackedSequence& sequence) {
  const auto [padded, lengths] = pad_packed_sequence(sequence, true);
  return unpad_sequence(padded, lengths, true);
}

}  // namespace rnn
}  // namespace rustorch::nn::utils
