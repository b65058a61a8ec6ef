"""Random programs of 3 to 8 operators over many dtypes, layouts and kinds of call, run on rustorch and on PyTorch;
dtypes, shapes, values and gradients of first and second order must agree. Open: numbers on the bounds of clamp, integer
remainders by a divisor that its dtype cannot hold, negation of unsigned operands in atan2's gradient, statistics of one element.

    python tests/differential/random_ops.py [--count 1000] [--seed 0] [--seconds S] [--verbose]

Needs torch and rustorch in one interpreter. Programs are of two kinds. "exact" ones mix float64, complex128, integers and
bool with every operator below. "low" ones use float32, float16 and bfloat16, continuous operators only (a comparison or
a sort may turn on a last bit) and tolerances of the dtype. Every choice of a step is drawn from a generator seeded by
program and step, so both sides draw the same ones. The exit status is 1 when there is a difference.
"""

import argparse
import random
import sys
import time
import warnings

import numpy as np
from random_programs import same

EXACT = ("float64", "float64", "float64", "float64", "int64", "int32", "uint8", "int8", "int16", "bool", "complex128")
LOW = ("float32", "float32", "float16", "bfloat16")
TOLERANCE = {"float32": 2e-4, "float16": 4e-2, "bfloat16": 3e-1}
MAX = 600  # elements of a register


def name_of(dtype):
    return str(dtype).rsplit(".", 1)[-1]


def is_float(t):
    return name_of(t.dtype) in ("float64", "float32", "float16", "bfloat16")


def is_real(t):
    return not name_of(t.dtype).startswith("complex")


def dim_of(t, r):
    return r.randrange(-t.dim(), t.dim()) if t.dim() else 0


def small(lib, t):
    """A bounded version, so that values do not run away."""
    return lib.tanh(t) * 2 if is_float(t) or not is_real(t) else t


def perm(t, r):
    order = list(range(t.dim()))
    r.shuffle(order)
    return order


def index_for(lib, size, r, count=3):
    return lib.tensor([r.randrange(size) for _ in range(count)], dtype=lib.int64)


def index_like(lib, t, d, r):
    """Indices into dim d for gather and the like: the shape of t, each dim 1 or full."""
    shape = [max(1, s - r.randrange(2)) for s in t.shape]
    numbers = np.array(
        [r.randrange(max(1, t.shape[d] if t.dim() else 1)) for _ in range(int(np.prod(shape)))], dtype=np.int64
    )
    return lib.tensor(numbers.tolist(), dtype=lib.int64).reshape(shape)


UNARY = ("sin", "cos", "tanh", "sigmoid", "neg", "square", "exp", "expm1", "atan", "asinh", "sinh", "cosh")
UNARY_REAL = ("abs", "erf", "erfc", "relu", "log1p_abs", "sqrt_abs", "rsqrt_1", "softplus", "gelu", "silu", "leaky_relu", "elu", "hardtanh", "logit_s",
              "selu", "mish", "softsign", "hardswish", "relu6", "celu", "logsigmoid", "exp2", "sinc", "digamma_1", "lgamma_1")  # fmt: skip
ROUND = ("floor", "ceil", "round", "trunc", "frac", "sign", "isnan", "isfinite", "signbit", "logical_not", "heaviside")


def unary(lib, t, r):
    F = lib.nn.functional
    names = UNARY + (UNARY_REAL if is_real(t) else ())
    name = r.choice(names)
    x = small(lib, t)
    special = {
        "log1p_abs": lambda: lib.log1p(x.abs()), "sqrt_abs": lambda: lib.sqrt(x.abs() + 0.25), "rsqrt_1": lambda: lib.rsqrt(x.abs() + 1),
        "logit_s": lambda: lib.logit(lib.sigmoid(x)), "digamma_1": lambda: lib.digamma(x.abs() + 1), "lgamma_1": lambda: lib.lgamma(x.abs() + 1),
    }  # fmt: skip
    if name in special:
        return special[name]()
    for where in (lib, F):
        if hasattr(where, name):
            return getattr(where, name)(x)
    raise AssertionError(name)


