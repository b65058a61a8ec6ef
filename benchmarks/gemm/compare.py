"""Times the matrix products of this library against PyTorch, alternately, in one process.

Usage: compare.py SHIM.so [threads] [f32|f64]. SHIM is shim.cc linked with the library. Prints one row per shape:
the low decile of the times of both, GFLOP/s of both, and the ratio (above 1: faster than PyTorch).
"""

import ctypes
import sys
import time

import torch

lib = ctypes.CDLL(sys.argv[1])
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
kind = sys.argv[3] if len(sys.argv) > 3 else "f32"
torch.set_num_threads(threads)
lib.rt_threads(threads)
# One thread is timed in its own processor time, which neighbours disturb less.
clock = time.thread_time if threads == 1 else time.perf_counter
dtype = torch.float32 if kind == "f32" else torch.float64
function = lib.rt_sgemm if kind == "f32" else lib.rt_dgemm

SHAPES = [(n, n, n, "nn") for n in (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)] + [
    (64, 64, 64, "nt"), (256, 256, 256, "nt"), (256, 256, 256, "tn"), (1024, 1024, 1024, "nt"), (1024, 1024, 1024, "tn"),
    (1, 1024, 1024, "nt"), (1, 1024, 4096, "nt"), (1, 4096, 1024, "nt"), (1, 4096, 1024, "nn"), (4096, 1, 1024, "nn"),
    (1024, 1, 4096, "tn"), (4, 4096, 1024, "nt"), (32, 512, 784, "nt"), (128, 1024, 4096, "nt"),
    (128, 4096, 1024, "nt"), (256, 1024, 1024, "nt"), (64, 10, 128, "nt"), (128, 512, 784, "nt"), (128, 10, 512, "nt"),
    (512, 784, 128, "tn"), (10, 512, 128, "tn"), (128, 512, 10, "nn"), (10000, 64, 64, "nn"), (64, 64, 10000, "tn"),
]  # fmt: skip


def burst(call, seconds, inner):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = clock()
        call()
        times.append((clock() - start) / inner)
    return times


def low(times):
    times.sort()
    return times[len(times) // 10]


for m, n, k, form in SHAPES:
    ta, tb = form[0] == "t", form[1] == "t"
    a = torch.randn((k, m) if ta else (m, k), dtype=dtype)
    b = torch.randn((n, k) if tb else (k, n), dtype=dtype)
    c, d = torch.empty(m, n, dtype=dtype), torch.empty(m, n, dtype=dtype)
    at, bt = a.t() if ta else a, b.t() if tb else b
    flops = 2 * m * n * k
    inner = max(1, int(2e-5 * 100e9 / flops))

    def ours(inner=inner):
        function(int(ta), int(tb), ctypes.c_long(m), ctypes.c_long(n), ctypes.c_long(k),
                 ctypes.c_void_p(a.data_ptr()), ctypes.c_long(a.shape[1]), ctypes.c_void_p(b.data_ptr()),
                 ctypes.c_long(b.shape[1]), ctypes.c_void_p(c.data_ptr()), ctypes.c_long(n), inner)  # fmt: skip

    def theirs(inner=inner):
        for _ in range(inner):
            torch.mm(at, bt, out=d)

    ours(1), theirs(1)
    ref = at.double() @ bt.double()
    scale = (at.double().abs() @ bt.double().abs()).clamp_min(1e-300)
    error = float(((c.double() - ref).abs() / scale).max())
    mine, other = [], []
    for _ in range(4):
        mine += burst(ours, 0.04, inner)
        time.sleep(0.01)
        other += burst(theirs, 0.04, inner)
        time.sleep(0.01)
    x, y = low(mine), low(other)
    print(f"{m}x{n}x{k} {form}: {x*1e6:9.1f} us {flops/x/1e9:6.1f} GF | torch {y*1e6:9.1f} us {flops/y/1e9:6.1f} GF | "
          f"{y/x:5.2f}x  err {error:.1e}", flush=True)  # fmt: skip
