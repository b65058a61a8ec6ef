"""The old place of `rustorch.ao.quantization`."""

from .ao.quantization import default_dynamic_qconfig, float16_dynamic_qconfig, quantize_dynamic

__all__ = ["default_dynamic_qconfig", "float16_dynamic_qconfig", "quantize_dynamic"]
