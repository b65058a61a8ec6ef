// The families of a backend that lacks them, but for those of neural networks (compute_backend_nn.cc).
#include "backend/compute_backend.h"

#include "rustorch/error.h"

namespace rustorch {

void ComputeBackend::missing(const char* family) const {
  raise(ErrorKind::NotImplemented, family,
        cat("the backend '", name(), "' has no ", family,
            " operators; expected one of the others; hint: move the tensors to the CPU"));
}

void ComputeBackend::synchronize(Device) {}
void ComputeBackend::pointwise(const PointwiseCall&) { missing("pointwise"); }
void ComputeBackend::copy(const Tensor&, const Tensor&) { missing("copy"); }
void ComputeBackend::fill(const Tensor&, const Scalar&) { missing("fill"); }
void ComputeBackend::masked_fill(const MaskedFillCall&) { missing("masked_fill"); }
void ComputeBackend::range(const RangeCall&) { missing("range"); }
void ComputeBackend::triangle(const TriangleCall&) { missing("triangle"); }
void ComputeBackend::flip(const Tensor&, const Tensor&, uint64_t) { missing("flip"); }
void ComputeBackend::index(const IndexCall&) { missing("index"); }
void ComputeBackend::gather(const GatherCall&) { missing("gather"); }
void ComputeBackend::scatter(const ScatterCall&) { missing("scatter"); }
int64_t ComputeBackend::count_true(const Tensor&) { missing("mask"); }
void ComputeBackend::masked_select(const MaskedSelectCall&) { missing("mask"); }
void ComputeBackend::masked_scatter(const MaskedScatterCall&) { missing("mask"); }
void ComputeBackend::nonzero(const Tensor&, const Tensor&) { missing("mask"); }
void ComputeBackend::random(const RandomCall&) { missing("random"); }
void ComputeBackend::implicit_grad(const ImplicitGradCall&) { missing("implicit_grad"); }
void ComputeBackend::reduce(const ReduceCall&) { missing("reduction"); }
void ComputeBackend::arg_reduce(const ArgReduceCall&) { missing("arg-reduction"); }
void ComputeBackend::scan(const ScanCall&) { missing("scan"); }
void ComputeBackend::search(const SearchCall&) { missing("search"); }
void ComputeBackend::fft(const FftCall&) { missing("fft"); }
void ComputeBackend::order(const OrderCall&) { missing("sort"); }
void ComputeBackend::matmul(const MatmulCall&) { missing("matmul"); }

}  // namespace rustorch
