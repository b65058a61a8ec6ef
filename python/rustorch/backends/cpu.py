"""What the processor offers."""

from .. import _C


def get_cpu_capability() -> str:
    """The widest instruction set whose kernels run here: "AVX512", "AVX2", "SSE4", "NEON" or "SCALAR".

    RUSTORCH_CPU_CAPABILITY=avx2 (or sse4, default) in the environment allows no wider one.
    """
    return str(_C._device_capabilities("cpu")["platform"])
