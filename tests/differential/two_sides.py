"""Both frameworks' halves of a random program (random_programs.py), and the comparison of all that they give.

A program is drawn from its seed: leaves, kinds of steps, and for each step a generator of its own, so that both sides draw the
same choices. `compare` stops at the first difference; what explains differences is in explanations.py.
"""

import collections
import functools
import linecache
import random
import sys

import numpy as np
import program_steps
from further_steps import FURTHER
from program_steps import name_of, run_step
from refusal_rules import NO_ELEMENTS, RULES

EXACT = ("float64", "float64", "float64", "float64", "int64", "int32", "uint8", "int8", "int16", "bool", "complex128")
LOW = ("float32", "float32", "float16", "bfloat16", "complex64")
SHORT = ("float32", "float16", "bfloat16", "float32", "int64", "uint8", "bool", "int32", "complex64")
WIDE = ("float64", "float64", "float64", "complex128")
TOLERANCE = {"float32": 2e-4, "float16": 4e-2, "bfloat16": 3e-1, "complex64": 2e-4}
WIDER = {"float32": "float64", "float16": "float64", "bfloat16": "float64", "complex64": "complex128"}
MAX = 1200  # elements of a register

STEPS = {
    "views": "view view view view inplace inplace inplace indexing binary unary reduce move layout scalar",
    "exact": "unary binary scalar reduce view view view move layout product inplace inplace inplace cast out rounding discrete discrete reduce_discrete indexing number algebra layers special losses images forms",
    "low": "unary binary scalar reduce view view move layout product inplace inplace cast out indexing algebra layers special losses images forms",
    "short": "scalar discrete rounding reduce_discrete view view move layout inplace inplace cast out indexing reduce binary number product forms forms",
}
STEPS = {key: text.split() for key, text in STEPS.items()}
program_steps.SINGLES.update(FURTHER)
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


@functools.lru_cache(maxsize=8)
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
