"""Times rustorch, and PyTorch beside it where it is installed, on a few common pieces of work.

    python benchmarks/run.py [--filter NAME] [--seconds 0.3]

Each case runs in rounds of about SECONDS; the figure is the fastest round, per call. A case that one side does not
have is left blank. Timings of a busy machine mean little.
"""

import argparse
import importlib
import time


def cases(t):
    """(name, function) pairs for one framework; t is its module. Cases that cannot be set up are skipped."""

    def small_add():
        a, b = t.rand(4), t.rand(4)
        return lambda: a + b

    def elementwise(n):
        def make():
            a, b = t.rand(n), t.rand(n)
            return lambda: a * b + a

        return make

    def unary(name, n=1_000_000):
        def make():
            a = t.rand(n)
            return getattr(a, name)

        return make

    def matmul(n):
        def make():
            a, b = t.rand(n, n), t.rand(n, n)
            return lambda: a @ b

        return make

    def conv():
        x, w = t.rand(8, 32, 32, 32), t.rand(32, 32, 3, 3)
        return lambda: t.nn.functional.conv2d(x, w, padding=1)

    def train_step():
        nn = t.nn
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        optimizer = t.optim.Adam(net.parameters())
        x, y = t.rand(128, 784), t.randint(0, 10, (128,))

        def step():
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()

        return step

    def save_load():
        import io

        state = {f"w{i}": t.rand(256, 256) for i in range(16)}

        def round_trip():
            f = io.BytesIO()
            t.save(state, f)
            f.seek(0)
            t.load(f, weights_only=True)

        return round_trip

    table = {
        "add, 4 elements": small_add,
        "a * b + a, 1e4": elementwise(10_000),
        "a * b + a, 1e7": elementwise(10_000_000),
        "exp, 1e6": unary("exp"),
        "tanh, 1e6": unary("tanh"),
        "sum, 1e6": unary("sum"),
        "matmul 64": matmul(64),
        "matmul 512": matmul(512),
        "matmul 1024": matmul(1024),
        "conv2d 3x3, 8x32x32x32": conv,
        "MLP step, 784-512-512-10, batch 128": train_step,
        "save and load, 4 MB": save_load,
    }
    return table


def time_call(call, seconds):
    """Fastest time per call, in seconds, over rounds that fill the given time."""
    call()
    count, best, spent = 1, float("inf"), 0.0
    while spent < seconds:
        start = time.perf_counter()
        for _ in range(count):
            call()
        took = time.perf_counter() - start
        spent += took
        best = min(best, took / count)
        if took < seconds / 10:
            count *= 2
    return best


def measure(module, name, seconds):
    try:
        return time_call(cases(module)[name](), seconds)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
        print(f"  ({module.__name__}: {type(error).__name__}: {str(error).splitlines()[0][:100]})")
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filter", default="")
    parser.add_argument("--seconds", type=float, default=0.3)
    args = parser.parse_args()
    modules = [importlib.import_module("rustorch")]
    try:
        modules.append(importlib.import_module("torch"))
    except ImportError:
        pass
    print(f"{'':38}" + "".join(f"{m.__name__:>14}" for m in modules) + ("       ratio" if len(modules) > 1 else ""))
    for name in cases(modules[0]):
        if args.filter not in name:
            continue
        times = [measure(m, name, args.seconds) for m in modules]
        row = f"{name:38}" + "".join(f"{1e6 * s:11.2f} us" if s else f"{'-':>14}" for s in times)
        if len(times) > 1 and all(times):
            row += f"  {times[1] / times[0]:9.2f}x"
        print(row, flush=True)


if __name__ == "__main__":
    main()
