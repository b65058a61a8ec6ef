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
import json
import linecache
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
import warnings

import numpy as np
import program_steps
from corrected_torch import CORRECTIONS, corrected, tanh_without_cancellation
from program_steps import name_of, run_step
from refusal_rules import NO_ELEMENTS, NOTES, RULES

EXACT = ("float64", "float64", "float64", "float64", "int64", "int32", "uint8", "int8", "int16", "bool", "complex128")
LOW = ("float32", "float32", "float16", "bfloat16", "complex64")
SHORT = ("float32", "float16", "bfloat16", "float32", "int64", "uint8", "bool", "int32", "complex64")
WIDE = ("float64", "float64", "float64", "complex128")
TOLERANCE = {"float32": 2e-4, "float16": 4e-2, "bfloat16": 3e-1, "complex64": 2e-4}
WIDER = {"float32": "float64", "float16": "float64", "bfloat16": "float64", "complex64": "complex128"}
MAX = 1200  # elements of a register
CHUNK = 250  # programs of a line of the log

STEPS = {
    "views": "view view view view inplace inplace inplace indexing binary unary reduce move layout scalar",
    "exact": "unary binary scalar reduce view view view move layout product inplace inplace inplace cast out rounding discrete discrete reduce_discrete indexing number algebra layers",
    "low": "unary binary scalar reduce view view move layout product inplace inplace cast out indexing algebra layers",
    "short": "scalar discrete rounding reduce_discrete view view move layout inplace inplace cast out indexing reduce binary number product",
}
STEPS = {key: text.split() for key, text in STEPS.items()}
DTYPES = {"views": WIDE, "exact": EXACT, "low": LOW, "short": SHORT}

REFUSALS = (
    RuntimeError,
    ValueError,
    IndexError,
    TypeError,
    NotImplementedError,
    ArithmeticError,
    AttributeError,
    AssertionError,
)


class Refusal:
    def __init__(self, error):
        self.error, self.text = error, f"{type(error).__name__}: {error}"

    def __str__(self):
        return self.text[:230].replace("\n", " ")


def program_kind(seed):
    return ("views", "exact", "exact", "exact", "low", "exact", "short", "views", "exact", "low")[seed % 10]


def make_leaves(seed):
    """(dtype name, values) of three leaves."""
    kind, r, g = program_kind(seed), random.Random(seed * 1000 + 999), np.random.default_rng(seed)
    special = (
        r.random() < 0.06
    )  # infinities and nan, in real leaves: what they give in complex products is not one thing
    leaves = []
    for i in range(3):
        name = "float64" if kind == "exact" and i == 0 else r.choice(DTYPES[kind])
        shape = tuple(r.choice((1, 2, 3, 4)) for _ in range(r.choice((0, 1, 2, 2, 3, 3, 4))))
        if not r.randrange(40):
            shape += (0,)
        elif shape and not r.randrange(12):
            shape = (r.choice((9, 17, 33, 70)),) + shape[:1]
        if name.startswith(("float", "bfloat", "complex")):
            part = lambda: g.integers(-8, 9, shape) / 2.0 if kind == "short" else g.standard_normal(shape).round(4)
            data = part() + 1j * part() if name.startswith("complex") else part()
            if special and np.size(data) and not name.startswith("complex"):
                data = np.where(
                    g.random(shape) < 0.3, g.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0], shape), data
                )
        elif name == "bool":
            data = g.integers(0, 2, shape).astype(bool)
        elif name in ("uint8", "int8") and r.random() < 0.3:
            data = g.integers(*((0, 256) if name == "uint8" else (-128, 128)), shape)
        else:
            data = g.integers(0 if name == "uint8" else -6, 7, shape)
        leaves.append((name, np.asarray(data)))
    return leaves, special


def values(t):
    """A NumPy copy; bfloat16 as float32."""
    t = t.detach()
    wider = {"bfloat16": "float32", "complex32": "complex64"}.get(name_of(t.dtype))
    if wider:
        t = t.to(getattr(sys.modules[type(t).__module__.split(".")[0]], wider))
    try:
        return np.array(t.numpy(force=True))
    except TypeError:  # a complex number of two bfloat16
        return np.array(t.to(sys.modules[type(t).__module__.split(".")[0]].complex64).numpy(force=True))


