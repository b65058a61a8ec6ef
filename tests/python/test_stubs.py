"""The type stubs name everything that the package has, and nothing else."""

import ast
import pathlib

import pytest
import typed_sample

import rustorch as rt

FOLDER = pathlib.Path(rt.__file__).parent
pytestmark = pytest.mark.skipif(not (FOLDER / "__init__.pyi").exists(), reason="the build assembled no stubs")


def names_in(body):
    """Names that statements of a stub define."""
    found = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(t.id for t in node.targets)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(a.asname for a in node.names if a.asname)
    return found


def parsed(name):
    return ast.parse((FOLDER / f"{name}.pyi").read_text()).body


def public(thing):
    return {n for n in vars(thing) if not n.startswith("_")}


def test_the_package_is_marked_as_typed():
    assert (FOLDER / "py.typed").exists()


def test_every_public_name_of_the_package():
    modules = {"importlib", "math", "sys", "types", "errors"}
    missing = public(rt) - names_in(parsed("__init__")) - modules
    assert not missing, f"add to python/stubs/__init__.pyi: {sorted(missing)}"


def test_every_name_of_tensor():
    (tensor,) = [node for node in parsed("_C") if isinstance(node, ast.ClassDef) and node.name == "Tensor"]
    missing = public(rt.Tensor) - names_in(tensor.body)
    assert not missing, f"add to class Tensor in python/stubs/_C.pyi: {sorted(missing)}"


def test_stubs_promise_nothing_that_is_missing():
    promised = names_in(parsed("__init__")) - {"Any", "Sequence", "overload"}
    absent = {n for n in promised if not n.startswith("_") and not hasattr(rt, n)}
    assert not absent
    (tensor,) = [node for node in parsed("_C") if isinstance(node, ast.ClassDef) and node.name == "Tensor"]
    assert not {n for n in names_in(tensor.body) if not hasattr(rt.Tensor, n)}


def test_namespaces():
    for name in ("special", "linalg", "fft"):
        if (FOLDER / f"{name}.pyi").exists():
            missing = public(getattr(rt, name)) - names_in(parsed(name))
            assert not missing, f"{name}: {sorted(missing)}"


def test_typed_sample_runs():
    losses = typed_sample.train()
    assert len(losses) == 7 and all(v == v for v in losses)
    assert typed_sample.shapes(rt.arange(8.0)) == (8, 7)
