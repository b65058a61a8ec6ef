"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import rustorch as rt
from rustorch import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """One vector of all elements; TypeError if the parameters are on several devices."""
    parts: list[Tensor] = []
    for p in parameters:
        if parts and p.device != parts[0].device:
            raise TypeError("Found two parameters on different devices, this is currently not supported.")
        parts.append(p.reshape(-1))
    return rt.cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters be the parts of `vec`, in order."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec)}")
    start = 0
    for p in parameters:
        n = p.numel()
        p.data = vec[start : start + n].view_as(p).data
        start += n
