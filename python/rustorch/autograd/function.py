"""Operations with a gradient written by the user."""

from typing import NamedTuple

from .. import _C
from .._C import Tensor


class FunctionCtx:
    """`ctx` of Function: what forward leaves for backward."""

    materialize_grads = True
    _node = None
    _to_save = ()
    _non_differentiable = ()
    _dirty = ()

    def save_for_backward(self, *tensors):
        """Keeps tensors for backward; a later in-place write to them is an error there."""
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_non_differentiable(self, *tensors):
        """Results that get no gradient."""
        self._non_differentiable = tensors

    def mark_dirty(self, *tensors):
        """Inputs that forward changed in place."""
        self._dirty = tensors

    def set_materialize_grads(self, value):
        """Whether missing gradients reach backward as zeros (True) or None."""
        self.materialize_grads = bool(value)

    @property
    def saved_tensors(self):
        """The tensors given to save_for_backward."""
        if self._node is None:
            return tuple(self._to_save)
        return tuple(_C._function_saved(self._node))

    saved_variables = saved_tensors

    @property
    def needs_input_grad(self):
        """For every argument of forward, whether its gradient is wanted."""
        if self._node is None:
            return self._wanted
        needs = iter(_C._function_needs(self._node))
        return tuple(next(needs) if t else False for t in self._is_tensor)

    def _run_backward(self, *grads):
        result = self._cls.backward(self, *grads)
        result = result if isinstance(result, tuple) else (result,)
        expected = len(self._is_tensor)
        if len(result) > expected and all(r is None for r in result[expected:]):
            result = result[:expected]
        if len(result) != expected:
            raise RuntimeError(
                f"function {self._cls.__name__}Backward returned an incorrect number of gradients "
                f"(expected {expected}, got {len(result)})"
            )
        return tuple(r for r, t in zip(result, self._is_tensor) if t)


class VmapInfo(NamedTuple):
    """What Function.vmap is told of the vmap that it is called in."""

    batch_size: int
    randomness: str


