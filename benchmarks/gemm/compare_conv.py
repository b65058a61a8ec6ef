"""Times the convolutions of this library against PyTorch, alternately, in one process.

Usage: compare_conv.py SHIM.so [threads] [last] [name part]. Prints low deciles in ms and the ratio (above 1: faster).
"""

import ctypes
import sys
import time

import torch
import torch.nn.functional as F

lib = ctypes.CDLL(sys.argv[1])
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
last = "last" in sys.argv[3:]
only = [a for a in sys.argv[3:] if a != "last"]
torch.set_num_threads(threads)
lib.rt_threads(threads)
# One thread is timed in its own processor time, which neighbours disturb less.
clock = time.thread_time if threads == 1 else time.perf_counter

#: name: (batch, channels in, channels out, size, kernel, stride, groups, padding)
CASES = {
    "7x7s2_1x3x224": (1, 3, 64, 224, 7, 2, 1, 3),
    "3x3_8x64x56": (8, 64, 64, 56, 3, 1, 1, 1),
    "3x3_8x128x28": (8, 128, 128, 28, 3, 1, 1, 1),
    "3x3_8x256x14": (8, 256, 256, 14, 3, 1, 1, 1),
    "3x3_8x512x7": (8, 512, 512, 7, 3, 1, 1, 1),
    "1x1_8x64to256x56": (8, 64, 256, 56, 1, 1, 1, 0),
    "1x1_8x256to64x56": (8, 256, 64, 56, 1, 1, 1, 0),
    "1x1_8x1024to256x14": (8, 1024, 256, 14, 1, 1, 1, 0),
    "depthwise3x3_8x128x28": (8, 128, 128, 28, 3, 1, 128, 1),
    "lenet1": (64, 1, 16, 28, 5, 1, 1, 2),
    "lenet2": (64, 16, 32, 14, 5, 1, 1, 0),
    "3x3s2_32x64x32": (32, 64, 128, 32, 3, 2, 1, 1),
    "small8": (64, 8, 16, 8, 3, 1, 1, 1),
    "digits8": (64, 1, 8, 8, 3, 1, 1, 1),
}


def burst(call, seconds):
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = clock()
        call()
        times.append(clock() - start)
    return times


def low(times):
    times.sort()
    return times[len(times) // 10] * 1e3


for name, (b, ci, co, size, k, s, g, p) in CASES.items():
    if only and not any(part in name for part in only):
        continue
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.randn(b, ci, size, size).contiguous(memory_format=layout)
    w = torch.randn(co, ci // g, k, k) * (ci // g * k * k) ** -0.5
    y = F.conv2d(x, w, None, s, p, 1, g)
    gy = torch.randn(y.shape).contiguous(memory_format=layout)
    flops = 2 * y.numel() * (ci // g) * k * k
    row = f"{name:22s}"
    for which, label in enumerate(("fwd", "bwd_x", "bwd_w")):
        out = torch.empty_like((y.contiguous(memory_format=layout), x, w)[which])

        def ours():
            lib.rt_conv(which, *(ctypes.c_long(v) for v in (b, ci, co, size, k, s, p, g)), int(last),
                        *(ctypes.c_void_p(t.data_ptr()) for t in (x, w, gy, out)), 1)  # fmt: skip

        def theirs():
            if which == 0:
                return F.conv2d(x, w, None, s, p, 1, g)
            mask = [which == 1, which == 2, False]
            return torch.ops.aten.convolution_backward(gy, x, w, None, [s, s], [p, p], [1, 1], False, [0, 0], g, mask)[
                which - 1
            ]

        expected = theirs()
        ours()
        error = float((out - expected).abs().max() / expected.abs().max())
        assert error < 1e-4, (name, label, error)
        mine, other = [], []
        for _ in range(3):
            mine += burst(ours, 0.03)
            time.sleep(0.005)
            other += burst(theirs, 0.03)
            time.sleep(0.005)
        m, o = low(mine), low(other)
        row += f" | {label} {m:7.3f} ms {flops / m / 1e6:4.0f} GF, torch {o:7.3f} {flops / o / 1e6:4.0f} {o / m:5.2f}x"
    print(row, flush=True)
