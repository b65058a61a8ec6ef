"""What the tests of distributions share: the cases, their golden values, and comparison of nested lists."""

import json
import math
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))

import distributions_cases as cases  # noqa: E402, F401

golden = json.loads((GOLDEN / "distributions.json").read_text())


def assert_close(actual, expected, path, rtol=1e-7, atol=1e-9):
    """Nested lists of equal structure; nan equals nan."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), path
        for key in expected:
            assert_close(actual[key], expected[key], f"{path}.{key}", rtol, atol)
    elif isinstance(expected, (list, tuple)):
        assert isinstance(actual, (list, tuple)) and len(actual) == len(expected), f"{path}: {actual} is not {expected}"
        for i, (a, e) in enumerate(zip(actual, expected)):
            assert_close(a, e, f"{path}[{i}]", rtol, atol)
    elif isinstance(expected, float) and isinstance(actual, (int, float)):
        same = (math.isnan(actual) and math.isnan(expected)) or actual == expected
        assert same or abs(actual - expected) <= atol + rtol * abs(expected), f"{path}: {actual} is not {expected}"
    else:
        assert actual == expected, path
