"""Random programs of views, in-place writes and broadcasts, run on rustorch and on PyTorch; results and gradients
must agree.

    python tests/differential/random_programs.py [--count 10000] [--seed 0] [--verbose]

Needs torch and rustorch in one interpreter (torch in a venv of its own; rustorch by PYTHONPATH). A program that one
side refuses must be refused by the other. The exit status is the number of differences, at most 1.
"""

import argparse
import random
import sys

import numpy as np


def shape_of(rng):
    return tuple(rng.choice((1, 2, 3, 4)) for _ in range(rng.choice((0, 1, 2, 2, 3, 3))))


def make_program(seed):
    """A list of steps; each names an operation, the registers it reads and its arguments. Register 0 and 1 are leaves."""
    rng = random.Random(seed)
    leaves = [shape_of(rng), shape_of(rng)]
    steps = []
    for _ in range(rng.randint(2, 8)):
        kind = rng.choice(("view", "view", "view", "inplace", "inplace", "binary", "unary", "reduce", "copy", "clone"))
        steps.append((kind, rng.random(), [rng.random() for _ in range(8)]))
    return leaves, steps


def pick(values, r):
    return values[int(r * len(values)) % len(values)]


def dim_of(t, r):
    return int(r * t.dim()) if t.dim() else 0


def view_step(t, which, rs):
    n = t.dim()
    d = dim_of(t, rs[1])
    size = t.shape[d] if n else 1
    if which < 0.12:
        return t.reshape(-1) if t.is_contiguous() else t.transpose(0, n - 1) if n else t.unsqueeze(0)
    if which < 0.24:
        return t.transpose(d, dim_of(t, rs[2])) if n else t.unsqueeze(0)
    if which < 0.36:
        return t.unsqueeze(d)
    if which < 0.44:
        return t.squeeze()
    if which < 0.56:
        return (
            t.narrow(d, int(rs[2] * size), max(1, size - int(rs[2] * size) - int(rs[3] * 2)))
            if n and size > 1
            else t.view(t.shape)
        )
    if which < 0.66:
        return t.select(d, int(rs[2] * size)) if n else t.expand(2)
    if which < 0.74:
        return t[..., :: 1 + int(rs[2] * 2)] if n else t.unsqueeze(0)
    if which < 0.82:
        return t.expand(2, *t.shape) if n < 4 else t.detach()
    if which < 0.88:
        return t.diagonal() if n >= 2 else t.unsqueeze(-1)
    if which < 0.94:
        return t.chunk(2, d)[0] if n else t.unsqueeze(0)
    return t.unfold(d, min(2, size), 1) if n else t.unsqueeze(0)


def inplace_step(lib, t, other, which, rs):
    if which < 0.15:
        return t.mul_(0.5 + rs[2])
    if which < 0.3:
        return t.add_(other, alpha=0.5)
    if which < 0.42:
        return t.mul_(other)
    if which < 0.54:
        return t.copy_(other)
    if which < 0.62:
        return t.zero_() if rs[2] < 0.4 else t.fill_(rs[3])
    if which < 0.72:
        return t.tanh_()
    if which < 0.8:
        return t.sub_(1.5)
    if which < 0.88:
        t[..., :1] = other.reshape(-1)[0] if other.numel() else 1.0
        return t
    return t.clamp_(-0.7, 0.7)


def binary_step(lib, a, b, which):
    return pick((lambda: a + b, lambda: a * b, lambda: a - b, lambda: lib.maximum(a, b), lambda: a * b.sum(),
                 lambda: lib.where(a > 0, a, b), lambda: a / (b * b + 1)), which)()  # fmt: skip


def unary_step(lib, a, which):
    return pick((lambda: lib.tanh(a), lambda: lib.relu(a), lambda: a.exp().clamp(max=3.0), lambda: -a, lambda: a.abs(),
                 lambda: a * a, lambda: lib.sigmoid(a), lambda: a.contiguous()), which)()  # fmt: skip


def reduce_step(a, which, rs):
    d = dim_of(a, rs[1])
    keep = rs[2] < 0.5
    if not a.dim():
        return a.sum()
    return pick((lambda: a.sum(d, keepdim=keep), lambda: a.mean(d, keepdim=keep), lambda: a.sum(), lambda: a.amax(d, keepdim=keep),
                 lambda: a.prod(d, keepdim=keep), lambda: a.cumsum(d)), which)()  # fmt: skip


def run(lib, program, data):
    """-> (results, gradients) as NumPy arrays, or the name of the kind of refusal."""
    leaves_shapes, steps = program
    leaves = [lib.tensor(d.tolist(), dtype=lib.float64, requires_grad=True) for d in data]
    registers = [leaves[0] * 1.0, leaves[1] * 1.0]
    for kind, which, rs in steps:
        a, b = pick(registers, rs[0]), pick(registers, rs[7])
        if kind == "view":
            out = view_step(a, which, rs)
        elif kind == "inplace":
            # A copy: what a write from overlapping memory gives is undefined.
            out = inplace_step(lib, a, b * 1.0, which, rs)
        elif kind == "binary":
            out = binary_step(lib, a, b, which)
        elif kind == "unary":
            out = unary_step(lib, a, which)
        elif kind == "reduce":
            out = reduce_step(a, which, rs)
        elif kind == "copy":
            out = lib.stack([a, a]).sum(0) if rs[2] < 0.5 else lib.cat([a.reshape(-1), b.reshape(-1)])
        else:
            out = a.clone()
        registers.append(out)
        if out.numel() > 4096:
            break
    total = None
    for r in registers:
        part = (r * (1.0 + 0.1 * len(r.shape))).sum()
        total = part if total is None else total + part
    grads = lib.autograd.grad(total, leaves, allow_unused=True)
    results = [np.array(r.detach().tolist()) for r in registers]
    return results, [None if g is None else np.array(g.tolist()) for g in grads]


def attempt(lib, program, data):
    try:
        return run(lib, program, data)
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        return f"{type(error).__name__}: {error}"


def same(a, b):
    if a is None or b is None:  # no gradient and a gradient of zeros mean the same
        return all(x is None or not np.any(x) for x in (a, b))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)


def compare(seed, target, judge):
    """None when both agree, else a text."""
    program = make_program(seed)
    rng = np.random.default_rng(seed)
    data = [rng.standard_normal(s) for s in program[0]]
    ours, theirs = attempt(target, program, data), attempt(judge, program, data)
    if isinstance(ours, str) or isinstance(theirs, str):
        if isinstance(ours, str) and isinstance(theirs, str):
            return None
        if isinstance(theirs, str) and "modified by an inplace operation" in theirs:
            return None  # PyTorch saved more than the gradient needs; ours finished
        if isinstance(ours, str) and "refers to a single memory location" in ours:
            return None  # PyTorch sees overlap only where a stride is 0; what it gives for others depends on the order
        return f"refusals differ: ours {str(ours)[:160]}; theirs {str(theirs)[:160]}"
    for i, (x, y) in enumerate(zip(ours[0], theirs[0])):
        if not same(x, y):
            return f"register {i}: {x} against {y}"
    for i, (x, y) in enumerate(zip(ours[1], theirs[1])):
        if not same(x, y):
            return f"gradient of leaf {i}: {x} against {y}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    import torch

    import rustorch

    bad = 0
    for seed in range(args.seed, args.seed + args.count):
        difference = compare(seed, rustorch, torch)
        if difference:
            bad += 1
            if bad <= 20 or args.verbose:
                print(f"seed {seed}: {difference}\n  {make_program(seed)}")
    print(f"{args.count - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
