"""Comparison of gradients with finite differences."""

from .. import _C
from .._C import Tensor
from .forward_ad import dual_level, make_dual, unpack_dual


class GradcheckError(RuntimeError):
    """The analytical and the numerical gradient differ."""


def _outputs(function, inputs):
    result = function(*inputs)
    result = (result,) if isinstance(result, Tensor) else tuple(result)
    return [r for r in result if isinstance(r, Tensor) and (r.is_floating_point() or r.is_complex())]


def _numerical(function, inputs, index, output, eps):
    """Columns d(output)/d(input element) by central differences; complex inputs along both axes."""
    x = inputs[index].detach()
    directions = (1.0, 1j) if x.is_complex() else (1.0,)
    columns = []
    with_no_grad = _C.is_grad_enabled()
    _C._set_grad_enabled(False)
    try:
        for element in range(x.numel()):
            column = []
            for direction in directions:
                values = []
                for sign in (1, -1):
                    moved = x.clone().contiguous()
                    flat = moved.view(-1)
                    flat[element] = flat[element] + sign * eps * direction
                    args = list(inputs)
                    args[index] = moved.reshape(x.shape)
                    values.append(_outputs(function, args)[output].detach().clone())
                column.append((values[0] - values[1]) / (2 * eps))
            columns.append(column)
    finally:
        _C._set_grad_enabled(with_no_grad)
    return columns


def _forward_agrees(function, inputs, index, output, columns, atol, rtol):
    """Whether the tangents of the output along every element of the input are the numerical columns."""
    x = inputs[index].detach()
    for element, column in enumerate(columns):
        for direction, want in zip((1.0, 1j), column):
            v = _C.ops.zeros_like(x).contiguous()
            v.view(-1)[element] = direction
            with dual_level():
                args = list(inputs)
                args[index] = make_dual(x, v.reshape(x.shape))
                tangent = unpack_dual(_outputs(function, args)[output]).tangent
            tangent = _C.ops.zeros_like(want) if tangent is None else tangent.detach()
            if not _C.ops.allclose(tangent, want.detach(), rtol=rtol, atol=atol, equal_nan=True):
                return False
    return True


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, check_undefined_grad=True,
              nondet_tol=0.0, check_batched_grad=False, check_forward_ad=False, check_backward_ad=True,
              fast_mode=False, masked=None, check_grad_dtypes=False, check_batched_forward_grad=False):  # fmt: skip
    """True when the gradients of func agree with finite differences; else raises GradcheckError (or gives False)."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outputs = _outputs(func, inputs)
    for o, out in enumerate(outputs):
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor) or not x.requires_grad:
                continue
            columns = _numerical(func, inputs, i, o, eps)
            if check_forward_ad and not _forward_agrees(func, inputs, i, o, columns, atol, rtol):
                if not raise_exception:
                    return False
                raise GradcheckError(
                    f"Jacobian computed with forward mode mismatch for output {o} with respect to input {i}"
                )
            if not check_backward_ad:
                continue
            for k in range(out.numel()):
                for unit in (1.0, 1j) if out.is_complex() else (1.0,):
                    fresh = _outputs(func, inputs)[o]
                    seed = _C.ops.zeros_like(fresh).contiguous()
                    seed.view(-1)[k] = unit
                    if not fresh.requires_grad:
                        continue
                    (g,) = _C._grad((fresh,), (x,), (seed.reshape(fresh.shape),), False, False, True)
                    g = _C.ops.zeros_like(x) if g is None else g
                    got = g.contiguous().view(-1).tolist()
                    for element, column in enumerate(columns):
                        # g holds conj(dL/dx): the derivative along a direction is Re(conj(unit) * d out).
                        parts = [complex(c.reshape(-1)[k].item()) for c in column]
                        want = sum((p * complex(unit).conjugate()).real * d for p, d in zip(parts, (1.0, 1j)))
                        if abs(complex(got[element]) - want) > atol + rtol * abs(want):
                            if not raise_exception:
                                return False
                            raise GradcheckError(
                                f"Jacobian mismatch for output {o} with respect to input {i}, element {element} of the "
                                f"input and {k} of the output; got {got[element]}; expected {want}"
                            )
    return True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, gen_non_contig_grad_outputs=False,
                  raise_exception=True, nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False,
                  check_batched_grad=False, check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False,
                  masked=False):  # fmt: skip
    """gradcheck of the gradient of func."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outputs = _outputs(func, inputs)
    if grad_outputs is None:
        grad_outputs = [_C.ops.randn_like(o).requires_grad_(True) for o in outputs]
    else:
        grad_outputs = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    count = len(grad_outputs)
    wanted = [isinstance(x, Tensor) and x.requires_grad for x in inputs]

    def first_order(*args):
        xs, gs = list(args[:-count]), args[-count:]
        before = _C.is_grad_enabled()
        _C._set_grad_enabled(True)
        try:
            xs = [x.requires_grad_(True) if w and x.is_leaf and not x.requires_grad else x for x, w in zip(xs, wanted)]
            results = _C._grad(
                tuple(_outputs(func, xs)), tuple(x for x, w in zip(xs, wanted) if w), tuple(gs), True, True, True
            )
        finally:
            _C._set_grad_enabled(before)
        return tuple(r for r in results if r is not None)

    return gradcheck(
        first_order, tuple(inputs) + tuple(grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception
    )
