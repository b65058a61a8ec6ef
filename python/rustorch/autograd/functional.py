"""Products with the Jacobian and the Hessian of a function, by reverse mode (jvp by the double-backward identity)."""

import rustorch

from .. import _C
from .._C import Tensor
from . import grad as _grad
from .grad_mode import enable_grad, set_grad_enabled

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _as_tuple(value, what, api):
    """(was a tuple, the tensors as a tuple)."""
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, item in enumerate(values):
        if not isinstance(item, Tensor):
            where = f"the value at index {i}" if several else f"the given {what}"
            raise TypeError(
                f"The {what} given to {api} must be either a Tensor or a tuple of Tensors but {where} has type {type(item)}."
            )
    return several, values


def _fresh(inputs, create_graph, need_graph):
    """New tensor objects, so that the function's arguments are not mistaken for what it captures."""
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_(need_graph) for t in inputs
    )


def _finish(values, create_graph):
    if values and not isinstance(values[0], Tensor):
        return tuple(_finish(v, create_graph) for v in values)
    return tuple(values) if create_graph else tuple(v.detach() for v in values)


def _unpack(values, several):
    if isinstance(several, tuple):
        outer, inner = several
        values = values if inner else tuple(v[0] for v in values)
        return values if outer else values[0]
    return values if several else values[0]


def _check_v(v, other, several):
    if len(other) != len(v):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(other)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, other)):
        if a.size() != b.size():
            entry = f"Entry {i} in " if several else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {b.size()} but got {a.size()}.")


_INDEPENDENT = {
    "outputs": "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
    "This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to input "
    "{i} is independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
    "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example).",
    "hessian": "The hessian of the user-provided function with respect to input {i} is independent of the input. This is "
    "not allowed in strict mode. You should ensure that your function is thrice differentiable and that the hessian depends "
    "on the inputs.",
}
_MISSING = {
    "back": "The output of the user-provided function is independent of input {i}. This is not allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the "
    "double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {i}. This is not allowed in strict "
    "mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This "
    "is not allowed in strict mode as it prevents from using the double backward trick to replace forward mode AD.",
}


def _check_strict(values, what, strict):
    if not strict:
        return
    for i, value in enumerate(values):
        if value is None:
            raise RuntimeError(_MISSING["back"].format(i=i))
        if not value.requires_grad:
            raise RuntimeError(_INDEPENDENT[what].format(i=i))


def _try_grad(outputs, inputs, grads=None, create_graph=False, retain_graph=None):
    """grad() that passes over outputs which need none; None for inputs that do not matter."""
    grads = (None,) * len(outputs) if grads is None else grads
    pairs = [(o, g) for o, g in zip(outputs, grads) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outs, seeds = zip(*pairs)
    return _grad(outs, inputs, seeds, allow_unused=True, create_graph=create_graph, retain_graph=retain_graph)


def _with_zeros(grads, refs, strict, create_graph, stage):
    result = []
    for i, g in enumerate(grads):
        if g is None:
            if strict:
                raise RuntimeError(_MISSING[stage].format(i=i))
            g = _C.ops.zeros_like(refs[i])
        elif strict and create_graph and not g.requires_grad:
            what = "hessian" if "double" in stage else "jacobian"
            raise RuntimeError(
                f"The {what} of the user-provided function is independent of input {i}. This is not allowed in strict mode "
                "when create_graph=True."
            )
        result.append(g)
    return tuple(result)


def _given_v(v, like, several, create_graph, api, message):
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(message)
        return None
    _, v = _as_tuple(v, "v", api)
    v = _fresh(v, create_graph, need_graph=False)
    _check_v(v, like, several)
    return v


_V_INPUT = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."
)


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), v^T J): J is the Jacobian at `inputs`, v looks like the outputs (optional for one number)."""
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "vjp")
        inputs = _fresh(inputs, create_graph, need_graph=True)
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "vjp")
        _check_strict(outputs, "outputs", strict)
        v = _given_v(
            v, outputs, many_out, create_graph, "vjp",
            "The vector v can only be None if the user-provided function returns a single Tensor with a single element.",
        )  # fmt: skip
    with set_grad_enabled(create_graph or _C.is_grad_enabled()):
        grads = _try_grad(outputs, inputs, v, create_graph=create_graph)
        grads = _with_zeros(grads, inputs, strict, create_graph, "back")
    return _unpack(_finish(outputs, create_graph), many_out), _unpack(_finish(grads, create_graph), many_in)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), J v): J is the Jacobian at `inputs`, v looks like the inputs (optional for one number).

    J v is the gradient of u^T J with respect to u, weighted by v.
    """
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "jvp")
        inputs = _fresh(inputs, create_graph, need_graph=True)
        v = _given_v(v, inputs, many_in, create_graph, "jvp", _V_INPUT)
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        _check_strict(outputs, "outputs", strict)
        seeds = tuple(_C.ops.zeros_like(o).requires_grad_() for o in outputs)
        back = _try_grad(outputs, inputs, seeds, create_graph=True)
        _check_strict(back, "grad_inputs", strict)
    with set_grad_enabled(create_graph or _C.is_grad_enabled()):
        products = _try_grad(back, seeds, v, create_graph=create_graph)
        products = _with_zeros(products, outputs, strict, create_graph, "back_trick")
    return _unpack(_finish(outputs, create_graph), many_out), _unpack(_finish(products, create_graph), many_out)


