"""Every layer against values made by PyTorch (tests/golden/make_nn_golden.py)."""

import json
import pathlib
import sys

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import nn_cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "nn.json").read_text())
CASES = {name: (make, inputs) for name, make, inputs in nn_cases.CASES}


def close(got, want, what):
    assert len(got) == len(want), what
    for g, w in zip(got, want):
        assert abs(g - w) <= 1e-6 + 1e-6 * abs(w), f"{what}: got {g}, expected {w}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(EXPECTED))
def test_case(name):
    base = name.removesuffix(" eval")
    want = EXPECTED[name]
    make, inputs = CASES[base]
    got = nn_cases.run(rt, make, inputs, base == name)
    assert got["repr"] == want["repr"]
    assert got["state"] == want["state"]
    assert list(got["state"]) == list(want["state"])
    for key in ("out", "buffers"):
        assert len(got[key]) == len(want[key])
        for g, w in zip(got[key], want[key]):
            close(g, w, key)
    if base in nn_cases.NO_GRADIENT:
        return
    assert len(got["grads"]) == len(want["grads"])
    for g, w in zip(got["grads"], want["grads"]):
        assert (g is None) == (w is None)
        if w is not None:
            close(g, w, "gradient sums")
