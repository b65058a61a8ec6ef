"""Says where a Ninja build spent its time, from .ninja_log.

    python3 tools/build_report.py BUILD_DIR [--top N] [--max-seconds S]

Prints the span of the last build, the sum over its steps and the slowest steps; with --max-seconds it fails when a
single step took longer.
"""

import argparse
import pathlib
import sys


def read_log(path):
    """Newest record of each output: {output: (start, end) in seconds}."""
    steps = {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        start, end, _, output, _ = line.split("\t")
        steps[output] = (int(start) / 1000, int(end) / 1000)
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--top", type=int, default=12)
    parser.add_argument("--max-seconds", type=float, default=0)
    args = parser.parse_args()
    log = args.build / ".ninja_log"
    if not log.is_file():
        print(f"build report: no {log}")
        return 0
    steps = read_log(log)
    if not steps:
        print("build report: nothing was built")
        return 0
    took = sorted(((end - start, output) for output, (start, end) in steps.items()), reverse=True)
    span = max(end for _, end in steps.values()) - min(start for start, _ in steps.values())
    print(f"build: {len(steps)} steps, {sum(t for t, _ in took):.0f} s of work, {span:.0f} s from first to last")
    for seconds, output in took[: args.top]:
        print(f"  {seconds:7.1f} s  {output}")
    if args.max_seconds and took[0][0] > args.max_seconds:
        print(f"build report: {took[0][1]} took {took[0][0]:.0f} s; expected at most {args.max_seconds:.0f} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
