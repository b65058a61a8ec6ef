"""Products of float32 beside oneDNN: two builds of rows.cc in turns, the better of each row.

Usage: compare_rows.py ROWS_ONEDNN ROWS_RUSTORCH [threads] [turns]. Prints GFLOP/s of both and ours / theirs. Two processes:
the threads of one library go on spinning while the other works.
"""

import subprocess
import sys

NAMES = [
    *(f"{n} x {n} x {n}" for n in (32, 64, 128, 256, 512, 1024, 2048)),
    *("1 x 1024 x 1024 nt", "1 x 4096 x 1024 nt", "32 x 512 x 784 nt", "128 x 1024 x 4096 nt", "128 x 4096 x 1024 nt"),
    *("64 x 10 x 128 nt", "64 of 128 x 128 x 64"),
]


def main(theirs, ours, threads="1", turns="3"):
    best = {}
    for _ in range(int(turns)):
        for program in (theirs, ours):
            output = subprocess.run([program, threads], capture_output=True, text=True, check=True).stdout
            for line in output.splitlines():
                row, _, rate = line.split()
                key = program, int(row)
                best[key] = max(best.get(key, 0.0), float(rate))
    for row, name in enumerate(NAMES):
        a, b = best[theirs, row], best[ours, row]
        print(f"{name:22s} oneDNN {a:6.1f} rustorch {b:6.1f} GFLOP/s {b / a:5.2f}x")


if __name__ == "__main__":
    main(*sys.argv[1:])
