"""Programs on quantized tensors, for quantized.json and its test.

T is torch or rustorch; x twelve floats [3, 4]; q, s and i are x as quint8, qint8 and qint32, c as qint8 by rows, f as quint8
by columns with zero points that are floats, n as quint4x2.
"""

import copy
import io
import math
import pickle

NUMBERS = (0.0, 1.04, -1.2, 2.25, 0.05, 0.15, 0.25, -0.35, 3.3, 30.0, -30.0, 0.75)
HARD = (math.nan, math.inf, -math.inf, 1e30, -1e30, 5e8, 2.5, -2.5, 0.5, 1.5)
SCALES = (0.1, 0.25, 0.05)


class Given:
    """The tensors of the cases."""

    def __init__(self, T):
        self.x = T.tensor(NUMBERS).view(3, 4)
        self.hard = T.tensor(HARD)
        self.scales, self.points = T.tensor(SCALES), T.tensor([0, 3, -4])
        self.four, self.floats = T.tensor([0.1, 0.2, 0.3, 0.4]), T.tensor([0.5, 1.0, 7.25, 100.0])
        self.q = T.quantize_per_tensor(self.x, 0.1, 10, T.quint8)
        self.s = T.quantize_per_tensor(self.x, 0.25, -3, T.qint8)
        self.i = T.quantize_per_tensor(self.x, 0.001, 7, T.qint32)
        self.c = T.quantize_per_channel(self.x, self.scales, self.points, 0, T.qint8)
        self.f = T.quantize_per_channel(self.x, self.four, self.floats, 1, T.quint8)
        self.n = T.quantize_per_channel(self.x, self.four, T.tensor([0.0, 1.0, 2.0, 3.0]), 1, T.quint4x2)


