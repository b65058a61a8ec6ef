"""rustorch.save and rustorch.load: PyTorch's checkpoint files.

Files are read as data: tensors, numbers, strings and containers. Nothing in a file is imported or run, so there is no
unsafe mode; `weights_only` is accepted and changes nothing.
"""

import errno
import os
import zipfile
from collections.abc import Callable
from typing import IO, Any, TypeAlias, Union

from rustorch import _C, errors

__all__ = ["FILE_LIKE", "MAP_LOCATION", "load", "save"]

FILE_LIKE: TypeAlias = Union[str, "os.PathLike[str]", IO[bytes]]
MAP_LOCATION: TypeAlias = Union[Callable[[Any, str], Any], "_C.device", str, "dict[str, str]", None]


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True):
    """Writes tensors and containers of them to a path or a binary file object.

    The file is what `torch.load(f, weights_only=True)` reads. A file on disk appears complete or not at all: it is
    written beside its name, synced and renamed.
    """
    if isinstance(f, (str, os.PathLike)):
        _C._save(obj, os.fsdecode(os.fspath(f)))
        return
    if not hasattr(f, "write"):
        raise TypeError(f"save(): expected a path or a file object; got {type(f).__name__}")
    f.write(_C._save(obj, None))


def load(f, map_location=None, pickle_module=None, *, weights_only=True, mmap=None, **pickle_load_args):
    """Reads what `save` or `torch.save` wrote, from a path or a binary file object.

    Tensors arrive on the CPU, or on `map_location` (a device, its name, or a dict of names). From a file
    object one checkpoint is read, from the present position; the position is then behind it, so several saved one
    after the other are loaded one after the other.
    """
    device = _device(map_location)
    if isinstance(f, (str, os.PathLike)):
        return _load_path(os.fsdecode(os.fspath(f)), device)
    if isinstance(f, (bytes, bytearray, memoryview)):
        return _C._load(f, device)[0]
    if not hasattr(f, "read"):
        raise TypeError(f"load(): expected a path or a file object; got {type(f).__name__}")
    start = f.tell() if hasattr(f, "tell") else None
    obj, used = _C._load(f.read(), device)
    if start is not None:
        f.seek(start + used)
    return obj


def _load_path(path, device):
    try:
        return _C._load(path, device)[0]
    except errors.IoError as e:
        if os.path.exists(path):
            raise
        missing = errors.FileNotFoundError_(errno.ENOENT, os.strerror(errno.ENOENT), path)
        missing.op = "load"
        raise missing from e


def _device(map_location):
    """The device that map_location names for what is read, which lies on the CPU."""
    if callable(map_location):  # `lambda storage, location: storage`: leave everything on the CPU
        return None
    if isinstance(map_location, dict):
        map_location = map_location.get("cpu")
    return map_location


class PyTorchFileReader:
    """The records of a file that `save` wrote, by name."""

    def __init__(self, file: Any) -> None:
        self._zip = zipfile.ZipFile(file)
        names = self._zip.namelist()
        self._root = names[0].split("/")[0] + "/" if names else ""

    def get_record(self, name: str) -> bytes:
        """The bytes of a record. RuntimeError when there is none of that name."""
        if not self.has_record(name):
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found")
        return self._zip.read(self._root + name)

    def has_record(self, name: str) -> bool:
        """Whether there is a record of that name."""
        return self._root + name in self._zip.namelist()

    def get_all_records(self) -> list[str]:
        """The names of all records."""
        return [n.removeprefix(self._root) for n in self._zip.namelist()]
