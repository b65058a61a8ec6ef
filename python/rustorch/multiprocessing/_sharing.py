"""Tensors in shared memory, and how they travel to another process: as a file descriptor that both map.

A block of shared memory is a file without a name, so nothing is left behind when the last process ends. Every process keeps
one mapping of a block, found by the file's identity; tensors keep it alive.
"""

import mmap
import os
import tempfile
import weakref
from multiprocessing import reduction

from .. import _C
from .._C import Tensor

_by_address = weakref.WeakValueDictionary()  # address of the first byte -> block
_by_file = weakref.WeakValueDictionary()  # (device, inode) -> block


class _Block(mmap.mmap):
    """A mapping that knows its file."""

    file = -1

    def __del__(self):
        if self.file >= 0:
            os.close(self.file)


def _new_file():
    if hasattr(os, "memfd_create"):
        return os.memfd_create("rustorch", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as f:
        return os.dup(f.fileno())


def _bytes_of(file, nbytes):
    """The mapping of a file as a tensor of bytes; takes over the descriptor."""
    status = os.fstat(file)
    block = _by_file.get((status.st_dev, status.st_ino))
    if block is None:
        block = _Block(file, max(nbytes, 1))
        block.file = file
        _by_file[status.st_dev, status.st_ino] = block
    else:
        os.close(file)
    flat = _C._from_buffer(block)
    _by_address[flat.data_ptr()] = block
    return flat


def _block_of(tensor):
    """The block that a tensor lies in, or None."""
    return _by_address.get(tensor._storage_bytes().data_ptr())


def is_shared(tensor):
    """Whether a tensor lies in shared memory."""
    return _block_of(tensor) is not None


def share(tensor):
    """Moves a tensor to shared memory. Other tensors on its old memory stay there."""
    if is_shared(tensor):
        return tensor
    if tensor.device.type != "cpu":
        raise RuntimeError(f"share_memory_(): only tensors on the CPU can be shared; got {tensor.device}")
    old = tensor.detach()._storage_bytes()
    file = _new_file()
    os.ftruncate(file, max(old.numel(), 1))
    flat = _bytes_of(file, old.numel())
    flat[: old.numel()].copy_(old)
    tensor.data = _view(flat, tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
    return tensor


def _view(flat, dtype, shape, stride, offset):
    whole = flat.numel() // dtype.itemsize * dtype.itemsize
    return flat[:whole].view(dtype).as_strided(shape, stride, offset)


def _rebuild(kind, handle, nbytes, layout, requires_grad):
    t = _view(_bytes_of(handle.detach(), nbytes), *layout)
    return t.requires_grad_(requires_grad) if kind is Tensor else Tensor._make_subclass(kind, t, requires_grad)


def _reduce(tensor):
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
            "process boundaries.  If you just want to transfer the data, call detach() on the tensor before serializing "
            "(e.g., putting it on the queue)."
        )
    if tensor.device.type != "cpu":
        return tensor.__reduce_ex__(2)
    share(tensor)
    block = _block_of(tensor)
    layout = (tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
    return _rebuild, (type(tensor), reduction.DupFd(block.file), len(block), layout, tensor.requires_grad)


def register():
    """Makes multiprocessing send tensors and parameters in shared memory."""
    from ..nn.parameter import Parameter

    for kind in (Tensor, Parameter):
        reduction.ForkingPickler.register(kind, _reduce)


def get_all_sharing_strategies():
    """{"file_descriptor"}."""
    return {"file_descriptor"}


def get_sharing_strategy():
    """ "file_descriptor": processes get a descriptor of the memory's file."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy):
    """Accepts the one there is."""
    if new_strategy not in get_all_sharing_strategies():
        raise ValueError(
            f"set_sharing_strategy(): got {new_strategy!r}; expected one of {get_all_sharing_strategies()}"
        )
