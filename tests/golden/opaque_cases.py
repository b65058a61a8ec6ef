"""Programs on tensors of types without numbers (bits, less than a byte), for opaque.json and its test.

T is torch or rustorch, d one of the dtypes, x sixteen bytes seen as it.
"""

DTYPES = (
    *(f"uint{i}" for i in range(1, 8)),
    *(f"int{i}" for i in range(1, 8)),
    *("bits1x8", "bits2x4", "bits4x2", "bits8", "bits16", "float4_e2m1fn_x2"),
)

CASES = {
    "facts": lambda T, d, x: [d.itemsize, x.element_size(), x.nbytes, x.type(), str(d), d.is_complex],
    "is_floating_point": lambda T, d, x: [d.is_floating_point, x.is_floating_point()],
    "is_signed": lambda T, d, x: [d.is_signed, x.is_signed()],
    "to_real": lambda T, d, x: d.to_real(),
    "to_complex": lambda T, d, x: d.to_complex(),
    "finfo": lambda T, d, x: T.finfo(d).bits,
    "iinfo": lambda T, d, x: T.iinfo(d).bits,
    "empty": lambda T, d, x: T.empty(3, 2, dtype=d).shape,
    "empty_strided": lambda T, d, x: T.empty_strided((2, 2), (1, 2), dtype=d).stride(),
    "zeros": lambda T, d, x: T.zeros(3, dtype=d),
    "zeros_like": lambda T, d, x: T.zeros_like(x),
    "ones": lambda T, d, x: T.ones(3, dtype=d),
    "full": lambda T, d, x: T.full((3,), 2, dtype=d),
    "fill_": lambda T, d, x: x.fill_(1),
    "zero_": lambda T, d, x: x.zero_(),
    "tensor": lambda T, d, x: T.tensor([1], dtype=d),
    "tensor of nothing": lambda T, d, x: T.tensor([], dtype=d),
    "item": lambda T, d, x: x[0].item(),
    "bool": lambda T, d, x: bool(x[0]),
    "tolist": lambda T, d, x: x.tolist(),
    "numpy": lambda T, d, x: x.numpy(),
    "view": lambda T, d, x: x.view(2, -1),
    "as int16": lambda T, d, x: x.view(T.int16),
    "of int32": lambda T, d, x: T.tensor([1, 2], dtype=T.int32).view(d),
    "clone": lambda T, d, x: x.clone(),
    "copy_": lambda T, d, x: T.empty_like(x).copy_(x),
    "contiguous": lambda T, d, x: x.view(2, -1).t().contiguous(),
    "to itself": lambda T, d, x: x.to(d),
    "to float": lambda T, d, x: x.to(T.float32),
    "to uint8": lambda T, d, x: x.to(T.uint8),
    "of float": lambda T, d, x: T.ones(2).to(d),
    "copy_ of float": lambda T, d, x: x.copy_(T.ones(1)),
    "select": lambda T, d, x: x[2],
    "slice": lambda T, d, x: x[1:5:2],
    "write": lambda T, d, x: x.__setitem__(0, 1),
    "write a slice": lambda T, d, x: x.__setitem__(slice(0, 2), x[2:4]) or x,
    "index_select": lambda T, d, x: x.index_select(0, T.tensor([2, 0])),
    "cat": lambda T, d, x: T.cat([x, x[:1]]),
    "stack": lambda T, d, x: T.stack([x, x]),
    "flip": lambda T, d, x: x.flip(0),
    "roll": lambda T, d, x: x.roll(1),
    "expand": lambda T, d, x: x[:1].expand(3).shape,
    "unfold": lambda T, d, x: x.unfold(0, 2, 2).shape,
    "deepcopy": lambda T, d, x: __import__("copy").deepcopy(x),
    "storage": lambda T, d, x: [len(x.untyped_storage()), x.storage().dtype],
    "frombuffer": lambda T, d, x: T.frombuffer(bytearray(range(8)), dtype=d),
    "meta": lambda T, d, x: T.empty(2, dtype=d, device="meta").dtype,
    "requires_grad": lambda T, d, x: x.requires_grad_().requires_grad,
    "default": lambda T, d, x: T.set_default_dtype(d),
    "result_type": lambda T, d, x: T.result_type(x, 1),
    "promote": lambda T, d, x: T.promote_types(d, d),
    "promote with float": lambda T, d, x: T.promote_types(d, T.float32),
    "promote with int": lambda T, d, x: T.promote_types(T.int64, d),
    "promote with bits": lambda T, d, x: T.promote_types(d, T.bits8 if d != T.bits8 else T.bits16),
    "can_cast": lambda T, d, x: [T.can_cast(d, T.float32), T.can_cast(T.int32, d), T.can_cast(d, T.bool)],
    "add": lambda T, d, x: x + x,
    "add a number": lambda T, d, x: x + 1,
    "neg": lambda T, d, x: -x,
    "abs": lambda T, d, x: x.abs(),
    "and": lambda T, d, x: x & x,
    "sum": lambda T, d, x: x.sum(),
    "max": lambda T, d, x: x.max(),
    "sort": lambda T, d, x: x.view(2, -1).t().sort(0),
    "unique": lambda T, d, x: x.unique(),
    "nonzero": lambda T, d, x: x.nonzero(),
    "cumsum": lambda T, d, x: x.cumsum(0),
    "matmul": lambda T, d, x: x.view(2, -1) @ x.view(-1, 2),
    "rand": lambda T, d, x: T.rand(2, dtype=d),
    "randint": lambda T, d, x: T.randint(0, 2, (2,), dtype=d),
    "arange": lambda T, d, x: T.arange(3, dtype=d),
    "gather": lambda T, d, x: x.gather(0, T.tensor([1, 0])),
    "scatter_add": lambda T, d, x: x.scatter_add(0, T.tensor([1, 0]), x[:2]),
    "masked_fill": lambda T, d, x: x.masked_fill(T.tensor(True), 1),
    "dlpack": lambda T, d, x: T.utils.dlpack.from_dlpack(x).dtype,
    "linear": lambda T, d, x: T.nn.Linear(2, 2, dtype=d),
}


def _text(T, v):
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(_text(T, i) for i in v) + "]"
    if hasattr(v, "untyped_storage"):
        return f"{str(v.dtype).rsplit('.', 1)[-1]} {list(v.shape)} {v.contiguous().view(T.uint8).tolist()}"
    return str(v).replace("rustorch.", "torch.")


def run(T, name, dtype):
    """The result as text, or "refused"."""
    d = getattr(T, dtype)
    x = T.arange(16, dtype=T.uint8).view(d)
    try:
        return _text(T, CASES[name](T, d, x))
    except (RuntimeError, TypeError, ValueError, BufferError):
        return "refused"
