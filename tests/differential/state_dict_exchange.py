"""state_dict of every module, optimizer and scheduler, exchanged with PyTorch both ways through files.

    python tests/differential/state_dict_exchange.py [--filter TEXT] [--dtypes float32,float64,bfloat16] [--verbose]

Needs torch and rustorch in one interpreter (torch in a venv of its own; rustorch by PYTHONPATH). One side trains and
saves; the other loads (torch with weights_only=True), must give the same outputs, and must itself save the same keys,
dtypes, shapes and metadata. The exit status is 1 when anything differs.
"""

import argparse
import io
import pathlib
import sys
import warnings

import torch
import torch.nn.utils.prune

import rustorch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
import state_cases  # noqa: E402

TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "bfloat16": 0.05}


def through_file(source, obj, target):
    """Saved by one framework, loaded by the other."""
    file = io.BytesIO()
    source.save(obj, file)
    file.seek(0)
    return target.load(file, weights_only=True)


def is_tensor(x):
    return isinstance(x, (torch.Tensor, rustorch.Tensor))


def difference(a, b, tol, path=""):
    """A text that says where two structures differ, or None. Numbers may differ by `tol`, types may not."""
    if is_tensor(a) and is_tensor(b):
        if str(a.dtype).split(".")[1] != str(b.dtype).split(".")[1]:
            return f"{path}: dtype {a.dtype} and {b.dtype}"
        if tuple(a.shape) != tuple(b.shape):
            return f"{path}: shape {tuple(a.shape)} and {tuple(b.shape)}"
        return difference(a.detach().flatten().tolist(), b.detach().flatten().tolist(), tol, path)
    if type(a).__name__ != type(b).__name__:
        return f"{path}: {type(a).__name__} and {type(b).__name__}"
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{path}: keys {list(a)} and {list(b)}"
        found = (difference(a[k], b[k], tol, f"{path}[{k!r}]") for k in a)
        return next((d for d in found if d), None)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{path}: lengths {len(a)} and {len(b)}"
        found = (difference(x, y, tol, f"{path}[{i}]") for i, (x, y) in enumerate(zip(a, b)))
        return next((d for d in found if d), None)
    if isinstance(a, (float, complex)):
        same = a == b or (a != a and b != b) or abs(a - b) <= tol * (1 + abs(b))
        return None if same else f"{path}: {a} and {b}"
    if callable(a) or a is None or isinstance(a, (int, str, bool)):
        return None if callable(a) or a == b else f"{path}: {a!r} and {b!r}"
    return None


def check_module(make, specs, dtype):
    """Differences of one module in both directions."""
    tol = TOLERANCE[dtype]
    for source, target in ((torch, rustorch), (rustorch, torch)):
        kind = f"{source.__name__} to {target.__name__}"
        of_source, of_target = getattr(source, dtype), getattr(target, dtype)
        module = state_cases.trained(source, make, specs, of_source)
        saved = module.state_dict()
        loaded = through_file(source, saved, target)
        yield kind, difference(list(saved.items()), list(loaded.items()), 0.0, "file")
        meta = getattr(loaded, "_metadata", None)
        yield kind, difference(dict(saved._metadata), None if meta is None else dict(meta), 0, "metadata in the file")
        other = state_cases.fresh(target, make, of_target)
        result = other.load_state_dict(loaded)
        yield kind, None if str(result) == "<All keys matched successfully>" else str(result)
        again = other.state_dict()
        yield kind, difference(dict(saved._metadata), dict(again._metadata), 0, "metadata")
        yield kind, difference(list(saved.items()), list(again.items()), 0.0, "state")
        want = state_cases.outputs(source, module, specs, of_source)
        got = state_cases.outputs(target, other, specs, of_target)
        yield kind, difference(want, got, tol, "output")


