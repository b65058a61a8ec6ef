"""The steps of random programs (random_programs.py): each function makes one tensor of a random kind from registers.

A step gets the library (rustorch or torch), its operands and a generator `r`. Both libraries run the same function with a
generator of the same state, so they draw the same choices as long as their tensors agree in shape and dtype.

What is not drawn, since PyTorch's answer is the order of its kernels, wrong, or not this library's choice: writes through
conj() (a view in PyTorch, a copy here), writes through `.data` of what a gradient kept (which tensors are kept is each
library's own) and into operands of kron (missed there: it keeps them as views of no base), the gradient of logical
operators in place (PyTorch leaves that of the overwritten value), of comparisons in place by a recorded operand (zeros
there, none here), of atan2, pow and addcmul with narrow integers (it computes with them in their dtype), of pow and zeta
with integers (float32 there), of polar by a negative length (it takes the sign away), of complex powers of zero (nan
there), of quantile, kthvalue, mode, topk and unstable sort of equal elements (which of them gets it depends on the sort);
infinities in what var and renorm reduce (the result depends on the order), nan in what mode and unique sort (they compare
with < only), all() into out= of uint8 (it rounds the elements to uint8 first), the median of no integers (the undefined
integer of nan) and of expanded ones (memory that nobody wrote), nan in linear algebra (it depends on the order), powers of
negative numbers by rounded exponents, products with integers cut from rounded numbers, strides of results of linear
algebra, layers, nonzero, unique, indexing by tensors and mvlgamma (by columns or channels there), convolutions of no
channel and pixel_unshuffle of no image (the shape is wrong there), addmv of an empty matrix (a number there), resize_ of
what a gradient reads (a write here only), batch_norm of 16-bit floats (its mean is rounded), powers beyond float16 and
ldexp beyond float32 (infinite inside its gradients), views by as_strided that leave their parent (their gradient is lost
there), the sign of a nan of bfloat16 (negative where its conversion is vectorised), polygamma at its poles (finite there),
and sums of nan as integers.
"""

import numpy as np

FLOATS = ("float64", "float32", "float16", "bfloat16")


def name_of(dtype):
    return str(dtype).rsplit(".", 1)[-1]


def is_float(t):
    return t.dtype.is_floating_point


def is_half(t):
    return name_of(t.dtype) in ("float16", "bfloat16")


def is_real(t):
    return not t.dtype.is_complex


def is_int(t):
    return not (t.dtype.is_floating_point or t.dtype.is_complex)


def dim_of(t, r):
    return r.randrange(-t.dim(), t.dim()) if t.dim() else r.choice((0, -1))


def small(lib, t):
    """A bounded version, so that values do not run away."""
    return lib.tanh(t) * 2 if not is_int(t) else t


def like(t, other, r):
    """t in the dtype of other, mostly."""
    return t.to(other.dtype) if r.random() < 0.8 and (is_real(t) or not is_real(other)) else t


def signed(lib, t):
    """t, but no narrow integers: PyTorch's gradients of atan2, pow and addcmul negate, square and double them in their dtype."""
    return t.to(lib.int64) if is_int(t) and name_of(t.dtype) != "bool" else t


def plain_nan(lib, t):
    """t, but no nan of bfloat16 with a sign: PyTorch's vectorised rounding to bfloat16 makes them negative."""
    return lib.where(t != t, t.abs(), t) if name_of(t.dtype) == "bfloat16" else t


def strided(t, size, stride, offset=0):
    """as_strided inside of t: beyond it, PyTorch's gradient is lost until the base is written."""
    t = t.contiguous()
    reach = offset + sum((n - 1) * s for n, s in zip(size, stride))
    return (t if t.storage_offset() == 0 and reach < t.numel() else t.clone()).as_strided(size, stride, offset)


def floating(lib, t):
    """t, integers as float64: PyTorch's gradients of pow and zeta take logarithms and sums of integers in float32."""
    return t.to(lib.float64) if is_int(t) else t


def order_of(t, r):
    order = list(range(t.dim()))
    r.shuffle(order)
    return order


def indices(lib, size, r, count=3):
    low = -size if r.random() < 0.3 else 0
    return lib.tensor([r.randrange(low, size) for _ in range(count)], dtype=lib.int64)


def forward_indices(lib, size, r, count=3):
    return lib.tensor([r.randrange(size) for _ in range(count)], dtype=lib.int64)


def index_like(lib, t, d, r):
    """Indices into dim d for gather and the like: the shape of t, each dim 1 or full."""
    shape = [max(1, s - r.randrange(2)) for s in t.shape]
    size = max(1, t.shape[d] if t.dim() else 1)
    numbers = [r.randrange(size) for _ in range(int(np.prod(shape)))]
    return lib.tensor(numbers, dtype=lib.int64).reshape(shape)


def mask_like(lib, shape, r):
    count = int(np.prod(shape)) if shape else 1
    return lib.tensor([r.random() < 0.5 for _ in range(count)], dtype=lib.bool).reshape(shape)


UNARY = ("sin", "cos", "tanh", "sigmoid", "neg", "square", "exp", "expm1", "atan", "asinh", "sinh", "cosh", "positive", "clone", "reciprocal_1", "sqrt_1",
         "log_2", "acosh_3", "abs", "exp2", "sgn", "log1p_1", "tan_3", "angle_1", "rsqrt_3", "log2_3", "log10_3")  # fmt: skip
UNARY_REAL = ("erf", "erfc", "relu", "log1p_abs", "sqrt_abs", "rsqrt_1", "softplus", "gelu", "silu", "leaky_relu", "elu", "hardtanh", "logit_s", "selu",
              "mish", "softsign", "hardswish", "relu6", "celu", "logsigmoid", "sinc", "digamma_1", "lgamma_1", "deg2rad", "rad2deg", "hardsigmoid",
              "tanhshrink", "softshrink", "hardshrink", "threshold", "erfinv_t", "asin_t", "acos_t", "atanh_t", "i0", "ndtr", "entr", "log_ndtr", "i0e", "i1",
              "i1e", "xlog1py", "erfcx", "glu", "gelu_t", "nan_to_num", "polygamma_1", "multigammaln_3", "softplus_2")  # fmt: skip
ROUND = ("floor", "ceil", "round", "trunc", "frac", "sign", "isnan", "isfinite", "signbit", "logical_not", "heaviside", "isinf", "isposinf", "isneginf", "isreal",
         "fix", "round_1", "bitwise_not", "sgn", "frexp", "nan_to_num")  # fmt: skip


