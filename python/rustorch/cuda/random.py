"""Random states of devices: see rustorch.cuda."""

from . import get_rng_state, get_rng_state_all, manual_seed, manual_seed_all, set_rng_state

__all__ = ["get_rng_state", "get_rng_state_all", "manual_seed", "manual_seed_all", "set_rng_state"]
