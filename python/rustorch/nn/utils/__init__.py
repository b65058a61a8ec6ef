"""rustorch.nn.utils."""