def unary(lib, t, r):
    F = lib.nn.functional
    name = r.choice(UNARY + (UNARY_REAL if is_real(t) else ()))
    x = small(lib, t)
    special = {
        "log1p_abs": lambda: lib.log1p(x.abs()), "sqrt_abs": lambda: lib.sqrt(x.abs() + 0.25), "rsqrt_1": lambda: lib.rsqrt(x.abs() + 1),
        "logit_s": lambda: lib.logit(lib.sigmoid(x)), "digamma_1": lambda: lib.digamma(x.abs() + 1), "lgamma_1": lambda: lib.lgamma(x.abs() + 1),
        "reciprocal_1": lambda: lib.reciprocal(x * x + 1.5), "sqrt_1": lambda: lib.sqrt(x + 3), "log_2": lambda: lib.log(x + 3), "acosh_3": lambda: lib.acosh(x + 4),
        "log1p_1": lambda: lib.log1p(x + 3), "tan_3": lambda: lib.tan(x / 3), "angle_1": lambda: lib.angle(x + 0.5), "rsqrt_3": lambda: lib.rsqrt(x + 3),
        "log2_3": lambda: lib.log2(x + 3), "log10_3": lambda: lib.log10(x + 3), "threshold": lambda: F.threshold(x, 0.3, 0.1),
        "erfinv_t": lambda: lib.erfinv(lib.tanh(x) * 0.9), "asin_t": lambda: lib.asin(lib.tanh(x) * 0.9), "acos_t": lambda: lib.acos(lib.tanh(x) * 0.9),
        "atanh_t": lambda: lib.atanh(lib.tanh(x) * 0.9), "ndtr": lambda: lib.special.ndtr(x), "entr": lambda: lib.special.entr(x.abs() + 0.1),
        "log_ndtr": lambda: lib.special.log_ndtr(x), "i0": lambda: lib.i0(x), "i0e": lambda: lib.special.i0e(x), "i1": lambda: lib.special.i1(x), "i1e": lambda: lib.special.i1e(x),
        "xlog1py": lambda: lib.special.xlog1py(x, x.abs() + 0.5), "erfcx": lambda: lib.special.erfcx(x), "glu": lambda: F.glu(lib.cat([x.reshape(-1), x.reshape(-1)]), 0),
        "gelu_t": lambda: F.gelu(x, approximate="tanh"), "polygamma_1": lambda: lib.polygamma(1, signed(lib, x).abs() + 1), "multigammaln_3": lambda: lib.mvlgamma(x.abs() + 3, 2).contiguous(),
        "softplus_2": lambda: F.softplus(x, beta=2, threshold=1),
    }  # fmt: skip
    if name in special:
        return special[name]()
    for where in (lib, F):
        if hasattr(where, name):
            return getattr(where, name)(x)
    raise AssertionError(name)


def rounding(lib, t, r):
    name = r.choice(ROUND)
    if name == "heaviside":
        return lib.heaviside(t, lib.ones((), dtype=t.dtype))
    if name == "signbit":
        return lib.signbit(plain_nan(lib, t))
    if name == "round_1":
        return lib.round(t, decimals=1)
    if name == "frexp":
        return lib.frexp(t)[r.randrange(2)]
    return getattr(lib, name)(t)


def binary(lib, a, b, r):
    choices = [lambda: a + b, lambda: a - b, lambda: a * small(lib, b), lambda: lib.add(a, b, alpha=2), lambda: lib.rsub(a, b), lambda: a / (b * b + 1.5),
               lambda: lib.addcmul(a, signed(lib, small(lib, b)), signed(lib, small(lib, a)), value=2), lambda: lib.addcdiv(a, small(lib, b), small(lib, a) * small(lib, a) + 1.5),
               lambda: lib.lerp(a, like(b, a, r), 0.25), lambda: lib.lerp(a, like(b, a, r), a.detach()), lambda: lib.sub(a, b, alpha=3), lambda: a.add(b).mul(0.5),
               lambda: lib.where(mask_like(lib, tuple(a.shape), r), a, b), lambda: lib.dist(a, b), lambda: (small(lib, floating(lib, a)) + 4) ** signed(lib, small(lib, b)),
               lambda: lib.float_power(small(lib, a) + 4.5, small(lib, b)), lambda: lib.nn.functional.mse_loss(a, b)]  # fmt: skip
    if is_real(a) and is_real(b):
        choices += [lambda: lib.maximum(a, b), lambda: lib.minimum(a, b), lambda: lib.hypot(a, b), lambda: lib.atan2(signed(lib, a), signed(lib, b).abs() + 1),
                    lambda: lib.logaddexp(small(lib, a), small(lib, b)), lambda: (small(lib, floating(lib, a)).abs() + 0.5) ** signed(lib, small(lib, b)), lambda: lib.fmin(a, b),
                    lambda: lib.fmax(a, b), lambda: lib.xlogy(a, b.abs() + 1), lambda: lib.nn.functional.smooth_l1_loss(a, b, reduction="none"),
                    lambda: lib.clamp(a, b, b + 1), lambda: lib.clamp(a, min=b), lambda: lib.complex(a, b), lambda: lib.polar(small(lib, a).abs() + 0.5, b),
                    lambda: lib.logaddexp2(small(lib, a), small(lib, b)), lambda: lib.nn.functional.huber_loss(a, b), lambda: lib.nn.functional.prelu(a, b),
                    lambda: lib.nn.functional.l1_loss(a, b, reduction="sum"), lambda: lib.special.zeta(small(lib, floating(lib, a)).abs() + 2, b.abs() + 1)]  # fmt: skip
    else:
        choices += [lambda: a * b.conj(), lambda: lib.vdot(a.reshape(-1)[:1], b.reshape(-1)[:1])]
    return r.choice(choices)()