class Function:
    """Subclass with static `forward(ctx, *args)` and `backward(ctx, *grads)`; call `apply`.

    With a static `setup_context(ctx, inputs, output)`, forward takes no ctx.
    """

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        if _C._transform_depth():
            depth = max((_C._dual_depth(a) for a in args if isinstance(a, Tensor)), default=0)
            if depth:
                return cls._apply_dual(depth, args, kwargs)
            tensors = [a for a in args if isinstance(a, Tensor)]
            level, size = max((_C._batch_of(a) for a in tensors), default=(0, 0))
            if level and cls.vmap is not Function.vmap and not any(a.requires_grad for a in tensors):
                return cls._apply_vmap(level, size, args)
            # A history of the batch's values is recorded on the values: example by example.
            if level and any(_C._func_has_history(a) for a in tensors) and not any(a.requires_grad for a in tensors):
                return cls._apply_examples(level, size, args, kwargs)
        return cls._apply(args, kwargs)[0]

    @staticmethod
    def vmap(info, in_dims, *args):
        """The function for a batch: gives (output, out_dims). Without one, forward and backward run on batched tensors."""
        raise NotImplementedError("vmap is not implemented.")

    @classmethod
    def _apply_vmap(cls, level, size, args):
        """Inside of vmap: the class's own rule, on the values."""
        values = [_C._vmap_value(a, level) if isinstance(a, Tensor) else None for a in args]
        in_dims = tuple(None if v is None else 0 for v in values)
        result = cls.vmap(
            VmapInfo(size, _C._vmap_randomness(level)), in_dims, *(a if v is None else v for a, v in zip(args, values))
        )
        if not isinstance(result, tuple) or len(result) != 2:
            raise RuntimeError(f"{cls.__name__}.vmap: expected (output, out_dims); got {type(result)}")
        output, out_dims = result
        outputs = output if isinstance(output, tuple) else (output,)
        dims = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(outputs)
        if len(dims) != len(outputs):
            raise RuntimeError(f"{cls.__name__}.vmap: got {len(outputs)} outputs and {len(dims)} out_dims")
        batched = tuple(o if d is None else _C._vmap_wrap(o, d % o.dim(), level) for o, d in zip(outputs, dims))
        return batched if isinstance(output, tuple) else batched[0]

    @classmethod
    def _run_forward(cls, args, kwargs):
        """forward of a class with setup_context, by its vmap rule for batched arguments."""
        if _C._transform_depth() and cls.vmap is not Function.vmap:
            level, size = max((_C._batch_of(a) for a in args if isinstance(a, Tensor)), default=(0, 0))
            if level:
                return cls._apply_vmap(level, size, args)
        return cls.forward(*args, **kwargs)

    @classmethod
    def _apply_examples(cls, level, size, args, kwargs):
        """Inside of vmap: one call for every example."""
        values = [_C._vmap_value(a, level) if isinstance(a, Tensor) else None for a in args]
        rows = []
        for i in range(size):
            out = cls.apply(*(a if v is None else v[i] for a, v in zip(args, values)), **kwargs)
            rows.append(out if isinstance(out, tuple) else (out,))
        joined = tuple(_C._vmap_wrap(_C.ops.stack(list(column)), 0, level) for column in zip(*rows))
        return joined if isinstance(out, tuple) else joined[0]

    @classmethod
    def _apply_dual(cls, depth, args, kwargs):
        """Forward mode: the function on the values, jvp on the tangents."""
        pairs = [_C._unpack_dual(a, depth) if isinstance(a, Tensor) else (a, None) for a in args]
        primals = [p for p, _ in pairs]
        inner = max((_C._dual_depth(p) for p in primals if isinstance(p, Tensor)), default=0)
        if inner:
            raise RuntimeError(
                f"{cls.__name__}: a custom autograd.Function takes part in one level of forward mode at a time."
            )
        output, ctx = cls._apply(primals, kwargs)
        tangents = cls.jvp(ctx, *(t for _, t in pairs))
        outputs = output if isinstance(output, tuple) else (output,)
        tangents = tangents if isinstance(tangents, tuple) else (tangents,)
        if len(outputs) != len(tangents):
            raise RuntimeError(
                f"function {cls.__name__}Backward returned an incorrect number of forward gradients "
                f"(expected {len(outputs)}, got {len(tangents)})"
            )
        duals = tuple(o if t is None else _C._make_dual(o, t, depth) for o, t in zip(outputs, tangents))
        return duals if isinstance(output, tuple) else duals[0]

    @classmethod
    def _apply(cls, args, kwargs):
        """(result, ctx)."""
        ctx = FunctionCtx()
        ctx._cls = cls
        ctx._is_tensor = tuple(isinstance(a, Tensor) for a in args)
        ctx._wanted = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        record = _C.is_grad_enabled() and any(ctx._wanted)
        before = _C.is_grad_enabled()
        _C._set_grad_enabled(False)
        try:
            if cls.setup_context is not Function.setup_context:
                output = cls._run_forward(args, kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        finally:
            _C._set_grad_enabled(before)
        if not record:
            return output, ctx
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        tensors = [o if isinstance(o, Tensor) else None for o in outputs]
        inputs = [a for a in args if isinstance(a, Tensor)]
        wrapped, ctx._node = _C._make_function_node(
            ctx, cls.__name__ + "Backward", inputs, tensors, list(ctx._non_differentiable), list(ctx._dirty),
            list(ctx._to_save), ctx.materialize_grads,
        )  # fmt: skip
        ctx._to_save = ()
        final = tuple(w if isinstance(o, Tensor) else o for o, w in zip(outputs, wrapped))
        return (final[0] if single else final), ctx


def once_differentiable(function):
    """Decorator of a backward that cannot itself be differentiated."""
    import functools

    @functools.wraps(function)
    def wrapper(ctx, *args):
        before = _C.is_grad_enabled()
        _C._set_grad_enabled(False)
        try:
            return function(ctx, *args)
        finally:
            _C._set_grad_enabled(before)

    return wrapper
