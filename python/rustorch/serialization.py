"""rustorch.save and rustorch.load: PyTorch's checkpoint files.

Files are read as data: tensors, numbers, strings, containers and arrays of NumPy. Nothing in a file is imported or run, so there is no
unsafe mode; `weights_only` is accepted and changes nothing.
"""

import errno
import os
import zipfile
from collections.abc import Callable
from typing import IO, Any, TypeAlias, Union

from rustorch import _C, errors

__all__ = [
    "FILE_LIKE", "MAP_LOCATION", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save",
]  # fmt: skip

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


_safe_globals: list[Any] = []


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Notes what PyTorch's load() may import for a file. Here nothing is imported, so it changes nothing."""
    _safe_globals.extend(g for g in safe_globals if g not in _safe_globals)


def get_safe_globals() -> list[Any]:
    """What add_safe_globals() noted."""
    return list(_safe_globals)


def clear_safe_globals() -> None:
    """Forgets what add_safe_globals() noted."""
    _safe_globals.clear()


class safe_globals:  # noqa: N801
    """add_safe_globals() for the time of a with block."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self._names = safe_globals

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self._names)

    def __exit__(self, *exc: object) -> None:
        _safe_globals[:] = self._before


def _numpy_parts(array):
    """(dtype, shape, whether in Fortran's order, bytes) of an array of NumPy."""
    if array.dtype.kind not in "biufcSU" or array.dtype.itemsize == 0 or array.dtype.str[1:] in ("f16", "c32"):
        raise errors.TypeError_(
            f"save(): cannot save an array of NumPy of dtype {array.dtype}; expected numbers or texts"
        )
    fortran = array.flags.fnc
    return array.dtype.str, _C.Size(array.shape), fortran, array.tobytes("F" if fortran else "C")


def _numpy_object(dtype, shape=(), fortran=False, data=None):
    """The array, the number (shape None) or the dtype of what a file holds."""
    import numpy

    kind = numpy.dtype(dtype)
    if data is None:
        return kind
    flat = numpy.frombuffer(data, kind).copy() if data else numpy.empty(0, kind)
    return flat[0] if shape is None else flat.reshape(tuple(shape), order="F" if fortran else "C")


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
