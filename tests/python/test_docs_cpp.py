"""The code in docs/cpp.md is what the C++ tests compile and run."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_examples_are_compiled():
    compiled = (ROOT / "tests/cpp/docs/cpp_guide_test.cc").read_text()
    blocks = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs/cpp.md").read_text(), re.S)
    assert len(blocks) >= 6
    for block in blocks:
        assert block in compiled, block
