"""Programs written for PyTorch: `import torch` gives rustorch.

import rustorch.compat
rustorch.compat.install_as_torch()
import torch                     # the module rustorch
from torch.nn import functional  # rustorch.nn.functional
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["install_as_torch", "uninstall_as_torch"]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers for torch and all below it with the modules of rustorch."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None):  # noqa: ANN201
        if fullname != "functorch" and fullname != "torch" and not fullname.startswith("torch."):
            return None
        ours = _our_name(fullname)
        try:
            importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name is not None and ours.startswith(error.name):
                return None
            raise
        return importlib.machinery.ModuleSpec(fullname, self)

    def find_distributions(self, context: Any = None) -> Any:
        """For importlib.metadata, which libraries ask whether torch is installed, and in which version."""
        name = getattr(context, "name", None)
        return iter([_distribution()]) if name is not None and name.lower() == "torch" else iter(())

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes what is in sys.modules afterwards.
        sys.modules[module.__name__] = sys.modules[_our_name(module.__name__)]


def _our_name(name: str) -> str:
    """The module that answers for one of PyTorch's; functorch came with PyTorch as a package of its own."""
    return "rustorch._functorch" if name == "functorch" else "rus" + name


def _distribution() -> Any:
    import importlib.metadata
    import pathlib

    class TorchDistribution(importlib.metadata.Distribution):
        """What is installed under the name torch."""

        def read_text(self, filename: str) -> str | None:
            text = f"Metadata-Version: 2.1\nName: torch\nVersion: {_TORCH_VERSION}\n"
            return text if filename == "METADATA" else None

        def locate_file(self, path: Any) -> pathlib.Path:
            return pathlib.Path(__file__).parent.parent / path

    return TorchDistribution()


_finder = _Finder()
_OWN_VERSION = str(sys.modules["rustorch"].__version__)
# What programs read of PyTorch's version. The names of later ones are there too; but programs that see a later version
# import inner parts of PyTorch's compiler.
_TORCH_VERSION = "2.6.0+rustorch"
# What libraries call in torch._C: to count how often they are used (nothing is counted here), and to learn whether a
# compiler traces them (None: it does not).
_COUNTERS = ("_log_api_usage_once", "_get_tracing_state")


# Element types that PyTorch has and this build has not: bytes, and whether they are floating-point. Programs keep them in
# tables; an operator given one refuses it.
_ABSENT_DTYPES = {
    "float4_e2m1fn_x2": (1, True),
}


class _AbsentDType:
    """The name of an element type that there is not."""

    def __init__(self, name: str, itemsize: int, is_floating_point: bool) -> None:
        self._name, self.itemsize, self.is_floating_point = name, itemsize, is_floating_point
        self.is_complex, self.is_signed = name.startswith("complex"), not name.startswith("uint")

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def to_real(self) -> _AbsentDType:
        """Itself: finfo asks."""
        return self

    def __reduce__(self) -> Any:
        return _absent_dtype, (self._name,)


def _absent_dtype(name: str) -> Any:
    return getattr(sys.modules["rustorch"], name)


def _ours(name: str) -> bool:
    module = sys.modules.get(name)
    return module is None or module is sys.modules.get(_our_name(name))


def _call_it(name: str, version: str) -> None:
    """The package's own name and version, which programs ask of the module torch."""
    package: Any = sys.modules["rustorch"]
    text = importlib.import_module("rustorch.torch_version").TorchVersion(version)
    package.__name__, package.__version__ = name, text
    package.torch = package  # as in PyTorch, whose package imports itself
    for module in ("rustorch.version", "rustorch.torch_version"):
        importlib.import_module(module).__dict__["__version__"] = text


def install_as_torch() -> None:
    """From now on `import torch` in this process gives rustorch, which then says of itself that it is torch, in a
    version that programs accept. RuntimeError when PyTorch is imported already.
    """
    if not _ours("torch"):
        raise RuntimeError("install_as_torch(): PyTorch is imported already; hint: call it before any `import torch`")
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
        _call_it("torch", _TORCH_VERSION)
    package: Any = sys.modules["rustorch"]
    for name, facts in _ABSENT_DTYPES.items():
        if name not in vars(package):
            setattr(package, name, _AbsentDType(name, *facts))
    core: Any = importlib.import_module("rustorch._C")
    for name in _COUNTERS:
        if not hasattr(core, name):
            setattr(core, name, lambda *args: None)
    core._TensorMeta = type(core.Tensor)
    overrides: Any = importlib.import_module("rustorch.overrides")
    core.DisableTorchFunctionSubclass = overrides.DisableTorchFunctionSubclass
    core.DisableTorchFunction = overrides.DisableTorchFunction


def uninstall_as_torch() -> None:
    """`import torch` gives PyTorch again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        _call_it("rustorch", _OWN_VERSION)
        package: Any = sys.modules["rustorch"]
        del package.torch
        for name in _ABSENT_DTYPES:
            if isinstance(vars(package).get(name), _AbsentDType):
                delattr(package, name)
    for name in [n for n in sys.modules if n in ("torch", "functorch") or n.startswith("torch.")]:
        if _ours(name):
            del sys.modules[name]
