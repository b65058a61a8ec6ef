"""C++ = Python, bit for bit: layers, losses, optimizers, schedulers, averages, distributions and 100-step trainings.

The C++ side is the program rustorch_parity of the build that the Python package comes from. Both sides run at the same
time, with one thread each: the networks are small, and results do not depend on the number of threads.
"""

import os
import pathlib
import subprocess
import sys

import pytest

import rustorch as rt

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(rt.__file__).absolute().parents[2] / "tests" / "rustorch_parity"
needs_program = pytest.mark.skipif(not PROGRAM.is_file(), reason="needs the program that a build from source makes")
sys.path[:0] = [str(ROOT / "tests" / "parity"), str(ROOT / "tools")]

TRAININGS = ["mlp", "cnn", "resnet18", "lstm", "gru", "transformer", "gpt"]


@pytest.fixture(autouse=True)
def one_thread():
    before = rt.get_num_threads()
    rt.set_num_threads(1)
    yield
    rt.set_num_threads(before)


def start(*args):
    return subprocess.Popen(
        [str(PROGRAM), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RUSTORCH_NUM_THREADS": "1"},
    )


def lines_of(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.splitlines()


def by_name(lines):
    return {line.split("|", 1)[0]: line for line in lines}


@needs_program
@pytest.mark.parametrize("part", ["layers", "optim", "distributions"])
def test_lines(part):
    process = start(part)
    import cases
    import cases_distributions

    make = {
        "layers": cases.layers,
        "optim": lambda: {**cases.optimizers(), **cases.schedulers(), **cases.averages()},
        "distributions": cases_distributions.distributions,
    }
    ours, theirs = make[part](), by_name(lines_of(process))
    assert sorted(theirs) == sorted(ours)
    different = [f"C++    {theirs[k]}\nPython {ours[k]}" for k in ours if theirs[k] != ours[k]]
    assert not different, "\n".join(different)


@needs_program
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAININGS)
def test_training(name, dtype, tmp_path):
    import cases

    path = tmp_path / "start.pt"
    cases.write_start(name, getattr(rt, dtype), path)
    process = start("train", name, path)
    assert cases.train(name, getattr(rt, dtype)) == lines_of(process)


def test_names():
    """A public name of Python that C++ lacks is listed in names.py, with the reason."""
    import names

    missing = names.missing()
    assert [name for name, reason in missing.items() if reason is None] == []
    assert names.stale() == []
