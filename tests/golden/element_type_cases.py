"""Programs on tensors of the types that are stored but not computed in, for element_types.json and its test.

T is torch or rustorch, d one of the dtypes, x six numbers of it, big the largest ones.
"""

DTYPES = ("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "complex32", "bcomplex32")  # fmt: skip

CASES = {
    # making
    "tensor": lambda T, d, x: T.tensor([1, 2], dtype=d),
    "tensor of bools": lambda T, d, x: T.tensor([True, False], dtype=d),
    "full": lambda T, d, x: T.full((2,), 3, dtype=d),
    "zeros": lambda T, d, x: T.zeros(2, dtype=d),
    "ones": lambda T, d, x: T.ones(2, dtype=d),
    "full_like": lambda T, d, x: T.full_like(x, 2),
    "new_full": lambda T, d, x: x.new_full((2,), 3),
    "new_tensor": lambda T, d, x: x.new_tensor([1, 2]),
    "fill_": lambda T, d, x: x.fill_(6),
    "zero_": lambda T, d, x: x.zero_(),
    # conversions
    "from wide integers": lambda T, d, x: T.tensor([0, 1, 200, 300, 40000, 65535]).to(d),
    "from float": lambda T, d, x: T.tensor([0.3, 1.75, 3.5, 250.0]).to(d),
    "from double": lambda T, d, x: T.tensor([0.3, 1.75, 3.5, 250.0], dtype=T.float64).to(d),
    "from half": lambda T, d, x: T.tensor([0.25, 1.75, 3.5, 250.0], dtype=T.float16).to(d),
    "from bool": lambda T, d, x: T.tensor([True, False]).to(d),
    "to bool": lambda T, d, x: x.bool(),
    "to int64": lambda T, d, x: x.long(),
    "to uint8": lambda T, d, x: x.byte(),
    "to half": lambda T, d, x: x.half(),
    "to bfloat16": lambda T, d, x: x.bfloat16(),
    "to float": lambda T, d, x: x.float(),
    "to double": lambda T, d, x: x.double(),
    "to complex": lambda T, d, x: x.to(T.complex64),
    "to uint64": lambda T, d, x: x.to(T.uint64),
    "copy_ strided": lambda T, d, x: T.zeros(6, 2, dtype=T.int32)[:, 1].copy_(x),
    "copy_ back": lambda T, d, x: T.zeros(3, 2, dtype=d).t().copy_(x.float().view(2, 3)),
    # shape
    "view": lambda T, d, x: x.view(2, 3),
    "transpose": lambda T, d, x: x.view(2, 3).t().contiguous(),
    "slice": lambda T, d, x: x[1:5:2],
    "cat": lambda T, d, x: T.cat([x, x[:1]]),
    "stack": lambda T, d, x: T.stack([x, x], 1),
    "repeat": lambda T, d, x: x.repeat(2),
    "roll": lambda T, d, x: x.roll(1),
    "diag_embed": lambda T, d, x: x[:2].diag_embed(),
    "view as bytes": lambda T, d, x: x.view(T.uint8),
    "view as int16": lambda T, d, x: x.view(T.int16),
    # indexing
    "by tensor": lambda T, d, x: x[T.tensor([0, 2])],
    "by mask": lambda T, d, x: x[T.tensor([True, False, True, True, False, False])],
    "write a number": lambda T, d, x: x.__setitem__(0, 5) or x,
    "write a slice": lambda T, d, x: x.__setitem__(slice(0, 2), x[2:4]) or x,
    "index_put_": lambda T, d, x: x.index_put_((T.tensor([0]),), x[1:2]),
    "index_put_ accumulate": lambda T, d, x: x.index_put_((T.tensor([0, 0]),), x[1:3], accumulate=True),
    "index_select": lambda T, d, x: x.index_select(0, T.tensor([1, 0])),
    "gather": lambda T, d, x: x.gather(0, T.tensor([1, 0])),
    "scatter": lambda T, d, x: x.scatter(0, T.tensor([1, 0]), x[:2]),
    "scatter_add": lambda T, d, x: x.scatter_add(0, T.tensor([1, 0]), x[:2]),
    "masked_fill": lambda T, d, x: x.masked_fill(T.tensor([True, False] * 3), 3),
    "where": lambda T, d, x: T.where(T.tensor([True, False] * 3), x, x[0]),
    "where a number": lambda T, d, x: T.where(T.tensor([True, False] * 3), x, 1),
    # comparing
    "eq": lambda T, d, x: x == x[2],
    "ne a number": lambda T, d, x: x != 3,
    "equal": lambda T, d, x: T.equal(x, x),
    "isnan": lambda T, d, x: x.isnan(),
    "isfinite": lambda T, d, x: x.isfinite(),
    "signbit": lambda T, d, x: x.signbit(),
    # computing
    "mul": lambda T, d, x: x * x,
    "add": lambda T, d, x: x + x,
    "mul half": lambda T, d, x: x * T.ones(1, dtype=T.float16),
    "add float": lambda T, d, x: x + T.tensor([1.5]),
    "mul in place": lambda T, d, x: x.mul_(2),
    "abs": lambda T, d, x: x.abs(),
    "div": lambda T, d, x: x / 2,
    "and": lambda T, d, x: x & 5,
    "xor": lambda T, d, x: x ^ x[5],
    "maximum": lambda T, d, x: T.maximum(x, x[3]),
    "clamp": lambda T, d, x: x.clamp(1, 3),
    "relu": lambda T, d, x: x.relu(),
    "round": lambda T, d, x: x.round(),
    "sqrt": lambda T, d, x: x.sqrt(),
    "outer": lambda T, d, x: T.outer(x[:3], x[:3]),
    "float_power": lambda T, d, x: T.float_power(x, 2),
    "conj": lambda T, d, x: x.conj().resolve_conj(),
    # reductions, order
    "sum": lambda T, d, x: x.sum(),
    "sum as float": lambda T, d, x: x.sum(dtype=T.float32),
    "prod": lambda T, d, x: x[1:].prod(),
    "any": lambda T, d, x: x.any(),
    "all of a dim": lambda T, d, x: x.view(2, 3).all(1),
    "cumsum": lambda T, d, x: x.cumsum(0),
    "logsumexp": lambda T, d, x: x.logsumexp(0),
    "norm": lambda T, d, x: x.norm(),
    "std": lambda T, d, x: x.std(),
    "sort": lambda T, d, x: x[T.tensor([3, 5, 0, 1])].sort(),
    "sort descending": lambda T, d, x: x[T.tensor([3, 5, 0, 1])].sort(descending=True),
    "unique": lambda T, d, x: x[T.tensor([3, 5, 3, 1])].unique(return_inverse=True, return_counts=True),
    "mm": lambda T, d, x: x.view(2, 3) @ x.view(3, 2),
    "conv1d": lambda T, d, x: T.conv1d(x.view(1, 1, 6), x[1:3].view(1, 1, 2)),
    # as Python sees it
    "repr": lambda T, d, x: repr(x),
    "repr of one": lambda T, d, x: repr(x[3]),
    "item": lambda T, d, x: x[3].item(),
    "tolist": lambda T, d, x: x.view(2, 3).tolist(),
    "facts": lambda T, d, x: (d.itemsize, d.is_floating_point, d.is_complex, d.is_signed, x.element_size(), x.type()),
    "str": lambda T, d, x: str(d),
    "limits": lambda T, d, x: repr((T.finfo if d.is_floating_point or d.is_complex else T.iinfo)(d)),
    "result_type": lambda T, d, x: (
        T.result_type(x, 1),
        T.result_type(x, 1.0),
        T.result_type(x, T.ones(())),
        T.promote_types(d, d),
    ),
    "can_cast": lambda T, d, x: [
        (T.can_cast(d, o), T.can_cast(o, d))
        for o in (T.bool, T.uint8, T.int64, T.float16, T.float32, T.complex64, T.uint32)
    ],
    "deepcopy": lambda T, d, x: __import__("copy").deepcopy(x),
    "gradient": lambda T, d, x: _gradient(T, d),
}
BIG = {  # what does not fit into int64
    "item": lambda T, b: b[0].item(),
    "tolist": lambda T, b: b.tolist(),
    "repr": lambda T, b: repr(b),
    "to float": lambda T, b: b.float(),
    "to double": lambda T, b: b.double(),
    "to int64": lambda T, b: b.long(),
    "from float": lambda T, b: T.tensor([2.0**63, 1.8e19, 5.5]).to(T.uint64),
    "sort": lambda T, b: b.sort(),
    "unique": lambda T, b: b.unique(),
    "eq": lambda T, b: b == 2**64 - 1,
    "mul": lambda T, b: b * 2,
    "mul by a big one": lambda T, b: b * 2**63,
    "maximum": lambda T, b: T.maximum(b, T.tensor([7], dtype=T.uint64)),
    "minimum": lambda T, b: T.minimum(b, T.tensor([7], dtype=T.uint64)),
    "clamp max": lambda T, b: b.clamp(max=2**63),
    "clamp min": lambda T, b: b.clamp(min=6),
    "relu": lambda T, b: b.relu(),
    "floor": lambda T, b: b.floor(),
    "signbit": lambda T, b: b.signbit(),
    "div": lambda T, b: b / 2,
    "sin": lambda T, b: b.double().sin(),
    "sum as double": lambda T, b: b.sum(dtype=T.float64),
    "or": lambda T, b: b | 2,
    "full": lambda T, b: T.full((1,), 2**64 - 1, dtype=T.uint64),
    "fill_": lambda T, b: b.fill_(2**63),
    "write": lambda T, b: b.__setitem__(1, 2**63 - 1) or b,
    "tensor": lambda T, b: T.tensor([2**64 - 1, 1], dtype=T.uint64),
    "float tensor": lambda T, b: T.tensor([2**64 - 1, 1], dtype=T.float64),
    "int64 and a big one": lambda T, b: T.tensor([5]) + 2**63,
    "limits": lambda T, b: (T.iinfo(T.uint64).max, T.iinfo(T.uint64).min, T.iinfo(T.uint64).bits),
}
NUMBERS = (0, 1, 2, 3, 5, 7)
BIG_NUMBERS = (2**64 - 1, 5, 2**63, 2**63 + 4096)


def _gradient(T, d):
    x = T.tensor([0.3, 2.0], requires_grad=True)
    (x.to(d).float() if d.is_floating_point else x.to(d).to(T.complex64).abs()).sum().backward()
    return x.grad


def _text(v):
    if isinstance(v, float):
        return f"{v:.7g}"
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(_text(i) for i in v) + "]"
    if hasattr(v, "tolist") and hasattr(v, "dtype"):
        wide = v.cfloat() if v.is_complex() else v
        return f"{str(v.dtype).rsplit('.', 1)[-1]} {_text(wide.tolist())}"
    return str(v).replace("rustorch.", "torch.")


def run(T, name, dtype):
    """The result as text, or the class of the error."""
    d = getattr(T, dtype)
    try:
        return _text(CASES[name](T, d, T.tensor([float(v) for v in NUMBERS]).to(d)))
    except (RuntimeError, TypeError, IndexError, ValueError) as e:
        return type(e).__name__


def run_big(T, name):
    return _text(BIG[name](T, T.tensor(list(BIG_NUMBERS), dtype=T.uint64)))
