"""Small calls in which random programs (tests/differential) found rustorch and PyTorch apart; both run them.

Each case takes the library and gives a tensor or a tuple of tensors. findings.json holds what PyTorch gives: dtype, shape,
whether it requires a gradient, values; or "refused".
"""

INF, NAN = float("inf"), float("nan")


def leaf(lib, values, dtype="float64"):
    return lib.tensor(values, dtype=getattr(lib, dtype), requires_grad=True)


def gradients(f, *values, dtype="float64", weight=None):
    """Gradients of sum(f(...) * weight) by all arguments."""

    def case(lib):
        xs = [leaf(lib, v, dtype) for v in values]
        y = f(lib, *xs)
        if weight is not None:
            y = y * lib.tensor(weight, dtype=y.dtype)
        return lib.autograd.grad(y.sum(), xs)

    return case


def second(f, *values):
    """Gradients of the sum of squares of the gradients."""

    def case(lib):
        xs = [leaf(lib, v) for v in values]
        first = lib.autograd.grad(f(lib, *xs).sum(), xs, create_graph=True)
        return lib.autograd.grad(sum((g * g).sum() for g in first), xs)

    return case


def small_int(f, dtype="uint8", values=(7, 44, 255)):
    return lambda lib: f(lib, lib.tensor(values, dtype=getattr(lib, dtype)))


def out_dtype(f, into, source="float32"):
    """f through out= of another dtype."""
    return lambda lib: f(lib, lib.tensor([1.0, 2.0]).to(getattr(lib, source)), lib.zeros(0, dtype=getattr(lib, into)))


def written(f, values, dtype="float64"):
    def case(lib):
        t = lib.tensor(values, dtype=getattr(lib, dtype))
        f(lib, t)
        return t

    return case


def assign(at, value):
    def f(lib, t):
        t[at(lib)] = value(lib)

    return f


def frozen_linear(which):
    """linear() keeps its input only when the weight needs a gradient, and the other way round."""

    def case(lib):
        x, w = leaf(lib, [[1.0, 2.0]]), leaf(lib, [[1.0, 3.0]])
        if which == "weight":
            h = x * 1
            y = lib.nn.functional.linear(h, w.detach())
            h.mul_(2)
            return lib.autograd.grad(y.sum(), [x])
        h = w * 1
        y = lib.nn.functional.linear(x.detach(), h)
        h.mul_(2)
        return lib.autograd.grad(y.sum(), [w])

    return case


def part_can_be_written(lib):
    x = leaf(lib, [1.0, 2.0, 3.0])
    h = x * 1
    lib.tensor_split(h, 2)[0].mul_(3)
    return (h,) + tuple(lib.autograd.grad(h.sum(), [x]))


def integers_have_no_gradient(lib):
    return lib.zeros(2, dtype=lib.int64).copy_(leaf(lib, [1.0, 2.0]))


def scatter_refusal_writes_nothing(lib):
    t = lib.tensor([1.5, 2.5], dtype=lib.complex64)
    try:
        t.scatter_reduce_(0, lib.tensor([0, 1]), t.clone(), "amax", include_self=True)
    except RuntimeError:
        pass
    return t


def power_of_number(lib):
    """Recorded gradients of a negative number to a complex power."""
    x = leaf(lib, [0.5 + 1j, -0.25], "complex128")
    return lib.autograd.grad(((-2.5) ** x).real.sum(), [x], create_graph=True)


def unmoved(lib):
    """resize_ to the size that a transposed tensor has."""
    return lib.arange(6).reshape(2, 3).t().resize_(3, 2)


LINE = [-1.0, 1.0, 0.0, 2.0, NAN]
BOUNDS = ([1.0, 1, 1, 1, 1, 0, 2, NAN, 1, 1], [1.0, 1, 0, 1, 2, 1, 1, 1, NAN, 0], [1.0, 2, 1, 0, 1, 1, 1, 2, 2, NAN])
PAIR = ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0])
ODD = [INF, NAN, NAN]
ROOTS = [-INF, -0.0, INF, 4.0, NAN]

