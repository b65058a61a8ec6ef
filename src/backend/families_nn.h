// The calls of the neural-network families: plain structs that meta functions fill and backends execute.
//
// Everything is checked before it comes here; outputs are allocated. Unless a field says otherwise tensors
// are contiguous float32 or float64 (16-bit floats are converted by the meta functions).
#pragma once
#include <array>
#include <cstdint>

#include "rustorch/scalar.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// What is applied to the result of a product, in registers.
enum class Epilogue : uint8_t { None, Relu, Gelu, GeluTanh, Sigmoid, Tanh, Silu };

/// out[i] = act(alpha * a[i] @ b[i] + beta * out[i] + bias). All are 2-d, or a, b and out are 3-d with equal
/// or broadcast (stride 0) batches. a and b may have any strides; out is contiguous in its last dimension.
/// Any dtype but bool, the same for all.
struct MatmulCall {
  Tensor out, a, b;
  Tensor bias = {};  // length n or undefined
  Scalar alpha = 1, beta = 0;
  Epilogue act = Epilogue::None;
  bool trans_a = false, trans_b = false;  // the last two dimensions are read swapped
};

enum class ConvKind : uint8_t { Forward, BackwardData, BackwardWeight };

/// Convolution of rank 1..3 and its gradients (a transposed convolution is BackwardData of its twin).
/// Forward: y = conv(x, w) + bias; BackwardData: x = sum over y, w; BackwardWeight: w = sum over x, y.
/// x and y are both contiguous or both channels-last; w is contiguous [O, I / groups, k...].
struct ConvCall {
  ConvKind kind = ConvKind::Forward;
  int rank = 2;
  Tensor x, w, y;
  Tensor bias = {};
  std::array<int64_t, 3> stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};
  int64_t groups = 1;
  bool channels_last = false;
  Epilogue act = Epilogue::None;
};

enum class SoftmaxKind : uint8_t { Softmax, LogSoftmax, SoftmaxBackward, LogSoftmaxBackward };

/// Forward: out = softmax of in along dim. Backward: in is the forward's output, grad its gradient.
struct SoftmaxCall {
  SoftmaxKind kind;
  Tensor out, in;
  int64_t dim = 0;
  Tensor grad = {};
};

enum class Reduction : uint8_t { None, Mean, Sum };
enum class ClassLossKind : uint8_t { CrossEntropy, CrossEntropyBackward, Nll, NllBackward };

/// Losses of class indices. input is [outer, classes, inner]; target (int64) and per-position results are
/// [outer, inner]. Cross entropy keeps lse for its backward: the largest logits, then the logarithms of the
/// sums.
struct ClassLossCall {
  ClassLossKind kind;
  int64_t outer = 0, classes = 0, inner = 0;
  Tensor input, target;
  Tensor weight = {};        // [classes] or undefined
  Tensor out;                // the loss (0-d, or per position for None), or the gradient of input
  Tensor lse = {};           // cross entropy: [2, outer, inner]
  Tensor total_weight = {};  // 0-d: sum of the weights that counted
  Tensor grad = {};          // backward: gradient of the loss
  Reduction reduction = Reduction::Mean;
  int64_t ignore_index = -100;
  double label_smoothing = 0;
};

enum class PoolKind : uint8_t {
  Max,          // out = max of in; mask or indices when defined
  MaxBackward,  // out (gradient of in) from in (gradient of the output) and mask or indices
  MaxGather,    // out = elements of in at mask or indices
  Avg,
  AvgBackward,
  AdaptiveAvg,
  AdaptiveAvgBackward,
  AdaptiveMax
};

/// Pooling of rank 1..3, sizes padded with ones in front to rank 3. `big` is the unpooled side, `small` the
/// pooled one. mask (uint8) holds the position of the maximum in its window, indices (int64) in its plane.
struct PoolCall {
  PoolKind kind;
  int64_t planes = 0, channels = 0;
  std::array<int64_t, 3> big{1, 1, 1}, small{1, 1, 1};
  std::array<int64_t, 3> kernel{1, 1, 1}, stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};
  bool count_include_pad = true;
  int64_t divisor = 0;  // 0: the window's size
  Tensor out, in;
  Tensor indices = {}, mask = {};
};

enum class NormKind : uint8_t { Batch, BatchBackward, Layer, LayerBackward, Group, GroupBackward };

/// Normalisations. The input is seen as [outer, channels, inner]:
///   Batch: statistics per channel over outer and inner; weight, bias, mean, rstd are [channels].
///     channels_last: the memory order is [outer, inner, channels].
///   Layer: rows of `channels` elements (inner 1); weight and bias are [channels], mean and rstd [outer].
///     centered false leaves the mean out (RMS norm).
///   Group: `groups` runs of channels / groups * inner elements each; mean and rstd are [outer * groups].
/// Forward fills out, mean and rstd (Batch with training false: mean and rstd are inputs). Backward reads
/// grad, in, mean and rstd and fills those of out, grad_weight and grad_bias that are defined.
struct NormCall {
  NormKind kind;
  int64_t outer = 0, channels = 0, inner = 1, groups = 1;
  bool channels_last = false, training = true, centered = true;
  double eps = 1e-5;
  Tensor out, in, mean, rstd;
  Tensor weight = {}, bias = {};
  Tensor grad = {}, grad_weight = {}, grad_bias = {};
};

