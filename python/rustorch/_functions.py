"""Functions of the package that are compositions: losses with number codes, embeddings, dropout in place, norms, control
flow, old spellings."""

from . import _C
from ._C import Tensor

_ops = _C.ops
_REDUCTIONS = ("none", "mean", "sum")


def _functional():
    from .nn import functional

    return functional


# ---- losses with a number for the reduction: 0 none, 1 mean, 2 sum


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=1):
    """nn.functional.cosine_embedding_loss."""
    return _functional().cosine_embedding_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def hinge_embedding_loss(input, target, margin=1.0, reduction=1):
    """nn.functional.hinge_embedding_loss."""
    return _functional().hinge_embedding_loss(input, target, margin, reduction=_REDUCTIONS[reduction])


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=1):
    """nn.functional.margin_ranking_loss."""
    return _functional().margin_ranking_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """nn.functional.poisson_nll_loss."""
    return _functional().poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_REDUCTIONS[reduction])


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction=1):
    """nn.functional.triplet_margin_loss."""
    return _functional().triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap,
                                             reduction=_REDUCTIONS[reduction])  # fmt: skip


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1, zero_infinity=False):
    """nn.functional.ctc_loss."""
    return _functional().ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _REDUCTIONS[reduction],
                                  zero_infinity)  # fmt: skip


# ---- grids


def affine_grid_generator(theta, size, align_corners):
    """nn.functional.affine_grid."""
    return _functional().affine_grid(theta, list(size), align_corners)


# ---- embeddings


def embedding_bag(weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
                  include_last_offset=False, padding_idx=None):  # fmt: skip
    """Bags of embeddings (mode 0 sum, 1 mean, 2 max), the bag of every index, the sizes of the bags, the places of maxima."""
    out = _functional().embedding_bag(indices, weight, offsets, None, 2.0, scale_grad_by_freq, ("sum", "mean", "max")[mode],
                                      sparse, per_sample_weights, include_last_offset, padding_idx)  # fmt: skip
    starts = offsets.to(_C.int64)
    ends = starts[1:] if include_last_offset else _ops.cat([starts[1:], _C.tensor([indices.numel()])])
    starts = starts[: ends.numel()]
    at = _ops.arange(indices.numel())
    bag = (at.unsqueeze(1) >= ends).sum(1)
    kept = _ops.ones_like(at) if padding_idx is None else (indices != padding_idx).to(_C.int64)
    sizes = _ops.zeros(ends.numel(), dtype=_C.int64).index_add(0, bag, kept)
    places = _ops.empty((0,), dtype=_C.int64)
    if mode == 2:
        places = _ops.zeros((ends.numel(), weight.size(1)), dtype=_C.int64)
        rows = weight.detach()[indices]
        for i, (a, b) in enumerate(zip(starts.tolist(), ends.tolist())):
            if b > a:
                places[i] = indices[a:b][rows[a:b].argmax(0)]
    return out, bag, sizes, places


def embedding_renorm_(input, indices, max_norm, norm_type):
    """Scales the rows that indices name down to max_norm, in place."""
    from .nn._functional.sparse import _renorm

    _renorm(input, indices, max_norm, norm_type)
    return input


# ---- dropout in place


def _in_place(name):
    def function(input, p, train):
        return input.copy_(getattr(_ops, name)(input, p, train))

    function.__name__ = function.__qualname__ = name + "_"
    function.__doc__ = f"{name} in place."
    return function


alpha_dropout_ = _in_place("alpha_dropout")
feature_dropout_ = _in_place("feature_dropout")
feature_alpha_dropout_ = _in_place("feature_alpha_dropout")


def rrelu_(input, lower=1.0 / 8, upper=1.0 / 3, training=False, generator=None):
    """nn.functional.rrelu in place."""
    return _functional().rrelu_(input, lower, upper, training)


# ---- norms


def native_norm(input, p=2, dim=None, keepdim=False, dtype=None):
    """norm()."""
    return _ops.norm(input, p, dim, keepdim, dtype=dtype)


def frobenius_norm(input, dim=(), keepdim=False):
    """Square root of the sum of the squares over dim (all when empty)."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    return _ops.norm(input, 2, dims or None, keepdim)


def nuclear_norm(input, dim=None, keepdim=False):
    """Sum of the singular values over the two dimensions dim (the last two when not given)."""
    if isinstance(dim, bool):  # nuclear_norm(input, keepdim)
        dim, keepdim = None, dim
    return _ops.linalg_matrix_norm(input, "nuc", (-2, -1) if dim is None else tuple(dim), keepdim)


def pdist(input, p=2.0):
    """nn.functional.pdist."""
    return _functional().pdist(input, p)


# ---- control flow


def cond(pred, true_fn, false_fn, operands=()):
    """true_fn(*operands) if pred (a bool or a tensor of one element) else false_fn(*operands)."""
    if not isinstance(pred, (bool, int, float, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    return (true_fn if pred else false_fn)(*operands)


def while_loop(cond_fn, body_fn, carried_inputs):
    """Repeats x = body_fn(*x) from carried_inputs on while cond_fn(*x) is true; gives the last x as a tuple."""
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple or list; got {type(carried_inputs)}")
    state = tuple(carried_inputs)
    while cond_fn(*state):
        new = body_fn(*state)
        new = new if isinstance(new, (tuple, list)) else (new,)
        if len(new) != len(state):
            raise RuntimeError(f"body_fn should return the same number of elements as carried_inputs; got {len(new)}")
        state = tuple(new)
    return state


# ---- functions that PyTorch removed: they name what took their place


def _removed(name, instead):
    def function(*args, **kwargs):
        raise RuntimeError(
            f"This function was deprecated since version 1.9 and is now removed. `torch.{name}` is deprecated in favor of "
            f"`torch.linalg.{instead}`."
        )

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Removed; see linalg.{instead}."
    return function


eig, symeig = _removed("eig", "eig"), _removed("symeig", "eigh")
lstsq, solve, matrix_rank = (
    _removed("lstsq", "lstsq"),
    _removed("solve", "solve"),
    _removed("matrix_rank", "matrix_rank"),
)


# ---- in-place functions under old names


def _alias_in_place(name, target):
    def function(input, *args, **kwargs):
        return getattr(Tensor, target)(input, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{target} under another name."
    return function


arccos_ = _alias_in_place("arccos_", "acos_")
arccosh_ = _alias_in_place("arccosh_", "acosh_")
arcsin_ = _alias_in_place("arcsin_", "asin_")
arcsinh_ = _alias_in_place("arcsinh_", "asinh_")
arctan_ = _alias_in_place("arctan_", "atan_")
arctanh_ = _alias_in_place("arctanh_", "atanh_")
clip_ = _alias_in_place("clip_", "clamp_")
fix_ = _alias_in_place("fix_", "trunc_")
negative_ = _alias_in_place("negative_", "neg_")

__all__ = [n for n, v in list(globals().items()) if callable(v) and not n.startswith("_") and n not in ("Tensor",)]