def rounding(lib, t, r):
    name = r.choice(ROUND)
    return lib.heaviside(t, lib.ones((), dtype=t.dtype)) if name == "heaviside" else getattr(lib, name)(t)


def binary(lib, a, b, r):
    choices = [lambda: a + b, lambda: a - b, lambda: a * small(lib, b), lambda: lib.add(a, b, alpha=2), lambda: lib.rsub(a, b), lambda: a / (b * b + 1),
               lambda: lib.addcmul(a, small(lib, b), small(lib, a), value=2)]  # fmt: skip
    if is_real(a) and is_real(b):
        choices += [lambda: lib.maximum(a, b), lambda: lib.minimum(a, b), lambda: lib.hypot(a, b), lambda: lib.atan2(a, b.abs() + 1),
                    lambda: lib.logaddexp(small(lib, a), small(lib, b)), lambda: (small(lib, a).abs() + 0.5) ** small(lib, b),
                    lambda: lib.fmax(a, b), lambda: lib.xlogy(a, b.abs() + 1), lambda: lib.lerp(a, b, 0.25)]  # fmt: skip
    return r.choice(choices)()


def binary_discrete(lib, a, b, r):
    return r.choice((
        lambda: a < b, lambda: a == b, lambda: lib.ge(a, b), lambda: lib.logical_and(a, b), lambda: lib.logical_xor(a, b), lambda: lib.copysign(a, b),
        lambda: lib.remainder(a, b * b + 1), lambda: lib.fmod(a, b * b + 1), lambda: lib.floor_divide(a, b * b + 1), lambda: lib.where(a > b, a, b),
        lambda: lib.bitwise_and(a, b), lambda: lib.bitwise_xor(a, b), lambda: a | b, lambda: lib.gcd(a, b), lambda: lib.bitwise_left_shift(a, b & 3),
        lambda: lib.isclose(a, b), lambda: lib.ne(a, 1), lambda: lib.where(b > 0, a, 2), lambda: a > 0.5,
    ))()  # fmt: skip


def scalar(lib, t, r):
    v = r.choice((2, -1, 0.5, True, 1.5, 3))
    return r.choice((lambda: t + v, lambda: v - t, lambda: t * v, lambda: t / 2, lambda: lib.clamp(t, -1, 1), lambda: lib.clamp(t, min=v),
                     lambda: t**2, lambda: t**3, lambda: lib.add(t, v, alpha=3), lambda: lib.full_like(t, v), lambda: 2 / (t * t + 1)))()  # fmt: skip


def reduce(lib, t, r):
    d, keep = dim_of(t, r), r.random() < 0.5
    choices = [lambda: t.sum(d, keepdim=keep), lambda: t.sum(), lambda: t.mean(d, keepdim=keep), lambda: small(lib, t).prod(d, keepdim=keep),
               lambda: t.cumsum(d), lambda: small(lib, t).cumprod(d), lambda: lib.linalg.vector_norm(t + 0.1), lambda: t.var(d, keepdim=keep),
               lambda: t.std(), lambda: lib.diff(t, dim=d)]  # fmt: skip
    if t.dim() > 1:
        choices += [lambda: t.sum((0, -1), keepdim=keep), lambda: t.mean((0, 1))]
    if is_real(t):
        choices += [lambda: t.amax(d, keepdim=keep), lambda: t.amin(), lambda: lib.logsumexp(t, d, keepdim=keep), lambda: lib.softmax(t, d),
                    lambda: lib.log_softmax(t, d), lambda: lib.logcumsumexp(t, d), lambda: t.norm(1, d), lambda: lib.nansum(t, d)]  # fmt: skip
    return r.choice(choices)()


