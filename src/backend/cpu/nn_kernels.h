// Entry points of the neural-network families on the CPU; CpuBackend's virtual functions forward to them.
#pragma once
#include "backend/families.h"
#include "backend/families_nn.h"

namespace rustorch::cpu {

void matmul(const MatmulCall& call);
void convolution(const ConvCall& call);
void softmax(const SoftmaxCall& call);
void class_loss(const ClassLossCall& call);
void pool(const PoolCall& call);
void norm(const NormCall& call);
void embedding(const EmbeddingCall& call);
void dropout(const DropoutCall& call);
void attention(const AttentionCall& call);
void rnn(const RnnCall& call);
void resample(const ResampleCall& call);
void columns(const ColumnsCall& call);

/// Elements of work below which a parallel loop is not worth its start.
inline constexpr int64_t kGrain = 32768;
/// Rows per chunk for rows of n elements: fixed by the shape alone.
inline int64_t row_grain(int64_t n) { return n >= kGrain ? 1 : kGrain / (n < 1 ? 1 : n); }

}  // namespace rustorch::cpu
