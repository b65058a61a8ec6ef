"""Compare: measurements in a table, one row per sub-label and number of threads, one column per description."""

from __future__ import annotations

from collections.abc import Iterable

from ._measurement import Measurement, ordered_unique, select_unit, trim_sigfig, unit_to_english

__all__ = ["Compare"]

_BEST, _GOOD, _BAD, _END = "\033[92m\033[1m", "\033[92m", "\033[31m", "\033[0m"


class Compare:
    """Measurements side by side: print(Compare(measurements)), or .print().

    Measurements of one task count as one. trim_significant_figures() shows what the spread supports only, colorize()
    marks the best and the worst of every row, highlight_warnings() measurements that vary much.
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = self._colour = self._warn = False
        self.extend_results(results)

    def __str__(self) -> str:
        return "\n".join(self._render())

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """More measurements."""
        for r in results:
            if not isinstance(r, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(r)} instead.")
            self._results.append(r)

    def trim_significant_figures(self) -> None:
        """From now on numbers are shown with the figures that their spread supports."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """From now on the best of a row is marked."""
        self._colour = True

    def highlight_warnings(self) -> None:
        """From now on measurements that vary much are marked."""
        self._warn = True

    def print(self) -> None:
        """Prints the tables."""
        print(str(self))

    def _render(self) -> list[str]:
        merged = Measurement.merge(self._results)
        lines: list[str] = []
        for label in ordered_unique(m.task_spec.label for m in merged):
            lines += self._table(label, [m for m in merged if m.task_spec.label == label])
        return lines

    def _table(self, label: str | None, group: list[Measurement]) -> list[str]:
        unit, scale = select_unit(min(m.median for m in group))
        columns = ordered_unique(m.task_spec.description for m in group)
        threads = ordered_unique(m.task_spec.num_threads for m in group)
        names = ordered_unique(m.as_row_name for m in group)
        envs = ordered_unique(m.task_spec.env for m in group)
        header = ["", *[c or "" for c in columns]]
        rows: list[tuple[str, list[Measurement | None]]] = []
        for n in threads:
            rows.append((f"{n} threads: ", []))
            for env in envs:
                for name in names:
                    found = [
                        next((m for m in group if (m.task_spec.num_threads, m.task_spec.env, m.as_row_name, m.task_spec.description) == (n, env, name, c)), None)
                        for c in columns
                    ]  # fmt: skip
                    if any(found):
                        rows.append((f"      {f'({env}) ' if env else ''}{name}", found))
        texts = [[self._cell(m, scale) for m in cells] for _, cells in rows]
        width = max(len(r[0]) for r in rows)
        widths = [max([len(header[i + 1]), *(len(t[i]) for t in texts if t)]) for i in range(len(columns))]
        first = " " * width + "  |  " + "  |  ".join(f"{h:^{w}}" for h, w in zip(header[1:], widths))
        lines = [f"[{'-' * 6} {label or ''} {'-' * 6}]".replace("  ", " "), first.rstrip()]
        for (name, cells), text in zip(rows, texts):
            if not cells:
                lines.append(name + "-" * max(len(first) - len(name), 0))
                continue
            best = min(m.median for m in cells if m is not None)
            parts = [self._mark(f"{t:>{w}}", m, best) for t, w, m in zip(text, widths, cells)]
            lines.append(f"{name:<{width}}  |  " + "  |  ".join(parts))
        return [*lines, "", f"Times are in {unit_to_english(unit)}s ({unit}).", ""]

    def _cell(self, m: Measurement | None, scale: float) -> str:
        if m is None:
            return ""
        value = m.median / scale
        if not self._trim:
            text = f"{value:.1f}"
        else:
            figures = m.significant_figures
            value = trim_sigfig(value, figures)
            text = f"{value:.{max(figures - len(str(int(value))), 0)}f}"
        return text + (
            " (! XX%)".replace("XX", f"{m.iqr / m.median * 100:.0f}") if self._warn and m.has_warnings else ""
        )

    def _mark(self, text: str, m: Measurement | None, best: float) -> str:
        if not self._colour or m is None:
            return text
        ratio = m.median / best
        colour = _BEST if ratio <= 1 else _GOOD if ratio <= 1.1 else _BAD if ratio >= 2 else ""
        return f"{colour}{text}{_END}" if colour else text
