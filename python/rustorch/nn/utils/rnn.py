"""Packing and padding of sequences of different lengths."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable
from typing import Any

import rustorch as rt
from rustorch import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

PackedSequence_ = namedtuple(
    "PackedSequence_",
    ["data", "batch_sizes", "sorted_indices", "unsorted_indices"],
    defaults=[None, None, None],
)


class PackedSequence(PackedSequence_):
    """Sequences step by step: `data` (total, *) and `batch_sizes` (steps), an int64 CPU tensor.

    `sorted_indices` is the order by length in which they were packed, `unsorted_indices` its
    inverse; both None when the sequences came sorted.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> Any:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is not None:
            if batch_sizes.device.type != "cpu":
                raise ValueError(
                    "batch_sizes should always be on CPU. Instances of PackedSequence should "
                    "never be created manually. They should be instantiated by functions like "
                    "pack_sequence and pack_padded_sequences in nn.utils.rnn."
                )
        elif isinstance(data, (list, tuple)) and len(data) == 2:
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move or cast `data`, and move the indices with it."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        where = data.device

        def move(index: Any) -> Any:
            return None if index is None else index.to(device=where)

        return type(self)(data, self.batch_sizes, move(self.sorted_indices), move(self.unsorted_indices))

    def cpu(self, *args: Any, **kwargs: Any) -> Any:
        """On the CPU."""
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> Any:
        """On a CUDA device."""
        return self.to(*args, device="cuda", **kwargs)

    def double(self) -> Any:
        """As float64."""
        return self.to(dtype=rt.float64)

    def float(self) -> Any:
        """As float32."""
        return self.to(dtype=rt.float32)

    def half(self) -> Any:
        """As float16."""
        return self.to(dtype=rt.float16)

    def long(self) -> Any:
        """As int64."""
        return self.to(dtype=rt.int64)

    def int(self) -> Any:
        """As int32."""
        return self.to(dtype=rt.int32)

    def short(self) -> Any:
        """As int16."""
        return self.to(dtype=rt.int16)

    def char(self) -> Any:
        """As int8."""
        return self.to(dtype=rt.int8)

    def byte(self) -> Any:
        """As uint8."""
        return self.to(dtype=rt.uint8)

    def pin_memory(self) -> Any:
        """Itself: there is no page-locked memory to move to."""
        return self

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is on a CUDA device."""
        return bool(self.data.is_cuda)

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`; None stays None."""
    if permutation is None:
        return None
    n = permutation.numel()
    out = rt.empty_like(permutation)
    out[permutation] = rt.arange(n, device=permutation.device, dtype=permutation.dtype)
    return out


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack (T, B, *), or (B, T, *) with `batch_first`, with the given lengths of each sequence.

    RuntimeError if lengths are not positive, or not sorted while `enforce_sorted`.
    """
    lengths_t = lengths if isinstance(lengths, Tensor) else rt.tensor(lengths, dtype=rt.int64)
    if lengths_t.device.type != "cpu":
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{lengths_t.dim()}D {lengths_t.device} {lengths_t.dtype} tensor"
        )
    sorted_indices = None
    if not enforce_sorted:
        lengths_t, sorted_indices = rt.sort(lengths_t, descending=True)
        sorted_indices = sorted_indices.to(input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)
    sizes: list[int] = [int(n) for n in lengths_t.tolist()]
    if not sizes or input.numel() == 0 and input.size(1) == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != input.size(1):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={input.size(1)})"
        )
    if min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in zip(sizes, sizes[1:])):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if sizes[0] > input.size(0):
        raise RuntimeError(f"Expected lengths of at most {input.size(0)} (the padded length); got {sizes[0]}")
    batch_sizes, pieces = [], []
    count, start = len(sizes), 0
    while count:
        end = sizes[count - 1]  # until here the batch has `count` sequences
        if end > start:
            pieces.append(input[start:end, :count].reshape(-1, *input.shape[2:]))
            batch_sizes += [count] * (end - start)
            start = end
        while count and sizes[count - 1] <= start:
            count -= 1
    return PackedSequence(rt.cat(pieces), rt.tensor(batch_sizes, dtype=rt.int64), sorted_indices, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """(padded (T, B, *) or (B, T, *), lengths): the inverse of `pack_padded_sequence`."""
    sizes: list[int] = sequence.batch_sizes.tolist()
    steps = len(sizes)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    data = sequence.data
    batch = sizes[0]
    mask = rt.zeros(steps, batch, dtype=rt.bool)
    lengths = [0] * batch
    for t, n in enumerate(sizes):
        mask[t, :n] = True
    for b in range(batch):
        lengths[b] = sum(n > b for n in sizes)
    position = mask.reshape(-1).nonzero().reshape(-1).to(data.device)
    flat = rt.full((steps * batch, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    out = flat.index_copy(0, position, data).reshape(steps, batch, *data.shape[1:])
    lengths_t = rt.tensor(lengths, dtype=rt.int64)
    if batch_first:
        out = out.transpose(0, 1)
    back = sequence.unsorted_indices
    if back is not None:
        return out.index_select(0 if batch_first else 1, back), lengths_t[back.cpu()]
    return out, lengths_t


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack tensors (L_i, *) into (T, B, *) or (B, T, *), padded on the `padding_side`."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}")
    items: list[Tensor] = list(sequences)
    if not items:
        raise RuntimeError("received an empty list of sequences")
    longest = max(s.size(0) for s in items)
    padded = []
    for s in items:
        missing = longest - s.size(0)
        if missing:
            fill = rt.full((missing, *s.shape[1:]), padding_value, dtype=s.dtype, device=s.device)
            s = rt.cat([fill, s] if padding_side == "left" else [s, fill])
        padded.append(s)
    return rt.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The tensors that `pad_sequence` padded."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [seq[: int(n)] for seq, n in zip(padded_sequences, lengths)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of tensors (L_i, *)."""
    lengths = rt.tensor([s.size(0) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The tensors of a packed sequence."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
