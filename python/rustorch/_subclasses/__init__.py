"""Tensors without data that stand for others, which PyTorch's compiler uses: none are made here."""

from .fake_tensor import FakeTensor, FakeTensorMode

__all__ = ["FakeTensor", "FakeTensorMode"]