def binary_discrete(lib, a, b, r):
    return r.choice((
        lambda: a < b, lambda: a == b, lambda: lib.ge(a, b), lambda: lib.logical_and(a, b), lambda: lib.logical_xor(a, b), lambda: lib.copysign(a, plain_nan(lib, b)),
        lambda: lib.remainder(a, b * b + 1), lambda: lib.fmod(a, b * b + 1), lambda: lib.floor_divide(a, b * b + 1), lambda: lib.where(a > b, a, b),
        lambda: lib.bitwise_and(a, b), lambda: lib.bitwise_xor(a, b), lambda: a | b, lambda: lib.gcd(a, b), lambda: lib.bitwise_left_shift(a, b & 3),
        lambda: lib.isclose(a, b), lambda: lib.ne(a, 1), lambda: lib.where(b > 0, a, 2), lambda: a > 0.5, lambda: lib.lcm(a, b), lambda: a >> (b & 7),
        lambda: lib.div(a, b * b + 1, rounding_mode="trunc"), lambda: lib.div(a, b * b + 1, rounding_mode="floor"), lambda: a % 3, lambda: a // 2, lambda: 5 % (a * a + 1),
        lambda: 7 // (a * a + 1), lambda: lib.remainder(a, -3), lambda: lib.fmod(a, 2.5), lambda: a % b, lambda: a // b, lambda: lib.eq(a, 0.5), lambda: a & 6,
        lambda: 3 ^ a, lambda: ~a, lambda: lib.nextafter(a, b), lambda: lib.logical_or(a, b), lambda: lib.isin(a, b), lambda: a << 1, lambda: lib.copysign(a, -1),
        lambda: lib.where(mask_like(lib, tuple(a.shape), r), 1.5, a), lambda: lib.ldexp(a, b.clamp(-60, 60) if is_real(b) and name_of(b.dtype) != "bool" else b), lambda: lib.fmod(a, b), lambda: lib.tensor(lib.equal(a, b)),
        lambda: lib.floor_divide(a, b), lambda: lib.heaviside(a, b), lambda: lib.le(a, 3), lambda: lib.searchsorted(a.reshape(-1).sort()[0], b),
        lambda: lib.bucketize(a, b.reshape(-1).sort()[0], right=True),
    ))()  # fmt: skip


def scalar(lib, t, r):
    v = r.choice((2, -1, 0.5, True, 1.5, 3, 300, -2.5))
    w = r.choice((v, v, 1j))
    return r.choice((lambda: t + w, lambda: v - t, lambda: t * w, lambda: t / v, lambda: lib.clamp(t, -1, 1), lambda: lib.clamp(t, min=v), lambda: lib.clamp(t, max=v),
                     lambda: t**2, lambda: t**3, lambda: lib.add(t, v, alpha=3), lambda: lib.full_like(t, v), lambda: v / (t * t + 1), lambda: small(lib, t) ** (3 if v == 300 and is_half(t) else v),
                     lambda: t**0.5, lambda: (v if is_int(t) or v > 0 else -v) ** small(lib, t / 3 if v == 300 and is_half(t) else t), lambda: t + lib.tensor(w), lambda: lib.tensor(v) * t, lambda: lib.rsub(t, v), lambda: t**0, lambda: t**1,
                     lambda: t - lib.tensor(v, dtype=lib.float32), lambda: lib.sub(t, v), lambda: lib.pow(t, 2.0), lambda: lib.mul(t, lib.tensor(2.5, dtype=lib.float64)),
                     lambda: w * t, lambda: t.new_full((2,), v), lambda: lib.masked_fill(t, mask_like(lib, tuple(t.shape), r), v), lambda: t / (t * t + 1),
                     lambda: lib.ones_like(t) * v, lambda: lib.true_divide(t, 3)))()  # fmt: skip


def reduce(lib, t, r):
    d, keep = dim_of(t, r), r.random() < 0.5
    F = lib.nn.functional
    choices = [lambda: t.sum(d, keepdim=keep), lambda: t.sum(), lambda: t.mean(d, keepdim=keep), lambda: small(lib, t).prod(d, keepdim=keep),
               lambda: t.cumsum(d), lambda: small(lib, t).cumprod(d), lambda: lib.linalg.vector_norm(t + 0.1), lambda: t.var(d, keepdim=keep),
               lambda: t.std(), lambda: lib.diff(t, dim=d), lambda: t.sum(d, dtype=lib.float64), lambda: t.mean(), lambda: small(lib, t).prod(),
               lambda: lib.linalg.vector_norm(t + 0.1, 3, d, keepdim=keep), lambda: lib.cumsum(t, d, dtype=lib.float64), lambda: t.var(d, correction=0),
               lambda: t.nanmean(d), lambda: lib.trapezoid(t, dim=d), lambda: lib.renorm(lib.nan_to_num(t, 0.0, 2.0, -2.0) + 0.1, 2, d, 1.5), lambda: lib.std_mean(small(lib, t), d, correction=0)[r.randrange(2)],
               lambda: lib.cumulative_trapezoid(t, dim=d), lambda: t.norm(), lambda: F.normalize(t + 0.1, dim=d), lambda: F.cosine_similarity(t.abs() + 0.1, t.detach().abs() + 0.2, d)]  # fmt: skip
    if t.dim() > 1:
        choices += [lambda: t.sum((0, -1), keepdim=keep), lambda: t.mean((0, 1)), lambda: t.var((0, 1), keepdim=keep), lambda: t.trace() if t.dim() == 2 else t.sum(),
                    lambda: lib.linalg.norm(t + 0.1, dim=(0, 1)), lambda: F.layer_norm(t, t.shape[-1:]), lambda: lib.cov(t.flatten(1)), lambda: lib.linalg.vector_norm(t + 0.1, 1, (0, 1))]  # fmt: skip
    if is_real(t):
        choices += [lambda: t.amax(d, keepdim=keep), lambda: t.amin(), lambda: lib.logsumexp(t, d, keepdim=keep), lambda: lib.softmax(t, d), lambda: lib.amax(t, (0, -1)),
                    lambda: lib.log_softmax(t, d), lambda: lib.logcumsumexp(t, d), lambda: t.norm(1, d), lambda: lib.nansum(t, d), lambda: lib.softmax(t, d, dtype=lib.float64),
                    lambda: F.softmin(t, d), lambda: lib.linalg.vector_norm(t, float("inf"), d), lambda: lib.linalg.vector_norm(t, 0), lambda: lib.prod(small(lib, t), d, dtype=lib.float64)]  # fmt: skip
    return r.choice(choices)()