def plain(t):
    """(dtype, values, requires_grad) for comparison; None stays."""
    return None if t is None else (name_of(t.dtype), values(t), t.requires_grad)


class Recorder(random.Random):
    """A generator that keeps the source text of the calls that it chose."""

    def __init__(self, seed):
        super().__init__(seed)
        self.calls = []

    def choice(self, options):
        chosen = super().choice(options)
        if isinstance(chosen, str):
            self.calls.append(chosen)
        elif callable(chosen) and hasattr(chosen, "__code__"):
            spots = [p for p in chosen.__code__.co_positions() if p[0] and p[3]]  # without the entry of the function
            line = min(p[0] for p in spots)
            text = linecache.getline(chosen.__code__.co_filename, line)
            self.calls.append(text[min(p[2] for p in spots if p[0] == line) : max(p[3] for p in spots if p[1] == line)])
        return chosen


class Side:
    """One framework's half of a program. With `jiggle`, the leaves are moved by a few roundings; with `wide`, all is float64."""

    def __init__(self, lib, seed, jiggle=0, wide=False):
        self.lib, self.seed, self.kind = lib, seed, program_kind(seed)
        self.dtypes = [WIDER.get(name, name) if wide else name for name in DTYPES[self.kind]]
        leaves, self.special = make_leaves(seed)
        self.leaves = []
        moves = np.random.default_rng(jiggle)
        for name, data in leaves:
            name = WIDER.get(name, name) if wide else name
            if jiggle and name.startswith(("float", "bfloat", "complex")):
                size = 16 * {"float64": 2e-16, "complex128": 2e-16, "float16": 1e-4, "bfloat16": 1e-3}.get(name, 1e-7)
                data = data * (1 + size * moves.uniform(-1, 1, data.shape))
            t = lib.tensor(data.tolist(), dtype=getattr(lib, name)).reshape(data.shape)
            self.leaves.append(t.requires_grad_(True) if name.startswith(("float", "bfloat", "complex")) else t)
        self.generator = random.Random
        self.registers = [t * 1 if t.dtype != lib.bool else t.clone() for t in self.leaves]

    def step(self, i, kind):
        """The new register, or a Refusal."""
        r = self.recorder = self.generator(self.seed * 1000 + i)
        try:
            if r.random() < 0.04:
                with self.lib.no_grad():
                    return run_step(self.lib, kind, self.registers, r, self.dtypes)
            return run_step(self.lib, kind, self.registers, r, self.dtypes)
        except REFUSALS as error:
            return Refusal(error)

    def forget_integers(self):
        """Cuts the history that one side gives to integers which were written from recorded numbers."""
        for i, t in enumerate(self.registers):
            if t.requires_grad and not (t.is_floating_point() or t.dtype.is_complex):
                self.registers[i] = t.detach()

    def gradients(self, again):
        """Gradients of first and, with `again`, second order of a sum over all registers; or a Refusal."""
        lib, parts = self.lib, []
        wanted = [t for t in self.leaves if t.requires_grad]
        try:
            for x in self.registers:
                if x.requires_grad:
                    x = program_steps.small(lib, x.reshape(-1))
                    parts.append(
                        ((x * x.conj()).real if x.dtype.is_complex else x * (1.0 + 0.1 * x)).sum().to(lib.float64)
                    )
            if not parts:
                return [[], []]
            first = lib.autograd.grad(sum(parts[1:], parts[0]), wanted, allow_unused=True, create_graph=again)
            seen = (
                [(g * g.conj()).real.sum().to(lib.float64) for g in first if g is not None and g.requires_grad]
                if again
                else []
            )
            second = lib.autograd.grad(sum(seen[1:], seen[0]), wanted, allow_unused=True) if seen else []
        except REFUSALS as error:
            return Refusal(error)
        return [[plain(t) for t in part] for part in (first, second)]


