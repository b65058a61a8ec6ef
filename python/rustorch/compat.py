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
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        try:
            importlib.import_module("rus" + fullname)
        except ModuleNotFoundError as error:
            if error.name is not None and ("rus" + fullname).startswith(error.name):
                return None
            raise
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        # The import system takes what is in sys.modules afterwards.
        sys.modules[module.__name__] = sys.modules["rus" + module.__name__]


_finder = _Finder()
# What libraries call in torch._C to count how often they are used: nothing is counted here.
_COUNTERS = ("_log_api_usage_once",)


def _ours(name: str) -> bool:
    module = sys.modules.get(name)
    return module is None or module.__name__.split(".")[0] == "rustorch"


def install_as_torch() -> None:
    """From now on `import torch` in this process gives rustorch. RuntimeError when PyTorch is imported already."""
    if not _ours("torch"):
        raise RuntimeError("install_as_torch(): PyTorch is imported already; hint: call it before any `import torch`")
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    core: Any = importlib.import_module("rustorch._C")
    for name in _COUNTERS:
        if not hasattr(core, name):
            setattr(core, name, lambda *args: None)


def uninstall_as_torch() -> None:
    """`import torch` gives PyTorch again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in [n for n in sys.modules if n == "torch" or n.startswith("torch.")]:
        if _ours(name):
            del sys.modules[name]