def check_optimizer(make, names):
    """Differences of one optimizer in both directions: its file and the steps after loading it."""
    for source, target in ((torch, rustorch), (rustorch, torch)):
        kind = f"{source.__name__} to {target.__name__}"
        opt, params = state_cases.start(source, make, names)
        state_cases.advance(source, opt, params, state_cases.SAVED_AFTER)
        saved = opt.state_dict()
        loaded = through_file(source, {"opt": saved, "params": params}, target)
        yield kind, difference(saved, loaded["opt"], 0.0, "file")
        other, others = state_cases.resumed(target, make, loaded["opt"], loaded["params"], names)
        # the source goes on from its file too: loading puts state into the dtype of the parameters
        opt, params = state_cases.resumed(source, make, saved, params, names)
        yield kind, difference(opt.state_dict(), other.state_dict(), 0.0, "state")
        rest = state_cases.STEPS - state_cases.SAVED_AFTER
        state_cases.advance(source, opt, params, rest)
        state_cases.advance(target, other, others, rest)
        yield kind, difference(params, others, 1e-10, "parameters")
        yield kind, difference(opt.state_dict(), other.state_dict(), 1e-9, "state at the end")


def check_scheduler(make):
    """Differences of one scheduler in both directions: its file and the rates after loading it."""
    for source, target in ((torch, rustorch), (rustorch, torch)):
        kind = f"{source.__name__} to {target.__name__}"
        opt, scheduler = state_cases.scheduled(source, make)
        state_cases.advance_schedule(source, opt, scheduler, 0, state_cases.SAVED_AFTER)
        saved = scheduler.state_dict()
        own, theirs = state_cases.scheduled(target, make)
        yield kind, difference(sorted(saved), sorted(theirs.state_dict()), 0, "keys")
        try:
            loaded = through_file(source, {"s": saved, "opt": opt.state_dict()}, target)
        except Exception as e:  # a class in the state, as collections.Counter: only when the source itself cannot
            yield kind, f"file: {type(e).__name__}: {e}"
            continue
        theirs.load_state_dict(loaded["s"])
        own.load_state_dict(loaded["opt"])
        yield kind, difference(saved, theirs.state_dict(), 1e-12, "state")
        rest = 18
        want = state_cases.advance_schedule(source, opt, scheduler, state_cases.SAVED_AFTER, rest)
        got = state_cases.advance_schedule(target, own, theirs, state_cases.SAVED_AFTER, rest)
        yield kind, difference(want, got, 1e-10, "rates")


def uncovered():
    """Classes of torch.nn with state that no case makes."""
    text = " ".join(case[1] for case in state_cases.modules(torch))
    names = (n for n in dir(torch.nn) if isinstance(getattr(torch.nn, n), type) and f"nn.{n}(" not in text)
    wanted = []
    for name in names:
        cls = getattr(torch.nn, name)
        if issubclass(cls, torch.nn.Module) and name not in state_cases.ABSENT:
            try:
                fresh = cls()
            except TypeError:
                try:
                    fresh = cls(2)
                except Exception:
                    continue
            if len(fresh.state_dict()):
                wanted.append(name)
    return wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filter", default="")
    parser.add_argument("--dtypes", default="float32,float64,bfloat16")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    checks = []
    for dtype in args.dtypes.split(","):
        for name, make, specs in state_cases.modules(torch):
            if not ("orthogonal" in name and dtype == "bfloat16"):  # PyTorch decomposes no half-precision matrices
                checks.append((f"{name} {dtype}", check_module, (make, specs, dtype)))
    for name, make in state_cases.OPTIMIZERS:
        checks += [(f"{name}{' named' * names}", check_optimizer, (make, names)) for names in (False, True)]
    checks += [(name, check_scheduler, (make,)) for name, make in state_cases.SCHEDULERS]
    failed = ran = 0
    for name, check, parts in checks:
        if args.filter not in name:
            continue
        ran += 1
        try:
            found = [f"{kind}: {d}" for kind, d in check(*parts) if d]
        except Exception as e:
            if args.verbose:
                raise
            found = [f"{type(e).__name__}: {e}"]
        failed += bool(found)
        for d in found:
            print(f"{name}: {d[:300]}")
    missing = uncovered()
    if missing:
        print("no case for", missing)
    print(f"{ran} exchanges, {failed} with differences")
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
