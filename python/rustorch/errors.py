"""Error classes. Each derives from RusTorchError and from the built-in class that PyTorch raises in the same case."""


class RusTorchError(Exception):
    """Base of all errors of the engine. `op` names the operation that failed."""

    op = ""


class ShapeMismatchError(RusTorchError, RuntimeError, ValueError):
    """Shapes do not fit together; `shape1` and `shape2` hold them when there are two. PyTorch raises now the one
    built-in class, now the other."""

    shape1: tuple = ()
    shape2: tuple = ()


class DTypeError(RusTorchError, RuntimeError):
    """An element type that the operation does not take."""


class DeviceError(RusTorchError, RuntimeError):
    """Tensors on devices that do not go together."""


class AutogradError(RusTorchError, RuntimeError):
    """The gradient cannot be computed: freed graph, changed saved tensor, wrong in-place write."""


class OutOfMemoryError(RusTorchError, RuntimeError, MemoryError):
    """No memory left, or the limit set by the user is reached."""


class LinAlgError(RusTorchError, RuntimeError):
    """A decomposition failed: singular or not positive definite input."""


class IoError(RusTorchError, OSError):
    """A file could not be read or written."""


class FileNotFoundError_(IoError, FileNotFoundError):
    """The file to read is not there."""


class FormatError(RusTorchError, RuntimeError):
    """A file or message is damaged or of an unknown format."""


class BackendUnavailableError(RusTorchError, RuntimeError):
    """The device or library is not there."""


class DistributedError(RusTorchError, RuntimeError):
    """Communication between processes failed."""


class InternalError(RusTorchError, RuntimeError):
    """A mistake in the library itself."""


FatalError = InternalError  # its name in PyTorch


class IndexError_(RusTorchError, IndexError):
    """An index or dimension is out of range."""


class ValueError_(RusTorchError, ValueError, RuntimeError):
    """A value that the operation does not take."""


class TypeError_(RusTorchError, TypeError, RuntimeError):
    """An argument of the wrong type. PyTorch raises now the one built-in class, now the other."""


class NotImplementedError_(RusTorchError, NotImplementedError):
    """The operation does not exist for this element type or device."""


def _rename() -> None:
    for cls in (FileNotFoundError_, IndexError_, ValueError_, TypeError_, NotImplementedError_):
        cls.__name__ = cls.__qualname__ = cls.__name__.rstrip("_")


_rename()