def reduce_discrete(lib, t, r):
    d, keep, last = dim_of(t, r), r.random() < 0.5, r.randrange(2)
    return r.choice((
        lambda: t.all(d), lambda: t.any(), lambda: t.count_nonzero(d), lambda: t.sort(d, stable=True)[last], lambda: t.argsort(d, stable=True), lambda: t.any(d, keepdim=keep),
        lambda: t.max(d)[0], lambda: t.min(d, keepdim=True)[0], lambda: t.cummax(d)[0], lambda: t.detach().topk(1, d)[0], lambda: t.contiguous().median(d)[0], lambda: t.max(), lambda: t.min(),
        lambda: lib.unique(t), lambda: t.nonzero(), lambda: t.detach().kthvalue(1, d)[0], lambda: lib.aminmax(t)[last], lambda: t.sort(d, descending=True, stable=True)[last],
        lambda: lib.nanmedian(t), lambda: lib.cummin(t, d)[1] * 0, lambda: t.argmax(d) * 0, lambda: lib.aminmax(t, dim=d, keepdim=keep)[last], lambda: t.all(),
        lambda: lib.unique(t, return_counts=True)[1], lambda: lib.unique(lib.nan_to_num(t), return_inverse=True)[1], lambda: lib.unique_consecutive(t), lambda: t.argmin() * 0,
        lambda: lib.median(t if t.numel() else t * 1.0), lambda: lib.quantile(t.detach(), 0.3, d), lambda: lib.nanquantile(t.detach(), 0.6), lambda: t.detach().topk(min(2, t.shape[d] if t.dim() else 1), d, largest=False)[0],
        lambda: lib.msort(t.detach()), lambda: lib.histc(t, 4, -2, 2), lambda: lib.bincount(t.reshape(-1)), lambda: t.cummin(d)[0], lambda: lib.unique(lib.nan_to_num(t), dim=d), lambda: lib.argwhere(t),
        lambda: lib.nan_to_num(t.detach()).mode(d)[0], lambda: lib.nanmedian(t.contiguous(), d)[0], lambda: lib.tensor(t.nonzero(as_tuple=True)[-1].shape[0]), lambda: t.detach().sort(d)[0], lambda: t.detach().kthvalue(1, d, keepdim=keep)[0],
    ))()  # fmt: skip


def view(lib, t, r):
    n, d = t.dim(), dim_of(t, r)
    size = t.shape[d] if n else 1
    start = r.randrange(size) if size else 0
    choices = [lambda: t.unsqueeze(r.randrange(-n - 1, n + 1)), lambda: t.squeeze(), lambda: t.reshape(-1), lambda: t.expand(2, *t.shape), lambda: t.view(t.shape),
               lambda: t.expand(-1, *t.shape) if n else t.expand(3), lambda: t[None], lambda: t[...], lambda: t.view_as(t), lambda: t.detach(), lambda: lib.atleast_2d(t)]  # fmt: skip
    if n:
        order = order_of(t, r)
        choices += [lambda: t.permute(order), lambda: t.transpose(d, dim_of(t, r)), lambda: t.narrow(d, start, size - start), lambda: t.select(d, start),
                    lambda: t[..., ::2], lambda: t.flatten(), lambda: t.movedim(d, 0), lambda: t.chunk(2, d)[-1], lambda: t.split(1, d)[0], lambda: t.squeeze(d),
                    lambda: t.unfold(d, min(2, size), 1), lambda: t.unbind(d)[0], lambda: t[1:], lambda: t[..., None, -1], lambda: t.swapaxes(0, d), lambda: t[-1],
                    lambda: t[:, None] if n > 1 else t[None], lambda: lib.tensor_split(t, 2, d)[0], lambda: t.view(-1), lambda: t.narrow(d, start, 0), lambda: t[1:1],
                    lambda: t.T if n == 2 else t.mT, lambda: t.split_with_sizes([start, size - start], d)[1], lambda: strided(t, (2, 2), (1, 0)), lambda: t[0:-1],
                    lambda: strided(t, (2,), (1,), 1), lambda: t.unfold(d, 1, 2), lambda: t.expand(*t.shape), lambda: t.permute(order).permute(order),
                    lambda: lib.hsplit(t, 1)[0], lambda: t.reshape(size, -1), lambda: t.select(d, -1), lambda: t.squeeze((0, -1)), lambda: t[::3]]  # fmt: skip
    if n >= 2:
        choices += [lambda: t.diagonal(r.choice((-1, 0, 1))), lambda: t.mT, lambda: t.unflatten(0, (t.shape[0], 1)), lambda: t.flatten(0, 1), lambda: t[:, 0],
                    lambda: t.diagonal(0, 0, -1), lambda: t[..., 0, :], lambda: t.unflatten(-1, (-1, 1)), lambda: t.flatten(-2), lambda: t.adjoint() if is_real(t) else t.adjoint().clone(), lambda: t[1:, :1],
                    lambda: t.transpose(0, 1), lambda: t.transpose(0, 1).reshape(-1)]  # fmt: skip
    if not is_real(t):
        choices += [lambda: t.real, lambda: t.imag, lambda: t.conj() * 1, lambda: lib.view_as_real(t), lambda: t.conj().clone(), lambda: t.conj().imag.clone(),
                    lambda: t.mH.clone() if n > 1 else t.conj().clone(), lambda: t.resolve_conj()]  # fmt: skip
    elif n and t.shape[-1] == 2 and name_of(t.dtype) in ("float64", "float32"):
        choices += [lambda: lib.view_as_complex(t)] * 4
    return r.choice(choices)()