def reduce_discrete(lib, t, r):
    d = dim_of(t, r)
    return r.choice((
        lambda: t.all(d), lambda: t.any(), lambda: t.count_nonzero(d), lambda: t.sort(d, stable=True)[0], lambda: t.argsort(d, stable=True),
        lambda: t.max(d)[0], lambda: t.min(d, keepdim=True)[0], lambda: t.cummax(d)[0], lambda: t.topk(1, d)[0], lambda: t.median(d)[0],
        lambda: lib.unique(t), lambda: t.nonzero(), lambda: t.kthvalue(1, d)[0], lambda: lib.aminmax(t)[1], lambda: t.sort(d, descending=True, stable=True)[1],
        lambda: lib.nanmedian(t), lambda: lib.cummin(t, d)[1] * 0, lambda: t.argmax(d) * 0,
    ))()  # fmt: skip


def view(lib, t, r):
    n, d = t.dim(), dim_of(t, r)
    size = t.shape[d] if n else 1
    start = r.randrange(size) if size else 0
    choices = [
        lambda: t.unsqueeze(r.randrange(-n - 1, n + 1)),
        lambda: t.squeeze(),
        lambda: t.reshape(-1),
        lambda: t.expand(2, *t.shape),
    ]
    if n:
        choices += [lambda: t.permute(perm(t, r)), lambda: t.transpose(d, dim_of(t, r)), lambda: t.narrow(d, start, size - start), lambda: t.select(d, start),
                    lambda: t[..., ::2], lambda: t.flatten(), lambda: t.movedim(d, 0), lambda: t.chunk(2, d)[-1], lambda: t.split(1, d)[0],
                    lambda: t.unfold(d, min(2, size), 1), lambda: t.unbind(d)[0], lambda: t[1:], lambda: t[..., None, -1], lambda: t.swapaxes(0, d)]  # fmt: skip
    if n >= 2:
        choices += [
            lambda: t.diagonal(r.choice((-1, 0, 1))),
            lambda: t.mT,
            lambda: t.unflatten(0, (t.shape[0], 1)),
            lambda: t.flatten(0, 1),
        ]
    if not is_real(t):
        choices += [lambda: t.real, lambda: t.imag, lambda: t.conj() * 1, lambda: lib.view_as_real(t)]
    return r.choice(choices)()


def move(lib, t, r):
    """Copies that rearrange."""
    d = dim_of(t, r)
    size = t.shape[d] if t.dim() else 1
    choices = [
        lambda: t.clone(),
        lambda: t.contiguous(),
        lambda: t.repeat(2, *[1] * t.dim()),
        lambda: lib.stack([t, t], d),
        lambda: lib.zeros_like(t) + t,
    ]
    if t.dim() and size:
        choices += [lambda: t.flip(d), lambda: t.roll(1, d), lambda: lib.cat([t, t.narrow(d, 0, 1)], d), lambda: t.index_select(d, index_for(lib, size, r)),
                    lambda: t.gather(d, index_like(lib, t, d, r)), lambda: t.repeat_interleave(2, d), lambda: t[index_for(lib, t.shape[0], r)],
                    lambda: lib.nn.functional.pad(t, (1, 1)), lambda: t.tile((2,)),
                    lambda: lib.nn.functional.pad(t, (1, 0), value=1.5 if is_float(t) else 1), lambda: lib.take(t, index_for(lib, t.numel(), r)),
                    lambda: t[..., index_for(lib, t.shape[-1], r)]]  # fmt: skip
    if t.dim() >= 2:
        choices += [
            lambda: t.tril(),
            lambda: t.triu(1),
            lambda: lib.rot90(t),
            lambda: t[index_for(lib, t.shape[0], r), index_for(lib, t.shape[1], r)],
        ]
    if t.dim() == 1:
        choices += [
            lambda: lib.diag_embed(t),
            lambda: lib.vander(small(lib, t), 2),
            lambda: lib.outer(t, t),
            lambda: lib.combinations(t),
        ]
    return r.choice(choices)()


