"""Calls everything that the package offers with arguments of every wrong kind: each call must return or raise.

    python tests/fuzz/misuse.py [--rounds N] [--seed N] [--from N] [--only PART]

Prints nothing but the sum. A call that ends the process leaves its name in the file misuse.log (or --log FILE), and --from
goes on behind it. Calls that take long, print or change the process (threads, printing, fork) are left out.
"""

import argparse
import pathlib
import random
import signal
import sys
import warnings

import rustorch as rt
from rustorch import _C

SKIPPED = (
    "_push", "_pop", "_fail_allocation", "_set_", "set_", "share_memory", "memory_limit", "__class__", "__init_subclass__",
    "__subclasshook__", "__reduce", "_enter", "_leave", "_start", "_stop", "mvlgamma", "multigammaln", "_abort", "init_",
)  # fmt: skip


def pool():
    """Fresh arguments: calls may write to them."""
    x, leaf = rt.ones(2, 3), rt.ones(3, requires_grad=True)
    y = leaf * 2
    return [
        None, 1, -1, 0, 2**40, -(2**63), 2**70, 1.5, float("nan"), 1j, True, "x", "cpu", "mean", b"abc", [], (), {}, [1, 2],
        (2, 3), [x, None], [x, x], (x, 1), [[1], 2], object(), x, leaf, y, rt.arange(3), rt.empty(0), rt.tensor(1.0),
        rt.ones(2, dtype=rt.complex64), rt.tensor([True, False]), y.grad_fn, rt.float32, rt.int64, rt.device("cpu"),
        rt.device("meta"), rt.Generator(), lambda *a: None, slice(None), ..., type, rt.Tensor, x.shape,
        x.untyped_storage(), range(3), iter([1]),
    ]  # fmt: skip


def targets():
    """(name, function of fresh arguments that gives what is called)."""
    for name in sorted(dir(_C)):
        yield "_C." + name, lambda p, name=name: getattr(_C, name)
    for name in sorted(dir(_C.ops)):
        yield "ops." + name, lambda p, name=name: getattr(_C.ops, name)
    # methods, with a self of the right kind and with one of a wrong kind
    kinds = {type(a) for a in pool() if type(a).__module__.startswith("rustorch")} | {_C._Node, rt.Size}
    for kind in sorted(kinds, key=lambda k: k.__name__):
        for name in sorted(dir(kind)):
            yield f"{kind.__name__}.{name} (unbound)", lambda p, kind=kind, name=name: getattr(kind, name)

            def bound(p, kind=kind, name=name):
                return getattr(next(a for a in p if isinstance(a, kind)), name)

            yield f"{kind.__name__}.{name}", bound
        yield f"{kind.__name__}()", lambda p, kind=kind: kind


class TooLong(Exception):
    pass


def on_alarm(*_):
    raise TooLong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="argument lists of each length from 2 to 4")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="start", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("misuse.log"))
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, on_alarm)
    rt.set_memory_limit(2**30)
    width = len(pool())
    calls = passed = 0
    with args.log.open("w") as log:
        for i, (name, find) in enumerate(targets()):
            if i < args.start or args.only not in name or any(s in name for s in SKIPPED):
                continue
            choose = random.Random(f"{args.seed} {name}")
            lists = [()] + [
                (k,) for k in (range(width) if args.rounds >= 10 else choose.sample(range(width), 2 * args.rounds))
            ]
            lists += [tuple(choose.choices(range(width), k=n)) for n in (2, 3, 4) for _ in range(args.rounds)]
            for which in lists:
                log.seek(0)
                log.truncate()
                log.write(f"{i} {name} {which}\n")
                log.flush()
                everything = pool()
                signal.alarm(10)
                calls += 1
                try:
                    f = find(everything)
                    if callable(f):
                        f(*(everything[k] for k in which))
                        passed += 1
                except Exception:  # noqa: BLE001
                    pass
                finally:
                    signal.alarm(0)
    args.log.unlink()
    print(f"{calls} calls, {calls - passed} refused")


if __name__ == "__main__":
    sys.exit(main())
