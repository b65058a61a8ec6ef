"""Random programs of 3 to 8 operators over dtypes, shapes, layouts and kinds of call, run on rustorch and on PyTorch.

    python tests/differential/random_programs.py [--seed 0] [--count 10000] [--jobs 1] [--log FILE] [--seconds S]
    python tests/differential/random_programs.py --summary FILE        what a log holds, by build, and failures by cause
    python tests/differential/random_programs.py --again FILE          the programs that failed in a log, once more
    python tests/differential/random_programs.py --show SEED ...       programs, step by step

Needs torch and rustorch in one interpreter. Dtype, shape, `requires_grad` and values of every result must agree (earlier
results are looked at again in the end, since writes through views reach them), gradients of first and second order too,
and a call that one side refuses must be refused by the other with a class of error that the same `except` catches. With
--log, finished chunks are appended to FILE, one JSON object a line, and chunks that FILE holds are not run again.

A program is one of: "views" (views, writes and broadcasts of float64), "exact" (float64, complex128, integers, bool and
every step there is), "low" (float32, float16, bfloat16, complex64, continuous steps), "short" (the same dtypes with values
that they hold exactly, all steps). Both sides draw their choices from one generator seeded by program and step.

A difference is explained only by a rule of RULES or by `unstable`; all others fail. The exit status is 1 when one did.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings

import numpy as np
from explanations import EXPLANATIONS, OF_REFUSALS, examine
from refusal_rules import NOTES, RULES
from two_sides import Refusal, compare, make_leaves, program_kind, rerun, show

CHUNK = 1000  # programs of a line of the log
PATIENCE = 600  # seconds that a program may take, with all that looks for an explanation


def libraries():
    import torch

    import rustorch

    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    rustorch.set_num_threads(1)
    return rustorch, torch


def work(begin, count, progress):
    """Runs a chunk in this process; -> what the log keeps."""
    target, judge = libraries()
    rules, failures = collections.Counter(), {}
    for seed in range(begin, begin + count):
        progress(
            {"begin": begin, "count": seed - begin + 1, "rules": dict(rules), "failures": failures | {seed: "crash"}}
        )
        text = examine(seed, target, judge, rules)
        if text:
            failures[seed] = text
    return {"begin": begin, "count": count, "rules": dict(rules), "failures": failures}


class Child:
    """A process that works on a chunk, the file that it writes its state to, and how long that has been the same."""

    def __init__(self, pid, path, begin, count):
        self.pid, self.path, self.begin, self.count = pid, path, begin, count
        self.state, self.silent = 0, 0.0

    def wait(self, seconds):
        """Counts seconds that passed (not those in which all of this was stopped); kills a process that hangs."""
        state = self.path.stat().st_mtime_ns
        self.silent = 0.0 if state != self.state else self.silent + seconds
        self.state = state
        if self.silent > PATIENCE:
            os.kill(self.pid, signal.SIGKILL)


def fork(begin, count):
    """A child that works on a chunk."""
    path = pathlib.Path(tempfile.gettempdir()) / f"random_programs.{os.getpid()}.{begin}.json"
    path.touch()
    pid = os.fork()
    if pid:
        return Child(pid, path, begin, count)
    status = 1
    try:
        with path.open("w") as file:

            def progress(state):
                file.seek(0)
                file.write(json.dumps(state))
                file.truncate()
                file.flush()

            progress(work(begin, count, progress))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def collect(child, status):
    """The answer of a child that ended; of one that died, all up to the program that it died in."""
    text = child.path.read_text()
    child.path.unlink()
    answer = {"begin": child.begin, "count": 1, "rules": {}, "failures": {str(child.begin): "crash"}}  # ended at once
    if text:  # one that was killed may leave the end of an earlier, longer text behind the last
        answer = json.JSONDecoder().raw_decode(text)[0]
    for seed in [k for k, v in answer["failures"].items() if v == "crash"] if status else ():
        if ends_pytorch(int(seed)):
            del answer["failures"][seed]
            answer["rules"]["pytorch-crash"] = answer["rules"].get("pytorch-crash", 0) + 1
        else:
            what = f"gave no answer in {PATIENCE} seconds" if child.silent > PATIENCE else f"ended with status {status}"
            answer["failures"][seed] = f"crash: the process {what}"
    return answer


def ends_pytorch(seed):
    """Whether a program that PyTorch runs alone ends its process by a signal (that of too much processor time too)."""
    judge = libraries()[1]
    pid = os.fork()
    if not pid:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
            rerun(judge, seed)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def first_end(running):
    """(child, status) of the first of `running` that ends."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            return running[pid], status
        time.sleep(0.05)
        for child in running.values():
            child.wait(0.05)


def alone(seed, rules):
    """The text of an unexplained difference of one program, run in a child of its own; None without."""
    child = fork(seed, 1)
    answer = collect(*first_end({child.pid: child}))
    rules.update(answer["rules"])
    return answer["failures"].get(str(seed))


