// Functions behind the layers that are more than one operator. What is an operator (relu, conv2d, linear,
// softmax, cross_entropy ...) is `rustorch::name`; both are found as `rustorch::nn::functional::name`.
//
// Arguments and defaults are PyTorch's; an undefined Tensor stands for None.
#pragma once
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "rustorch/nn/options.h"
#include "rustorch/tensor.h"

namespace rustorch::nn::functional {

using namespace rustorch;  // NOLINT: the operators are part of this namespace

using Distance = std::function<Tensor(const Tensor&, const Tensor&)>;
using OptionalSize = std::optional<std::vector<int64_t>>;

// ---- activations and dropout

/// a * sigmoid(b) for the halves a, b of the input along dim.
Tensor glu(const Tensor& input, int64_t dim = -1);
/// A sample of the Gumbel-softmax distribution; hard gives one-hot values with soft gradients.
Tensor gumbel_softmax(const Tensor& logits, double tau = 1, bool hard = false, int64_t dim = -1);
/// Zeroes whole channels of [N, C, ...] with n spatial dimensions; N may be absent for 1 and 3.
Tensor dropout_nd(int64_t n, const Tensor& input, double p, bool training, bool inplace = false);

// ---- normalisation

/// x / max(norm_p(x), eps) along dim.
Tensor normalize(const Tensor& input, double p = 2.0, int64_t dim = 1, double eps = 1e-12);
Tensor local_response_norm(const Tensor& input, int64_t size, double alpha = 1e-4, double beta = 0.75,
                           double k = 1.0);

// ---- embeddings

/// Rows of weight [V, D] by integer index; with max_norm the rows used are first scaled down in place.
Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type = 2.0, bool scale_grad_by_freq = false,
                 bool sparse = false);
/// Sum, mean or maximum of the embeddings in each bag: [bags, D]. input [bags, n], or [total] with offsets.
Tensor embedding_bag(const Tensor& input, const Tensor& weight, const Tensor& offsets = {},
                     std::optional<double> max_norm = std::nullopt, double norm_type = 2.0,
                     bool scale_grad_by_freq = false, std::string_view mode = "mean", bool sparse = false,
                     const Tensor& per_sample_weights = {}, bool include_last_offset = false,
                     std::optional<int64_t> padding_idx = std::nullopt);

// ---- pooling

/// (sum over the window of x^p)^(1/p) over the last dimensions, as many as the kernel has.
Tensor lp_pool(const Tensor& input, double norm_type, IntArrayRef kernel_size, IntArrayRef stride,
               bool ceil_mode = false);
/// Values to the positions that a max pool gave as indices, zeros elsewhere.
Tensor max_unpool(const Tensor& input, const Tensor& indices, IntArrayRef kernel_size, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef output_size = {});
/// (values, indices) of max pooling over pseudo-random windows.
std::tuple<Tensor, Tensor> fractional_max_pool(const Tensor& input, IntArrayRef kernel_size,
                                               IntArrayRef output_size, Tensor random_samples = {});

// ---- images

/// Sliding blocks of [N, C, H, W] as columns [N, C * kernel elements, blocks].
Tensor unfold(const Tensor& input, Pair kernel_size, Pair dilation = 1, Pair padding = 0, Pair stride = 1);
/// Sum of columns back into [N, C, H, W].
Tensor fold(const Tensor& input, Pair output_size, Pair kernel_size, Pair dilation = 1, Pair padding = 0,
            Pair stride = 1);
/// Resizes [N, C, ([D, [H,]] W] to size or by scale_factor. Modes: nearest, nearest-exact, linear, bilinear,
/// bicubic, trilinear, area.
Tensor interpolate(const Tensor& input, const std::optional<std::vector<int64_t>>& size = std::nullopt,
                   const std::optional<std::vector<double>>& scale_factor = std::nullopt,
                   std::string_view mode = "nearest", std::optional<bool> align_corners = std::nullopt,
                   std::optional<bool> recompute_scale_factor = std::nullopt, bool antialias = false);

// ---- losses; reduction is none, mean or sum

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::string_view reduction, double beta);
Tensor kl_div(const Tensor& input, const Tensor& target, std::string_view reduction, bool log_target);
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                            std::string_view reduction);
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input = true, bool full = false,
                        double eps = 1e-8, std::string_view reduction = "mean");
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var, bool full = false,
                         double eps = 1e-6, std::string_view reduction = "mean");
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1.0,
                            std::string_view reduction = "mean");
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin = 0, std::string_view reduction = "mean");
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin = 0, std::string_view reduction = "mean");
Tensor soft_margin_loss(const Tensor& input, const Tensor& target, std::string_view reduction = "mean");
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                                   std::string_view reduction = "mean");
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p = 1, double margin = 1.0,
                         const Tensor& weight = {}, std::string_view reduction = "mean");
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, std::string_view reduction = "mean");
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin = 1.0, double p = 2.0, double eps = 1e-6, bool swap = false,
                           std::string_view reduction = "mean");
/// distance may be empty: pairwise_distance.
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, double margin = 1.0, bool swap = false,
                                         std::string_view reduction = "mean");
/// Connectionist temporal classification: log_probs [T, N, C], targets [N, S] or [sum S].
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank = 0, std::string_view reduction = "mean",
                bool zero_infinity = false);

// ---- attention

/// What multi_head_attention_forward takes beyond the three inputs.
struct MultiheadAttentionForwardOptions {
  int64_t num_heads = 1;
  Tensor in_proj_weight, in_proj_bias, bias_k, bias_v;
  bool add_zero_attn = false;
  double dropout_p = 0;
  Tensor out_proj_weight, out_proj_bias;
  bool training = true;
  Tensor key_padding_mask;
  bool need_weights = true;
  Tensor attn_mask;
  bool use_separate_proj_weight = false;
  Tensor q_proj_weight, k_proj_weight, v_proj_weight;
  bool average_attn_weights = true;
  bool is_causal = false;
};
/// (output, weights) on [L, N, E] or [L, E]; weights undefined without need_weights.
std::tuple<Tensor, Tensor> multi_head_attention_forward(Tensor query, Tensor key, Tensor value,
                                                        MultiheadAttentionForwardOptions options);
/// A mask as numbers to add: true becomes -inf. Undefined stays so.
Tensor canonical_mask(const Tensor& mask, DType dtype);

}  // namespace rustorch::nn::functional
