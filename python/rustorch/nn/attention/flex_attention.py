"""Attention whose scores a function changes and whose mask a function makes. The functions are called once, with index
tensors that broadcast to (batch, head, query, key); scores and masks are dense.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch import Tensor

__all__ = ["BlockMask", "and_masks", "create_block_mask", "create_mask", "flex_attention", "noop_mask", "or_masks"]

_DEFAULT_SPARSE_BLOCK_SIZE = 128

MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def _indices(sizes: tuple[int, int, int, int], device: Any) -> list[Tensor]:
    """Places along batch, head, query and key, each along a dimension of its own."""
    return [rt.arange(n, device=device).view([-1 if j == i else 1 for j in range(4)]) for i, n in enumerate(sizes)]


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """Everything may be looked at."""
    return rt.ones((), dtype=rt.bool, device=batch.device)


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """What all of the masks allow."""

    def mask(b: Tensor, h: Tensor, q: Tensor, kv: Tensor) -> Tensor:
        result = noop_mask(b, h, q, kv)
        for mod in mask_mods:
            result = result & mod(b, h, q, kv)
        return result

    return mask


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """What one of the masks allows."""

    def mask(b: Tensor, h: Tensor, q: Tensor, kv: Tensor) -> Tensor:
        result = ~noop_mask(b, h, q, kv)
        for mod in mask_mods:
            result = result | mod(b, h, q, kv)
        return result

    return mask


def create_mask(
    mod_fn: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = "cpu",
    **other: Any,
) -> Tensor:
    """The boolean mask [B, H, Q_LEN, KV_LEN] of a mask function: True where a key may be looked at."""
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    return mod_fn(*_indices(sizes, device)).expand(sizes).contiguous()


class BlockMask:
    """A mask for flex_attention: the function, and the lengths that it is for."""

    def __init__(self, mask_mod: MaskMod, dense: Tensor, block_size: tuple[int, int]) -> None:
        self.mask_mod, self._dense, self.BLOCK_SIZE = mask_mod, dense, block_size
        self.seq_lengths = (dense.size(2), dense.size(3))

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, Q_LEN, KV_LEN)."""
        return tuple(self._dense.shape)

    def numel(self) -> int:
        """Number of elements of the mask."""
        return self._dense.numel()

    def to_dense(self) -> Tensor:
        """1 for each block of keys in which something may be looked at, else 0."""
        rows, columns = self.BLOCK_SIZE
        padded = rt.nn.functional.pad(
            self._dense.float(), (0, -self.shape[3] % columns, 0, -self.shape[2] % rows), value=0.0
        )
        b, h, q, kv = padded.shape
        return padded.view(b, h, q // rows, rows, kv // columns, columns).amax((3, 5)).int()

    def sparsity(self) -> float:
        """Percentage of the blocks that need not be computed."""
        return 100.0 * (1.0 - self.to_dense().float().mean().item())

    def to(self, device: Any) -> BlockMask:
        """The mask on another device."""
        return BlockMask(self.mask_mod, self._dense.to(device), self.BLOCK_SIZE)

    def __repr__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%)"


def create_block_mask(
    mask_mod: MaskMod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, **other: Any,
) -> BlockMask:  # fmt: skip
    """The mask of a mask function; B and H None: one for all batches and heads."""
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    return BlockMask(mask_mod, create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device or "cpu"), size)


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, score_mod: ScoreMod | None = None, block_mask: BlockMask | None = None,
    scale: float | None = None, enable_gqa: bool = False, return_lse: bool = False, kernel_options: Any = None, **other: Any,
) -> Any:  # fmt: skip
    """softmax(score_mod(query @ key.T * scale)) @ value over [B, H, L, E], masked by block_mask. Rows that may look at
    nothing give 0. return_lse: also the logarithm of the sums of exponentials.
    """
    if not query.dim() == key.dim() == value.dim() == 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if query.size(-3) != key.size(-3):
        if not enable_gqa:
            raise ValueError(
                f"Expect query and key/value to have the same number of heads but got Hq={query.size(-3)} and "
                f"Hkv={key.size(-3)}. Try setting enable_gqa=True for GQA."
            )
        groups = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    factor = 1.0 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = (query @ key.transpose(-2, -1)).float() * factor if query.dtype.itemsize < 4 else (query * factor) @ key.mT
    sizes = (scores.size(0), scores.size(1), scores.size(2), scores.size(3))
    places = _indices(sizes, query.device)
    if score_mod is not None:
        scores = score_mod(scores, *places)
    if block_mask is not None:
        scores = scores.masked_fill(~block_mask.mask_mod(*places), -math.inf)
    lse = scores.logsumexp(-1)
    weights = (scores - lse.masked_fill(lse == -math.inf, 0.0).unsqueeze(-1)).exp()
    out = weights.to(value.dtype) @ value
    return (out, lse) if return_lse else out