def lines_of(log):
    """The lines of a log; a line that a killed process left unfinished is passed over."""
    lines = []
    for text in log.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(text))
    return lines


def finished(log):
    """Ranges that a log holds."""
    lines = lines_of(log) if log and log.exists() else []
    return sorted((line["begin"], line["begin"] + line["count"]) for line in lines)


def chunks(begin, end, done):
    while begin < end:
        inside = [b for a, b in done if a <= begin < b]
        if inside:
            begin = max(inside)
            continue
        stop = min([end, begin + CHUNK] + [a for a, _ in done if a > begin])
        yield begin, stop - begin
        begin = stop


def summarise(lines):
    """Prints, by build, how many ran, what was explained and what was not."""
    for label in sorted({line["build"] for line in lines}):
        mine = [line for line in lines if line["build"] == label]
        rules = collections.Counter()
        for line in mine:
            rules.update(line["rules"])
        failures = sum(len(line["failures"]) for line in mine)
        ran = sum(line["count"] for line in mine)
        print(
            f"{label}: {ran} programs, {ran - failures - sum(v for k, v in rules.items() if not k.startswith('note'))} equal, {failures} unexplained; explained: {dict(rules)}"
        )
        groups = collections.defaultdict(list)
        for seed, text in ((seed, text) for line in mine for seed, text in line["failures"].items()):
            groups[text.split(" :: ")[0][:200]].append(seed)
        for name, seeds in sorted(groups.items(), key=lambda item: -len(item[1])):
            print(f"  {len(seeds)} x {name}: {' '.join(seeds[:6])}")
    for rule in RULES:
        print(f"  {rule.name}: {rule.reason}")
    for name, reason in NOTES.items():
        print(f"  {name}: {reason}")
    for rule in EXPLANATIONS:
        print(f"  {rule.__name__}:", " ".join(rule.__doc__.split()))


def show_program(seed, target, judge):
    trace, rules = [], collections.Counter()
    for name, data in make_leaves(seed)[0]:
        print(f"  {name} {data.tolist()}")
    difference = compare(seed, target, judge, rules, trace)
    print("\n".join("  " + line for line in trace))
    print(
        dict(rules),
        "equal"
        if difference is None
        else f"{difference.place}: ours {show(difference.ours)}; theirs {show(difference.theirs)}",
    )
    if difference:
        possible = OF_REFUSALS if isinstance(difference.ours, Refusal) else EXPLANATIONS
        print({rule.__name__: rule(seed, target, judge, difference) for rule in possible})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--build", help="name of the build in the log; default: the commit of this checkout")
    parser.add_argument("--summary", type=pathlib.Path)
    parser.add_argument("--again", type=pathlib.Path, help="runs the programs that failed in this log")
    parser.add_argument("--show", type=int, nargs="+", help="seeds")
    args = parser.parse_args()
    if args.summary:
        return summarise(lines_of(args.summary))
    if args.again:
        seeds = sorted({int(seed) for line in lines_of(args.again) for seed in line["failures"]})
        rules, failures = collections.Counter(), {}
        libraries()
        for seed in seeds:
            if text := alone(seed, rules):
                failures[seed] = text
                print(f"seed {seed}: {text}", flush=True)
        answer = {"count": len(seeds), "rules": rules, "failures": {str(k): v for k, v in failures.items()}}
        return summarise([answer | {"build": args.build or "now"}])
    if args.show:
        both = libraries()
        for seed in args.show:
            print(f"seed {seed} ({program_kind(seed)})")
            show_program(seed, *both)
        return 0
    git = ["git", "-C", str(pathlib.Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    build = args.build or subprocess.run(git, capture_output=True, text=True).stdout.strip()
    libraries()
    from torch._dynamo import config  # noqa: F401  what the first backward imports, once for all children

    todo, running, lines = chunks(args.seed, args.seed + args.count, finished(args.log)), {}, []
    end, waiting = time.monotonic() + args.seconds, True
    while waiting or running:
        while waiting and len(running) < args.jobs:
            chunk = next(todo, None) if time.monotonic() < end else None
            waiting = chunk is not None
            if waiting:
                child = fork(*chunk)
                running[child.pid] = child
        if not running:
            break
        child, status = first_end(running)
        del running[child.pid]
        line = collect(child, status) | {"build": build}
        lines.append(line)
        for seed, text in line["failures"].items():
            print(f"seed {seed}: {text}", flush=True)
        if args.log:
            with args.log.open("a+b") as f:
                torn = f.tell() and os.pread(f.fileno(), 1, f.tell() - 1) != b"\n"
                f.write(b"\n" * bool(torn) + json.dumps(line).encode() + b"\n")
        rest = child.begin + child.count - line["begin"] - line["count"]
        if rest > 0 and time.monotonic() < end:
            child = fork(line["begin"] + line["count"], rest)
            running[child.pid] = child
    summarise(lines)
    return 1 if any(line["failures"] for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
