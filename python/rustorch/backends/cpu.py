"""What the processor offers."""

from .. import _C


def get_cpu_capability() -> str:
    """The widest instruction set whose kernels run here: "AVX512", "AVX2", "SSE4", "NEON" or "SCALAR"."""
    return str(_C._device_capabilities("cpu")["platform"])
