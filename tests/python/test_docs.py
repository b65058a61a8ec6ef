"""Every Python block of README.md and docs/*.md runs, in order, in one namespace per file.

A block that must not run says so in its first line: ```python no-run. An expression followed by `# -> text` must give
a value whose str is that text.
"""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text):
    """(line number of the first line of code, code) of the blocks that run."""
    for match in BLOCK.finditer(text):
        mark = match.group(1).strip()
        assert mark in ("", "no-run"), f"unknown mark {mark!r}"
        if not mark:
            yield text.count("\n", 0, match.start(2)) + 1, match.group(2)


def run(code, name, first, space):
    """Execute a block statement by statement; errors name the page's own lines."""
    lines = code.split("\n")
    for node in ast.parse(code).body:
        wanted = None
        if isinstance(node, ast.Expr):
            rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
            wanted = re.fullmatch(r"\s*# -> (.*?)\s*", rest)
        ast.increment_lineno(node, first - 1)
        if wanted is None:
            exec(compile(ast.Module([node], []), name, "exec"), space)
        else:
            value = eval(compile(ast.Expression(node.value), name, "eval"), space)
            assert str(value) == wanted.group(1), f"{name}:{node.lineno}: got {value}, the page says {wanted.group(1)}"


RUNNING = [page for page in PAGES if any(blocks(page.read_text(encoding="utf-8")))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", RUNNING, ids=[page.name for page in RUNNING])
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "docs"}
    for first, code in blocks(page.read_text(encoding="utf-8")):
        run(code, page.name, first, space)


def test_the_runner_sees_a_wrong_result():
    run("1 + 1  # -> 2\nx = 3  # -> 4\n", "page", 1, {})
    with pytest.raises(AssertionError, match="page:8: got 2, the page says 3"):
        run("\n1 + 1  # -> 3\n", "page", 7, {})
    assert list(blocks("a\n```python no-run\n1/0\n```\n```python\nx\n```\n")) == [(6, "x\n")]