def _rows(outputs, inputs, output, create_graph, strict, i):
    """Jacobian of one output: a tensor of shape output.shape + input.shape per input."""
    flat = output.reshape(-1)
    columns = [[] for _ in inputs]
    for k in range(output.numel()):
        grads = _try_grad((flat[k],), inputs, retain_graph=True, create_graph=create_graph)
        for j, (g, x) in enumerate(zip(grads, inputs)):
            if g is None:
                if strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in "
                        "strict mode."
                    )
                g = _C.ops.zeros_like(x)
            elif strict and create_graph and not g.requires_grad:
                raise RuntimeError(
                    "The jacobian of the user-provided function is independent of input "
                    f"{i}. This is not allowed in strict mode when create_graph=True."
                )
            columns[j].append(g)
    return tuple(
        _C.ops.stack(c).reshape((*output.shape, *x.shape)) if c else x.new_zeros((*output.shape, *x.shape))
        for c, x in zip(columns, inputs)
    )


def _refuse(function, pair):
    return f"rustorch.autograd.functional.{function}: {pair} are not supported together (yet). Please either set "


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian of func at `inputs`: output.shape + input.shape; nested tuples when there are several of either.

    `vectorize` computes all rows (columns with strategy "forward-mode") in one batched pass.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
            'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        pair = '{} and `strategy="forward-mode"`'
        if create_graph:
            raise NotImplementedError(
                _refuse("jacobian", pair.format("`create_graph=True`"))
                + '`create_graph=False` or `strategy="reverse-mode"`.'
            )
        if strict:
            raise RuntimeError(
                _refuse("jacobian", pair.format("`strict=True`")) + '`strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
                "`vectorize=True`."
            )
        many_in, inputs = _as_tuple(inputs, "inputs", "jacobian")
        return _vectorized(func, inputs, many_in, rustorch.func.jacfwd, False)
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "jacobian")
        if vectorize:
            if strict:
                raise RuntimeError(
                    "rustorch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
                    "Please either set `strict=False` or `vectorize=False`."
                )
            return _vectorized(func, inputs, many_in, rustorch.func.jacrev, create_graph)
        inputs = _fresh(inputs, create_graph, need_graph=True)
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "jacobian")
        _check_strict(outputs, "outputs", strict)
        result = tuple(_rows(outputs, inputs, o, create_graph, strict, i) for i, o in enumerate(outputs))
    return _unpack(_finish(result, create_graph), (many_out, many_in))


def _vectorized(func, inputs, many_in, transform, create_graph):
    """The Jacobian by a function transform."""
    shape = {}

    def checked(*args):
        shape["many_out"], outputs = _as_tuple(func(*args), "outputs of the user-provided function", "jacobian")
        return outputs

    inputs = inputs if create_graph else tuple(t.detach() for t in inputs)
    result = transform(checked, argnums=tuple(range(len(inputs))))(*inputs)
    return _unpack(_finish(result, create_graph), (shape["many_out"], many_in))


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """The Hessian of a function that gives one number: the Jacobian of its gradient."""
    many_in, inputs = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def single(*args):
        out = func(*args)
        many, outputs = _as_tuple(out, "outputs of the user-provided function", "hessian")
        _check_strict(outputs, "outputs", strict)
        if many:
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if outputs[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return out.squeeze()

    def gradient(*args):
        if outer_jacobian_strategy == "forward-mode":
            args = tuple(t.requires_grad_() if not t.requires_grad else t for t in args)
        result = jacobian(single, args, create_graph=True)
        _check_strict(result, "jacobian", strict)
        return result

    result = jacobian(
        gradient, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )  # fmt: skip
    return _unpack(result, (many_in, many_in))


def _gradient_of_scalar(func, inputs, api, strict):
    many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", api)
    _check_strict(outputs, "outputs", strict)
    if many_out:
        raise RuntimeError(f"The function given to {api} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {api} should contain a single element")
    grads = _try_grad(outputs, inputs, create_graph=True)
    _check_strict(grads, "jacobian", strict)
    return many_out, outputs, grads


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), v^T H) for a function that gives one number; H is its Hessian."""
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "vhp")
        inputs = _fresh(inputs, create_graph, need_graph=True)
        v = _given_v(v, inputs, many_in, create_graph, "vhp", _V_INPUT)
        many_out, outputs, grads = _gradient_of_scalar(func, inputs, "vhp", strict)
    with set_grad_enabled(create_graph or _C.is_grad_enabled()):
        products = _try_grad(grads, inputs, v, create_graph=create_graph)
        products = _with_zeros(products, inputs, strict, create_graph, "double_back")
    return _unpack(_finish(outputs, create_graph), many_out), _unpack(_finish(products, create_graph), many_in)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), H v) for a function that gives one number; vhp is cheaper and equal where H is symmetric."""
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "hvp")
        inputs = _fresh(inputs, create_graph, need_graph=True)
        v = _given_v(v, inputs, many_in, create_graph, "hvp", _V_INPUT)
        many_out, outputs, grads = _gradient_of_scalar(func, inputs, "hvp", strict)
        seeds = tuple(_C.ops.zeros_like(x).requires_grad_() for x in inputs)
        back = _try_grad(grads, inputs, seeds, create_graph=True)
        _check_strict(back, "hessian", strict)
    with set_grad_enabled(create_graph or _C.is_grad_enabled()):
        products = _try_grad(back, seeds, v, create_graph=create_graph)
        products = _with_zeros(products, inputs, strict, create_graph, "double_back_trick")
    return _unpack(_finish(outputs, create_graph), many_out), _unpack(_finish(products, create_graph), many_in)
