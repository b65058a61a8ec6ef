"""What PyTorch keeps under `torch.ao`: dynamic quantization of linear layers."""

from . import nn, quantization

__all__ = ["nn", "quantization"]
