"""C++ = Python, bit for bit: layers, losses, optimizers, schedulers and 100-step trainings.

The C++ side is the program rustorch_parity of the build that the Python package comes from.
"""

import pathlib
import subprocess
import sys

import pytest

import rustorch as rt

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(rt.__file__).absolute().parents[2] / "tests" / "rustorch_parity"
pytestmark = pytest.mark.skipif(not PROGRAM.is_file(), reason="needs the program that a build from source makes")
sys.path[:0] = [str(ROOT / "tests" / "parity"), str(ROOT / "tools")]


def program(*args):
    out = subprocess.run([str(PROGRAM), *map(str, args)], capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    return out.stdout.splitlines()


def by_name(lines):
    return {line.split("|", 1)[0]: line for line in lines}


@pytest.mark.parametrize("part", ["layers", "optim"])
def test_lines(part):
    import cases

    ours = cases.layers() if part == "layers" else {**cases.optimizers(), **cases.schedulers()}
    theirs = by_name(program(part))
    assert sorted(theirs) == sorted(ours)
    different = [f"C++    {theirs[k]}\nPython {ours[k]}" for k in ours if theirs[k] != ours[k]]
    assert not different, "\n".join(different)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet18", "lstm", "gru", "transformer", "gpt"])
def test_training(name, dtype, tmp_path):
    import cases

    path = tmp_path / "start.pt"
    cases.write_start(name, getattr(rt, dtype), path)
    assert program("train", name, path) == cases.train(name, getattr(rt, dtype))
