"""PyTorch with the right derivative where its own is nan, rounded away or forgotten, for random_programs.py.

Each correction replaces functions of torch by forms with the same values, whose gradient is that of the mathematical
function. A difference is explained by one when both libraries agree as soon as PyTorch runs with it.
"""

import contextlib


def sum_to(g, like):
    g = g.sum_to_size(like.shape) if g.shape != like.shape else g
    return g.real if g.is_complex() and not like.is_complex() else g


def copysign_at_zero(torch):
    """The second gradient of copysign at zero, 0, is nan in PyTorch: it divides the result by the operand."""
    plain, plain_ = torch.copysign, torch.Tensor.copysign_

    class CopySign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            result = plain(a, b)
            ctx.save_for_backward(torch.where(a == 0, 0, result / a))
            ctx.like = a.detach(), b.detach() if isinstance(b, torch.Tensor) else b
            return result

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.like
            zeros = torch.zeros_like(b) if isinstance(b, torch.Tensor) else None
            return sum_to(g * ctx.saved_tensors[0], a).to(a.dtype), zeros

    def copysign(a, b, **out):
        return plain(a, b, **out) if out else CopySign.apply(a, b)

    def copysign_(a, b):
        plain_(a.detach().clone(), b)  # refuses what it refuses
        return a.copy_(CopySign.apply(a, b)) if a.requires_grad else plain_(a, b)

    return {(torch, "copysign"): copysign, (torch.Tensor, "copysign_"): copysign_}


def norm_at_zero(torch):
    """The second gradient of a norm at zero, 0 like the first, is nan in PyTorch; so is that of renorm, which divides by it,
    also for rows that it leaves alone, where others bring a nan."""
    plain, plain_renorm, plain_renorm_ = torch.linalg.vector_norm, torch.renorm, torch.Tensor.renorm_

    def vector_norm(t, ord=2, dim=None, keepdim=False):
        result = plain(t, ord, dim, keepdim)
        if not t.requires_grad or not t.numel():
            return result.detach() + t.abs().sum(dim, keepdim=keepdim) * 0
        dims = tuple(range(t.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        zero = plain(t.detach(), 1, dims, True) == 0
        safe = plain(torch.where(zero, torch.ones_like(t), t), ord, dim, keepdim)
        zero = zero if keepdim else zero.amax(dims) if dims else zero
        return torch.where(zero, 0, safe)

    def dist(a, b, p=2):
        return vector_norm(a - b, p)

    def renorm(t, p, dim, most):
        result = plain_renorm(t, p, dim, most)
        if not t.requires_grad:
            return result
        others = tuple(d for d in range(t.dim()) if d != dim % t.dim())
        size = plain(t.detach(), p, others) if others else t.detach().abs()
        large = (size > most).nonzero().flatten()  # the others are left alone
        return t.index_copy(dim, large, plain_renorm(t.index_select(dim, large), p, dim, most)) if len(large) else t * 1

    def renorm_(t, p, dim, most):
        plain_renorm_(t.detach().clone(), p, dim, most)
        return t.copy_(renorm(t, p, dim, most)) if t.requires_grad else plain_renorm_(t, p, dim, most)

    def norm(t, *args, **kwargs):
        return plain_norm(t, *args, **kwargs) if args or kwargs else vector_norm(t)

    plain_norm = torch.Tensor.norm
    return {(torch.linalg, "vector_norm"): vector_norm, (torch, "dist"): dist, (torch, "renorm"): renorm,
            (torch.Tensor, "renorm_"): renorm_, (torch.Tensor, "norm"): norm}  # fmt: skip


def prelu_at_zero(torch):
    """At zero, PyTorch's prelu has the slope `weight` in its gradient and 1 in the gradient of that."""

    def prelu(x, weight):
        plain(x.detach(), weight.detach())  # refuses what it refuses
        if weight.numel() != 1:
            weight = weight.reshape(1, -1, *[1] * (x.dim() - 2)) if x.dim() > 1 else weight
        return x * torch.where(x > 0, 1, weight)

    plain = torch.nn.functional.prelu
    return {(torch.nn.functional, "prelu"): prelu}


def frexp_of_small(torch):
    """PyTorch divides the gradient of a mantissa by a float32 power of two, which is 0 for float64 numbers near zero."""
    plain = torch.frexp

    class Frexp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            mantissa, exponent = plain(t)
            ctx.save_for_backward(exponent)
            ctx.mark_non_differentiable(exponent)
            return mantissa, exponent

        @staticmethod
        def backward(ctx, g, _):
            (exponent,) = ctx.saved_tensors
            return g * torch.exp2(-exponent.to(g.dtype))

    return {(torch, "frexp"): lambda t: Frexp.apply(t) if t.requires_grad else plain(t)}


def sgn_as_sign(torch):
    """The gradient of sgn, 0, times infinity is 0 in PyTorch, which knows that all of it is 0; that of sign is nan, as here."""
    plain, plain_ = torch.sgn, torch.Tensor.sgn_
    return {(torch, "sgn"): lambda t: plain(t) if t.is_complex() else torch.sign(t),
            (torch.Tensor, "sgn_"): lambda t: plain_(t) if t.is_complex() else t.sign_()}  # fmt: skip


def heaviside_into_views(torch):
    """heaviside has no derivative, and backward says so; PyTorch forgets that it was written when it was written into a view."""
    plain_ = torch.Tensor.heaviside_

    def heaviside_(t, numbers):
        plain_(t.detach().clone(), numbers.detach())  # refuses what it refuses
        return t.copy_(torch.heaviside(t, numbers))

    return {(torch.Tensor, "heaviside_"): heaviside_}


def hardsigmoid_of_float64(torch):
    """PyTorch rounds the slope of hardsigmoid, 1/6, to float32."""
    plain = torch.nn.functional.hardsigmoid
    hardtanh = torch.nn.functional.hardtanh
    wide = lambda t: t.requires_grad and t.dtype == torch.float64
    return {(torch.nn.functional, "hardsigmoid"): lambda t: hardtanh(t + 3, 0.0, 6.0) / 6 if wide(t) else plain(t)}


def attention_of_nan(torch):
    """PyTorch's fused attention, which runs without a mask, takes a short row whose scores are all nan for one that may look at
    nothing, and gives 0; from the width of a vector on it gives nan, as its definition and its attention with a mask do."""
    plain = torch.nn.functional.scaled_dot_product_attention

    def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False, scale=None):
        result = plain(q, k, v, attn_mask=attn_mask, is_causal=is_causal, scale=scale)
        if attn_mask is not None:
            return result
        scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool)
        scores = torch.where(seen.tril(), scores, -torch.inf) if is_causal else scores
        return scores.softmax(-1) @ v

    return {(torch.nn.functional, "scaled_dot_product_attention"): scaled_dot_product_attention}


