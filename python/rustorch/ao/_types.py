"""Names of element types that only quantized weights have; there are no tensors of them."""

from __future__ import annotations

__all__ = ["QuantizedType", "qint8"]


class QuantizedType:
    """An element type that stands for a number by integer, scale and zero point."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"rustorch.{self.name}"

    def __reduce__(self) -> str:
        return self.name  # pickled by name, copied as itself


qint8 = QuantizedType("qint8")