MAKING = {
    "quint8": lambda T, g: g.q,
    "qint8": lambda T, g: g.s,
    "qint32": lambda T, g: g.i,
    "by channel": lambda T, g: g.c,
    "by channel, last dimension": lambda T, g: T.quantize_per_channel(g.x, g.four, T.tensor([1, 2, 3, 4]), 1, T.quint8),
    "by channel, qint32": lambda T, g: T.quantize_per_channel(g.x, g.scales, g.points, 0, T.qint32),
    "float zero points": lambda T, g: g.f,
    "quint4x2": lambda T, g: g.n,
    "quint2x4": lambda T, g: T.quantize_per_channel(g.x, g.four, T.tensor([0.0, 1.0, 2.0, 3.0]), 1, T.quint2x4),
    "quint4x2 of odd size": lambda T, g: T.quantize_per_tensor(g.x[:, :3].contiguous(), 0.5, 3, T.quint4x2),
    "hard quint8": lambda T, g: T.quantize_per_tensor(g.hard, 0.1, 3, T.quint8),
    "hard qint8": lambda T, g: T.quantize_per_tensor(g.hard, 1.0, 1, T.qint8),
    "hard qint32": lambda T, g: T.quantize_per_tensor(g.hard[1:], 0.1, 3, T.qint32),
    "of strided": lambda T, g: T.quantize_per_tensor(g.x.t(), 0.1, 10, T.quint8),
    "tensor qparams": lambda T, g: T.quantize_per_tensor(g.x, T.tensor(0.5), T.tensor(2), T.qint8),
    "lists": lambda T, g: T.quantize_per_tensor([g.x, g.hard[3:]], T.tensor([0.5, 0.1]), T.tensor([2, 0]), T.qint8),
    "dynamic": lambda T, g: T.quantize_per_tensor_dynamic(g.x, T.quint8, False),
    "dynamic qint8": lambda T, g: T.quantize_per_tensor_dynamic(g.x, T.qint8, False),
    "dynamic reduced": lambda T, g: T.quantize_per_tensor_dynamic(g.x, T.qint8, True),
    "dynamic positive": lambda T, g: T.quantize_per_tensor_dynamic(g.x.abs(), T.quint8, True),
    "dynamic zeros": lambda T, g: T.quantize_per_tensor_dynamic(g.x * 0, T.quint8, False),
    "dynamic small": lambda T, g: T.quantize_per_tensor_dynamic(g.x * 1e-6, T.quint8, False),
    "dynamic half": lambda T, g: T.quantize_per_tensor_dynamic(g.x, T.float16, False),
    "dynamic qint32": lambda T, g: T.quantize_per_tensor_dynamic(g.x, T.qint32, False),
    "of half": lambda T, g: T.quantize_per_tensor(g.x.half(), 0.1, 3, T.quint8),
    "of integers": lambda T, g: T.quantize_per_tensor(T.tensor([1]), 0.1, 3, T.quint8),
    "into float": lambda T, g: T.quantize_per_tensor(g.x, 0.1, 3, T.float32),
    "zero point too large": lambda T, g: T.quantize_per_tensor(g.x, 0.1, 300, T.quint8),
    "zero point too small": lambda T, g: T.quantize_per_tensor(g.x, 0.1, -1, T.quint8),
    "channel of no dimension": lambda T, g: T.quantize_per_channel(g.x, g.scales, g.points, 2, T.qint8),
    "wrong number of scales": lambda T, g: T.quantize_per_channel(g.x, g.scales, g.points, 1, T.qint8),
    "quint4x2 by whole zero points": lambda T, g: T.quantize_per_channel(g.x, g.scales, g.points.abs(), 0, T.quint4x2),
    "of integers, per tensor": lambda T, g: T._make_per_tensor_quantized_tensor(T.tensor([1, 2], dtype=T.int8), 0.5, 3),
    "of integers, by channel": lambda T, g: T._make_per_channel_quantized_tensor(
        T.tensor([[1, 2], [3, 4]], dtype=T.uint8), T.tensor([0.5, 0.1]), T.tensor([1, 0]), 1
    ),
    "empty_quantized": lambda T, g: T.empty_quantized((2, 2), g.q).copy_(g.x[:2, :2].contiguous()),
    "empty affine": lambda T, g: T._empty_affine_quantized([3, 4], scale=0.2, zero_point=5, dtype=T.qint8).copy_(g.x),
    "empty_like": lambda T, g: T.empty_like(g.c).copy_(g.x),
    "nothing": lambda T, g: T.quantize_per_tensor(T.empty(0, 2), 0.1, 1, T.quint8),
    "one": lambda T, g: T.quantize_per_tensor(T.tensor(0.32), 0.1, 1, T.quint8),
}
PARTS = {
    "facts": lambda T, g: [g.q.is_quantized, g.x.is_quantized, g.q.dtype, g.q.element_size(), g.q.nbytes, g.q.type()],
    "layout": lambda T, g: [g.q.layout, g.q.stride(), g.q.t().stride(), g.q.is_contiguous(), g.q.device],
    "schemes": lambda T, g: [t.qscheme() for t in (g.q, g.i, g.c, g.f, g.n)],
    "scale": lambda T, g: [g.q.q_scale(), g.i.q_zero_point(), T.q_scale(g.s)],
    "scale of channels": lambda T, g: g.c.q_scale(),
    "scales": lambda T, g: [T.q_per_channel_scales(g.c), g.f.q_per_channel_scales()],
    "zero points": lambda T, g: [g.c.q_per_channel_zero_points(), g.f.q_per_channel_zero_points()],
    "axis": lambda T, g: [g.c.q_per_channel_axis(), g.f.q_per_channel_axis()],
    "scales of one": lambda T, g: g.q.q_per_channel_scales(),
    "scale of floats": lambda T, g: g.x.q_scale(),
    "int_repr of floats": lambda T, g: g.x.int_repr(),
    "scheme of floats": lambda T, g: g.x.qscheme(),
    "int_repr packed": lambda T, g: g.n.int_repr(),
    "dequantize": lambda T, g: [t.dequantize() for t in (g.q, g.s, g.i, g.c, g.f, g.n)],
    "dequantize list": lambda T, g: T.dequantize([g.q, g.c]),
    "dequantize floats": lambda T, g: [T.dequantize(g.x), g.x.half().dequantize(), T.dequantize(T.tensor([1]))],
    "item": lambda T, g: g.q[1, 2].item(),
    "bool": lambda T, g: [bool(g.q[0, 0]), bool(g.q[0, 1]), float(g.q[0, 1])],
    "tolist": lambda T, g: g.q.tolist(),
    "numpy": lambda T, g: g.q.numpy(),
    "repr": lambda T, g: [repr(t) for t in (g.q, g.i, g.c, g.q[0])],
    "storage": lambda T, g: [g.q.storage().dtype, g.q.storage()[1], len(g.q.untyped_storage())],
    "storage classes": lambda T, g: [T.QInt8Storage([1, -2]).tolist(), T.QInt32Storage.dtype, T.QUInt4x2Storage.dtype],
    "is_floating_point": lambda T, g: [g.q.is_floating_point(), g.q.is_complex()],
    "is_signed": lambda T, g: g.q.is_signed(),
    "requires_grad": lambda T, g: g.q.requires_grad_(),
    "gradient": lambda T, g: T.quantize_per_tensor(g.x.clone().requires_grad_(), 0.1, 1, T.qint8).requires_grad,
    "length": lambda T, g: [len(g.q), [t.q_scale() for t in g.q]],
}
MOVING = {
    "select": lambda T, g: g.q[1],
    "select of channels": lambda T, g: g.c[1],
    "slice": lambda T, g: g.q[:, 1:4:2],
    "transpose": lambda T, g: [g.q.t(), g.q.transpose(0, 1).contiguous(), g.q.permute(1, 0)],
    "transpose of channels": lambda T, g: g.c.t(),
    "view": lambda T, g: [g.q.view(4, 3), g.q.reshape(-1), g.q.flatten(), g.q.view(2, -1)],
    "view of channels": lambda T, g: g.c.view(3, 2, 2),
    "unsqueeze": lambda T, g: [g.q.unsqueeze(0), g.q.unsqueeze(2).squeeze(2)],
    "expand": lambda T, g: g.q[:1].expand(2, 4),
    "split": lambda T, g: [*g.q.split(2), *g.q.chunk(2, 1), *g.q.unbind(1)],
    "as_strided": lambda T, g: g.q.as_strided((2,), (5,)),
    "flip": lambda T, g: g.q.flip(1),
    "index_select": lambda T, g: g.q.index_select(0, T.tensor([2, 0])),
    "index": lambda T, g: [g.q[T.tensor([2, 0])], g.q[T.tensor([True, False, True])]],
    "repeat": lambda T, g: g.q.repeat(2, 1),
    "cat": lambda T, g: T.cat([g.q, g.q[:1]]),
    "cat of two scales": lambda T, g: T.cat([g.q, T.quantize_per_tensor(g.x, 0.3, 3, T.quint8)]),
    "stack": lambda T, g: T.stack([g.q, g.q]),
    "clone": lambda T, g: [g.q.clone(), g.c.clone(), g.q.t().clone()],
    "detach": lambda T, g: [g.q.detach(), g.q.data],
    "deepcopy": lambda T, g: [copy.deepcopy(g.q), copy.deepcopy(g.c)],
    "pickle": lambda T, g: pickle.loads(pickle.dumps(g.q)),
    "save": lambda T, g: _saved(T, [g.q, g.s.t(), g.i, g.c, g.f, g.n]),
    "cpu": lambda T, g: g.q.cpu(),
    "to float": lambda T, g: g.q.to(T.float32),
    "to another type": lambda T, g: g.q.to(T.qint8),
    "to itself": lambda T, g: g.q.to(T.quint8),
    "copy_ of floats": lambda T, g: [g.q.clone().copy_(g.x * 2), g.c.clone().copy_(g.x * 2)],
    "copy_ takes the scale": lambda T, g: g.q.clone().copy_(T.quantize_per_tensor(g.x, 0.3, 3, T.quint8)),
    "copy_ of another type": lambda T, g: g.q.clone().copy_(g.s),
    "copy_ into floats": lambda T, g: T.empty(3, 4).copy_(g.q),
    "fill_": lambda T, g: [g.q.clone().fill_(1.04), g.s.clone().fill_(-200.0)],
    "zero_": lambda T, g: g.q.clone().zero_(),
    "write a number": lambda T, g: _written(g.q.clone(), 0, 1.04),
    "write a tensor": lambda T, g: _written(g.q.clone(), 0, g.q[1]),
    "a write is seen in the base": lambda T, g: _through_view(g.q.clone()),
    "channels_last": lambda T, g: g.q.view(1, 3, 2, 2).contiguous(memory_format=T.channels_last).stride(),
}
COMPUTING = {
    "compare": lambda T, g: [g.q == g.q, g.q != g.s, g.q < 0.5, g.q >= g.x, g.q == 1.0, g.c == g.c],
    "equal": lambda T, g: [T.equal(g.q, g.q), T.equal(g.q, g.q.flip(0))],
    "relu": lambda T, g: [g.q.relu(), g.s.relu(), T.nn.functional.relu6(g.q), g.s.clone().relu_()],
    "clamp": lambda T, g: [g.q.clamp(0, 1), T.nn.functional.hardtanh(g.s)],
    "leaky_relu": lambda T, g: T.nn.functional.leaky_relu(g.q, 0.1),
    "sigmoid": lambda T, g: [g.q.sigmoid(), g.s.sigmoid()],
    "tanh": lambda T, g: [g.q.tanh(), g.s.tanh()],
    "hardsigmoid": lambda T, g: T.nn.functional.hardsigmoid(g.q),
    "max": lambda T, g: [g.q.max(), g.q.min(), g.q.max(1)[0], g.q.max(1)[1]],
    "sort": lambda T, g: [*g.q.sort(1), *g.q.topk(2)],
    "mean": lambda T, g: [g.q.mean(), g.q.mean(1), g.q.mean((0, 1), keepdim=True)],
    "max_pool2d": lambda T, g: T.nn.functional.max_pool2d(g.q.view(1, 3, 2, 2), 2),
    "avg_pool2d": lambda T, g: T.nn.functional.avg_pool2d(g.q.view(1, 3, 2, 2), 2),
    "adaptive_avg_pool2d": lambda T, g: T.nn.functional.adaptive_avg_pool2d(g.q.view(1, 3, 2, 2), 1),
    "interpolate": lambda T, g: T.nn.functional.interpolate(g.q.view(1, 3, 2, 2), scale_factor=2),
    "masked_fill": lambda T, g: g.q.masked_fill(T.tensor([True, False, True, False]), 1.0),
    "pad": lambda T, g: T.nn.functional.pad(g.q, (1, 1)),
}
REFUSED = {
    "add": lambda T, g: g.q + g.q,
    "add a number": lambda T, g: g.q + 1,
    "mul floats": lambda T, g: g.q * g.x,
    "sum": lambda T, g: g.q.sum(),
    "matmul": lambda T, g: g.q @ g.q.t(),
    "neg": lambda T, g: -g.q,
    "abs": lambda T, g: g.q.abs(),
    "isnan": lambda T, g: g.q.isnan(),
    "where": lambda T, g: T.where(T.tensor(True), g.q, g.q),
    "gather": lambda T, g: g.q.gather(0, T.tensor([[0, 0, 0, 0]])),
    "roll": lambda T, g: g.q.roll(1),
    "unique": lambda T, g: g.q.unique(),
    "nonzero": lambda T, g: g.q.nonzero(),
    "softmax": lambda T, g: g.q.softmax(0),
    "linear": lambda T, g: T.nn.functional.linear(g.x, g.q),
    "linear of quantized": lambda T, g: T.nn.functional.linear(g.q, g.q),
    "conv": lambda T, g: T.nn.functional.conv1d(g.q.view(1, 3, 4), g.q[:, :3].reshape(3, 3, 1)),
    "layer_norm": lambda T, g: T.nn.functional.layer_norm(g.q, (4,)),
    "cumsum": lambda T, g: g.q.cumsum(0),
    "exp_": lambda T, g: g.q.clone().exp_(),
    "add_": lambda T, g: g.q.clone().add_(1),
    "out": lambda T, g: T.add(g.x, g.x, out=g.q),
    "floats in place": lambda T, g: g.x.add_(g.q),
    "zeros_like": lambda T, g: T.zeros_like(g.q),
    "rand_like": lambda T, g: T.rand_like(g.q),
    "einsum": lambda T, g: T.einsum("ij->ji", g.q) + g.q,
    "cdist": lambda T, g: T.cdist(g.q, g.q),
    "fft": lambda T, g: T.fft.fft(g.q),
    "svd": lambda T, g: T.linalg.svd(g.q),
    "allclose": lambda T, g: T.allclose(g.q, g.q),
}
SIMULATED = {
    "per tensor": lambda T, g: T.fake_quantize_per_tensor_affine(g.x, 0.1, 10, 0, 255),
    "few bits": lambda T, g: T.fake_quantize_per_tensor_affine(g.x, 0.3, 1, -4, 3),
    "hard": lambda T, g: T.fake_quantize_per_tensor_affine(g.hard[:3], 0.3, 1, -4, 3),
    "half": lambda T, g: T.fake_quantize_per_tensor_affine(g.x.half(), 0.1, 10, 0, 255),
    "double": lambda T, g: T.fake_quantize_per_tensor_affine(g.x.double(), 0.1, 10, 0, 255),
    "tensor qparams": lambda T, g: T.fake_quantize_per_tensor_affine(
        g.x, T.tensor(0.1), T.tensor(10, dtype=T.int32), 0, 255
    ),
    "by channel": lambda T, g: T.fake_quantize_per_channel_affine(g.x, g.scales, g.points.int(), 0, -128, 127),
    "by the last dimension": lambda T, g: T.fake_quantize_per_channel_affine(
        g.x, g.four, T.tensor([0, 1, 2, 3], dtype=T.int32), 1, 0, 15
    ),
    "float zero points": lambda T, g: T.fake_quantize_per_channel_affine(g.x, g.four, g.floats, 1, 0, 255),
    "limits upside down": lambda T, g: T.fake_quantize_per_tensor_affine(g.x, 0.1, 0, 3, -4),
    "zero point beyond": lambda T, g: T.fake_quantize_per_tensor_affine(g.x, 0.1, 20, 0, 15),
    "channel zero point beyond": lambda T, g: T.fake_quantize_per_channel_affine(
        g.x, g.scales, g.points.int(), 0, 0, 127
    ),
    "gradient": lambda T, g: _gradient(T, g.x, lambda x: T.fake_quantize_per_tensor_affine(x, 0.1, 10, 0, 15)),
    "gradient by channel": lambda T, g: _gradient(
        T, g.x, lambda x: T.fake_quantize_per_channel_affine(x, g.scales, g.points.int(), 0, -8, 7)
    ),
    "observer": lambda T, g: _observed(T, [g.x, g.x * 2, g.x - 1], False, False),
    "symmetric observer": lambda T, g: _observed(T, [g.x, g.x * 2, g.x - 1], False, True),
    "observer of rows": lambda T, g: _observed(T, [g.x, g.x * 2, g.x - 1], True, False),
    "symmetric observer of rows": lambda T, g: _observed(T, [g.x, g.x * 2, g.x - 1], True, True),
    "observer of small numbers": lambda T, g: _observed(T, [g.x * 1e-5, g.x * -1e-6], False, False),
    "observer of positive numbers": lambda T, g: _observed(T, [g.x.abs() + 1, g.x.abs()], False, True),
    "chosen": lambda T, g: [T.choose_qparams_optimized(g.x.flatten(), 12, n, r, b) for n, r, b in _CHOICES],
}
_CHOICES = ((200, 0.16, 8), (200, 0.16, 4), (50, 0.5, 2), (16, 0.9, 3))
GROUPS = {"making": MAKING, "parts": PARTS, "moving": MOVING, "computing": COMPUTING, "refused": REFUSED, "simulated": SIMULATED}  # fmt: skip


