"""Which lines of src/, include/ and python/csrc/ the tests run (a build of the preset `coverage`; see docs/reliability.md).

    python tools/coverage.py [--build build/coverage] [--no-run] [--only cpp|python] [--json FILE] [--missing PART ...]

Drops old counts, runs the tests (unless --no-run), asks gcov about every object and prints a table of folders. A line
counts as run when any instance of it was (templates, instruction sets). Generated code is left out. --missing prints the
lines that never ran in files whose path holds PART.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ("src", "include", "python/csrc")
CORE = ("src/base", "src/core", "src/memory", "src/expr", "src/iter", "src/autograd", "src/ops", "src/backend/cpu")


def of_object(notes):
    """{path: {line: count}} of one object file; an object that never ran has no counts, all its lines are 0."""
    counts = notes.with_suffix(".gcda")
    command = ["gcov", "--json-format", "--stdout", str(counts if counts.is_file() else notes)]
    done = subprocess.run(command, cwd=notes.parent, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    found = {}
    for file in json.loads(done.stdout or '{"files": []}')["files"]:
        path = pathlib.Path(file["file"])
        path = path if path.is_absolute() else ROOT / path
        try:
            name = path.resolve().relative_to(ROOT).as_posix()
        except ValueError:
            continue
        if not name.startswith(tuple(p + "/" for p in PARTS)):
            continue
        lines = found.setdefault(name, {})
        for line in file["lines"]:
            lines[line["line_number"]] = max(lines.get(line["line_number"], 0), line["count"])
    return found


def collect(build):
    """{path: {line: count}} of all objects but those of the tests and of tools."""
    notes = [p for p in sorted(build.rglob("*.gcno")) if not {"tests", "rt_exprgen.dir", "examples"} & set(p.parts)]
    if not notes:
        raise SystemExit(f"no .gcno files under {build}: was it configured with the preset `coverage`?")
    total = collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(of_object, notes):
            for name, lines in found.items():
                all_lines = total[name]
                for number, count in lines.items():
                    all_lines[number] = max(all_lines.get(number, 0), count)
    return total


def folder_of(name):
    """src/backend/cpu/gemm/x.cc -> src/backend/cpu/gemm; include and python/csrc stay whole."""
    for whole in ("include", "python/csrc"):
        if name.startswith(whole + "/"):
            return whole
    return name.rsplit("/", 1)[0]


def table(total):
    """Rows (folder, lines, run) by folder, then the sum of the core and of everything."""
    rows = collections.defaultdict(lambda: [0, 0])
    for name, lines in total.items():
        run = sum(1 for c in lines.values() if c)
        keys = [folder_of(name), "everything"]
        if name.startswith(tuple(p + "/" for p in CORE)):
            keys.append("core")
        for key in keys:
            rows[key][0] += len(lines)
            rows[key][1] += run
    ends = ("core", "everything")
    return [(k, *rows[k]) for k in (*sorted(k for k in rows if k not in ends), *ends)]


def ranges(numbers):
    """[1, 2, 3, 7] -> '1-3 7'."""
    out = []
    for n in sorted(numbers):
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/coverage"))
    parser.add_argument("--no-run", action="store_true", help="use the counts that are there")
    parser.add_argument("--only", choices=["cpp", "python"])
    parser.add_argument("--json", type=pathlib.Path, help="write {path: {line: count}}")
    parser.add_argument("--missing", nargs="*", default=[], metavar="PART")
    args = parser.parse_args()
    build = (ROOT / args.build).resolve()
    status = 0
    if not args.no_run:
        for old in build.rglob("*.gcda"):
            old.unlink()
        command = [sys.executable, str(ROOT / "tools/run_tests.py"), "--build", str(build)]
        status = subprocess.run(command + (["--only", args.only] if args.only else [])).returncode
    total = collect(build)
    if args.json:
        args.json.write_text(json.dumps(total))
    for part in args.missing:
        for name in sorted(n for n in total if part in n):
            never = [n for n, c in total[name].items() if not c]
            if never:
                print(f"{name} ({len(total[name]) - len(never)}/{len(total[name])}): {ranges(never)}")
    print(f"{'folder':<32}{'lines':>8}{'run':>8}{'':>8}")
    for name, lines, run in table(total):
        print(f"{name:<32}{lines:>8}{run:>8}{100 * run / max(lines, 1):>7.1f}%")
    return status


if __name__ == "__main__":
    sys.exit(main())
