"""Communication that gradients pass through. There are no process groups: a call says so."""

from rustorch.distributed import _needs_group

__all__ = ["all_gather", "all_reduce", "all_to_all", "all_to_all_single", "broadcast", "gather", "reduce", "reduce_scatter", "scatter"]  # fmt: skip

for _name in __all__:
    globals()[_name] = _needs_group(_name)
del _name