def scatter_into_overlap(torch):
    """PyTorch's select_scatter, slice_scatter and diagonal_scatter copy a tensor with its strides and write into the copy: of
    overlapping memory (an expanded or unfolded gradient, in the second gradient) that changes elements that are not theirs."""
    plain = {name: getattr(torch, name + "_scatter") for name in ("select", "slice", "diagonal")}

    def part(name, t, *args):
        if name == "slice":
            dim, start, end, step = (*args, *(0, None, None, 1)[len(args) :])
            return t[(slice(None),) * (dim % t.dim()) + (slice(start, end, step),)]
        return getattr(t, name)(*args)

    def instead(name):
        def scatter(t, source, *args):
            plain[name](t.detach(), source.detach(), *args)  # refuses what it refuses
            place = torch.zeros(t.shape, dtype=torch.bool)
            part(name, place, *args).fill_(True)
            filled = torch.zeros(t.shape, dtype=t.dtype)
            part(name, filled, *args).copy_(source)
            return torch.where(place, filled, t)

        return scatter

    return {(torch, name + "_scatter"): instead(name) for name in plain}


def bytes_in_odd_strides(torch):
    """PyTorch's interpolation of bytes reads beyond an image whose dims of one element have strides of another layout; a copy
    has those of its own."""
    plain = torch.nn.functional.interpolate

    def interpolate(t, **how):
        return plain(t.clone(memory_format=torch.contiguous_format) if t.dtype == torch.uint8 else t, **how)

    return {(torch.nn.functional, "interpolate"): interpolate}


def antialiased_rows_alone(torch):
    """PyTorch's antialias leaves alone a dim that has its size already, but its gradient weighs the neighbours there with 0,
    which nan makes nan."""
    plain = torch.nn.functional.interpolate

    def interpolate(t, size=None, **how):
        if not how.get("antialias") or size is None or t.dim() != 4:
            return plain(t, size=size, **how)
        n, c, h, w = t.shape
        if (h, w) == tuple(size):
            return t.clone()
        if h == size[0]:
            rows = t.transpose(1, 2).reshape(n * h, c, 1, w)
            return plain(rows, size=(1, size[1]), **how).reshape(n, h, c, size[1]).transpose(1, 2)
        return interpolate(t.mT, size=(w, size[0]), **how).mT if w == size[1] else plain(t, size=size, **how)

    return {(torch.nn.functional, "interpolate"): interpolate}


def margins_of_no_rows(torch):
    """PyTorch's multi_margin_loss of no rows gives memory that nobody wrote as their sum and mean, of integers too, which it
    refuses elsewhere. Its gradient multiplies an incoming nan by 0 where no margin is hurt."""
    plain = torch.nn.functional.multi_margin_loss

    def multi_margin_loss(x, target, reduction="mean"):
        result = plain(x, target, reduction=reduction)
        if x.numel() and not x.requires_grad:
            return result
        if not x.is_floating_point():
            raise NotImplementedError("multi_margin_loss not implemented for this dtype")
        if not x.numel():
            return {"none": result, "sum": x.sum(), "mean": x.sum() / 0}[reduction]
        rows, at = x.reshape(-1, x.shape[-1]), target.reshape(-1, 1)
        hurt = (1 - rows.gather(1, at) + rows).clamp_min(0).scatter(1, at, 0.0)
        each = hurt.sum(1) / x.shape[-1]
        return each.reshape(result.shape) if reduction == "none" else getattr(each, reduction)()

    return {(torch.nn.functional, "multi_margin_loss"): multi_margin_loss}


