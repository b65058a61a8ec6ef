"""Ratios of two frameworks' processor time, case by case, in turns of some 20 ms.

    python benchmarks/interleaved.py --bench FOLDER [--suite ops] [--filter RE] [--rounds 8] [--below 1.0]

FOLDER holds the harness that docs/benchmarks.md speaks of (harness.py, suites/). Both frameworks live in processes of
their own for the whole run; for each case both build it, then take turns. With one thread the clock is the process's
own processor time, so that other load on the machine hardly moves the ratio. Printed: the least times of both, their
ratio, and the median of the ratios of the turns (above 1: the second framework is faster).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time


def select(args):
    sys.path.insert(0, args.bench)
    from suites import registry

    return registry.select(args.suite, re.compile(args.filter) if args.filter else None)


def worker(args):
    """Reads 'build NUMBER SECONDS' and 'go' from the standard input; answers one line each."""
    cases = select(args)
    from harness import Context

    clock = time.process_time if args.threads == 1 else time.perf_counter
    print(json.dumps([f"{c.suite}/{c.name}" for c in cases]), flush=True)
    work, calls = None, 1
    for line in sys.stdin:
        command = line.split()
        if command[0] == "build":
            case = cases[int(command[1])]
            try:
                context = Context(args.worker, f"{case.suite}/{case.name}")
                context.set_threads(args.threads)
                work = case.build(context)
                work.call()
                work.call()
                start = clock()
                work.call()
                calls = max(1, int(float(command[2]) / max(clock() - start, 1e-7)))
                print("ok", flush=True)
            except Exception as e:  # a missing operator leaves the other cases alone
                print(f"{type(e).__name__}: {e}"[:120].replace("\n", " "), flush=True)
        else:
            start = clock()
            for _ in range(calls):
                work.call()
            print((clock() - start) / calls / work.scale * 1e6, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--bench", required=True)
    p.add_argument("--frameworks", nargs=2, default=["torch", "rustorch"])
    p.add_argument("--suite", nargs="+", default=["ops"])
    p.add_argument("--filter")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--slice", type=float, default=0.02, help="seconds of a turn")
    p.add_argument("--below", type=float, help="print only cases with a ratio below this")
    p.add_argument("--worker", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.worker:
        return worker(args)
    sides = [
        subprocess.Popen(
            [sys.executable, __file__, *sys.argv[1:], "--worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(args.threads)},
        )
        for name in args.frameworks
    ]

    def ask(side, question):
        side.stdin.write(question + "\n")
        side.stdin.flush()
        return side.stdout.readline().strip()

    names = [json.loads(side.stdout.readline()) for side in sides][0]
    ratios = []
    for number, name in enumerate(names):
        answers = [ask(side, f"build {number} {args.slice}") for side in sides]
        if answers != ["ok", "ok"]:
            print(f"{name:44} {answers}", flush=True)
            continue
        times = [[], []]
        for turn in range(args.rounds):
            for k in ((0, 1), (1, 0))[turn % 2]:
                times[k].append(float(ask(sides[k], "go")))
        least = [min(t) for t in times]
        ratio, middle = least[0] / least[1], statistics.median(a / b for a, b in zip(*times))
        ratios.append(ratio)
        if args.below is None or min(ratio, middle) < args.below:
            print(f"{name:44} {least[0]:12.2f} {least[1]:12.2f}  {ratio:6.2f}x  median {middle:6.2f}x", flush=True)
    if ratios:
        print(f"geometric mean {statistics.geometric_mean(ratios):.2f}x of {len(ratios)} cases")
    for side in sides:
        side.stdin.close()
        side.wait()


if __name__ == "__main__":
    main()
