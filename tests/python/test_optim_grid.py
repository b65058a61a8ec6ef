"""Every optimizer with every kind of schedule, and mixed precision, as PyTorch (tests/golden/make_optim_grid.py)."""

import json
import math
import pathlib
import sys

import pytest

import rustorch as rt

pytest.importorskip("numpy")
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import optim_grid_cases as cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "optim_grid.json").read_text())
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("optimizer", cases.OPTIMIZERS)
def test_grid(optimizer):
    for scheduler, want in zip(cases.SCHEDULERS, EXPECTED[optimizer]):
        got = cases.grid(rt, optimizer, scheduler)
        assert got == pytest.approx(want, rel=1e-8, abs=1e-12), scheduler


@pytest.mark.parametrize("case", cases.MIXED, ids=" ".join)
def test_mixed_precision(case):
    losses, scales = cases.mixed(rt, *case)
    want = EXPECTED[" ".join(case)]
    assert scales == want["scales"]
    assert math.isnan(losses[9]) == math.isnan(want["losses"][9])
    # a product may round to the other neighbour: one part in 256 (bfloat16) or 2048 of a loss
    tolerance = 1e-2 if case[0] == "bfloat16" else 2e-3
    assert losses == pytest.approx(want["losses"], rel=tolerance, nan_ok=True)
    assert losses[-1] < losses[0]
