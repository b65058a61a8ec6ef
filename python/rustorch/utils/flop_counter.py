"""Counts the floating-point operations of products, convolutions and attention, by module and operator.

with FlopCounterMode() as counter:
    model(x).sum().backward()
counter.get_total_flops()

Forward calls are seen as calls of operators. What their gradients cost follows from the same shapes: it is added when the
gradient of a result arrives. A multiplication with an addition counts as two operations.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import rustorch
from rustorch import Tensor, nn
from rustorch._operators import OpOverloadPacket
from rustorch.nn import functional as F
from rustorch.nn.modules._call import register_module_forward_hook, register_module_forward_pre_hook
from rustorch.overrides import TorchFunctionMode

__all__ = ["FlopCounterMode", "bmm_flop", "conv_flop_count", "mm_flop", "sdpa_backward_flop_count", "sdpa_flop_count"]

Shape = Any
# (what is called, the operations) for the forward call, and for the gradient of every argument that wants one
Counts = tuple[tuple[str, int], list[tuple[Any, str, int]]]


def mm_flop(a_shape: Shape, b_shape: Shape, *args: Any, out_shape: Shape = None, **kwargs: Any) -> int:
    """Operations of the product of two matrices."""
    m, k = a_shape
    k2, n = b_shape
    if k != k2:
        raise AssertionError(f"matmul: inner dimensions must match (k == k2), got {k} and {k2}")
    return 2 * m * n * k


def bmm_flop(a_shape: Shape, b_shape: Shape, *args: Any, out_shape: Shape = None, **kwargs: Any) -> int:
    """Operations of batched products of matrices."""
    return a_shape[0] * mm_flop(a_shape[1:], b_shape[1:])


def conv_flop_count(x_shape: Shape, w_shape: Shape, out_shape: Shape, transposed: bool = False) -> int:
    """Operations of a convolution, or of one of its gradients, written as a convolution."""
    spatial = (x_shape if transposed else out_shape)[2:]
    return 2 * x_shape[0] * math.prod(w_shape) * math.prod(spatial)


def sdpa_flop_count(query_shape: Shape, key_shape: Shape, value_shape: Shape) -> int:
    """Operations of attention: scores, and their product with the values."""
    b, h, s_q, d_q = query_shape
    s_k, d_v = key_shape[-2], value_shape[-1]
    return bmm_flop((b * h, s_q, d_q), (b * h, d_q, s_k)) + bmm_flop((b * h, s_q, s_k), (b * h, s_k, d_v))


def sdpa_backward_flop_count(grad_out_shape: Shape, query_shape: Shape, key_shape: Shape, value_shape: Shape) -> int:
    """Operations of attention's gradients, with the scores computed again."""
    b, h, s_q, d_q = query_shape
    s_k, d_v = key_shape[-2], value_shape[-1]
    return 2 * b * h * s_q * s_k * (3 * d_q + 2 * d_v)


def _products(name: str, flops: int, *operands: Any) -> Counts:
    """A product whose gradients are products of the same size, one for each operand."""
    inner = "mm" if name == "addmm" else "bmm" if name == "baddbmm" else name
    return (name, flops), [(t, inner, flops) for t in operands]


def _count_mm(a: Tensor, b: Tensor, **kwargs: Any) -> Counts:
    return _products("mm", mm_flop(a.shape, b.shape), a, b)


def _count_bmm(a: Tensor, b: Tensor, **kwargs: Any) -> Counts:
    return _products("bmm", bmm_flop(a.shape, b.shape), a, b)


def _count_addmm(c: Tensor, a: Tensor, b: Tensor, **kwargs: Any) -> Counts:
    return _products("addmm", mm_flop(a.shape, b.shape), a, b)


def _count_baddbmm(c: Tensor, a: Tensor, b: Tensor, **kwargs: Any) -> Counts:
    return _products("baddbmm", bmm_flop(a.shape, b.shape), a, b)