def alike(a, b, tolerance):
    if a.shape != b.shape:
        return False
    if a.tobytes() == b.tobytes():
        return True
    if a.dtype.kind not in "fc":
        return np.array_equal(a, b)
    if a.dtype.kind == "c":  # which part of an infinite complex number is inf or nan depends on the order of products
        both = ~(np.isfinite(a) | np.isfinite(b))
        a, b = (np.stack([np.where(both, 0, x.real), np.where(both, 0, x.imag)]) for x in (a, b))
    with np.errstate(all="ignore"):
        a, b = a.astype(np.float64), b.astype(np.float64)
        scale = float(np.max(np.abs(b[np.isfinite(b)]), initial=0))
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, scale), equal_nan=True))


def close(x, y, slack, gradient=False):
    if x is None or y is None:  # no gradient and a gradient of zeros mean the same
        return all(z is None or not np.any(z[1]) for z in (x, y))
    if x[0] != y[0] or (x[2] != y[2] and not gradient and x[1].dtype.kind in "fc"):
        return False
    return alike(x[1], y[1], max(TOLERANCE.get(x[0], 1e-9), slack))


def show(x):
    if x is None or isinstance(x, (Refusal, str)):
        return str(x)
    x = x if isinstance(x, tuple) else plain(x) if hasattr(x, "dtype") else None
    if x is None:
        return "ran"
    text = np.array2string(x[1], threshold=12, separator=",").replace("\n", "")
    return f"{x[0]}{list(x[1].shape)}{' grad' if x[2] else ''} {text}"


Difference = collections.namedtuple("Difference", "place ours theirs steps")


def judge_refusals(ours, theirs, place=""):
    """(agree, name of a rule or None) of two results of which at least one is a refusal."""
    if isinstance(ours, Refusal) and isinstance(theirs, Refusal):
        families = (RuntimeError, TypeError, IndexError, ValueError)
        same = isinstance(ours.error, type(theirs.error)) or any(
            isinstance(ours.error, c) and isinstance(theirs.error, c) for c in families
        )
        return True, None if same else "note: refusal-class"
    who, other, text = ("ours", theirs, ours.text) if isinstance(ours, Refusal) else ("theirs", ours, theirs.text)
    for rule in RULES:
        if rule.who == who and rule.place in place and any(part in text for part in rule.texts):
            return True, rule.name
    count = other.numel() if hasattr(other, "numel") else -1
    if who == "ours" and count == 0 and ("to have the same dtype" in text or "desired output type" in text):
        return True, "empty"
    if who == "ours" and (count == 0 or count == 1 and other.dim() == 0) and "not implemented for" in text:
        return True, "empty"
    if who == "theirs" and count == 0 and any(part in text for part in NO_ELEMENTS):
        return True, "pytorch-no-elements"
    return False, None


def without_history(ours, theirs, rules):
    """Both detached, where they disagree in requires_grad for a reason that a note tells."""
    if theirs.requires_grad and not ours.requires_grad and theirs.grad_fn is None:
        rules["note: no-grad-view"] += 1
    elif ours.requires_grad != theirs.requires_grad and not (theirs.is_floating_point() or theirs.dtype.is_complex):
        rules["note: integer-gradient"] += 1
    else:
        return ours, theirs
    return ours.detach(), theirs.detach()


