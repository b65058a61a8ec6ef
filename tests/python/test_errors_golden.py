"""Wrong calls: the class and the words of PyTorch's errors (tests/golden/make_errors_golden.py)."""

import builtins
import json
import pathlib
import re
import sys

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import error_cases  # noqa: E402

EXPECTED = json.loads((GOLDEN / "errors.json").read_text())

# Calls that are answered where PyTorch refuses them: mixed floating dtypes are promoted, a vector ends a chain.
ANSWERED = {
    "t.lerp(v, d, 0.5)",
    "L.cross(v, d)",
    "t.chain_matmul(m, v)",
    "t.result_type(1)",
}

# Where PyTorch's class is that of another error on the way, or its words say less than ours: ours.
OWN = json.loads((GOLDEN / "errors_own.json").read_text())


def words(text):
    return set(re.findall(r"[a-z_]{3,}", text.lower()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", list(EXPECTED))
def test_error(call):
    error = error_cases.error_of(rt, call)
    if call in ANSWERED:
        assert error is None
        return
    kind, text = EXPECTED[call]
    assert error is not None
    got = error_cases.first_line(error)
    if call in OWN:
        assert [type(error).__name__, got] == OWN[call]
        return
    wanted = rt.linalg.LinAlgError if "LinAlg" in kind else getattr(builtins, kind)
    assert isinstance(error, wanted), f"{type(error).__name__}: {got}"
    missing = words(text) - words(got)
    assert len(missing) <= 0.3 * len(words(text)), f"got {got!r}; expected {text!r}"
