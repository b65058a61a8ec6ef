"""L-BFGS with an optional strong-Wolfe line search (Nocedal & Wright, Numerical Optimization, ch. 3 and 7)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .optimizer import Optimizer, options


def _ratio(a: Any, b: Any) -> Any:
    """a / b as IEEE 754 has it, for numbers too."""
    if isinstance(b, Tensor) or b != 0.0:
        return a / b
    if isinstance(a, Tensor):
        return a / rt.zeros_like(a)
    return math.nan if a == 0.0 or a != a else math.copysign(math.inf, a)


def _cubic_minimum(
    x1: Any, f1: float, g1: Any, x2: Any, f2: float, g2: Any, bounds: tuple[Any, Any] | None = None
) -> Any:
    """The minimum between the points of the cubic with these values and slopes (eq. 3.59).

    Slopes are tensors of no dims, and so is the result: the arithmetic has their precision.
    """
    low, high = bounds if bounds is not None else ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - _ratio(3 * (f1 - f2), x1 - x2)
    square = d1**2 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    if x1 <= x2:
        x = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        x = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(x, low), high)


class _Point:
    """A trial step: its length, loss, gradient and slope along the direction."""

    __slots__ = ("f", "g", "slope", "t")

    def __init__(self, t: Any, f: float, g: Tensor, slope: Any) -> None:
        self.t, self.f, self.g, self.slope = t, f, g, slope


def _strong_wolfe(
    evaluate: Callable[[Any], tuple[float, Tensor]],
    direction: Tensor,
    start: _Point,
    t: Any,
    tolerance_change: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    max_steps: int = 25,
) -> tuple[_Point, int]:
    """A step that fulfils the strong Wolfe conditions, and the number of evaluations."""
    scale = direction.abs().max()

    def probe(length: Any) -> _Point:
        f, g = evaluate(length)
        return _Point(length, f, g, g.dot(direction))

    def too_high(point: _Point) -> bool:
        return point.f > start.f + c1 * point.t * start.slope

    def flat_enough(point: _Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    new, previous = probe(t), start
    calls, steps = 1, 0
    bracket: list[_Point] = []
    done = False
    while steps < max_steps:
        if too_high(new) or (steps > 1 and new.f >= previous.f):
            bracket = [previous, new]
            break
        if flat_enough(new):
            bracket, done = [new], True
            break
        if new.slope >= 0:
            bracket = [previous, new]
            break
        low = new.t + 0.01 * (new.t - previous.t)
        high = new.t * 10
        t = _cubic_minimum(previous.t, previous.f, previous.slope, new.t, new.f, new.slope, (low, high))
        previous, new = new, probe(t)
        calls += 1
        steps += 1
    if steps == max_steps:
        bracket = [start, new]
    # zoom: bracket[lo] is the better end
    stalled = False
    lo, hi = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    while not done and steps < max_steps:
        a, b = bracket
        width = abs(b.t - a.t)
        if width * scale < tolerance_change:
            break
        t = _cubic_minimum(a.t, a.f, a.slope, b.t, b.f, b.slope)
        left, right = min(a.t, b.t), max(a.t, b.t)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            # close to an end: the second time in a row, move to a tenth inside
            if stalled or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        new = probe(t)
        calls += 1
        steps += 1
        if too_high(new) or new.f >= bracket[lo].f:
            bracket[hi] = new
            lo, hi = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
        else:
            if flat_enough(new):
                done = True
            elif new.slope * (bracket[hi].t - bracket[lo].t) >= 0:
                bracket[hi] = bracket[lo]
            bracket[lo] = new
    return bracket[lo if len(bracket) > 1 else 0], calls


class LBFGS(Optimizer):
    """Limited-memory BFGS on one parameter group; `step` needs a closure that recomputes loss and gradients.

    `line_search_fn` is None or 'strong_wolfe'.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        *,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(
            params,
            options(
                locals(), "lr max_iter max_eval tolerance_grad tolerance_change history_size line_search_fn maximize"
            ),
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        parts = []
        for p in self._params:
            if p.grad is None:
                part = rt.zeros(p.numel(), dtype=p.dtype, device=p.device)
            elif p.grad.is_sparse:
                part = p.grad.to_dense().reshape(-1)
            else:
                part = p.grad.reshape(-1)
            if part.is_complex():
                part = rt.view_as_real(part).reshape(-1)
            parts.append(part)
        g = rt.cat(parts)
        return -g if self.param_groups[0]["maximize"] else g

    def _move(self, t: Any, direction: Tensor) -> None:
        start = 0
        for p in self._params:
            target = rt.view_as_real(p) if p.is_complex() else p
            n = target.numel()
            target.add_(direction[start : start + n].reshape(target.shape), alpha=float(t))
            start += n

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to max_iter iterations; gives the loss of the first evaluation."""
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        with rt.no_grad():
            return self._run(closure)

    def _run(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def loss_at() -> tuple[Any, float]:
            with rt.enable_grad():
                out = closure()
            value = float(out)
            return out, (-value if group["maximize"] else value)

        first, loss = loss_at()
        evals = 1
        state["func_evals"] += 1
        g = self._gradient()
        if float(g.abs().max()) <= group["tolerance_grad"]:
            return first
        d, t = state.get("d"), state.get("t")
        old_dirs, old_stps, ro = state.get("old_dirs"), state.get("old_stps"), state.get("ro")
        h_diag, prev_g, prev_loss = state.get("H_diag"), state.get("prev_flat_grad"), state.get("prev_loss")
        lr = group["lr"].squeeze() if isinstance(group["lr"], Tensor) else group["lr"]
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, old_dirs, old_stps, ro, h_diag = -g, [], [], [], 1
            else:
                h_diag = self._remember(g - prev_g, d * t, old_dirs, old_stps, ro, h_diag)
                d = self._direction(g, old_dirs, old_stps, ro, h_diag)
            prev_g = g.clone()
            prev_loss = loss
            first_step: Any = min(1.0, 1.0 / g.abs().sum())
            t = first_step * lr if state["n_iter"] == 1 else lr
            slope = g.dot(d)
            if slope > -group["tolerance_change"]:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                saved = [p.clone(memory_format=rt.contiguous_format) for p in self._params]

                def evaluate(length: Any, saved: Any = saved, d: Any = d) -> tuple[float, Tensor]:
                    self._move(length, d)
                    _, f = loss_at()
                    grad = self._gradient()
                    for p, s in zip(self._params, saved):
                        p.copy_(s)
                    return f, grad

                point, calls = _strong_wolfe(evaluate, d, _Point(0.0, loss, g, slope), t, group["tolerance_change"])
                loss, g, t = point.f, point.g, point.t
                self._move(t, d)
                optimal = float(g.abs().max()) <= group["tolerance_grad"]
            else:
                self._move(t, d)
                optimal = False
                if iterations != group["max_iter"]:
                    _, loss = loss_at()
                    g = self._gradient()
                    optimal = float(g.abs().max()) <= group["tolerance_grad"]
                    calls = 1
            evals += calls
            state["func_evals"] += calls
            if (
                iterations == group["max_iter"]
                or evals >= group["max_eval"]
                or optimal
                or float(d.mul(t).abs().max()) <= group["tolerance_change"]
                or abs(loss - prev_loss) < group["tolerance_change"]
            ):
                break
        state.update(
            d=d,
            t=t,
            old_dirs=old_dirs,
            old_stps=old_stps,
            ro=ro,
            H_diag=h_diag,
            prev_flat_grad=prev_g,
            prev_loss=prev_loss,
        )
        return first

    def _remember(self, y: Tensor, s: Tensor, dirs: Any, stps: Any, ro: Any, h_diag: Any) -> Any:
        """Add a pair (y, s) to the history unless its curvature is too small; gives the scale of H0."""
        ys = y.dot(s)
        if float(ys) <= 1e-10:
            return h_diag
        if len(dirs) == self.param_groups[0]["history_size"]:
            dirs.pop(0)
            stps.pop(0)
            ro.pop(0)
        dirs.append(y)
        stps.append(s)
        ro.append(1.0 / ys)
        return ys / y.dot(y)

    def _direction(self, g: Tensor, dirs: Any, stps: Any, ro: Any, h_diag: Any) -> Tensor:
        """The two-loop recursion (algorithm 7.4)."""
        n = len(dirs)
        q = -g
        al: list[Any] = [None] * n
        for i in range(n - 1, -1, -1):
            al[i] = stps[i].dot(q) * ro[i]
            q.add_(dirs[i], alpha=-float(al[i]))
        d = q.mul(h_diag)
        for i in range(n):
            d.add_(stps[i], alpha=float(al[i] - dirs[i].dot(d) * ro[i]))
        state = self.state[self._params[0]]
        state["al"] = al + [None] * (self.param_groups[0]["history_size"] - n)
        return d
