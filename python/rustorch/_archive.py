"""PyTorchFileWriter: writes the zip container of .pt files record by record; PyTorchFileReader of serialization reads it."""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from typing import Any

_DATE = (1980, 1, 1, 0, 0, 0)


class PyTorchFileWriter:
    """Records by name in a file, a file object or what a function `write(bytes, count)` takes. Contents start at multiples of
    storage_alignment bytes. Without write_end_of_file() (or `with`) the container is not complete."""

    def __init__(self, file_name: Any, compute_crc32: bool = True, storage_alignment: int = 64) -> None:
        if storage_alignment < 1 or storage_alignment & (storage_alignment - 1):
            raise RuntimeError(
                f"PyTorchFileWriter(): storage_alignment must be a power of two; got {storage_alignment}"
            )
        named = isinstance(file_name, (str, os.PathLike))
        target = file_name if named or hasattr(file_name, "write") else _Calls(file_name)
        base = os.path.basename(os.fspath(file_name)) if named else "archive"
        self._name = base.rsplit(".", 1)[0] if "." in base[1:] else base
        self._zip: zipfile.ZipFile | None = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED)
        self._align, self._version = storage_alignment, 3
        self._written: set[str] = set()
        self._names, self._contents = 0, 0
        self._id = ""

    def archive_name(self) -> str:
        """The folder that all records are in: the file's name without its ending, or "archive"."""
        return self._name

    def set_min_version(self, version: int) -> None:
        """Lets readers below a version of the format refuse the file."""
        self._version = max(self._version, version)

    def get_all_written_records(self) -> set[str]:
        """The names so far."""
        return set(self._written)

    def serialization_id(self) -> str:
        """40 digits from the names and contents; empty before the end."""
        return self._id

    def write_record(self, name: str, data: Any, size: int) -> None:
        """Writes the first `size` bytes of bytes, text or a storage (or of the memory at an address)."""
        self._put(name, _as_bytes(data, size))

    def write_record_metadata(self, name: str, size: int) -> None:
        """Writes a record of zeros, a place for what is filled in later."""
        self._put(name, bytes(size))

    def _put(self, name: str, data: bytes) -> None:
        if self._zip is None:
            raise RuntimeError("PyTorchFileWriter: the file has its end already")
        if name in self._written:
            raise RuntimeError(f"Tried to serialize file twice: {name}")
        entry = zipfile.ZipInfo(f"{self._name}/{name}", _DATE)
        entry.file_size = len(data)
        assert self._zip.fp is not None
        bare = self._zip.fp.tell() + 30 + len(entry.filename.encode())
        gap = -bare % self._align
        if 0 < gap < 4:  # a field of the header takes four bytes at least
            gap += self._align
        if gap:
            entry.extra = b"FB" + (gap - 4).to_bytes(2, "little") + b"Z" * (gap - 4)
        self._zip.writestr(entry, data)
        self._written.add(name)
        self._names = zlib.crc32(name.encode(), self._names)
        self._contents = zlib.crc32(zlib.crc32(data).to_bytes(4, "little"), self._contents)

    def write_end_of_file(self) -> None:
        """Adds version, byte order and identity where they are missing, and the directory."""
        if self._zip is None:
            return
        for name, text in (("version", f"{self._version}\n"), ("byteorder", sys.byteorder)):
            if name not in self._written:
                self._put(name, text.encode())
        self._id = f"{self._names:020d}{self._contents:020d}"
        self._put(".data/serialization_id", self._id.encode())
        self._zip.close()
        self._zip = None

    def __enter__(self) -> PyTorchFileWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.write_end_of_file()


class _Calls:
    """A function `write(bytes, count)` as a file object."""

    def __init__(self, function: Any) -> None:
        if not callable(function):
            raise TypeError(
                f"PyTorchFileWriter(): expected a path, a file object or a function; got {type(function).__name__}"
            )
        self._function, self._at = function, 0

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._function(data, len(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass


def _as_bytes(data: Any, size: int) -> bytes:
    if isinstance(data, str):
        data = data.encode()
    elif hasattr(data, "untyped"):
        data = data.untyped()._bytes().cpu().numpy().tobytes()
    elif isinstance(data, int):
        import ctypes

        data = ctypes.string_at(data, size)
    if size > len(data):
        raise RuntimeError(f"PyTorchFileWriter.write_record(): {size} bytes asked for; got {len(data)}")
    return bytes(data[:size])
