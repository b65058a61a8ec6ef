"""100 steps of training with seven networks, step by step as PyTorch (tests/golden/make_trajectories.py)."""

import json
import pathlib
import sys

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

np = pytest.importorskip("numpy")
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import trajectory_cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "trajectories.json").read_text())
# What 100 steps may grow rounding differences to.
TOLERANCE = {"float64": {"rel": 1e-8, "abs": 1e-10}, "float32": {"rel": 1e-3, "abs": 1e-5}}
# In its second step an activation of this network is -2e-7: rounding decides on which side of ReLU it falls.
TOLERANCE["resnet18 float32"] = {"rel": 2e-2, "abs": 1e-3}


@pytest.mark.parametrize("case", list(EXPECTED))
def test_losses(case):
    name, dtype = case.split()
    got, want = trajectory_cases.train(rt, name, dtype), EXPECTED[case]
    assert got["losses"] == pytest.approx(want["losses"], **TOLERANCE.get(case, TOLERANCE[dtype]))
    assert want["losses"][-1] < 0.5 * want["losses"][0]
    if want["state"]:
        assert list(got["state"]) == list(want["state"])
        assert got["state"] == pytest.approx(want["state"], rel=1e-7, abs=1e-9)


def test_threads_do_not_change_a_bit():
    equal_on_threads(lambda: trajectory_cases.train(rt, "gpt", "float32")["losses"], (1, 2))
