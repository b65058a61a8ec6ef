"""Statistics of batch normalization, for layers that join those of several processes (SyncBatchNorm)."""

from . import _C

_ops = _C.ops


def _stat_dims(input):
    return [0, *range(2, input.dim())]


def batch_norm_stats(input, eps):
    """Mean and reciprocal deviation of every channel."""
    dims = _stat_dims(input)
    x = input.to(_C.float32) if input.dtype in (_C.float16, _C.bfloat16) else input
    return x.mean(dims), (x.var(dims, correction=0) + eps).rsqrt()


def batch_norm_update_stats(input, running_mean, running_var, momentum):
    """Mean and variance of every channel; the running ones move towards them."""
    dims = _stat_dims(input)
    mean, var = input.mean(dims), input.var(dims, correction=0)
    count = input.numel() // input.size(1)
    with_bias = var * (count / max(count - 1, 1))
    for running, new in ((running_mean, mean), (running_var, with_bias)):
        if running is not None:
            running.mul_(1 - momentum).add_(new.detach(), alpha=momentum)
    return mean, var


def batch_norm_elemt(input, weight, bias, mean, invstd, eps):
    """Normalises every channel with the given statistics."""
    shape = [1, -1, *[1] * (input.dim() - 2)]
    out = (input - mean.view(shape)) * invstd.view(shape)
    out = out if weight is None else out * weight.view(shape)
    return (out if bias is None else out + bias.view(shape)).to(input.dtype)


def batch_norm_gather_stats(input, mean, invstd, running_mean, running_var, momentum, eps, count):
    """Joins the statistics of several parts (rows of mean and invstd) of count elements each."""
    counts = _ops.full((mean.size(0),), float(count), dtype=mean.dtype)
    return batch_norm_gather_stats_with_counts(input, mean, invstd, running_mean, running_var, momentum, eps, counts)


def batch_norm_gather_stats_with_counts(input, mean, invstd, running_mean, running_var, momentum, eps, counts):
    """Joins the statistics of several parts (rows of mean and invstd) with the given numbers of elements."""
    n = counts.to(mean.dtype).unsqueeze(1)
    total = n.sum()
    all_mean = (mean * n).sum(0) / total
    var = invstd**-2 - eps
    all_var = ((var + (mean - all_mean) ** 2) * n).sum(0) / total
    for running, new in ((running_mean, all_mean), (running_var, all_var * (total / (total - 1)))):
        if running is not None:
            running.mul_(1 - momentum).add_(new, alpha=momentum)
    return all_mean, (all_var + eps).rsqrt()


def batch_norm_backward_reduce(grad_out, input, mean, invstd, weight, input_g, weight_g, bias_g):
    """Sums over every channel that the gradient needs: of the gradient, of gradient times deviation, of weight and bias."""
    dims = _stat_dims(input)
    shape = [1, -1, *[1] * (input.dim() - 2)]
    sum_dy = grad_out.sum(dims)
    sum_dy_xmu = (grad_out * (input - mean.view(shape))).sum(dims)
    return sum_dy, sum_dy_xmu, sum_dy_xmu * invstd if weight_g else None, sum_dy if bias_g else None


def batch_norm_backward_elemt(grad_out, input, mean, invstd, weight, sum_dy, sum_dy_xmu, count):
    """The gradient by the input, from sums over all parts; count holds their numbers of elements."""
    shape = [1, -1, *[1] * (input.dim() - 2)]
    n = count.sum().to(mean.dtype)
    scale = invstd if weight is None else invstd * weight
    centred = (input - mean.view(shape)) * (invstd**2 * sum_dy_xmu / n).view(shape)
    return ((grad_out - (sum_dy / n).view(shape) - centred) * scale.view(shape)).to(input.dtype)


__all__ = [n for n, v in list(globals().items()) if callable(v) and n.startswith("batch_norm")]
