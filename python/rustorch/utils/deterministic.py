"""Whether fresh memory is filled where programs ask for determinism. Here all operators are deterministic."""

__all__ = ["fill_uninitialized_memory"]

fill_uninitialized_memory = True