def compare(seed, target, judge, rules, trace=None):
    """None when both agree, else a Difference. `rules` counts what was explained."""
    sides = [Side(lib, seed) for lib in (target, judge)]
    if trace is not None:
        sides[1].generator = Recorder
    kind, slack, steps, noted = sides[0].kind, 0, [], False
    plan = random.Random(seed * 1000 + 998)
    for i in range(plan.randint(3, 8)):
        step = plan.choice(STEPS[kind])
        ours, theirs = (side.step(i, step) for side in sides)
        steps.append(step)
        if isinstance(ours, Refusal) or isinstance(theirs, Refusal):
            agree, rule = judge_refusals(ours, theirs, step)
            if trace is not None:
                trace.append(
                    f"{step} {sides[1].recorder.calls}: {ours if isinstance(ours, Refusal) else 'ran'} | {theirs if isinstance(theirs, Refusal) else 'ran'}"
                )
            if not agree:
                return Difference(f"{step} {i}", ours, theirs, steps)
            if rule:
                rules[rule] += 1
                if not rule.startswith("note"):
                    return None  # one of them may have written
            continue
        if not isinstance(theirs, judge.Tensor):
            continue
        before = sum(rules.values())
        ours, theirs = without_history(ours, theirs, rules)
        noted |= before != sum(rules.values())
        for side, result in zip(sides, (ours, theirs)):
            side.registers.append(result)
            side.forget_integers()
        slack = max(TOLERANCE.get(name_of(t.dtype), 0) for t in sides[1].registers)
        if kind == "exact" and "out" in steps:  # results of integers are float32, in float64 out= too
            slack = max(slack, TOLERANCE["float32"])
        x, y = plain(ours), plain(theirs)
        if trace is not None:
            trace.append(f"{step} {sides[1].recorder.calls}: {show(y)}")
        if not close(x, y, slack):
            return Difference(f"{step} {i}", x, y, steps)
        if y[1].size > MAX:
            break
    for i, (x, y) in enumerate(zip(*([plain(t) for t in side.registers] for side in sides))):
        if not close(x, y, slack):
            return Difference(f"register {i} in the end", x, y, steps)
    again = kind in ("views", "exact") and plan.random() < 0.5
    ours, theirs = (side.gradients(again) for side in sides)
    if isinstance(ours, Refusal) or isinstance(theirs, Refusal):
        agree, rule = judge_refusals(ours, theirs, "gradients")
        if rule:
            rules[rule] += 1
        if not agree:
            return Difference("gradients", ours, theirs, steps)
        theirs = gradients_of_copies(judge, seed) if rule == "pytorch-saved-more" and not noted else None
        if theirs is None:
            return None
    for what, mine, other in zip(("gradient", "second gradient"), ours, theirs):
        for i, (x, y) in enumerate(zip(mine, other)):
            if not close(x, y, slack or 1e-7, gradient=True):
                return Difference(f"{what} {i}", x, y, steps)
    return None


def rerun(lib, seed, jiggle=0, wide=False):
    """All that one side computes: {place: value}; with `wide`, without the steps that are refused otherwise."""
    skipped = {at for at, x in rerun(lib, seed).items() if isinstance(x, Refusal)} if wide else ()
    side, found = Side(lib, seed, jiggle, wide), {}
    plan = random.Random(seed * 1000 + 998)
    for i in range(plan.randint(3, 8)):
        step = plan.choice(STEPS[side.kind])
        if f"{step} {i}" in skipped:
            continue
        result = side.step(i, step)
        found[f"{step} {i}"] = result if isinstance(result, Refusal) or not hasattr(result, "dtype") else plain(result)
        if not isinstance(result, Refusal) and hasattr(result, "dtype"):
            side.registers.append(result)
            side.forget_integers()
            if result.numel() > MAX:
                break
    for i, t in enumerate(side.registers):
        found[f"register {i} in the end"] = plain(t)
    gradients = side.gradients(side.kind in ("views", "exact") and plan.random() < 0.5)
    if isinstance(gradients, Refusal):
        found["gradients"] = gradients
    else:
        for what, part in zip(("gradient", "second gradient"), gradients):
            found |= {f"{what} {i}": x for i, x in enumerate(part)}
    return found


def gradients_of_copies(judge, seed):
    """PyTorch's gradients of both orders when it keeps copies, which no write reaches; None where it refuses still."""
    with judge.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
        found = rerun(judge, seed)
    if "gradients" in found:
        return None
    return [[x for at, x in found.items() if at.startswith(what)] for what in ("gradient ", "second ")]


