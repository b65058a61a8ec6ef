"""Ratios of PyTorch and RusTorch for layers, products, decompositions and optimizer steps, each framework in turn.

    PYTHONPATH=build/release/python python benchmarks/turns.py [--groups layers matmul ...] [--threads 1 2] [--turns 4]

Needs PyTorch in the same environment. A turn is a process that repeats each case of a group for a fraction of a second;
the frameworks alternate. Printed per case: the least times, their ratio, and the ratio of the medians over the turns of
each turn's least time (above 1: RusTorch is faster). Two virtual processors change their speed from second to second,
so stop everything else, and believe neither ratio to better than some percent. `--pairs` is more exact: both frameworks
live in one process and take turns of some milliseconds; printed per case is the median of the ratios of neighbours, of
every process and the median of these.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time


def matmul(rt):
    for n in (64, 128, 256, 512, 1024, 2048):
        a, b = rt.rand(n, n), rt.rand(n, n)
        yield f"matmul {n}", lambda a=a, b=b: a @ b


def conv(rt):
    for channels, size in ((64, 56), (128, 28), (256, 14), (512, 7)):
        x, w = rt.rand(8, channels, size, size), rt.rand(channels, channels, 3, 3)
        yield f"conv 3x3 8x{channels}x{size} forward", lambda x=x, w=w: rt.nn.functional.conv2d(x, w, padding=1)
        x, w = x.clone().requires_grad_(), w.clone().requires_grad_()

        def both(x=x, w=w):
            rt.nn.functional.conv2d(x, w, padding=1).sum().backward()

        yield f"conv 3x3 8x{channels}x{size} with backward", both


def inference(rt, run):
    def call():
        with rt.no_grad():
            run()

    return call


def mlp(rt):
    nn = rt.nn
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    optimizer = rt.optim.Adam(net.parameters())
    x, y = rt.rand(128, 784), rt.randint(0, 10, (128,))

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    yield "MLP step", step


def layers(rt):
    nn = rt.nn
    x = rt.randn(64, 32, 256)
    for kind in (nn.LSTM, nn.GRU):
        layer = kind(256, 256)
        yield f"{kind.__name__} forward", inference(rt, lambda layer=layer: layer(x))
        yield f"{kind.__name__} with backward", lambda layer=layer: layer(x)[0].sum().backward()
    x = rt.rand(8, 128, 256)
    encoder = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True).eval()
    yield "encoder layer, inference", inference(rt, lambda: encoder(x))
    encoder = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    yield "encoder layer, training, forward", inference(rt, lambda: encoder(x))
    yield "encoder layer, training, with backward", lambda: encoder(x).sum().backward()
    decoder = nn.TransformerDecoderLayer(256, 4, 1024, batch_first=True)
    yield "decoder layer, training, forward", inference(rt, lambda: decoder(x, x))
    yield "decoder layer, training, with backward", lambda: decoder(x, x).sum().backward()
    attention = nn.MultiheadAttention(256, 4, batch_first=True)
    yield "attention with backward", lambda: attention(x, x, x)[0].sum().backward()


def optimizers(rt):
    """Against PyTorch's own fused steps where it has them."""
    parameters = [rt.nn.Parameter(rt.rand(256, 256)) for _ in range(20)]
    for p in parameters:
        p.grad = rt.rand(256, 256)
    for name, options in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {}), ("AdamW", {}), ("Adagrad", {})):
        yield f"{name} step, fused", getattr(rt.optim, name)(parameters, fused=True, **options).step


def linalg(rt):
    n = 512
    a, b = rt.rand(n, n), rt.rand(n, 8)
    dominant = a + n * rt.eye(n)
    yield "lu_factor 512, random", lambda: rt.linalg.lu_factor(a)
    yield "lu_factor 512, dominant diagonal", lambda: rt.linalg.lu_factor(dominant)
    yield "solve_triangular 512, 8 columns", lambda: rt.linalg.solve_triangular(dominant, b, upper=True)
    yield "inv 512", lambda: rt.linalg.inv(dominant)
    yield "solve 512, 8 columns", lambda: rt.linalg.solve(dominant, b)
    yield "qr 512", lambda: rt.linalg.qr(a)
    rows = rt.rand(4096, 256)
    yield "fft of 4096 rows of 256", lambda: rt.fft.fft(rows)


GROUPS = {f.__name__: f for f in (matmul, conv, mlp, layers, optimizers, linalg)}


def turn(args):
    """One framework, one group: prints {case: least microseconds} as JSON."""
    rt = importlib.import_module(args.turn)
    rt.set_num_threads(args.threads[0])
    least = {}
    for name, run in GROUPS[args.groups[0]](rt):
        run()
        run()
        times, start = [], time.perf_counter()
        while time.perf_counter() - start < args.seconds:
            before = time.perf_counter_ns()
            run()
            times.append(time.perf_counter_ns() - before)
        least[name] = min(times) / 1e3
    print(json.dumps(least))


def pairs(args):
    """Both frameworks in one process, one group: prints {case: median of the ratios of neighbours} as JSON."""
    frameworks = [importlib.import_module(name) for name in ("torch", "rustorch")]
    for rt in frameworks:
        rt.set_num_threads(args.threads[0])
    found = {}
    for (name, theirs), (_, ours) in zip(*(GROUPS[args.groups[0]](rt) for rt in frameworks), strict=True):
        theirs(), ours()
        calls = max(1, int(0.002 / seconds_of(theirs, 1)))
        ratios, start = [], time.perf_counter()
        while len(ratios) < 12 or time.perf_counter() - start < args.seconds:
            ratios.append(seconds_of(theirs, calls) / seconds_of(ours, calls))
        found[name] = statistics.median(ratios)
    print(json.dumps(found))


def seconds_of(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


def show_pairs(args, threads, group):
    """A process a turn."""
    command = [sys.executable, __file__, "--turn", "pairs", "--groups", group]
    command += ["--threads", str(threads), "--seconds", str(args.seconds)]
    # else PyTorch's threads spin into the other's turn
    environment = {**os.environ, "GOMP_SPINCOUNT": "0", "OMP_WAIT_POLICY": "passive"}
    seen = {}
    for _ in range(args.turns):
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
        for name, ratio in json.loads(output.splitlines()[-1]).items():
            seen.setdefault(name, []).append(ratio)
    for name, ratios in seen.items():
        each = " ".join(f"{r:.2f}" for r in ratios)
        print(f"{threads} threads  {name:40s} {statistics.median(ratios):5.2f}x  [{each}]", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each case in a turn")
    parser.add_argument("--pairs", action="store_true", help="both in one process")
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        return pairs(args) if args.turn == "pairs" else turn(args)
    for threads in args.threads:
        for group in args.groups:
            if args.pairs:
                show_pairs(args, threads, group)
                continue
            times = {"torch": {}, "rustorch": {}}
            for _ in range(args.turns):
                for framework, seen in times.items():
                    command = [sys.executable, __file__, "--turn", framework, "--groups", group]
                    command += ["--threads", str(threads), "--seconds", str(args.seconds)]
                    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
                    for name, least in json.loads(output.splitlines()[-1]).items():
                        seen.setdefault(name, []).append(least)
            for name, theirs in times["torch"].items():
                ours = times["rustorch"][name]
                least, middle = min(theirs) / min(ours), statistics.median(theirs) / statistics.median(ours)
                print(
                    f"{threads} threads  {name:40s} {min(theirs):10.1f} us {min(ours):10.1f} us  "
                    f"least {least:5.2f}x  median {middle:5.2f}x",
                    flush=True,
                )


if __name__ == "__main__":
    main()