enum class EmbeddingKind : uint8_t { Gather, Backward };

/// Gather: out[i] = table[indices[i]]; Backward: out[v] = sum of in[i] over indices[i] == v, rows in order,
/// padding_idx left out (-1: none), divided by the count when by_frequency. Any dtype for Gather.
struct EmbeddingCall {
  EmbeddingKind kind;
  Tensor out, in, indices;
  int64_t rows = 0, width = 0, count = 0;
  int64_t padding_idx = -1;
  bool by_frequency = false;
};

enum class DropoutKind : uint8_t { Make, Apply };

/// Make: draws mask (one bit per element, bit i % 8 of byte i / 8; set: kept) and out = kept in * scale.
/// Apply: out = in * scale where the mask is set, else 0. Element i's number depends on (seed, offset, i)
/// only.
struct DropoutCall {
  DropoutKind kind;
  Tensor out, in, mask;
  double keep = 0.5, scale = 2;
  uint64_t seed = 0, offset = 0;
};

enum class AttentionKind : uint8_t { Forward, Backward };

/// Attention without dropout. query [B, H, L, E], key [B, H, S, E], value [B, H, S, V]: any strides but 1
/// along the last dimension, for all tensors. lse [B, H, L] contiguous: logarithm of each row's sum of
/// exponentials. causal: row i looks at the first i + 1 positions only. Backward fills the three gradients
/// from grad (of the output).
struct AttentionCall {
  AttentionKind kind;
  Tensor query, key, value, lse;
  Tensor out = {};
  Tensor grad = {}, grad_query = {}, grad_key = {}, grad_value = {};
  double scale = 1;
  bool causal = false;
};

enum class RnnKind : uint8_t { Forward, Backward };
enum class RnnMode : uint8_t { Tanh, Relu, Lstm, Gru };

/// One layer of a recurrent network in one direction. Step t has batch_sizes[t] >= 1 rows, never more than
/// the step before; the rows of all steps lie one after the other ("total"). H is the hidden size, P that of
/// the state h: H, or less with a projection w_hr [P, H] (Lstm only). G gates: 4 (Lstm), 3 (Gru), 1.
/// Forward, Tanh and Relu: out [total, H] holds the sums without the recurrent part and becomes the output;
///   Lstm and Gru: their sums are x [total, F] w_ih^T + bias. Fills out [total, P], h_n, (Lstm) c_n, and what
///   Backward reads: gates [total, G * H], the activated gates, unless undefined; cells [total, H] (Lstm: c
///   of every step; Gru: the recurrent part of gate n, [most rows, H] and of no use without gates). b_hh: Gru
///   only; the others have it in their sums.
/// Backward: from grad_out (undefined: zeros) and the gradients of h_n and c_n, which lie in grad_h and
///   grad_c and become those of h0 and c0. Fills grad_gates [total, G * H], the gradient of the sums; Gru:
///   grad_hidden, that of their recurrent part; adds to grad_w_hr when defined.
struct RnnCall {
  RnnKind kind;
  RnnMode mode;
  bool reverse = false;  // from the last step to the first
  int64_t steps = 0, hidden = 0;
  const int64_t* batch_sizes = nullptr;
  Tensor gates, out, cells, w_hh, h0;
  Tensor x = {}, w_ih = {}, bias = {};
  Tensor c0 = {}, w_hr = {}, b_hh = {}, h_n = {}, c_n = {};
  Tensor grad_out = {}, grad_h = {}, grad_c = {}, grad_gates = {}, grad_hidden = {}, grad_w_hr = {};
};

/// One dimension resized by a table: out[o] = sum over t of weights[o * taps + t] * in[places[o * taps + t]]
/// along the middle of [outer, size, inner]. transposed: in has out_size places and is spread to out's
/// in_size ones. A weight of 0 marks an unused tap. Tensors: float32, float64, and any dtype for one tap (a
/// plain choice).
struct ResampleCall {
  Tensor out, in;
  int64_t outer = 0, in_size = 0, out_size = 0, inner = 0;
  int taps = 1;
  const int64_t* places = nullptr;
  const double* weights = nullptr;
  bool transposed = false;
};

/// Windows of image [batch, channels, size...] as columns [batch, channels * kernel..., places...], or (fold)
/// the sum of columns back into the image. Any dtype.
struct ColumnsCall {
  Tensor image, columns;
  bool fold = false;
  int64_t batch = 0, channels = 0;
  std::array<int64_t, 2> size{}, kernel{}, places{}, stride{}, padding{}, dilation{};
};

}  // namespace rustorch