def _saved(T, value):
    file = io.BytesIO()
    T.save(value, file)
    file.seek(0)
    return T.load(file)


def _written(t, index, value):
    t[index] = value
    return t


def _through_view(t):
    t[0].fill_(2.0)
    t.t()[1].copy_(t.t()[0])
    return t


def _gradient(T, x, f):
    x = x.clone().requires_grad_()
    f(x).mul(T.arange(1.0, 13.0).view(3, 4)).sum().backward()
    return x.grad


def _observed(T, inputs, by_row, symmetric):
    n = 3 if by_row else 1
    on = T.tensor([1])
    low, high = T.full((n,), math.inf), T.full((n,), -math.inf)
    scale, zero = T.ones(n), T.zeros(n, dtype=T.int32)
    results = []
    for x in inputs:
        x = x.clone().requires_grad_()
        y = T.fused_moving_avg_obs_fake_quant(x, on, on, low, high, scale, zero, 0.1, 0, 255, 0, by_row, symmetric)
        y.sum().backward()
        results += [y.detach(), x.grad, low.clone(), high.clone(), scale.clone(), zero.clone()]
    return results


def _number(v):
    return "nan" if v != v else f"{v:.5g}"


def text(v):
    """A result as text."""
    if isinstance(v, float):
        return _number(v)
    if isinstance(v, (list, tuple)):
        return "[" + ", ".join(text(i) for i in v) + "]"
    if getattr(v, "is_quantized", False):
        name, scheme = (str(part).rsplit(".", 1)[-1] for part in (v.dtype, v.qscheme()))
        packed = name in ("quint4x2", "quint2x4")
        numbers = v.dequantize() if packed else v.int_repr()
        if "tensor" in scheme:
            how = f"{_number(v.q_scale())} {v.q_zero_point()}"
        else:
            how = f"{text(v.q_per_channel_scales())} {text(v.q_per_channel_zero_points())} {v.q_per_channel_axis()}"
        return f"{name} {scheme} {list(v.shape)} {text(numbers.flatten().tolist())} {how}"
    if hasattr(v, "untyped_storage"):
        return f"{str(v.dtype).rsplit('.', 1)[-1]} {text(v.tolist())}"
    return str(v).replace("rustorch.", "torch.")


def run(T, group, name):
    """The result as text, or "refused"."""
    try:
        return text(GROUPS[group][name](T, Given(T)))
    except (RuntimeError, TypeError, ValueError, IndexError):
        return "refused"
