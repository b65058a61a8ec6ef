// Helpers for training: gradient clipping, flat parameter vectors, packing of sequences.
#pragma once
#include <tuple>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch::nn::utils {

/// The norm of the vector of all elements of all tensors.
Tensor get_total_norm(TensorList tensors, double norm_type = 2.0, bool error_if_nonfinite = false);
/// Scales all gradients so that their common norm is at most max_norm; gives the norm before. max_norm may be
/// infinity: nothing is scaled.
Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2.0,
                       bool error_if_nonfinite = false);
/// Scales the gradients by max_norm / total_norm where that is below 1.
void clip_grads_with_norm_(const std::vector<Tensor>& parameters, double max_norm, const Tensor& total_norm);
/// Clamps all gradients to [-clip_value, clip_value].
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);

/// All parameters one after the other in one vector, and back into the parameters.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
void vector_to_parameters(const Tensor& vector, const std::vector<Tensor>& parameters);

namespace rnn {

/// Sequences step by step: data [total, ...] and batch_sizes [steps], how many sequences have that step.
/// sorted_indices is the order by length in which they were packed, unsorted_indices its inverse; both
/// undefined when the sequences came sorted.
struct PackedSequence {
  Tensor data, batch_sizes, sorted_indices, unsorted_indices;
};

/// Packs [T, B, ...], or [B, T, ...] with batch_first, with the length of each sequence.
PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths, bool batch_first = false,
                                    bool enforce_sorted = true);
/// (padded, lengths): the inverse. total_length below 0: the longest.
std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first = false,
                                               double padding_value = 0.0, int64_t total_length = -1);
/// Stacks tensors [L_i, ...] into [T, B, ...] or [B, T, ...].
Tensor pad_sequence(TensorList sequences, bool batch_first = false, double padding_value = 0.0);
PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted = true);
std::vector<Tensor> unpad_sequence(const Tensor& padded, const Tensor& lengths, bool batch_first = false);
std::vector<Tensor> unpack_sequence(const PackedSequence& sequence);

}  // namespace rnn
}  // namespace rustorch::nn::utils