CASES = {
    "clamp": gradients(lambda lib, x: lib.clamp(x, -1, 1), LINE),
    "clamp_": gradients(lambda lib, x: (x * 1).clamp_(-1, 1), LINE),
    "clamp_min": gradients(lambda lib, x: lib.clamp_min(x, 1), LINE),
    "clamp_max": gradients(lambda lib, x: lib.clamp_max(x, 1), LINE),
    "clamp crossed": gradients(lambda lib, x: lib.clamp(x, 2, 1), LINE),
    "clamp tensors": gradients(lambda lib, x, a, b: lib.clamp(x, a, b), *BOUNDS),
    "clamp min tensor": gradients(lambda lib, x, a: lib.clamp(x, min=a), [1.0, 1, 1, NAN, 1], [1.0, 2, 0, 1, NAN]),
    "clamp max tensor": gradients(lambda lib, x, a: lib.clamp_max(x, a), [1.0, 1, 1, NAN, 1], [1.0, 2, 0, 1, NAN]),
    "hardtanh": gradients(lambda lib, x: lib.nn.functional.hardtanh(x), LINE),
    "relu6": gradients(lambda lib, x: lib.nn.functional.relu6(x), [0.0, 6.0, 3.0, NAN]),
    "maximum": gradients(lambda lib, x, y: lib.maximum(x, y), *PAIR, weight=ODD),
    "minimum": gradients(lambda lib, x, y: lib.minimum(x, y), *PAIR, weight=ODD),
    "maximum second": second(lambda lib, x, y: lib.minimum(x, y) ** 3, [NAN, 1.0, 2.0], [1.5, 1.5, 1.5]),
    "copysign": second(lambda lib, x, y: lib.copysign(x * x, y), [0.5, 1.0, -2.0], [1.0, 2.0, -0.0]),
    "copysign nan": gradients(lambda lib, x, y: lib.copysign(x, y), [0.0, 1.0, NAN], [1.0, -1.0, NAN]),
    "floor": gradients(lambda lib, x: lib.floor(x), [0.0, 1.0, -2.0], weight=ODD),
    "sign": gradients(lambda lib, x: lib.sign(x), [0.0, 1.0, -2.0], weight=ODD),
    "xlogy": gradients(lambda lib, x: lib.xlogy(x, lib.tensor([0.0, 1, 2], dtype=lib.float64)), [0.0, 1.0, 2.0], weight=ODD),
    "power 0": gradients(lambda lib, x: x**0, [0.0, 1.0, 2.0], weight=ODD),
    "power 0.5": lambda lib: lib.tensor(ROOTS) ** 0.5,
    "power -0.5": lambda lib: lib.tensor(ROOTS) ** -0.5,
    "power 0.5 gradient": gradients(lambda lib, x: x**0.5, ROOTS),
    "power 0 second": second(lambda lib, x: x**0 * x, [0.0, 2.0]),
    "power 0.5 written": gradients(lambda lib, x: (x**0.5).mul_(2), [4.0]),
    "erfinv written": gradients(lambda lib, x: lib.erfinv(x).mul_(2), [0.5]),
    "complex power of a number": power_of_number,
    "heaviside": lambda lib: lib.heaviside(leaf(lib, [1.0]), leaf(lib, [1.0])),
    "heaviside gradient": gradients(lambda lib, x: lib.heaviside(x, x), [1.0]),
    "nextafter gradient": gradients(lambda lib, x, y: lib.nextafter(x, y), [1.0, 2.0, NAN], [2.0, 2.0, 1.0]),
    "unique": lambda lib: lib.unique(leaf(lib, [2.0, 1.0, 2.0])),
    "unique gradient": gradients(lambda lib, x: lib.unique(x), [2.0, 1.0]),
    "remainder number": small_int(lambda lib, u: lib.remainder(u, -3)),
    "remainder wide": small_int(lambda lib, u: lib.remainder(u, lib.tensor(300))),
    "fmod number": small_int(lambda lib, u: lib.fmod(u, 300)),
    "floor_divide wide": small_int(lambda lib, u: u // lib.tensor(300)),
    "floor_divide int8": small_int(lambda lib, u: u // 300, "int8", (7, 100, -5)),
    "wide by narrow": small_int(lambda lib, u: lib.remainder(lib.tensor(-300), u)),
    "equal number": small_int(lambda lib, u: u == 300),
    "greater number": small_int(lambda lib, u: u > -3),
    "maximum wide": small_int(lambda lib, u: lib.maximum(u, lib.tensor(300))),
    "in place": small_int(lambda lib, u: u.remainder_(300)),
    "clamp number": small_int(lambda lib, u: lib.clamp(u, -1, 300)),
    "clamp beyond": small_int(lambda lib, u: lib.clamp(u, min=300)),
    "clamp below": small_int(lambda lib, u: lib.clamp_max(u, -1)),
    "fill": small_int(lambda lib, u: u.fill_(300)),
    "fill negative": small_int(lambda lib, u: u.fill_(-3)),
    "full": small_int(lambda lib, u: lib.full_like(u, 300)),
    "full float": lambda lib: lib.full((1,), 1e39, dtype=lib.float32),
    "full inf": lambda lib: lib.full((1,), INF, dtype=lib.float16),
    "full nan": lambda lib: lib.full((1,), NAN, dtype=lib.int32),
    "masked_fill": small_int(lambda lib, u: u.masked_fill(u > 9, 300)),
    "fill complex": lambda lib: lib.zeros(1).fill_(2 + 0j),
    "assign": written(assign(lambda lib: 0, lambda lib: 300), [1, 2], "uint8"),
    "mask takes one number": written(assign(lambda lib: lib.tensor([True, False]), lambda lib: lib.tensor([3])), [7.0, 8.0]),
    "mask after all": written(assign(lambda lib: (slice(None), lib.tensor([True, False])), lambda lib: lib.tensor(3)), [[7.0, 8.0]]),
    "index keeps dtype": written(assign(lambda lib: lib.tensor([0]), lambda lib: lib.tensor(3)), [7.0, 8.0]),
    "index of nothing": lambda lib: lib.ones(2, 2)[[0, 1], :][lib.tensor([[0], [1]]), lib.tensor([], dtype=lib.int64)],
    "out float of argmax": out_dtype(lambda lib, x, out: lib.argmax(x, 0, out=out), "float32"),
    "out int of argmax": out_dtype(lambda lib, x, out: lib.argmax(x, 0, out=out), "int64"),
    "out double of floor": out_dtype(lambda lib, x, out: lib.floor(x, out=out), "float64"),
    "out double of where": out_dtype(lambda lib, x, out: lib.where(x > 1, x, x, out=out), "float64"),
    "out double of matmul": out_dtype(lambda lib, x, out: lib.matmul(x, x, out=out), "float64"),
    "out float of all": out_dtype(lambda lib, x, out: lib.all(x, 0, out=out), "float32"),
    "out bool of all": out_dtype(lambda lib, x, out: lib.all(x, 0, out=out), "bool", "uint8"),
    "out int of isposinf": out_dtype(lambda lib, x, out: lib.isposinf(x, out=out), "int32"),
    "out int of ones": out_dtype(lambda lib, x, out: lib.ones(2, out=out), "int32"),
    "out int of full": out_dtype(lambda lib, x, out: lib.full((2,), 3, out=out), "uint8"),
    "trapezoid bytes": lambda lib: lib.trapezoid(lib.tensor([166, 252, 80, 10], dtype=lib.uint8)),
    "trapezoid inf": lambda lib: lib.trapezoid(lib.tensor([1.0, INF])),
    "rms_norm complex": lambda lib: lib.nn.functional.rms_norm(lib.tensor([[1e-5 + 1e-5j, 2e-5]], dtype=lib.complex128), (2,)),
    "same size": lambda lib: lib.nn.functional.interpolate(lib.tensor([[[1.0, NAN, -1.0]]]), size=3, mode="linear"),
    "mse_loss of a number": lambda lib: lib.nn.functional.mse_loss(lib.tensor(1.0, dtype=lib.float64), lib.tensor([1.0, 2.0])),
    "l1_loss of a number": lambda lib: lib.nn.functional.l1_loss(lib.tensor(1.0), lib.tensor([1.0, 2.0], dtype=lib.float16)),
    "huber_loss of halves": lambda lib: lib.nn.functional.huber_loss(lib.tensor([1.0, 2.0], dtype=lib.float16), lib.tensor([1.0, 3.0])),
    "vander of truths": lambda lib: lib.vander(lib.tensor([True, False])),
    "resize_": unmoved,
    "clamp 0-d wide": small_int(lambda lib, u: lib.clamp(u, lib.tensor(-1), lib.tensor(300))),
    "clamp 0-d": gradients(lambda lib, x, a: lib.clamp(x, min=a), 1.0, 1.0),
    "out double of abs": out_dtype(lambda lib, x, out: lib.abs(x, out=out), "float64"),
    "int of complex": lambda lib: lib.tensor([int(lib.tensor(2 + 0j)), 3]),
    "int of imaginary": lambda lib: lib.tensor(int(lib.tensor(2 + 1j))),
    "float of imaginary": lambda lib: lib.tensor(float(lib.tensor(2 + 1j))),
    "out complex of bool sum": out_dtype(lambda lib, x, out: lib.add(x, x, out=out), "complex128", "bool"),
    "out int of byte sum": out_dtype(lambda lib, x, out: lib.mul(x, 200, out=out), "int32", "uint8"),
    "elu": second(lambda lib, x: lib.nn.functional.elu(x) * 3, [0.0, -1.0, 1.0]),
    "poisson": lambda lib: lib.poisson(lib.tensor([-1.0])),
    "reciprocal": lambda lib: 3.7 / lib.arange(1, 50, dtype=lib.float32),
    "reciprocal int": lambda lib: 10 / lib.arange(1, 50),
    "linear, weight frozen": frozen_linear("weight"),
    "linear, input frozen": frozen_linear("input"),
    "tensor_split": part_can_be_written,
    "copy into integers": integers_have_no_gradient,
    "scatter_reduce": scatter_refusal_writes_nothing,
}  # fmt: skip


def plain(value):
    """The result as JSON takes it."""
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    t = value.detach()
    numbers = t.flatten().tolist()
    if t.dtype.is_complex:
        numbers = [part for z in numbers for part in (z.real, z.imag)]
    return [str(t.dtype).rsplit(".", 1)[-1], list(t.shape), value.requires_grad, [repr(v) for v in numbers]]


def run(lib, case):
    try:
        return plain(case(lib))
    except (RuntimeError, TypeError, IndexError, ValueError):
        return "refused"
