// The neural-network families of a backend that lacks them.
#include "backend/compute_backend.h"

namespace rustorch {

void ComputeBackend::convolution(const ConvCall&) { missing("convolution"); }
void ComputeBackend::softmax(const SoftmaxCall&) { missing("softmax"); }
void ComputeBackend::class_loss(const ClassLossCall&) { missing("class_loss"); }
void ComputeBackend::pool(const PoolCall&) { missing("pool"); }
void ComputeBackend::norm(const NormCall&) { missing("norm"); }
void ComputeBackend::embedding(const EmbeddingCall&) { missing("embedding"); }
void ComputeBackend::dropout(const DropoutCall&) { missing("dropout"); }
void ComputeBackend::attention(const AttentionCall&) { missing("attention"); }
void ComputeBackend::rnn(const RnnCall&) { missing("rnn"); }
void ComputeBackend::resample(const ResampleCall&) { missing("resample"); }
void ComputeBackend::columns(const ColumnsCall&) { missing("columns"); }
void ComputeBackend::linalg(const LinalgCall&) { missing("linalg"); }

}  // namespace rustorch