def follow(seed, target, judge):
    """The places where the sides differ when PyTorch goes on with our values wherever they differ by rounding only."""
    sides, plan, places = [Side(lib, seed) for lib in (target, judge)], random.Random(seed * 1000 + 998), []

    def meet(place, x, y, slack, gradient=False):
        if isinstance(x, Refusal) or isinstance(y, Refusal):
            if not judge_refusals(x, y, place)[0]:
                places.append(place)
            return
        if not close(plain(x), plain(y), slack, gradient):
            places.append(place)
        elif not gradient and (y.is_floating_point() or y.is_complex()):
            if not any(n > 1 and s == 0 for n, s in zip(y.shape, y.stride())):  # else its base carries the values
                y.data.copy_(judge.tensor(values(x)).to(y.dtype).reshape(y.shape))

    slack = 0
    for i in range(plan.randint(3, 8)):
        step = plan.choice(STEPS[sides[0].kind])
        ours, theirs = (side.step(i, step) for side in sides)
        good = isinstance(theirs, judge.Tensor) and not isinstance(ours, Refusal)
        if good:
            ours, theirs = without_history(ours, theirs, collections.Counter())
            sides[0].registers.append(ours)
            sides[1].registers.append(theirs)
            for side in sides:
                side.forget_integers()
            slack = max(TOLERANCE.get(name_of(t.dtype), 0) for t in sides[1].registers)
        if good or isinstance(ours, Refusal) != isinstance(theirs, Refusal):
            meet(f"{step} {i}", ours, theirs, slack)
        if places or good and theirs.numel() > MAX:
            break
        if isinstance(ours, Refusal) != isinstance(theirs, Refusal):
            return places  # explained by a rule: the programs end there
        for x, y in zip(*(side.registers for side in sides)):
            meet(f"{step} {i}", x, y, slack)
    again = sides[0].kind in ("views", "exact") and plan.random() < 0.5
    ours, theirs = (side.gradients(again) for side in sides)
    if isinstance(ours, Refusal) or isinstance(theirs, Refusal):
        return places + ["gradients"] * (not judge_refusals(ours, theirs, "gradients")[0])
    for part, other in zip(ours, theirs):
        places += ["gradient" for x, y in zip(part, other) if not close(x, y, slack or 1e-7, True)]
    return places


def unstable(seed, target, judge, difference):
    """Rounding explains it: the sides agree in everything when PyTorch goes on with our values wherever those differ by
    rounding only (a comparison, a maximum or a rank had tipped); or linear algebra comes before and PyTorch's own answer
    turns when its leaves move by a few roundings (an ill-conditioned matrix, a small difference in cdist)."""
    if not follow(seed, target, judge):
        return True
    if not any(name in difference.steps for name in ("algebra", "layers", "product")):
        return False
    theirs, gradient = rerun(judge, seed), "gradient" in difference.place
    slack = max([TOLERANCE.get(x[0], 0) for x in theirs.values() if isinstance(x, tuple)], default=0)
    for jiggle in range(1, 9):
        moved, still = rerun(judge, seed, jiggle).get(difference.place), theirs.get(difference.place)
        if isinstance(moved, Refusal) or isinstance(still, Refusal):
            if isinstance(moved, Refusal) != isinstance(still, Refusal):
                return True
        elif not close(moved, still, max(slack, 1e-7 * gradient) / 3, gradient):
            return True
    return False


def complex_of_bfloat16(seed, target, judge, difference):
    """bcomplex32 is not a dtype of this library: bfloat16 with a complex number gives complex64."""
    ours, theirs = difference.ours, difference.theirs
    if not isinstance(theirs, tuple) or not isinstance(ours, tuple):
        return False
    return (ours[0], theirs[0]) == ("complex64", "bcomplex32")


def nan_of_overwritten(seed, target, judge, difference):
    """PyTorch sends a gradient of zeros through what was overwritten, where nan times 0 is nan; ours sends none. The
    gradients differ only where PyTorch's is nan, in a program whose leaves hold infinities and nan, or which overwrites after
    a step gave some."""
    if "gradient" not in difference.place:
        return False
    if not make_leaves(seed)[1]:
        steps = [x for name, x in rerun(judge, seed).items() if isinstance(x, tuple) and "gradient" not in name]
        if "inplace" not in difference.steps or all(np.isfinite(x[1]).all() for x in steps):
            return False
    ours, theirs = difference.ours, difference.theirs
    if isinstance(ours, Refusal) or not isinstance(theirs, tuple) or theirs[1].dtype.kind not in "fc":
        return False
    mine = np.zeros_like(theirs[1]) if ours is None else ours[1]
    there = np.isnan(theirs[1])
    seen = [x[0] for x in rerun(judge, seed).values() if isinstance(x, tuple)] + [
        name for name, _ in make_leaves(seed)[0]
    ]
    slack = max(TOLERANCE.get(name, 1e-7) for name in seen)
    return alike(np.where(there, 0, mine), np.where(there, 0, theirs[1]), slack)


