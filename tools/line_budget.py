"""Fails on a source file of more than 800 lines; tables and tests are exempt.

python3 tools/line_budget.py [ROOT]
"""

import pathlib
import subprocess
import sys

LIMIT = 800
SUFFIXES = {".h", ".cc", ".cpp", ".cu", ".py", ".ops", ".ts", ".js", ".cmake"}
# Tables: one row per line, nothing to split by idea.
EXEMPT = set()


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    over, total = [], 0
    for name in listed.splitlines():
        path = root / name
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").count("\n")
        total += lines
        if lines > LIMIT and not name.startswith("tests/") and name not in EXEMPT:
            over.append(f"{name}: {lines} lines; expected at most {LIMIT}: split it by idea")
    print("\n".join(over + [f"lines: {total} in all, {len(over)} files over {LIMIT}"]))
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
