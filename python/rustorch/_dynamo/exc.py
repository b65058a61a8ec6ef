"""Errors of PyTorch's compiler, which programs catch. Nothing is compiled, so none is raised."""

__all__ = ["BackendCompilerFailed", "InternalTorchDynamoError", "TorchDynamoException", "Unsupported", "UserError"]


class TorchDynamoException(RuntimeError):
    """The base of them."""


class InternalTorchDynamoError(TorchDynamoException):
    """A fault of the compiler."""


class BackendCompilerFailed(TorchDynamoException):
    """A backend failed."""


class Unsupported(TorchDynamoException):
    """Something that cannot be compiled."""


class UserError(Unsupported):
    """A mistake of the program."""
