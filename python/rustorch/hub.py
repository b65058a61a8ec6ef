"""Models and checkpoints from elsewhere: entry points of a folder with a hubconf.py, and files from the web.

Only source="local" is loaded: code is run when a person has put it on this machine, not straight from the network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import tempfile
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

_folder: str | None = None
_HASH = re.compile(r"-([a-f0-9]*)\.")


def get_dir() -> str:
    """Folder of downloaded files: what set_dir() said, else $TORCH_HOME/hub, else ~/.cache/torch/hub."""
    if _folder is not None:
        return _folder
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    return os.path.join(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Sets the folder of downloaded files."""
    global _folder
    _folder = os.path.expanduser(d)


def _module(repo_or_dir: str, source: str) -> Any:
    """The folder's hubconf.py, run as a module that can import its neighbours."""
    if source not in ("local", "github"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source != "local":
        raise NotImplementedError(
            f"hub: code is not loaded from the network; hint: clone {repo_or_dir} and pass its folder with source='local'"
        )
    path = os.path.join(repo_or_dir, "hubconf.py")
    sys.path.insert(0, repo_or_dir)
    try:
        spec = importlib.util.spec_from_file_location("hubconf", path)
        if spec is None or spec.loader is None or not os.path.isfile(path):
            raise FileNotFoundError(f"hub: there is no hubconf.py in {repo_or_dir}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(repo_or_dir)
    missing = [d for d in getattr(module, "dependencies", ()) if importlib.util.find_spec(d) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    return module


def _entry(module: Any, name: str) -> Any:
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def list(github: str, *args: Any, source: str = "local", **kwargs: Any) -> Any:
    """Names of the entry points of a folder."""
    module = _module(github, source)
    return [n for n in dir(module) if callable(getattr(module, n)) and not n.startswith("_")]


def help(github: str, model: str, *args: Any, source: str = "local", **kwargs: Any) -> Any:
    """Documentation of an entry point."""
    return _entry(_module(github, source), model).__doc__


def load(repo_or_dir: str, model: str, *args: Any, source: str = "local", trust_repo: Any = None,
         force_reload: bool = False, verbose: bool = True, skip_validation: bool = False, **kwargs: Any) -> Any:  # fmt: skip
    """What the entry point `model` of a folder's hubconf.py gives for the remaining arguments."""
    return _entry(_module(repo_or_dir, source), model)(*args, **kwargs)


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Stores what url gives as a file; its SHA-256 must start with hash_prefix. The file appears complete or not at all."""
    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(dst)), delete=False) as part:
        try:
            with urlopen(Request(url, headers={"User-Agent": "rustorch.hub"})) as reply:
                while block := reply.read(1 << 20):
                    digest.update(block)
                    part.write(block)
            part.close()
            if hash_prefix and not digest.hexdigest().startswith(hash_prefix):
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")')
            os.replace(part.name, dst)
        except BaseException:
            part.close()
            os.unlink(part.name)
            raise


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None, weights_only: bool = True) -> Any:  # fmt: skip
    """load() of the file behind url, which is kept in model_dir (get_dir()/checkpoints). With check_hash the name's part
    between "-" and "." must start the file's SHA-256."""
    from .serialization import load as load_file

    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        found = _HASH.search(name) if check_hash else None
        download_url_to_file(url, path, found[1] if found else None, progress)
    return load_file(path, map_location)