def product(lib, a, b, r):
    """Matrix products on what fits."""
    if not a.dim() or not b.dim():
        return a * small(lib, b)
    b = small(lib, b).to(a.dtype) if r.random() < 0.9 else b
    last = a.shape[-1]
    b2 = b.reshape(-1)
    if b2.numel() < last or last == 0:
        return lib.tensordot(a, a, dims=a.dim())
    m = b2[: last * min(4, b2.numel() // last)].reshape(last, -1)
    if r.random() < 0.4:
        m = b2[: m.numel()].reshape(-1, last).t()  # a transposed operand
    return r.choice((lambda: a @ m, lambda: lib.matmul(m.t(), a.reshape(-1, last).t()), lambda: lib.einsum("...i,ij->...j", a, m),
                     lambda: lib.nn.functional.linear(a, m.t()), lambda: a @ m[:, 0], lambda: lib.addmm(lib.ones((), dtype=a.dtype), a.reshape(-1, last), m),
                     lambda: lib.tensordot(a, m, 1), lambda: lib.linalg.multi_dot([a.reshape(-1, last), m, m.t()]), lambda: lib.kron(m, m[:1])))()  # fmt: skip


def inplace(lib, t, other, r):
    """A write into t, which may be a view; `other` is a copy."""
    choices = [lambda: t.mul_(0.5), lambda: t.add_(other, alpha=2), lambda: t.mul_(other), lambda: t.copy_(other), lambda: t.zero_(), lambda: t.fill_(2),
               lambda: t.sub_(1), lambda: t.neg_(), lambda: t.add_(1.5), lambda: t.clamp_(-1, 1), lambda: t.tanh_(), lambda: t.sigmoid_(),
               lambda: t.div_(2), lambda: t.masked_fill_(t.detach().real > 0, 1), lambda: t.square_(), lambda: t.addcmul_(other, other, value=0.5)]  # fmt: skip
    if t.dim():
        d = dim_of(t, r)
        i = index_for(lib, max(1, t.shape[d]), r, 2)

        def assign(at, value):
            t[at] = value
            return t

        choices += [lambda: assign((Ellipsis, slice(0, 1)), 3), lambda: assign(0, other.reshape(-1)[:1].squeeze()), lambda: t.index_fill_(d, i, 2),
                    lambda: t.scatter_(d, index_like(lib, t, d, r)[:1], 1), lambda: t.scatter_add_(d, index_like(lib, t, d, r), t.detach().clone()),
                    lambda: t.index_add_(d, i, t.detach().clone().index_select(d, i)), lambda: assign(t.detach().real > 0, 2), lambda: t.cumsum_(d),
                    lambda: assign(index_for(lib, t.shape[0], r, 1), 1), lambda: t.tril_() if t.dim() > 1 else t.zero_()]  # fmt: skip
    return r.choice(choices)()


def layout(lib, t, r):
    """The same values in another layout."""
    if t.dim() == 4 and r.random() < 0.5:
        return t.contiguous(memory_format=lib.channels_last)
    if t.dim() >= 2 and r.random() < 0.6:
        order = perm(t, r)
        return t.permute(order).contiguous().permute([order.index(i) for i in range(len(order))])
    wide = lib.stack([t, t * 0], -1)
    return wide[..., 0]


def cast(lib, t, r, dtypes):
    name = r.choice(dtypes)
    if not is_real(t) and not name.startswith("complex"):
        t = t.real
    if is_float(t) and not name.startswith(("float", "bfloat", "complex")):
        t = t.clamp(0 if name.startswith("u") else -50, 50)
    return t.to(getattr(lib, name))


def out_call(lib, t, r):
    """Through out=, of a tensor that has the size or not."""
    out = lib.zeros(r.choice((tuple(t.shape), (0,))), dtype=t.dtype)
    x = t.detach()
    return r.choice((lambda: lib.add(x, x, out=out), lambda: lib.mul(x, 2, out=out), lambda: lib.neg(x, out=out), lambda: lib.sum(x, 0, out=lib.zeros(0, dtype=t.dtype)),
                     lambda: lib.cat([x.reshape(-1), x.reshape(-1)], out=lib.zeros(0, dtype=t.dtype)), lambda: lib.cumsum(x, 0, out=out)))()  # fmt: skip


def step(lib, kind, registers, r, low):
    a, b = r.choice(registers), r.choice(registers)
    if kind == "inplace":
        return inplace(lib, a, b * 1, r)
    if kind == "cast":
        return cast(lib, a, r, LOW if low else EXACT)
    calls = {"unary": unary, "rounding": rounding, "scalar": scalar, "reduce": reduce, "reduce_discrete": reduce_discrete, "view": view, "move": move,
             "layout": layout, "out": out_call}  # fmt: skip
    if kind in calls:
        return calls[kind](lib, a, r)
    return {"binary": binary, "discrete": binary_discrete, "product": product}[kind](lib, a, b, r)


SMOOTH = (
    "unary",
    "binary",
    "scalar",
    "reduce",
    "view",
    "view",
    "move",
    "layout",
    "product",
    "inplace",
    "inplace",
    "cast",
    "out",
)
KINDS = SMOOTH + ("rounding", "discrete", "reduce_discrete")


def make_leaves(seed):
    """(dtype name, values) of the leaves, and whether the program is a low one."""
    r = random.Random(f"{seed}/leaves")
    low = r.random() < 0.25
    g = np.random.default_rng(seed)
    leaves = []
    for i in range(3):
        name = r.choice(LOW) if low else ("float64" if i == 0 else r.choice(EXACT))
        shape = tuple(r.choice((1, 2, 3, 4)) for _ in range(r.choice((0, 1, 2, 2, 3, 3, 4))))
        if not r.randrange(40):
            shape += (0,)
        if name.startswith(("float", "bfloat")):
            data = g.standard_normal(shape).round(4)
        elif name.startswith("complex"):
            data = g.standard_normal(shape).round(4) + 1j * g.standard_normal(shape).round(4)
        elif name == "bool":
            data = g.integers(0, 2, shape).astype(bool)
        else:
            data = g.integers(0 if name == "uint8" else -6, 7, shape)
        leaves.append((name, data))
    return leaves, low


REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError, ArithmeticError, AttributeError)


def plain(t):
    """(dtype, shape, values) for comparison."""
    return (
        None if t is None else (name_of(t.dtype), tuple(t.shape), np.array(t.detach().tolist()).reshape(tuple(t.shape)))
    )


class Side:
    """One framework's half of a program."""

    def __init__(self, lib, seed):
        self.lib, self.seed = lib, seed
        leaves, self.low = make_leaves(seed)
        self.leaves = []
        for name, data in leaves:
            t = lib.tensor(np.asarray(data).tolist(), dtype=getattr(lib, name)).reshape(data.shape)
            self.leaves.append(t.requires_grad_(True) if name.startswith(("float", "bfloat", "complex")) else t)
        self.registers = [t * 1 if t.dtype != lib.bool else t.clone() for t in self.leaves]

    def step(self, i, kind):
        """The new register, or the text of the refusal."""
        try:
            return step(self.lib, kind, self.registers, random.Random(f"{self.seed}/{i}"), self.low)
        except REFUSALS as error:
            return f"{type(error).__name__}: {error}"

    def gradients(self, again):
        """Gradients of first and, with `again`, second order of a sum over all registers; or a refusal."""
        lib, parts = self.lib, []
        wanted = [t for t in self.leaves if t.requires_grad]
        try:
            for x in self.registers:
                if x.requires_grad:
                    x = small(lib, x.reshape(-1))
                    parts.append(((x * x.conj()).real if not is_real(x) else x * (1.0 + 0.1 * x)).sum().to(lib.float64))
            if not parts:
                return [[], []]
            first = lib.autograd.grad(sum(parts[1:], parts[0]), wanted, allow_unused=True, create_graph=again)
            seen = (
                [(g * g.conj()).real.sum().to(lib.float64) for g in first if g is not None and g.requires_grad]
                if again
                else []
            )
            second = lib.autograd.grad(sum(seen[1:], seen[0]), wanted, allow_unused=True) if seen else []
        except REFUSALS as error:
            return f"{type(error).__name__}: {error}"
        return [[plain(t) for t in first], [plain(t) for t in second]]


# What PyTorch refuses or leaves open, and this library need not.
THEIR_LIMITS = (
    "not implemented", "not yet implemented", "modified by an inplace operation", "not supported", "not support", "unsupported",
    "for `end` but got dtype",  # lerp of two dtypes
    "view size is not compatible",  # linear, einsum of inputs that cannot be flattened
)  # fmt: skip
OUR_CARE = (
    "refers to a single memory location", "refer to a single memory location",  # overlap that PyTorch does not look for
    "expected m1 and m2 to have the same dtype", '"mm" not implemented for',  # PyTorch multiplies elementwise when the inner size is 1
)  # fmt: skip


def close(x, y, slack):
    if x is None or y is None:
        return all(z is None or not np.any(z[2]) for z in (x, y))
    if x[0] != y[0] or x[1] != y[1]:
        return False
    tolerance = max(TOLERANCE.get(x[0], 0), slack)
    if tolerance < 1e-9:
        return same(x[2], y[2])
    with np.errstate(all="ignore"):
        return np.allclose(
            x[2],
            y[2],
            rtol=tolerance,
            atol=tolerance * max(1.0, float(np.max(np.abs(y[2][np.isfinite(y[2])]), initial=0))),
            equal_nan=True,
        )


def verdict(ours, theirs):
    """Of two results of which at least one is a refusal: None when that is fine, else a text."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return None
    if isinstance(theirs, str) and any(text in theirs for text in THEIR_LIMITS):
        return None
    if isinstance(ours, str) and any(text in ours for text in OUR_CARE):
        return None
    return f"ours {ours[:200] if isinstance(ours, str) else 'ran'}; theirs {theirs[:200] if isinstance(theirs, str) else 'ran'}"


def compare(seed, target, judge, trace):
    """None when both agree, else a text. A step that is refused leaves the program."""
    sides = [Side(lib, seed) for lib in (target, judge)]
    low, slack = sides[0].low, 0
    plan = random.Random(f"{seed}/plan")
    for i in range(plan.randint(3, 8)):
        kind = plan.choice(SMOOTH if low else KINDS)
        ours, theirs = (side.step(i, kind) for side in sides)
        if isinstance(ours, str) or isinstance(theirs, str):
            trace.append(f"{kind} refused")
            text = verdict(ours, theirs)
            if text:
                return f"{kind}: {text}"
            if isinstance(ours, str) and isinstance(theirs, str):
                continue
            return None  # one of them may have written
        trace.append(f"{kind} -> {name_of(theirs.dtype)}{list(theirs.shape)}")
        for side, result in zip(sides, (ours, theirs)):
            side.registers.append(result)
        slack = max(TOLERANCE.get(name_of(t.dtype), 0) for t in sides[1].registers)
        if not close(plain(ours), plain(theirs), slack):
            return f"{kind}: {plain(ours)} against {plain(theirs)}"
        if theirs.numel() > MAX:
            break
    for i, (x, y) in enumerate(zip(*(side.registers for side in sides))):  # later writes reach earlier registers
        if not close(plain(x), plain(y), slack):
            return f"register {i} in the end: {plain(x)} against {plain(y)}"
    again = not low and plan.random() < 0.5
    ours, theirs = (side.gradients(again) for side in sides)
    if isinstance(ours, str) or isinstance(theirs, str):
        text = verdict(ours, theirs)
        return f"gradients: {text}" if text else None
    slack = max(TOLERANCE.get(name_of(t.dtype), 0) for t in sides[1].registers)
    for what, mine, other in zip(("gradient", "second gradient"), ours, theirs):
        for i, (x, y) in enumerate(zip(mine, other)):
            if not close(x, y, slack or 2e-6):
                return f"{what} {i}: {x} against {y}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    import torch

    import rustorch

    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    bad = done = steps = 0
    end = time.monotonic() + args.seconds
    for seed in range(args.seed, args.seed + args.count):
        if time.monotonic() > end:
            break
        trace = []
        difference = compare(seed, rustorch, torch, trace)
        done += 1
        steps += sum("->" in t for t in trace)
        if difference:
            bad += 1
            if bad <= 20 or args.verbose:
                print(f"seed {seed}: {difference}\n  {[name for name, _ in make_leaves(seed)[0]]} {trace}", flush=True)
    print(f"{done - bad} passed, {bad} failed; {steps / max(1, done):.1f} steps a program that both ran")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