def nearer(seed, target, judge, difference):
    """Ours is right: a program of 16- or 32-bit dtypes, or only the step at which both part, from the same operands, run
    by PyTorch in float64, gives our answer and not PyTorch's, wherever the two differ."""
    ours, theirs, place = difference.ours, difference.theirs, difference.place
    if not isinstance(theirs, tuple) or not isinstance(ours, tuple) or ours[0] != theirs[0]:
        return False
    gradient, slack = "gradient" in place, TOLERANCE.get(theirs[0], 0)
    if not slack or (ours[2] != theirs[2] and not gradient):
        return False
    if program_kind(seed) in ("low", "short") and near(ours, theirs, rerun(judge, seed, wide=True).get(place), slack):
        return True
    return not gradient and near(ours, theirs, last_step_wide(judge, seed, place), slack)


def last_step_wide(judge, seed, place):
    """What PyTorch gives at a place when the operands of that step alone are made float64 and complex128."""
    side, plan = Side(judge, seed), random.Random(seed * 1000 + 998)
    for i in range(plan.randint(3, 8)):
        step = plan.choice(STEPS[side.kind])
        if f"{step} {i}" == place:
            wider = lambda name: WIDER.get(name, name)
            side.dtypes = [wider(name) for name in side.dtypes]
            side.registers = [t.detach().to(getattr(judge, wider(name_of(t.dtype)))) for t in side.registers]
            result = side.step(i, step)
            return plain(result) if isinstance(result, judge.Tensor) else None
        result = side.step(i, step)
        if isinstance(result, judge.Tensor):
            side.registers.append(result)
            side.forget_integers()
    return None


def near(ours, theirs, exact, slack):
    """Whether ours is the exact value, and theirs is not or four times as far, at all places where the two differ."""
    if not isinstance(exact, tuple) or len({x[1].shape for x in (ours, theirs, exact)}) != 1:
        return False
    mine, other = (np.asarray(x[1], dtype=exact[1].dtype) for x in (ours, theirs))
    apart = np.array([not alike(a, b, slack) for a, b in zip(mine.ravel(), other.ravel())], bool).reshape(mine.shape)
    if not apart.any() or not alike(mine[apart], exact[1][apart], slack):
        return False
    if not alike(other[apart], exact[1][apart], slack):
        return True
    far = [np.abs(x[apart] - exact[1][apart]) for x in (mine, other)]
    return bool(np.all(4 * far[0] < far[1]))


def undefined_integer(seed, target, judge, difference):
    """What an integer gets from a float beyond its range is undefined in C++ and in PyTorch's documents; the results differ only
    where PyTorch's is the least int32 or int64, which x86 gives."""
    ours, theirs = difference.ours, difference.theirs
    if not isinstance(ours, tuple) or not isinstance(theirs, tuple) or theirs[0] not in ("int32", "int64"):
        return False
    if ours[0] != theirs[0] or ours[1].shape != theirs[1].shape:
        return False
    apart = ours[1] != theirs[1]
    return bool((theirs[1][apart] == np.iinfo(theirs[1].dtype).min).all())


def infinity_of_minus_zero(seed, target, judge, difference):
    """A power -1/2 of -0.0 is inf by IEEE 754, and -inf where PyTorch takes the reciprocal of a root. Gradients differ only
    in the sign of infinities, in a program whose leaves hold -0.0."""
    ours, theirs = difference.ours, difference.theirs
    if "gradient" not in difference.place or not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        return False
    if not any(np.any((data == 0) & np.signbit(data)) for _, data in make_leaves(seed)[0] if data.dtype.kind == "f"):
        return False
    both = np.isinf(ours[1]) & np.isinf(theirs[1])
    return alike(*(np.where(both, 0, x[1]) for x in (ours, theirs)), TOLERANCE.get(theirs[0], 1e-7))


def cancellation(seed, target, judge, difference):
    """1 - tanh(x)^2 of a large x is nothing but a rounding error, which a large gradient makes visible; both sides agree when
    the programs and the sum that is differentiated take tanh by exponentials."""
    plain, program_steps.small = program_steps.small, tanh_without_cancellation
    try:
        return compare(seed, target, judge, collections.Counter()) is None
    finally:
        program_steps.small = plain