def _count_matmul(a: Tensor, b: Tensor, **kwargs: Any) -> Counts | None:
    if a.dim() == 0 or b.dim() == 0 or 1 in (a.dim(), b.dim()):
        return None  # matrices with vectors are not counted
    name = "mm" if 2 in (a.dim(), b.dim()) else "bmm"
    batch = math.prod(rustorch.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    return _products(name, 2 * batch * a.shape[-2] * a.shape[-1] * b.shape[-1], a, b)


def _count_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Counts | None:
    if x.dim() < 2 or weight.dim() < 2:
        return None if bias is None else _products("addmm", 2 * weight.numel(), x, weight)
    flops = 2 * x.numel() * weight.shape[0]
    return _products("mm" if bias is None else "addmm", flops, x, weight)


def _count_conv(transposed: bool, x: Tensor, weight: Tensor, *args: Any, out: Tensor, **kwargs: Any) -> Counts:
    xs, os = list(x.shape), list(out.shape)
    if len(xs) < weight.dim():  # without a batch
        xs, os = [1, *xs], [1, *os]
    ws = list(weight.shape)
    # Of the gradient of the weight the batch takes the place of the channels: all of them, whatever the groups.
    channels, others = (os, xs) if transposed else (xs, os)
    by_weight = 2 * channels[1] * others[1] * others[0] * math.prod(others[2:]) * math.prod(ws[2:])
    flops = conv_flop_count(xs, ws, os, transposed)
    backward = [(x, "convolution_backward", flops), (weight, "convolution_backward", by_weight)]
    return ("convolution", flops), backward


def _count_attention(q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any) -> Counts:
    def four(t: Tensor) -> tuple[int, ...]:
        return (math.prod(t.shape[:-3]), *t.shape[-3:])

    name = "_scaled_dot_product_flash_attention_for_cpu"
    shapes = four(q), four(k), four(v)
    return (name, sdpa_flop_count(*shapes)), [((q, k, v), name + "_backward", sdpa_backward_flop_count((), *shapes))]


_CONVOLUTIONS = [(getattr(where, f"conv{kind}{n}d"), bool(kind)) for where in (F, rustorch) for kind in ("", "_transpose") for n in (1, 2, 3)]  # fmt: skip
_COUNTERS: dict[Any, Callable[..., Counts | None]] = {
    rustorch.mm: _count_mm,
    Tensor.mm: _count_mm,
    rustorch.bmm: _count_bmm,
    Tensor.bmm: _count_bmm,
    rustorch.addmm: _count_addmm,
    Tensor.addmm: _count_addmm,
    rustorch.baddbmm: _count_baddbmm,
    Tensor.baddbmm: _count_baddbmm,
    rustorch.matmul: _count_matmul,
    Tensor.matmul: _count_matmul,
    Tensor.__matmul__: _count_matmul,
    F.linear: _count_linear,
    F.scaled_dot_product_attention: _count_attention,
    **{conv: functools.partial(_count_conv, transposed) for conv, transposed in _CONVOLUTIONS},
}


@functools.cache
def _op(name: str) -> Any:
    """What stands for an operator of PyTorch in the counts; some there are not here under that name."""
    found = getattr(rustorch.ops.aten, name, None)
    return OpOverloadPacket("aten", name, None) if found is None else found


class _Modules:
    """The names of the modules that run, from the outermost in: "Net", "Net.layer"."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.stack: list[str] = []
        self._handles: list[Any] = []

    def _name(self, module: nn.Module) -> str:
        if id(module) not in self.names:
            root = type(module).__name__
            for path, child in module.named_modules():
                self.names[id(child)] = f"{root}.{path}" if path else root
        return self.names[id(module)]

    def __enter__(self) -> None:
        self._handles = [
            register_module_forward_pre_hook(lambda m, args: self.stack.append(self._name(m))),
            register_module_forward_hook(lambda m, args, out: self._leave(), always_call=True),
        ]

    def _leave(self) -> None:
        self.stack.pop()

    def __exit__(self, *exc: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self.stack.clear()


class FlopCounterMode(TorchFunctionMode):
    """Counts inside of it; on leaving prints a table (unless display=False) of modules down to `depth`.

    custom_mapping adds functions to what is counted: {function: f(*shapes, out_shape=..., **kwargs) -> int}, where tensors
    among the arguments come as their shapes.
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict[Any, Any] | None = None
    ) -> None:
        super().__init__()
        self.depth, self.display = depth, display
        self.flop_counts: dict[str, dict[Any, int]] = defaultdict(lambda: defaultdict(int))
        self._custom = custom_mapping or {}
        self._modules = _Modules()
        self._active = False
        if mods is not None:
            import warnings

            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._active = True
        self._modules.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        super().__exit__(*exc)
        self._modules.__exit__()
        self._active = False
        if self.display:
            print(self.get_table(self.depth))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func in self._custom:
            shapes = [a.shape if isinstance(a, Tensor) else a for a in args]
            counted = self._custom[func](*shapes, **kwargs, out_shape=getattr(out, "shape", None))
            self._add(["Global", *self._modules.stack], func, counted)
        elif func in _COUNTERS:
            more = {"out": out} if isinstance(_COUNTERS[func], functools.partial) else {}
            self._record(_COUNTERS[func](*args, **kwargs, **more), out)
        return out

    def _record(self, counts: Counts | None, out: Any) -> None:
        if counts is None:
            return
        (name, flops), backward = counts
        places = ["Global", *self._modules.stack]
        self._add(places, _op(name), flops)
        if not (isinstance(out, Tensor) and out.requires_grad):
            return

        def wants(t: Any) -> bool:
            return any(map(wants, t)) if isinstance(t, tuple) else t.requires_grad

        due = [(_op(n), f) for t, n, f in backward if wants(t)]

        def arrived(grad: Tensor) -> None:
            if self._active:
                for op, count in due:
                    self._add(places, op, count)

        if due:
            out.register_hook(arrived)

    def _add(self, places: list[str], op: Any, flops: int) -> None:
        for place in dict.fromkeys(places):
            self.flop_counts[place][op] += flops

    def get_total_flops(self) -> int:
        """All operations."""
        return sum(self.flop_counts["Global"].values()) if "Global" in self.flop_counts else 0

    def get_flop_counts(self) -> dict[str, dict[Any, int]]:
        """Operations by the name of the module ("Global" for all), then by operator."""
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text, with their shares of the total."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        unit = max(0, min(4, (len(str(total)) - 2) // 3))

        def number(n: int) -> str:
            return str(n) if unit == 0 else f"{n / 1000**unit:.3f}{' KMBT'[unit]}"

        def share(n: int) -> str:
            return f"{n / total:.2%}" if total else "0%"

        rows: list[tuple[str, str, str]] = []
        names = [n for n in sorted(self.flop_counts) if n != "Global"]
        if "Global" in self.flop_counts and not any(sum(self.flop_counts[n].values()) >= total for n in names):
            names.insert(0, "Global")
        shift = 1 if "Global" in names else 0
        for name in names:
            level = 0 if name == "Global" else name.count(".") + 1
            if level > depth:
                continue
            pad = " " * (level - 1 + shift if level else 0)
            counts = self.flop_counts[name]
            rows.append((pad + name, number(sum(counts.values())), share(sum(counts.values()))))
            rows += [(f"{pad} - {op}", number(n), share(n)) for op, n in counts.items()]
        return _table(("Module", "FLOP", "% Total"), rows or [("Global", "0", "0%")])


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(3)]
    lines = [header, tuple("-" * w for w in widths), *rows]
    return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in lines)