def move(lib, t, r):
    """Copies that rearrange."""
    d = dim_of(t, r)
    size = t.shape[d] if t.dim() else 1
    F = lib.nn.functional
    choices = [lambda: t.clone(), lambda: t.contiguous(), lambda: t.repeat(2, *[1] * t.dim()), lambda: lib.stack([t, t], d), lambda: lib.zeros_like(t) + t,
               lambda: lib.cat([t.reshape(-1), t.reshape(-1)[:1]]), lambda: t.ravel(), lambda: t.expand(2, *t.shape).contiguous(), lambda: lib.complex(t, t) if is_float(t) else t * 1,
               lambda: lib.atleast_1d(t).flip(0), lambda: t.new_zeros(2) + t.reshape(-1)[:1], lambda: lib.block_diag(t.reshape(-1)[:2], t.reshape(1, -1)[:, :2]), lambda: lib.broadcast_to(t, (2, *t.shape)) * 1, lambda: lib.diagflat(t[..., :3] if t.dim() else t), lambda: lib.atleast_3d(t) * 1, lambda: t.type_as(t)]  # fmt: skip
    if t.dim() and size:
        choices += [lambda: t.flip(d), lambda: t.roll(1, d), lambda: lib.cat([t, t.narrow(d, 0, 1)], d), lambda: t.index_select(d, forward_indices(lib, size, r)),
                    lambda: t.gather(d, index_like(lib, t, d, r)), lambda: t.repeat_interleave(2, d), lambda: F.pad(t, (1, 1)), lambda: t.tile((2,)),
                    lambda: F.pad(t, (1, 0), value=1.5 if is_float(t) else 1), lambda: lib.take(t, indices(lib, t.numel(), r)), lambda: t.roll(-2),
                    lambda: F.pad(t[None], (1, 1), mode="replicate"), lambda: F.pad(t[None], (0, 1), mode="circular"), lambda: lib.hstack([t, t]), lambda: lib.vstack([t, t]),
                    lambda: lib.take_along_dim(t, index_like(lib, t, d, r), d), lambda: lib.dstack([t]), lambda: F.pad(t, (-1, 1)), lambda: lib.column_stack([t, t]),
                    lambda: lib.select_scatter(t, lib.zeros_like(t.select(d, 0)), d, 0), lambda: lib.slice_scatter(t, t.narrow(d, 0, 1) * 2, d, 0, 1),
                    lambda: t.scatter(d, index_like(lib, t, d, r)[:1], 2), lambda: t.index_fill(d, indices(lib, size, r), 1), lambda: t.index_add(d, forward_indices(lib, size, r, 1), t.narrow(d, 0, 1)),
                    lambda: t.repeat_interleave(lib.tensor([r.randrange(3) for _ in range(size)]), d)]  # fmt: skip
    if t.dim() >= 2:
        choices += [lambda: t.tril(), lambda: t.triu(1), lambda: lib.rot90(t), lambda: lib.fliplr(t), lambda: lib.flipud(t), lambda: lib.vsplit(t, 1)[0] * 1, lambda: t.expand_as(t) * 1, lambda: t.reshape_as(t) * 1, lambda: lib.diagonal_scatter(t, t.diagonal() * 2),
                    lambda: t.tril(-1), lambda: F.embedding(forward_indices(lib, t.shape[0], r), t) if t.dim() == 2 and t.shape[0] else t * 1]  # fmt: skip
    if t.dim() == 1:
        choices += [lambda: lib.diag_embed(t), lambda: lib.vander(small(lib, t), 2), lambda: lib.outer(t, t), lambda: lib.combinations(t), lambda: lib.diag(t, 1),
                    lambda: lib.cartesian_prod(t[:2], t[:2]), lambda: lib.meshgrid(t, t, indexing="ij")[1], lambda: lib.linalg.vander(t, N=3)]  # fmt: skip
    return r.choice(choices)()


