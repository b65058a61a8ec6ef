"""docs/missing_names.md lists names that are truly missing."""

import pathlib
import re

import rustorch as rt

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "missing_names.md"


def test_the_page_lists_only_names_that_are_missing():
    blocks = re.findall(r"```names rustorch(\.\S+)?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 8
    for path, names in blocks:
        space = rt
        for part in filter(None, path.split(".")):
            space = getattr(space, part)
        there = [n for n in names.split() if hasattr(space, n)]
        assert not there, f"take them off docs/missing_names.md: rustorch{path} has {there}"
