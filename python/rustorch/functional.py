"""The functions that PyTorch keeps in torch.functional; they are those of the package."""

import rustorch as _rt

_NAMES = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors", "cartesian_prod", "cdist",
    "chain_matmul", "einsum", "istft", "lu", "meshgrid", "norm", "pca_lowrank", "split", "stft", "svd_lowrank", "tensordot",
    "unique", "unique_consecutive", "unravel_index",
]  # fmt: skip


def __getattr__(name):
    if name in _NAMES:
        return getattr(_rt, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__():
    return _NAMES
