"""Variable, the old name of Tensor."""

from .._C import Tensor

Variable = Tensor
__all__ = ["Variable"]