def product(lib, a, b, r):
    """Matrix products on what fits."""
    if not a.dim() or not b.dim():
        return a * small(lib, b)
    b = small(lib, b)
    if is_int(a) and is_float(b):
        b = lib.round(b)  # not cut to integers: 2 and what is nearly 2 are one number
    b = b.to(a.dtype) if r.random() < 0.9 else b
    last = a.shape[-1]
    b2 = b.reshape(-1)
    if b2.numel() < last or last == 0:
        return lib.tensordot(a, a, dims=a.dim())
    m = b2[: last * min(4, b2.numel() // last)].reshape(last, -1)
    if r.random() < 0.4:
        m = b2[: m.numel()].reshape(-1, last).t()  # a transposed operand
    rows = a.reshape(-1, last)
    if not rows.numel():
        return rows @ m
    return r.choice((lambda: a @ m, lambda: lib.matmul(m.t(), rows.t()), lambda: lib.einsum("...i,ij->...j", a, m), lambda: lib.nn.functional.linear(a, m.t()),
                     lambda: a @ m[:, 0], lambda: lib.addmm(lib.ones((), dtype=a.dtype), rows, m), lambda: lib.tensordot(a, m, 1), lambda: lib.mv(rows, m[:, 0]),
                     lambda: lib.linalg.multi_dot([rows, m, m.t()]), lambda: lib.kron(m.clone(), m[:1].clone()), lambda: lib.bmm(rows[None], m[None]), lambda: lib.inner(rows, m.t()),
                     lambda: lib.addmv(m[0, 0], rows, m[:, 0], beta=2, alpha=0.5 if not is_int(a) else 3), lambda: lib.dot(m[:, 0], rows[0]), lambda: rows.conj() @ m,
                     lambda: lib.baddbmm(rows[:1, None, :1], rows[None], m[None], beta=0.5 if not is_int(a) else 2), lambda: lib.chain_matmul(rows, m, m.mT),
                     lambda: lib.nn.functional.linear(a, m.t(), m[0]), lambda: lib.addr(rows.new_ones(()), m[0], rows[0]), lambda: lib.cdist(rows, m.t())))()  # fmt: skip


def algebra(lib, t, r):
    """Linear algebra of well-conditioned small matrices, and Fourier transforms."""
    x = lib.nan_to_num(small(lib, t)).reshape(-1)[:9]
    F = lib.fft
    if x.numel() < 4 or r.random() < 0.4:
        x, d = lib.nan_to_num(small(lib, t)), dim_of(t, r)
        return r.choice((lambda: F.fft(x, dim=d), lambda: F.ifft(x, dim=d, norm="ortho"), lambda: F.rfft(x, dim=d), lambda: F.irfft(x, n=4, dim=d), lambda: F.fftn(x),
                         lambda: F.fftshift(x), lambda: F.hfft(x, n=5, dim=d), lambda: F.fft(x, n=3, dim=d), lambda: F.ihfft(x, dim=d), lambda: F.rfftn(x),
                         lambda: F.fft2(lib.atleast_2d(x)), lambda: F.ifftn(x), lambda: F.ifftshift(x, d), lambda: F.rfft2(lib.atleast_2d(x)), lambda: F.irfftn(lib.atleast_2d(x), (3, 4))))().contiguous()  # fmt: skip
    n = 3 if x.numel() == 9 else 2
    m = x[: n * n].reshape(n, n)
    eye = lib.eye(n, dtype=m.dtype)
    a = m * 0.2 + eye * 2 if not is_int(m) else m + eye * 20
    s = a @ a.mH if not is_real(a) else a @ a.mT
    L = lib.linalg
    return r.choice((lambda: L.det(a), lambda: L.inv(a), lambda: L.solve(a, m), lambda: L.cholesky(s), lambda: L.eigvalsh(s), lambda: L.svdvals(a), lambda: L.matrix_power(a, 3),
                     lambda: L.slogdet(s)[1], lambda: L.matrix_norm(a, "nuc"), lambda: L.lstsq(a, m)[0], lambda: L.pinv(a), lambda: lib.matrix_exp(m * 0.2), lambda: L.qr(a)[1].abs(),
                     lambda: lib.cholesky_inverse(L.cholesky(s)), lambda: L.solve_triangular(a.triu(), m, upper=True), lambda: lib.logdet(s), lambda: L.cross(m, a) if n == 3 else L.inv(s),
                     lambda: L.matrix_rank(a), lambda: L.cond(s), lambda: L.lu_solve(*L.lu_factor(a), m), lambda: L.matrix_power(a, -1), lambda: L.matrix_norm(a, 1),
                     lambda: L.vecdot(a, m), lambda: L.eigh(s)[0], lambda: lib.cholesky_solve(m, L.cholesky(s)), lambda: lib.inverse(a), lambda: L.svd(a)[1], lambda: lib.addbmm(m, a[None], s[None])))()  # fmt: skip


def layers(lib, t, r):
    """Layers of nn.functional on tensors of three or four dims made of the register."""
    F = lib.nn.functional
    x = small(lib, t)
    while x.dim() < 3:
        x = x.unsqueeze(0)
    if x.dim() > 4:
        x = x.flatten(0, x.dim() - 4)
    if not x.shape[1]:
        return x.softmax(-1)
    if x.dim() == 3:
        c, n = x.shape[-2], x.shape[-1]
        return r.choice((lambda: F.avg_pool1d(x, min(2, n)), lambda: F.max_pool1d(x, min(2, n), 1), lambda: F.adaptive_avg_pool1d(x, 2), lambda: F.interpolate(x, scale_factor=2),
                         lambda: F.conv1d(x, lib.ones((2, c, min(2, n)), dtype=x.dtype)), lambda: F.layer_norm(x, (n,)), lambda: F.group_norm(x, 1), lambda: F.pad(x, (1, 1), mode="replicate"),
                         lambda: F.interpolate(x, size=3, mode="linear"), lambda: F.scaled_dot_product_attention(x, x, x), lambda: F.conv_transpose1d(x, lib.ones((c, 1, 2), dtype=x.dtype)),
                         lambda: F.batch_norm(x.float() if is_half(x) else x, None, None, training=True), lambda: F.instance_norm(x.float() if is_half(x) else x), lambda: F.cross_entropy(x, forward_indices(lib, c, r, x.shape[0] * n).reshape(x.shape[0], n)),
                         lambda: F.lp_pool1d(x.abs() + 0.5, 2, min(2, n)), lambda: F.adaptive_max_pool1d(x, 1), lambda: F.rms_norm(x, (n,)),
                         lambda: F.binary_cross_entropy_with_logits(x, lib.sigmoid(x.detach())), lambda: F.kl_div(x, lib.softmax(x.detach(), -1), reduction="sum"), lambda: F.pairwise_distance(x, x.detach() + 1)))()  # fmt: skip
    c, h, w = x.shape[1:]
    if r.random() < 0.5:
        x = x.contiguous(memory_format=lib.channels_last)
    k = (min(2, h), min(2, w))
    weight = (lib.arange(2 * c * k[0] * k[1], dtype=lib.float64).reshape(2, c, *k) * 0.1).to(x.dtype)
    return r.choice((lambda: F.conv2d(x, weight, padding=1), lambda: F.conv2d(x, weight, stride=2), lambda: F.max_pool2d(x, k), lambda: F.avg_pool2d(x, k, 1), lambda: F.adaptive_avg_pool2d(x, 2),
                     lambda: F.interpolate(x, scale_factor=2, mode="bilinear"), lambda: F.interpolate(x, size=(3, 2)), lambda: F.pad(x, (1, 0, 1, 1), mode="replicate"),
                     lambda: F.conv_transpose2d(x, weight.transpose(0, 1).contiguous()), lambda: F.batch_norm(x.float() if is_half(x) else x, None, None, training=True), lambda: F.group_norm(x, 1), lambda: F.unfold(x, k),
                     lambda: F.pixel_unshuffle(F.interpolate(x, scale_factor=2), 2) if x.numel() else x * 1, lambda: F.adaptive_max_pool2d(x, 1), lambda: F.max_pool2d(x, k, 1, ceil_mode=True), lambda: F.softmax(x, 1),
                     lambda: F.local_response_norm(x, 2), lambda: F.instance_norm(x.float() if is_half(x) else x), lambda: lib.channel_shuffle(x, 1), lambda: F.interpolate(x, size=(3, 4), mode="bicubic"), lambda: F.avg_pool3d(x[None], (1, *k)), lambda: F.max_pool3d(x[None], (1, *k)),
                     lambda: F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2), lambda: F.conv3d(x[None], lib.ones((2, 1, 1, *k), dtype=x.dtype)) if x.shape[0] == 1 else F.dropout(x, 0.0), lambda: F.conv2d(x, weight[:, :1].repeat(c, 1, 1, 1)[:c], groups=c)))()  # fmt: skip


def subscript(lib, t, r):
    """An index of up to three parts: integers, slices, None, Ellipsis, lists, tensors of indices and masks."""
    parts, i, n = [], 0, t.dim()
    if n and r.random() < 0.15:
        return mask_like(lib, tuple(t.shape[: r.randrange(1, n + 1)]), r)
    dots = False
    while i < n and len(parts) < 4:
        size = t.shape[i]
        kind = r.choice(("int", "slice", "slice", "index", "index", "mask", "list", "none", "dots", "stop", "wide"))
        if kind == "stop":
            break
        if kind == "none":
            parts.append(None)
            continue
        if kind == "dots":
            if dots:
                continue
            dots = True
            parts.append(Ellipsis)
            i += 1
            continue
        if dots:  # the dims from here on are unknown: count from the end
            break
        if kind == "slice" or not size:
            parts.append(r.choice((slice(None), slice(1, None), slice(None, -1), slice(None, None, 2), slice(0, 1))))
        elif kind == "int":
            parts.append(r.randrange(-size, size))
        elif kind == "index":
            parts.append(indices(lib, size, r, 2))
        elif kind == "wide":
            parts.append(indices(lib, size, r, 2).reshape(2, 1).to(r.choice((lib.int64, lib.int32))))
        elif kind == "mask":
            parts.append(mask_like(lib, (size,), r))
        else:
            parts.append([r.randrange(size), r.randrange(size)])
        i += 1
    return tuple(parts) if len(parts) != 1 or r.random() < 0.5 else parts[0]


def indexing(lib, t, other, r):
    if not is_int(other) or other.dim() == 0 or r.random() < 0.9:
        at = subscript(lib, t, r)
        picks = any(isinstance(part, (list, lib.Tensor)) for part in (at if isinstance(at, tuple) else (at,)))
        return t[at].contiguous() if picks else t[at]
    return t[other.reshape(-1)[:2].to(lib.int64) * 0]


def assignment(lib, t, other, r):
    """A write through an index: a number, a tensor that fits by broadcasting, often of another dtype."""
    at = subscript(lib, t, r)
    value = r.choice((lambda: 2, lambda: 1.5, lambda: True, lambda: other.reshape(-1)[:1].squeeze(), lambda: t.detach().clone()[at] * 2, lambda: t.detach()[at].clone(),
                      lambda: other.reshape(-1)[:1], lambda: lib.tensor(3)))()  # fmt: skip
    how = r.random()
    if how < 0.75:
        t[at] = value
    elif how < 0.85:
        t[at] += 1
    else:
        t[at] *= value
    return t


def behind(t):
    """t, written without a word to its history."""
    t.data.mul_(2)
    return t


def inplace(lib, t, other, r):
    """A write into t, which may be a view; `other` is a copy."""
    if r.random() < 0.3:
        return assignment(lib, t, other, r)
    mask = mask_like(lib, tuple(t.shape), r)
    passive = t.detach()  # PyTorch leaves the gradient of what logical operators overwrite as it was
    choices = [lambda: t.mul_(0.5), lambda: t.add_(other, alpha=2), lambda: t.mul_(other), lambda: t.copy_(other), lambda: t.zero_(), lambda: t.fill_(2),
               lambda: t.sub_(1), lambda: t.neg_(), lambda: t.add_(1.5), lambda: t.clamp_(-1, 1), lambda: t.tanh_(), lambda: t.sigmoid_(), lambda: t.sub_(other),
               lambda: t.div_(2), lambda: t.masked_fill_(mask, 1), lambda: t.square_(), lambda: t.addcmul_(signed(lib, other), signed(lib, other), value=0.5), lambda: t.add_(1j), lambda: t.abs_(),
               lambda: t.div_(other * other + 1), lambda: t.masked_fill_(mask, other.reshape(-1)[:1].squeeze()), lambda: t.lerp_(like(other, t, r), 0.5), lambda: t.sin_(), lambda: t.floor_(),
               lambda: t.floor_divide_(2), lambda: t.remainder_(3), lambda: passive.logical_not_(), lambda: t.eq_(other.detach()), lambda: t.bitwise_and_(5), lambda: t.relu_(), lambda: t.pow_(2),
               lambda: t.copysign_(plain_nan(lib, other)), lambda: t.masked_scatter_(mask, other.reshape(-1).repeat(t.numel() + 1)), lambda: t.fmod_(2), lambda: t.round_(), lambda: t.gt_(0), lambda: t.exp_(),
               lambda: t.clamp_(min=other), lambda: t.atan2_(signed(lib, other)), lambda: t.ne_(1), lambda: passive.logical_and_(other), lambda: t.fill_(other.reshape(-1)[:1].squeeze()), lambda: t.__ior__(3),
               lambda: t.__ilshift__(1), lambda: t.true_divide_(2), lambda: t.hypot_(other), lambda: t.xlogy_(other.abs() + 1), lambda: t.addcdiv_(other, other * other + 1), lambda: t.nan_to_num_(),
               lambda: t.requires_grad_(False) if not t.requires_grad else t.detach().mul_(2), lambda: t.unsqueeze_(0), lambda: t.transpose_(0, -1), lambda: t.squeeze_(), lambda: t.asinh_(),
               lambda: t.trunc_(), lambda: behind(t * 1), lambda: t.clone().resize_(t.shape), lambda: t.conj_physical_(), lambda: t.sgn_(), lambda: t.heaviside_(other), lambda: t.maximum(other).neg_()]  # fmt: skip
    if t.dim():
        d = dim_of(t, r)
        i = forward_indices(lib, max(1, t.shape[d]), r, 2)
        some = index_like(lib, t, d, r)
        src = t.detach().clone()
        reduce_by = r.choice(("sum", "prod", "mean", "amax", "amin")[: 5 if is_real(t) else 3])
        choices += [lambda: t.index_fill_(d, i, 2), lambda: t.scatter_(d, some[:1], 1), lambda: t.scatter_add_(d, some, src), lambda: t.index_add_(d, i, src.index_select(d, i)),
                    lambda: t.cumsum_(d), lambda: t.tril_() if t.dim() > 1 else t.zero_(), lambda: t.scatter_(d, some, src), lambda: t.index_copy_(d, i[:1], src.index_select(d, i[:1])),
                    lambda: t.scatter_reduce_(d, some, src, reduce_by, include_self=r.random() < 0.5), lambda: t.index_put_((i[:1] * 0,), src[:1], accumulate=True),
                    lambda: t.put_(i, i.to(t.dtype)), lambda: t.index_reduce_(d, i, src.index_select(d, i), "prod"), lambda: t.fill_diagonal_(3), lambda: t.cumprod_(d),
                    lambda: t.triu_(1), lambda: t.nan_to_num_(0.0, 2.0, -2.0).renorm_(2, d, 1.0), lambda: t.swapaxes_(0, d), lambda: t.put_(i, i.to(t.dtype), accumulate=True), lambda: t.scatter_(d, some, 2, reduce="multiply"),
                    lambda: t.index_put_((i * 0,), other.reshape(-1)[:1].squeeze()), lambda: t.diagonal().fill_(1) if t.dim() > 1 else t.fill_(1)]  # fmt: skip
    return r.choice(choices)()


def layout(lib, t, r):
    """The same values in another layout."""
    if t.dim() == 4 and r.random() < 0.5:
        return t.contiguous(memory_format=lib.channels_last)
    if t.dim() >= 2 and r.random() < 0.6:
        order = order_of(t, r)
        return t.permute(order).contiguous().permute([order.index(i) for i in range(len(order))])
    if r.random() < 0.3:
        return lib.cat([t.reshape(-1)[:1], t.reshape(-1)])[1:].reshape(t.shape)  # an offset
    wide = lib.stack([t, t * 0], -1)
    return wide[..., 0]


def cast(lib, t, r, dtypes):
    name = r.choice(dtypes)
    if not is_real(t) and not name.startswith("complex"):
        t = t.real
    if is_float(t) and not name.startswith(("float", "bfloat", "complex")):
        t = lib.nan_to_num(t, 0.0, 50.0, -50.0).clamp(0 if name.startswith("u") else -50, 50)
    dtype = getattr(lib, name)
    return r.choice((lambda: t.to(dtype), lambda: t.type(dtype), lambda: t.to(dtype, copy=True), lambda: lib.zeros(1, dtype=dtype).copy_(t.reshape(-1)[:1]), lambda: t.to(lib.zeros((), dtype=dtype)),
                     lambda: lib.as_tensor(t, dtype=dtype), lambda: t.to(dtype)))()  # fmt: skip


def out_call(lib, a, b, r, dtypes):
    """Through out=: of the dtype of the result or another, of its size or not, contiguous or not."""
    x, y = a.detach(), b.detach()
    d = dim_of(x, r)
    name, shape = r.choice((name_of(x.dtype), name_of(x.dtype), r.choice(dtypes))), tuple(x.shape)
    out = lib.zeros(r.choice((shape, shape, (0,))), dtype=getattr(lib, name))
    if r.random() < 0.3 and out.dim() and out.numel():
        out = lib.stack([out, out], -1)[..., 0]
    if is_int(out) and is_float(x):
        x = lib.nan_to_num(x, 0.0, 50.0, -50.0)  # what an integer gets from nan is undefined
    long = lib.zeros(0, dtype=r.choice((lib.int64, lib.int64, lib.int32, lib.float32)))
    count = out.numel()
    result = r.choice((lambda: lib.add(x, x, out=out), lambda: lib.mul(x, 2, out=out), lambda: lib.neg(x, out=out), lambda: lib.sum(x, d, out=out), lambda: lib.cumsum(x, d, out=out),
                     lambda: lib.cat([x.reshape(-1), x.reshape(-1)], out=out), lambda: lib.sin(small(lib, x), out=out), lambda: lib.lt(x, y, out=out), lambda: lib.div(x, 3, out=out),
                     lambda: lib.where(x > 0, x, x * 2, out=out), lambda: lib.sort(x, d, stable=True, out=(out, long))[0], lambda: lib.max(x, d, out=(out, long))[0], lambda: lib.argmax(x, d, out=long) * 0,
                     lambda: lib.index_select(x.reshape(-1), 0, lib.tensor([0]), out=out), lambda: lib.mean(x, d, out=out), lambda: lib.clamp(x, -1, 1, out=out), lambda: lib.all(x != 0, d, out=out),
                     lambda: lib.matmul(x.reshape(-1), x.reshape(-1), out=out), lambda: lib.stack([x, x], out=out), lambda: lib.prod(small(lib, x), d, out=out), lambda: lib.logical_not(x, out=out),
                     lambda: lib.addcmul(x, x, small(lib, x), out=out), lambda: lib.abs(x, out=out), lambda: lib.gather(x, d, index_like(lib, x, d, r), out=out), lambda: lib.floor(x, out=out),
                     lambda: lib.bitwise_and(x, 3, out=out), lambda: lib.topk(x, 1, d, out=(out, long))[0], lambda: lib.masked_select(x, x > 0, out=out), lambda: lib.nonzero(x, out=long).contiguous(),
                     lambda: lib.take(x, lib.tensor([0]), out=out), lambda: lib.pow(x, 2, out=out), lambda: lib.maximum(x, y, out=out), lambda: lib.var(x, d, out=out), lambda: lib.tril(x, out=out),
                     lambda: lib.full(shape, 2, out=out), lambda: lib.arange(3, out=long), lambda: lib.add(x, x, out=x), lambda: lib.amax(x, d, out=out), lambda: lib.cumprod(small(lib, x), d, out=out),
                     lambda: lib.softmax(x, d, dtype=x.dtype), lambda: lib.logsumexp(x * 1.0 if is_float(x) else x.to(lib.float64), d, out=out), lambda: lib.remainder(x, 3, out=out), lambda: lib.sub(x, y, alpha=2, out=out), lambda: lib.add(a, b, out=out),
                     lambda: lib.isposinf(x, out=out), lambda: lib.outer(x.reshape(-1), x.reshape(-1), out=out), lambda: lib.round(x, out=out)))()  # fmt: skip
    return result.clone() if out._base is not None and out.numel() > count else result


def number(lib, t, r):
    """What Python gets from a tensor, made a tensor again."""
    x = t.detach()
    return r.choice((lambda: lib.tensor(x.reshape(-1)[:1].tolist()), lambda: lib.tensor(x.item()), lambda: lib.tensor(bool(x)), lambda: lib.tensor(int(x)), lambda: lib.tensor(len(x)),
                     lambda: lib.tensor(float(x)), lambda: lib.tensor(list(x.shape)), lambda: lib.tensor(x.is_contiguous()), lambda: lib.tensor(x.numel()), lambda: lib.tensor([x.reshape(-1)[0]]),
                     lambda: lib.tensor(complex(x)), lambda: lib.full((2,), x.item()), lambda: lib.tensor(x.tolist()), lambda: lib.tensor([i.sum().item() for i in x]), lambda: lib.tensor(range(3))[int(x)],
                     lambda: lib.full((2, 2), x.reshape(-1)[0].item(), dtype=t.dtype), lambda: lib.as_tensor(x.tolist(), dtype=t.dtype), lambda: lib.tensor(3 in x), lambda: lib.scalar_tensor(x.item())))()  # fmt: skip


def run_step(lib, kind, registers, r, dtypes):
    a, b = r.choice(registers), r.choice(registers)
    if kind == "inplace":
        return inplace(lib, a, b * 1, r)  # a copy: what a write from overlapping memory gives is undefined
    if kind == "cast":
        return cast(lib, a, r, dtypes)
    if kind == "out":
        return out_call(lib, a, b, r, dtypes)
    if kind in PAIRS:
        return PAIRS[kind](lib, a, b, r)
    result = SINGLES[kind](lib, a, r)
    if kind == "algebra":
        return result.clone(memory_format=lib.contiguous_format)
    return (
        result.contiguous() if kind in ("layers", "reduce_discrete", "special", "losses", "images", "forms") else result
    )


PAIRS = {"binary": binary, "discrete": binary_discrete, "product": product, "indexing": indexing}
SINGLES = {"unary": unary, "rounding": rounding, "scalar": scalar, "reduce": reduce, "reduce_discrete": reduce_discrete, "view": view, "move": move, "layout": layout,
           "algebra": algebra, "layers": layers, "number": number}  # fmt: skip
