"""docs/missing_names.md lists names that are truly missing."""

import pathlib
import re

import pytest

import rustorch as rt

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "missing_names.md"


def test_the_page_lists_only_names_that_are_missing():
    blocks = re.findall(r"```names rustorch(\.\S+)?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 7
    for path, names in blocks:
        space = rt
        for part in filter(None, path.split(".")):
            space = getattr(space, part)
        there = [n for n in names.split() if hasattr(space, n)]
        assert not there, f"take them off docs/missing_names.md: rustorch{path} has {there}"


def test_devices_that_are_not_here_answer_as_in_pytorch():
    assert not rt.mtia.is_available() and not rt.mtia.is_initialized()
    assert (rt.mtia.device_count(), rt.mtia.memory_allocated(), rt.mtia.memory_stats()) == (0, 0, {})
    for call in (rt.mtia.current_device, rt.mtia.synchronize, rt.mtia.empty_cache):
        with pytest.raises(RuntimeError, match="without MTIA backend"):
            call()
    with pytest.raises(AssertionError, match="not compiled with MTIA"):
        rt.mtia.init()


def test_another_name_of_internal_errors():
    assert rt.FatalError is rt.errors.InternalError
