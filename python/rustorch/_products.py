"""Products whose Python form takes several operands or nested lists of dimensions."""

from . import _C

_einsum, _tensordot, _chain = _C.ops.einsum, _C.ops.tensordot, _C.ops.chain_matmul


def _letter(label):
    if label is Ellipsis:
        return "..."
    if not 0 <= label < 52:
        raise ValueError(f"einsum(): subscripts must be in [0, 52), but got {label}")
    return chr(65 + label) if label < 26 else chr(71 + label)


def einsum(*args):
    """Einstein summation: einsum("ij,jk->ik", a, b) or einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"
        )
    if isinstance(args[0], str):
        equation, operands = args[0], args[1:]
    else:
        operands = args[: len(args) // 2 * 2 : 2]
        equation = ",".join("".join(map(_letter, labels)) for labels in args[1::2])
        if len(args) % 2:
            equation += "->" + "".join(map(_letter, args[-1]))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    return _einsum(equation, list(operands))


def tensordot(a, b, dims=2, out=None):
    """Sum of products over the last `dims` of a and first of b, or over the two lists in dims."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        over_a, over_b = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        over_a, over_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    result = _tensordot(a, b, over_a, over_b)
    if out is None:
        return result
    out.resize_(result.shape) if out.shape != result.shape else None
    return out.copy_(result)


def chain_matmul(*matrices, out=None):
    """Product of matrices in the cheapest order."""
    result = _chain(list(matrices))
    return result if out is None else out.copy_(result)