def explained_by(corrections):
    def rule(seed, target, judge, difference):
        with corrected(judge, corrections):
            return compare(seed, target, judge, collections.Counter()) is None

    rule.__name__, rule.__doc__ = corrections[0].__name__, corrections[0].__doc__
    return rule


EXPLANATIONS = (
    complex_of_bfloat16,
    nan_of_overwritten,
    undefined_integer,
    infinity_of_minus_zero,
    *(explained_by([c]) for c in CORRECTIONS),
    unstable,
    nearer,
    cancellation,
)


def examine(seed, target, judge, rules):
    """None, or the text of an unexplained difference."""
    difference = compare(seed, target, judge, rules)
    if difference is None:
        return None
    if not isinstance(difference.ours, Refusal):
        for rule in EXPLANATIONS:
            if rule(seed, target, judge, difference):
                rules[rule.__name__] += 1
                return None
    leaves = [f"{name}{list(data.shape)}" for name, data in make_leaves(seed)[0]]
    text = f"{difference.place}: ours {show(difference.ours)}; theirs {show(difference.theirs)} | {program_kind(seed)} {leaves} {' '.join(difference.steps)}"
    return f"{cause(seed, target, judge, difference)} :: {text}"


def cause(seed, target, judge, difference):
    """What failures with one cause mostly share: the call and the kind of the difference, without sizes and numbers."""
    trace, ours, theirs = [], difference.ours, difference.theirs
    compare(seed, target, judge, collections.Counter(), trace)
    if isinstance(ours, Refusal) or isinstance(theirs, Refusal):
        what = f"ours refuses: {ours}" if isinstance(ours, Refusal) else f"theirs refuses: {theirs}"
    elif not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        what = "no gradient on one side"
    elif ours[0] != theirs[0] or ours[1].shape != theirs[1].shape:
        what = f"{ours[0]} for {theirs[0]}" if ours[0] != theirs[0] else "shape"
    else:
        what = (
            "requires_grad" if ours[2] != theirs[2] and "gradient" not in difference.place else f"values of {ours[0]}"
        )
    calls = ""
    if trace and not difference.place.startswith(("gradient", "second", "register")):
        calls = trace[-1].split("]: ")[0].split("'")[-2].strip() + ": "
    place = re.sub(r" \d+", "", difference.place)
    return place + " " + calls + re.sub(r"\d+", "N", what)[:110]


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


def fork(begin, count):
    """A child that works on a chunk: (pid, file that it writes its state to, begin, count)."""
    path = pathlib.Path(tempfile.gettempdir()) / f"random_programs.{os.getpid()}.{begin}.json"
    pid = os.fork()
    if pid:
        return pid, path, begin, count
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
    _, path, begin, count = child
    answer = json.loads(path.read_text())
    path.unlink()
    if status:
        answer["failures"] = {
            k: f"crash: the process ended with status {status}" if v == "crash" else v
            for k, v in answer["failures"].items()
        }
    return answer


def finished(log):
    """Ranges that a log holds."""
    if not log or not log.exists():
        return []
    lines = [json.loads(line) for line in log.read_text().splitlines()]
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
    if difference and not isinstance(difference.ours, Refusal):
        print({rule.__name__: rule(seed, target, judge, difference) for rule in EXPLANATIONS})


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
        return summarise([json.loads(line) for line in args.summary.read_text().splitlines()])
    if args.again:
        lines = [json.loads(line) for line in args.again.read_text().splitlines()]
        seeds = sorted({int(seed) for line in lines for seed in line["failures"]})
        rules, failures = collections.Counter(), {}
        for seed in seeds:
            if text := examine(seed, *libraries(), rules):
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
                running[child[0]] = child
        if not running:
            break
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            time.sleep(0.05)
            continue
        child = running.pop(pid)
        line = collect(child, status) | {"build": build}
        lines.append(line)
        for seed, text in line["failures"].items():
            print(f"seed {seed}: {text}", flush=True)
        if args.log:
            with args.log.open("a") as f:
                f.write(json.dumps(line) + "\n")
        rest = child[2] + child[3] - line["begin"] - line["count"]
        if rest > 0 and time.monotonic() < end:
            child = fork(line["begin"] + line["count"], rest)
            running[child[0]] = child
    summarise(lines)
    return 1 if any(line["failures"] for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
