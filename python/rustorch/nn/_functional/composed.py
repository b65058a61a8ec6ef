"""Functions of nn.functional that are composed of operators: the engine has no operator of their names."""

from __future__ import annotations

import math
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import op

_rrelu = op("rrelu")
_hardtanh_ = op("hardtanh_")
_NEVER = -1e30  # the logarithm of a probability of 0, finite so that its gradient is 0


# ---- small ones --------------------------------------------------------------------------------------


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """rrelu in place."""
    return input.copy_(_rrelu(input, lower, upper, training))


def relu6_(input: Tensor) -> Tensor:
    """Clamp to [0, 6] in place."""
    return _hardtanh_(input, 0.0, 6.0)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b) for the two halves a, b of `input` along `dim` (of even size)."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input.size(dim) % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.size(dim)}")
    a, b = input.chunk(2, dim)
    return a * b.sigmoid()


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of every pair of rows, the upper triangle row by row."""
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    n = input.size(0)
    i, j = rt.triu_indices(n, n, 1, device=input.device)
    return (input[i] - input[j]).norm(p, 1)


# ---- sampling at points ---------------------------------------------------------------------------


def _reflect(x: Tensor, low: float, high: float) -> Tensor:
    """x folded back into [low, high]."""
    if high <= low:
        return rt.zeros_like(x)
    span = high - low
    x = (x - low).abs()
    turns = (x / span).floor()
    rest = x - turns * span
    odd = (turns - 2 * (turns / 2).floor()) == 1
    return rt.where(odd, span - rest, rest) + low


def _unnormalize(x: Tensor, n: int, padding: str, align: bool) -> Tensor:
    """Coordinates in [-1, 1] as positions among n points."""
    x = (x + 1) / 2 * (n - 1) if align else ((x + 1) * n - 1) / 2
    return _into(x, n, padding, align)


def _into(x: Tensor, n: int, padding: str, align: bool) -> Tensor:
    if padding == "reflection":
        x = _reflect(x, 0.0, n - 1.0) if align else _reflect(x, -0.5, n - 0.5)
    return x if padding == "zeros" else x.clamp(0, n - 1)


def _pick(flat: Tensor, positions: list[Tensor], size: list[int]) -> Tensor:
    """Values (N, C, points) at integer positions; 0 outside."""
    inside: Any = None
    index: Any = None
    for p, n in zip(positions, size):
        ok = (p >= 0) & (p <= n - 1)
        inside = ok if inside is None else inside & ok
        k = p.clamp(0, n - 1).to(rt.int64)
        index = k if index is None else index * n + k
    channels = flat.size(1)
    wide = index.unsqueeze(1).expand(-1, channels, -1)
    return flat.gather(2, wide) * inside.unsqueeze(1).to(flat.dtype)


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """Values of (N, C, ...) at the points of `grid` (N, ..., dims), last coordinate first."""
    n = input.dim() - 2
    if n not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with "
            f"sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.size(0) != grid.size(0) or grid.size(-1) != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size and grid to have size {n} in last "
            f"dimension, but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if min(input.shape[2:]) <= 0:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions; got {input.shape}")
    size = list(input.shape[2:])
    flat = input.flatten(2)
    points = grid.flatten(1, -2)
    free = "zeros" if mode == "bicubic" else padding_mode
    x = [_unnormalize(points[..., n - 1 - d], size[d], free, align_corners) for d in range(n)]
    if mode == "nearest":
        out = _pick(flat, [p.detach().round() for p in x], size)
    else:
        out = _blend(flat, x, size, mode, padding_mode, align_corners)
    return out.reshape(*input.shape[:2], *grid.shape[1:-1])


def _blend(flat: Tensor, x: list[Tensor], size: list[int], mode: str, padding: str, align: bool) -> Tensor:
    low = [p.detach().floor() for p in x]
    share = [p - q for p, q in zip(x, low)]
    if mode == "bilinear":
        taps = [[(0, 1 - s), (1, s)] for s in share]
    else:
        taps = [[(k - 1, _cubic_weight(s, k - 1)) for k in range(4)] for s in share]
    total: Any = None
    for choice in _product(taps):
        positions, weight = [], None
        for d, (offset, w) in enumerate(choice):
            p = low[d] + offset
            positions.append(_into(p, size[d], padding, align).round() if mode == "bicubic" else p)
            weight = w if weight is None else weight * w
        assert weight is not None
        part = _pick(flat, positions, size) * weight.unsqueeze(1)
        total = part if total is None else total + part
    return total


def _product(lists: list[Any]) -> list[Any]:
    out: list[Any] = [()]
    for items in lists:
        out = [(*head, item) for head in out for item in items]
    return out


def _cubic_weight(s: Tensor, offset: int, a: float = -0.75) -> Tensor:
    x = (s - offset) if offset <= 0 else (offset - s)
    if offset in (0, 1):
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


# ---- fractional max pooling -------------------------------------------------------------------------


def _starts(sample: Tensor, n: int, m: int, kernel: int) -> Tensor:
    """First positions (N, C, m) of the windows along one dim, from one random number for each channel."""
    if m == 1:
        return rt.full((*sample.shape, 1), n - kernel, dtype=rt.int64, device=sample.device)
    alpha = (n - kernel) / (m - 1)
    i = rt.arange(m - 1, dtype=sample.dtype, device=sample.device)
    u = sample.unsqueeze(-1)
    first = ((i + u) * alpha).to(rt.int64) - (u * alpha).to(rt.int64)
    last = rt.full((*sample.shape, 1), n - kernel, dtype=rt.int64, device=sample.device)
    return rt.cat([first, last], -1)


def fractional_max_pool(n_dims: int, input: Tensor, kernel: Any, size: Any, samples: Tensor) -> Any:
    """(values, flat indices) of max pooling over pseudo-random windows."""
    if input.dim() == n_dims + 1:
        out, index = fractional_max_pool(n_dims, input.unsqueeze(0), kernel, size, samples)
        return out.squeeze(0), index.squeeze(0)
    if input.dim() != n_dims + 2:
        raise RuntimeError(f"fractional_max_pool{n_dims}d(): Expected {n_dims + 1}D or {n_dims + 2}D tensor")
    spatial = list(input.shape[2:])
    for d in range(n_dims):
        if size[d] + kernel[d] - 1 > spatial[d] or kernel[d] <= 0 or size[d] <= 0:
            raise RuntimeError(
                f"fractional_max_pool{n_dims}d(): pool size {list(kernel)} and output {list(size)} do not fit into "
                f"input {spatial}"
            )
    samples = samples[: input.size(0)]
    if list(samples.shape) != [input.size(0), input.size(1), n_dims]:
        raise RuntimeError(f"fractional_max_pool{n_dims}d(): _random_samples has shape {list(samples.shape)}")
    index = None
    for d in range(n_dims):
        which = 1 - d if n_dims == 2 else d  # PyTorch's order: width first in 2D, depth first in 3D
        start = _starts(samples[..., which], spatial[d], size[d], kernel[d])
        place = start.unsqueeze(-1) + rt.arange(kernel[d], device=input.device)
        shape = [*input.shape[:2], *([1] * (2 * n_dims))]
        shape[2 + d], shape[2 + n_dims + d] = size[d], kernel[d]
        place = place.reshape(shape)
        index = place if index is None else index * spatial[d] + place
    windows = index.reshape(*input.shape[:2], math.prod(size), math.prod(kernel))
    flat = input.flatten(2)
    values = flat.gather(2, windows.flatten(2)).reshape(windows.shape)
    best, which_one = values.max(-1)
    chosen = windows.gather(3, which_one.unsqueeze(-1)).squeeze(-1)
    return best.reshape(*input.shape[:2], *size), chosen.reshape(*input.shape[:2], *size)


# ---- connectionist temporal classification -------------------------------------------------------------


def _log_add(*terms: Tensor) -> Tensor:
    return rt.logsumexp(rt.stack(terms), 0)


def _ctc_targets(targets: Tensor, lengths: list[int], blank: int) -> tuple[Tensor, Tensor]:
    """(labels with blanks between (N, 2S + 1), whether position s may be reached from s - 2)."""
    longest = max(lengths, default=0)
    rows = []
    start = 0
    flat = targets.dim() == 1
    for i, n in enumerate(lengths):
        row = (targets[start : start + n] if flat else targets[i, :n]).tolist()
        start += n
        padded = [blank] * (2 * longest + 1)
        padded[1 : 2 * n + 1 : 2] = row
        rows.append(padded)
    labels = rt.tensor(rows, dtype=rt.int64, device=targets.device).reshape(len(lengths), 2 * longest + 1)
    skip = rt.zeros(labels.shape, dtype=rt.bool, device=targets.device)
    if longest:
        skip[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return labels, skip


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The forward algorithm of Graves et al. 2006 in logarithms; gradients by autograd."""
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.reshape(1, -1)
    times = input_lengths.reshape(-1).tolist() if isinstance(input_lengths, Tensor) else list(input_lengths)
    sizes = target_lengths.reshape(-1).tolist() if isinstance(target_lengths, Tensor) else list(target_lengths)
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if len(times) != batch or len(sizes) != batch:
        raise RuntimeError("input_lengths and target_lengths must be of size batch_size")
    if times and (max(times) > steps or min(times) < 0):
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {max(times)}")
    if targets.dim() == 1 and sum(sizes) != targets.size(0):
        raise RuntimeError(f"Expected targets of total length {sum(sizes)}; got {targets.size(0)}")
    if targets.dim() == 2 and sizes and (max(sizes) > targets.size(1) or targets.size(0) != batch):
        raise RuntimeError(f"Expected targets of size {batch} x at least {max(sizes)}; got {list(targets.shape)}")
    labels, skip = _ctc_targets(targets, sizes, blank)
    loss = _ctc_forward(log_probs, labels, skip, times, sizes)
    impossible = loss > 1e29
    # PyTorch's gradient takes log_probs for normalized: it has the term exp(log_probs), and the value has not
    valid = rt.arange(steps, device=loss.device).unsqueeze(1) < rt.tensor(times, device=loss.device)
    prob = (log_probs.exp() - log_probs.exp().detach()) * valid.unsqueeze(2).to(loss.dtype)
    loss = loss + prob.sum((0, 2))
    loss = loss.masked_fill(impossible, 0.0 if zero_infinity else float("inf"))
    if reduction == "mean":
        divisor = rt.tensor([max(n, 1) for n in sizes], dtype=loss.dtype, device=loss.device)
        return (loss / divisor).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)


