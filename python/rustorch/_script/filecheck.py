"""FileCheck: whether a text holds strings in an order, as LLVM's tool of that name.

FileCheck().check("a").check_next("b").check_not("c").run(text)
"""

from __future__ import annotations

import re


class FileCheck:
    """Conditions on a text. Each check looks for a string after the match of the one before; run() raises RuntimeError at the
    first that does not hold."""

    def __init__(self) -> None:
        self._checks: list[tuple[str, str, int]] = []
        self._run = False

    def __str__(self) -> str:
        head = "" if self._run else "You have not run this instance of FileCheck!\n"
        return head + "FileCheck checks:\n" + "".join(f"\t{_label(c)}\n" for c in self._checks)

    def _add(self, kind: str, text: str, count: int = 0) -> FileCheck:
        self._checks.append((kind, text, count))
        return self

    def check(self, test_string: str) -> FileCheck:
        """The string comes next, anywhere."""
        return self._add("CHECK", test_string)

    def check_not(self, test_string: str) -> FileCheck:
        """The string does not come between the matches before and after."""
        return self._add("CHECK-NOT", test_string)

    def check_same(self, test_string: str) -> FileCheck:
        """The string comes in the same line as the match before."""
        return self._add("CHECK-SAME", test_string)

    def check_next(self, test_string: str) -> FileCheck:
        """The string comes in the line after the match before."""
        return self._add("CHECK-NEXT", test_string)

    def check_count(self, test_string: str, count: int, exactly: bool = False) -> FileCheck:
        """The string comes so often; exactly: and not once more."""
        self._add("CHECK-COUNT", test_string, count)
        return self.check_not(test_string) if exactly else self

    def check_dag(self, test_string: str) -> FileCheck:
        """Strings of neighbouring calls come in any order."""
        return self._add("CHECK-DAG", test_string)

    def check_regex(self, regex: str) -> FileCheck:
        """What the regular expression describes comes next."""
        return self._add("CHECK-REGEX", regex)

    def check_source_highlighted(self, test_string: str) -> FileCheck:
        """The string comes, with a line of ~ below it."""
        return self._add("CHECK-SOURCE-HIGHLIGHTED", test_string)

    def run(self, first: str, second: str | None = None) -> None:
        """Checks a text; with two, the first holds checks as comments: `# CHECK-NEXT: string`."""
        self._run = True
        text = first if second is None else second
        if second is not None:
            for line in first.splitlines():
                found = re.search(r"#\s*(CHECK(?:-[A-Z]+)*)(-\d+)?:\s*(.*)", line)
                if found is not None:
                    self._comment(found[1], int((found[2] or "-0")[1:]), found[3].rstrip())
        if not self._checks:
            raise RuntimeError("No checks have been added to this instance of FileCheck! Check for bad input.")
        self._all(text)

    def _comment(self, kind: str, count: int, text: str) -> None:
        if kind == "CHECK-COUNT-EXACTLY":
            self.check_count(text, count, exactly=True)
        else:
            self._add(kind, text, count)

    def _all(self, text: str) -> None:
        at, waiting, i = 0, [], 0
        while i < len(self._checks):
            check = self._checks[i]
            if check[0] == "CHECK-NOT":
                waiting.append(check)
                i += 1
                continue
            group = [check]
            while (
                check[0] == "CHECK-DAG"
                and i + len(group) < len(self._checks)
                and self._checks[i + len(group)][0] == "CHECK-DAG"
            ):
                group.append(self._checks[i + len(group)])
            spans = [_find(text, c, at) for c in group]
            _absent(text, waiting, at, min(s for s, _ in spans))
            at, waiting, i = max(e for _, e in spans), [], i + len(group)
        _absent(text, waiting, at, len(text))


def _label(check: tuple[str, str, int]) -> str:
    kind, text, count = check
    return f"{kind}-{count}: {text}" if kind == "CHECK-COUNT" else f"{kind}: {text}"


def _refuse(text: str, check: tuple[str, str, int], what: str, at: int, width: int) -> None:
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    start = text.rfind("\n", 0, at) + 1
    mark = "\n" + " " * (at - start) + "~" * max(width, 1) + " <--- HERE"
    raise RuntimeError(f"{what}{text[start:end]}{mark}{text[end:]}\nFrom {_label(check)}\n")


def _absent(text: str, checks: list[tuple[str, str, int]], start: int, end: int, needle: str = "") -> None:
    for check in checks:
        wanted = needle or check[1]
        at = text.find(wanted, start, end)
        if at >= 0:
            shown = wanted.replace("\n", "\\n")
            _refuse(text, check, f'Expected to not find "{shown}" but found it\n', at, len(wanted))


def _one(text: str, check: tuple[str, str, int], wanted: str, at: int) -> int:
    found = text.find(wanted, at)
    if found < 0:
        shown = wanted.replace("\n", "\\n")
        _refuse(text, check, f'Expected to find "{shown}" but did not find it\nSearched string:\n', at, len(wanted))
    return found


def _find(text: str, check: tuple[str, str, int], at: int) -> tuple[int, int]:
    """Where the check is met: (start, end)."""
    kind, wanted, count = check
    if kind == "CHECK-REGEX":
        found = re.compile(wanted).search(text, at)
        if found is None:
            _refuse(text, check, f'Expected to find regex "{wanted}" but did not find it\nSearched string:\n', at, 1)
        return found.span()  # type: ignore[union-attr]
    if kind == "CHECK-COUNT":
        start, end = at, at
        for n in range(count):
            place = _one(text, check, wanted, end)
            start, end = place if n == 0 else start, place + len(wanted)
        return start, end
    if kind == "CHECK-SOURCE-HIGHLIGHTED":
        return _highlighted(text, check, at)
    if kind == "CHECK-NEXT":
        line = _one(text, check, "\n", at)
        place = _one(text, check, wanted, line + 1)
        _absent(text, [check], line + 1, place, "\n")
        return place, place + len(wanted)
    place = _one(text, check, wanted, at)
    if kind == "CHECK-SAME":
        _absent(text, [check], at, place, "\n")
    return place, place + len(wanted)


def _highlighted(text: str, check: tuple[str, str, int], at: int) -> tuple[int, int]:
    wanted = check[1]
    place = _one(text, check, wanted, at)
    while place >= 0:
        column = place - (text.rfind("\n", 0, place) + 1)
        below = text.find("\n", place) + 1
        if below:
            line = text[below:].split("\n", 1)[0]
            if set(line[column : column + len(wanted)]) == {"~"}:
                return place, below + column + len(wanted)
        place = text.find(wanted, place + 1)
    _refuse(text, check, f'Expected to find "{wanted}" highlighted but it is not.\nSearched string:\n', at, len(wanted))
    raise AssertionError
