"""The former place of hub's downloads."""

from rustorch.hub import load_state_dict_from_url

__all__ = ["load_url"]

load_url = load_state_dict_from_url