def norms_of_any_strides(torch):
    """In the gradients of PyTorch's batch_norm and instance_norm, values change their places where one of x and the incoming
    gradient has the strides of channels_last and the other has not (a width of 1, a transposed gradient)."""

    def dense(plain):
        def function(x, *args, **how):
            result = plain(x.contiguous(), *args, **how)
            return result.reshape(-1).reshape(result.shape)  # which makes the gradient contiguous

        return function

    f = torch.nn.functional
    return {(f, name): dense(getattr(f, name)) for name in ("batch_norm", "instance_norm")}


def ldexp_of_half(torch):
    """PyTorch's gradient of ldexp takes the power of two in the dtype of the exponent, where float16 overflows."""
    plain = torch.ldexp

    def ldexp(a, b):
        if b.dtype != torch.float16:
            return plain(a, b)
        return plain(a, b.float()).to(plain(a.detach(), b.detach()).dtype)

    return {(torch, "ldexp"): ldexp}


def matrix_exp_of_halves(torch):
    """PyTorch's matrix_exp of small 16-bit matrices is far from every exponential (-1e30 for elements of size 1)."""
    plain = torch.matrix_exp

    def matrix_exp(t):
        return plain(t.float()).to(t.dtype) if t.dtype in (torch.float16, torch.bfloat16) else plain(t)

    return {(torch, "matrix_exp"): matrix_exp}


def sinc_near_zero(torch):
    """PyTorch's second gradient of sinc is nan at 0, and loses digits near it (gradients are differences divided by squares); a
    series has -pi^2/3 there. A gradient at 0 of what arrives as nan or inf is 0 in both."""

    def sinc(x):
        if not x.requires_grad:
            return plain(x)
        near = x.detach().abs() < 0.1
        apart = plain(torch.where(near, torch.ones_like(x), x))
        square = (torch.where(near & (x.detach() != 0), x, torch.zeros_like(x)) * torch.pi) ** 2
        at_zero = torch.where(x.detach() == 0, x, torch.zeros_like(x)) * torch.pi
        if at_zero.requires_grad:
            at_zero.register_hook(lambda g: torch.where(torch.isfinite(g), g, 0))
        square, term, series = square + at_zero**2, 1.0, 1.0
        for k in range(1, 10):
            term = term * -square / (2 * k * (2 * k + 1))
            series = series + term
        return torch.where(near, series, apart)

    plain = torch.sinc
    return {(torch, "sinc"): sinc, (torch.special, "sinc"): sinc}


def shrinks_of_nan(torch):
    """PyTorch's gradient of softshrink and hardshrink at nan is what arrives where it takes elements one by one, and 0 where it
    takes several at once: it depends on their places."""

    def inside(t, limit):
        return (t.detach() >= -limit) & (t.detach() <= limit)

    def hardshrink(t, lambd=0.5):
        plain(t.detach(), lambd)  # refuses what it refuses
        return torch.where(inside(t, lambd), 0, t)

    def softshrink(t, lambd=0.5):
        plain_soft(t.detach(), lambd)
        return torch.where(inside(t, lambd), 0, torch.where(t.detach() > 0, t - lambd, t + lambd))

    plain, f = torch.hardshrink, torch.nn.functional
    plain_soft = f.softshrink
    return {(torch, "hardshrink"): hardshrink, (f, "hardshrink"): hardshrink, (f, "softshrink"): softshrink}


CORRECTIONS = (
    sinc_near_zero,
    shrinks_of_nan,
    hardsigmoid_of_float64,
    copysign_at_zero,
    norm_at_zero,
    prelu_at_zero,
    frexp_of_small,
    sgn_as_sign,
    heaviside_into_views,
    attention_of_nan,
    scatter_into_overlap,
    bytes_in_odd_strides,
    antialiased_rows_alone,
    margins_of_no_rows,
    norms_of_any_strides,
    ldexp_of_half,
    matrix_exp_of_halves,
)


@contextlib.contextmanager
def corrected(torch, corrections):
    """torch with some corrections, inside a `with`."""
    before = {}
    for correction in corrections:
        for (owner, name), function in correction(torch).items():
            before.setdefault((owner, name), getattr(owner, name))
            setattr(owner, name, function)
    try:
        yield
    finally:
        for (owner, name), function in before.items():
            setattr(owner, name, function)


def tanh_without_cancellation(lib, t):
    """2 * tanh(t) by exponentials: no gradient of it is a difference of nearly equal numbers, as 1 - tanh(t)^2 is."""
    if not (t.dtype.is_floating_point or t.dtype.is_complex):
        return t
    part = (t.real if t.dtype.is_complex else t).detach()
    sign = lib.where(part < 0, -1.0, 1.0).to(part.dtype)
    small = lib.exp(t * sign * -2)
    return (1 - small) / (1 + small) * sign * 2
