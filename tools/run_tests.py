"""Runs the C++ and the Python tests and closes with their sum: `N passed, N failed`.

    python tools/run_tests.py [--build build/release] [--only cpp|python] [-k PATTERN] [--sanitizer address|thread]
                              [--runner "qemu-aarch64"] [--jobs N] [--exclude FILE]

`--runner` starts the C++ tests, built for another processor, through an emulator. `--jobs` cuts them into parts, N at a time,
and names each test that was skipped with its reason. `--exclude` leaves out the C++ tests of a file, a name and a reason a line,
and counts them as skipped.
Fails when a test fails, when a runner crashes, and when nothing ran.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent


def count(report):
    """(passed, failed, skipped) of a JUnit file, which both runners write."""
    passed = failed = skipped = 0
    for case in ET.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def run(title, command, report, environment=None):
    """Runs one test program; a crash counts as one failure."""
    print(f"== {title}", flush=True)
    code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    if not report.is_file():  # a crash, or an end before the tests began
        print(f"== {title}: ended with status {code} and no report", flush=True)
        return 0, 1, 0
    passed, failed, skipped = count(report)
    if code not in (0, 5) and failed == 0:  # 5: pytest collected nothing
        print(f"== {title}: ended with status {code}", flush=True)
        failed = 1
    return passed, failed, skipped


def parts_of(title, command, report, environment, parts):
    """The jobs that run a Google Test program in parts, with an equal share of the tests each."""
    jobs = []
    for part in range(parts):
        part_report = report.with_name(f"{report.stem}_{part}.xml")
        part_command = [word.replace(str(report), str(part_report)) for word in command]
        shares = {"GTEST_TOTAL_SHARDS": str(parts), "GTEST_SHARD_INDEX": str(part)}
        jobs.append((f"{title}, part {part + 1} of {parts}", part_command, part_report, dict(environment, **shares)))
    return jobs


def show_skipped(reports, excluded):
    """Prints which C++ tests were skipped and why."""
    reasons = {}
    for name, reason in excluded.items():
        reasons.setdefault(reason, []).append(name)
    for report in reports:
        for case in ET.parse(report).getroot().iter("testcase"):
            note = case.find("skipped")
            if note is not None:
                reason = (note.get("message") or note.text or "no reason given").strip().splitlines()[-1]
                reasons.setdefault(reason, []).append(f"{case.get('classname')}.{case.get('name')}")
    for reason, names in sorted(reasons.items()):
        print(f"skipped, {reason}: {' '.join(sorted(names))}")


def sanitizer_environments(kind, reports):
    """(for the C++ programs, for Python): what a build with sanitizers needs. Reports go to files in `reports`."""
    if kind is None:
        return {}, {}
    folder = ROOT / "tools/sanitizers"
    log = f"log_path={reports}/report"
    names = {"address": ("libasan.so", "libubsan.so"), "thread": ("libtsan.so",)}[kind]
    paths = [
        subprocess.run(["c++", f"-print-file-name={n}"], capture_output=True, text=True, check=True).stdout.strip()
        for n in names
    ]
    preload = {"LD_PRELOAD": ":".join(paths)}
    if kind == "thread":
        both = {"TSAN_OPTIONS": f"{log}:suppressions={folder}/tsan.supp:die_after_fork=0:second_deadlock_stack=1"}
        return both, dict(both, **preload)
    both = {
        "UBSAN_OPTIONS": f"{log}:print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={folder}/lsan.supp:print_suppressions=0",
    }
    # Python: objects on the heap that the leak checker scans, and stacks so short that a rule sees the allocating
    # function only.
    address = f"{log}:detect_leaks=1"
    return dict(both, ASAN_OPTIONS=address), dict(
        both, **preload, PYTHONMALLOC="malloc", ASAN_OPTIONS=f"{address}:malloc_context_size=2"
    )


def show_reports(folder):
    """Prints the reports that sanitizers left; gives their number."""
    files = sorted(folder.glob("report*"))
    for file in files:
        print(f"== {file.name}", flush=True)
        print(file.read_text(errors="replace")[:20000], flush=True)
    return len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--only", choices=["cpp", "python"])
    parser.add_argument("--sanitizer", choices=["address", "thread"], help="what the build was instrumented with")
    parser.add_argument("--runner", default="", help="a command, with its options, that runs the C++ programs")
    parser.add_argument("--jobs", type=int, help="how many parts of the C++ tests run at once")
    parser.add_argument("--exclude", type=pathlib.Path, help="C++ tests to leave out, each with its reason")
    parser.add_argument("-k", dest="pattern", default="")
    args = parser.parse_args()
    excluded = {}
    if args.exclude is not None:
        lines = (ROOT / args.exclude).read_text().splitlines()
        excluded = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    totals = [0, 0, len(excluded)]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as reports:
        for_cpp, for_python = sanitizer_environments(args.sanitizer, reports)
        jobs = []
        # The C++ tests, one program or several, wherever the build put them.
        build = ROOT / args.build
        programs = [p for p in sorted(build.rglob("rustorch_*tests")) if p.is_file() and os.access(p, os.X_OK)]
        if args.only != "python":
            if not programs:
                print(f"no C++ test program under {args.build}")
                totals[1] += 1
            for program in programs:
                report = pathlib.Path(folder) / f"{program.name}.xml"
                command = [*shlex.split(args.runner), str(program), f"--gtest_output=xml:{report}", "--gtest_brief=1"]
                if args.pattern or excluded:
                    command.append(f"--gtest_filter=*{args.pattern}*-{':'.join(excluded)}")
                job = (f"C++ ({program.name})", command, report, dict(os.environ, **for_cpp))
                jobs += [job] if args.jobs is None else parts_of(*job, parts=4 * args.jobs)
        if args.only != "cpp" and (ROOT / "tests/python").is_dir():
            report = pathlib.Path(folder) / "python.xml"
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                f"--timeout={1800 if args.sanitizer else 300}",
                f"--junitxml={report}",
                "tests/python",
            ]
            if args.pattern:
                command += ["-k", args.pattern]
            environment = dict(os.environ, PYTHONPATH=str(build / "python"), **for_python)
            jobs.append(("Python", command, report, environment))
        cpp = [job for job in jobs if job[0] != "Python"]
        with concurrent.futures.ThreadPoolExecutor(args.jobs or 1) as pool:
            results = list(pool.map(lambda job: run(*job), cpp))
        if args.jobs is not None:
            show_skipped([report for _, _, report, _ in cpp if report.is_file()], excluded)
        results += [run(*job) for job in jobs if job not in cpp]
        totals = [sum(column) for column in zip(totals, *results)]
        totals[1] += show_reports(pathlib.Path(reports))
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