def _ctc_forward(log_probs: Tensor, labels: Tensor, skip: Tensor, times: Any, sizes: Any) -> Tensor:
    steps, batch, _ = log_probs.shape
    width = labels.size(1)
    kw: Any = {"dtype": log_probs.dtype, "device": log_probs.device}
    never = rt.full((batch, 1), _NEVER, **kw)
    alpha = rt.cat([rt.zeros((batch, 1), **kw), rt.full((batch, width), _NEVER, **kw)], 1)
    # alpha has a virtual state in front, from which step 0 reaches the first two states
    state = alpha
    results: list[Any] = [None] * batch
    ended = [b for b in range(batch) if times[b] == 0]
    for b in ended:
        results[b] = state[b, 0] * 0 if sizes[b] == 0 else state[b, 1]
    for t in range(max(times, default=0)):
        emit = log_probs[t].gather(1, labels).clamp_min(_NEVER)
        if t == 0:
            first = emit[:, :2]
            state = rt.cat([first, rt.full((batch, width - first.size(1)), _NEVER, **kw)], 1)
        else:
            one = rt.cat([never, state[:, :-1]], 1)
            two = rt.cat([never, never, state[:, :-2]], 1)[:, :width]
            two = two.masked_fill(skip.logical_not(), _NEVER)
            state = _log_add(state, one, two) + emit
        for b in range(batch):
            if times[b] == t + 1:
                end = 2 * sizes[b]
                results[b] = state[b, end] if end == 0 else _log_add(state[b, end], state[b, end - 1])
    return -rt.stack(results)
