"""What random programs found and what programs seldom call (tests/golden/{findings,rare}_cases.py), against PyTorch's answers."""

import json
import math
import pathlib
import sys

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import findings_cases  # noqa: E402
import rare_cases  # noqa: E402

CASES = {**findings_cases.CASES, **rare_cases.CASES}
WANTED = {
    name: value
    for file in ("findings.json", "rare.json")
    for name, value in json.loads((GOLDEN / file).read_text()).items()
}
TOLERANCE = {"float32": 1e-6, "complex64": 1e-6, "bfloat16": 2e-2}


def agree(ours, theirs):
    if isinstance(ours, str) or isinstance(theirs, str):
        return ours == theirs
    if theirs and isinstance(theirs[0], list):
        return len(ours) == len(theirs) and all(agree(a, b) for a, b in zip(ours, theirs))
    if ours[:3] != theirs[:3]:
        return False
    if ours[0] == "bool":
        return ours[3] == theirs[3]
    near = TOLERANCE.get(ours[0], 1e-12)
    return all(
        a == b or math.isclose(float(a), float(b), rel_tol=near, abs_tol=near) for a, b in zip(ours[3], theirs[3])
    )


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", WANTED)
def test_finding(name):
    ours = findings_cases.run(rt, CASES[name])
    assert agree(ours, WANTED[name]), f"got {ours}, expected {WANTED[name]}"


def test_every_case_has_an_answer_and_a_name_of_its_own():
    assert set(CASES) == set(WANTED) and not set(findings_cases.CASES) & set(rare_cases.CASES)


def test_a_bound_that_needs_a_gradient_stays_a_tensor():
    for name in ("min", "max"):
        x, bound = rt.tensor([1.0, 5.0], requires_grad=True), rt.tensor(2.0, requires_grad=True)
        rt.clamp(x, **{name: bound}).sum().backward()
        assert bound.grad == 1 and x.grad.sum() == 1
    with pytest.raises(TypeError):
        rt.full((2,), rt.tensor(2.0, requires_grad=True))
