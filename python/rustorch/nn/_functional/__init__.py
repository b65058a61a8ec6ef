"""The parts of `rustorch.nn.functional`, by family; use them through that module."""
