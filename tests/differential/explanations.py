"""What explains a difference that random_programs.py finds: each rule looks again at the program that differs, with PyTorch in
higher precision, moved by roundings, or corrected. What no rule explains is a failure."""

import collections
import random
import re

import numpy as np
import program_steps
from corrected_torch import CORRECTIONS, corrected, tanh_without_cancellation
from program_steps import name_of
from two_sides import (
    MAX,
    STEPS,
    TOLERANCE,
    WIDER,
    Refusal,
    Side,
    alike,
    close,
    compare,
    judge_refusals,
    make_leaves,
    plain,
    program_kind,
    rerun,
    show,
    values,
    without_history,
)

MOMENTS = r"\b(var|std)|_norm\("  # in a call: variances, and layers that divide by them


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
    rounding only (a comparison, a maximum or a rank had tipped); or linear algebra comes before, or the gradient of a variance
    of numbers that are far from zero, and PyTorch's own answer turns when its leaves move by a few roundings (an
    ill-conditioned matrix, a small difference in cdist)."""
    if not follow(seed, target, judge):
        return True
    theirs, gradient = rerun(judge, seed), "gradient" in difference.place
    if not any(name in difference.steps for name in ("algebra", "layers", "product")):
        if not gradient or not far_moments(seed, judge, theirs):
            return False
    slack = max([TOLERANCE.get(x[0], 0) for x in theirs.values() if isinstance(x, tuple)], default=0)
    for jiggle in range(1, 9):
        moved, still = rerun(judge, seed, jiggle).get(difference.place), theirs.get(difference.place)
        if isinstance(moved, Refusal) or isinstance(still, Refusal):
            if isinstance(moved, Refusal) != isinstance(still, Refusal):
                return True
        elif not close(moved, still, max(slack, 1e-7 * gradient) / 3, gradient):
            return True
    return False


def calls_of(seed, target, judge):
    """The source text of the calls that a program made up to its difference, by steps."""
    trace = []
    compare(seed, target, judge, collections.Counter(), trace)
    return [line.split("]: ")[0] for line in trace]


def far_moments(seed, judge, results):
    """Whether a program takes a variance and one of its results has a mean of more than 1e5 times its deviation."""
    if not any(re.search(MOMENTS, call) for call in calls_of(seed, judge, judge)):
        return False
    numbers = [x[1] for x in results.values() if isinstance(x, tuple) and x[1].dtype.kind in "fc" and x[1].size > 1]
    return any(np.isfinite(x).all() and abs(x.mean()) > 1e5 * x.std() > 0 for x in numbers)


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


def as_far(seed, target, judge, difference):
    """Both are rounded: the gradients of a program with 16- or 32-bit results, which PyTorch also gives in float64; ours are finite
    wherever these are, and their largest relative error is at most twice that of PyTorch's own."""
    ours, theirs, place = difference.ours, difference.theirs, difference.place
    if not isinstance(theirs, tuple) or not isinstance(ours, tuple) or ours[0] != theirs[0]:
        return False
    narrow = any(isinstance(x, tuple) and TOLERANCE.get(x[0], 0) > 1e-6 for x in rerun(judge, seed).values())
    if not narrow or "gradient" not in place:
        return False
    exact = rerun(judge, seed, wide=True).get(place)
    if not isinstance(exact, tuple) or len({x[1].shape for x in (ours, theirs, exact)}) != 1:
        return False
    mine, other, right = (x[1].astype(np.complex128) for x in (ours, theirs, exact))
    number = np.isfinite(right)
    if (np.isfinite(mine) != number).any() or not (both := number & np.isfinite(other)).any():
        return False
    slack = TOLERANCE.get(theirs[0], 1e-9)
    far = [np.max(abs(x - right)[both] / (1 + abs(right[both]))) for x in (mine, other)]
    return bool(far[0] <= 2 * far[1] + slack)


def last_step_wide(judge, seed, place):
    """What PyTorch gives at a place when the operands of that step alone are made float64 and complex128, and float64 is the
    dtype that functions give for integers."""
    side, plan = Side(judge, seed), random.Random(seed * 1000 + 998)
    for i in range(plan.randint(3, 8)):
        step = plan.choice(STEPS[side.kind])
        if f"{step} {i}" == place:
            wider = lambda name: WIDER.get(name, name)
            side.dtypes = [wider(name) for name in side.dtypes]
            side.registers = [t.detach().to(getattr(judge, wider(name_of(t.dtype)))) for t in side.registers]
            judge.set_default_dtype(judge.float64)
            try:
                result = side.step(i, step)
            finally:
                judge.set_default_dtype(judge.float32)
            return plain(result) if isinstance(result, judge.Tensor) else None
        result = side.step(i, step)
        if isinstance(result, judge.Tensor):
            side.registers.append(result)
            side.forget_integers()
    return None


def near(ours, theirs, exact, slack):
    """Whether ours is the exact value, and theirs is not or four times as far, at all places where the two differ. An exact
    value beyond the largest number of the dtype is infinite."""
    if not isinstance(exact, tuple) or len({x[1].shape for x in (ours, theirs, exact)}) != 1:
        return False
    mine, other = (np.asarray(x[1], dtype=exact[1].dtype) for x in (ours, theirs))
    apart = np.array([not alike(a, b, slack) for a, b in zip(mine.ravel(), other.ravel())], bool).reshape(mine.shape)
    right = np.where(np.isfinite(exact[1].astype(ours[1].dtype)), exact[1], exact[1].astype(ours[1].dtype))
    if not apart.any() or not alike(mine[apart], right[apart], slack):
        return False
    if not alike(other[apart], right[apart], slack):
        return True
    far = [np.abs(x[apart] - right[apart]) for x in (mine, other)]
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


def overflow_of_moments(seed, target, judge, difference):
    """The variance of numbers whose sum or squares are beyond their dtype is inf or nan by the order of the steps, in PyTorch
    by the layout too. The results of a step that takes var or std differ only where neither is finite; those of layer_norm and
    its kind where ours is 0, divided by what overflowed, and PyTorch's nan."""
    ours, theirs = difference.ours, difference.theirs
    if (
        not difference.place.startswith(("reduce", "forms"))
        or not isinstance(ours, tuple)
        or not isinstance(theirs, tuple)
    ):
        return False
    if ours[0] != theirs[0] or ours[1].shape != theirs[1].shape or ours[1].dtype.kind != "f":
        return False
    step = (calls_of(seed, target, judge) or [""])[-1]
    if not re.search(MOMENTS, step):
        return False
    both = ~np.isfinite(theirs[1]) & (~np.isfinite(ours[1]) | ((ours[1] == 0) & ("_norm(" in step)))
    return alike(*(np.where(both, 0, x[1]) for x in (ours, theirs)), TOLERANCE.get(theirs[0], 1e-9))


def overflow_of_products(seed, target, judge, difference):
    """A product of numbers whose parts are beyond the dtype while one factor is 0 is 0 or nan by the order of the factors: where
    the results differ, each is 0 or not finite."""
    ours, theirs = difference.ours, difference.theirs
    if not difference.place.startswith("reduce") or not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        return False
    if ours[0] != theirs[0] or ours[1].shape != theirs[1].shape or ours[1].dtype.kind not in "fc":
        return False
    if "prod(" not in (calls_of(seed, target, judge) or [""])[-1]:
        return False
    lost = [(x[1] == 0) | ~np.isfinite(x[1]) for x in (ours, theirs)]
    both = lost[0] & lost[1] & ~(np.isfinite(ours[1]) & np.isfinite(theirs[1]))
    return alike(*(np.where(both, 0, x[1]) for x in (ours, theirs)), TOLERANCE.get(theirs[0], 1e-9))


def sums_of_huge(seed, target, judge, difference):
    """The order in which numbers near 1e308 and others that cancel them are added decides what is left: results of one step
    differ by less than 1e-13 of the largest operand."""
    ours, theirs = difference.ours, difference.theirs
    if not difference.place.startswith("reduce") or not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        return False
    if ours[0] != theirs[0] or ours[1].shape != theirs[1].shape or ours[0] not in ("float64", "complex128"):
        return False
    if not re.search(r"sum\(|mean\(|trace\(", (calls_of(seed, target, judge) or [""])[-1]):
        return False
    seen = [x[1] for x in rerun(judge, seed).values() if isinstance(x, tuple) and x[1].dtype.kind in "fc" and x[1].size]
    largest = max((np.max(abs(x[np.isfinite(x)]), initial=0) for x in seen), default=0)
    with np.errstate(all="ignore"):
        return bool(np.all(abs(ours[1] - theirs[1]) <= 1e-13 * largest))


def equal_singular_values(seed, target, judge, difference):
    """The derivative of singular vectors divides by differences of singular values. Where two are equal up to rounding, whether
    that is nan is luck: the second gradients agree elsewhere, in a program that takes such values of a matrix."""
    ours, theirs = difference.ours, difference.theirs
    if "second" not in difference.place or not isinstance(ours, tuple) or not isinstance(theirs, tuple):
        return False
    if not any(re.search(r"valsh\(|svdvals\(", call) for call in calls_of(seed, target, judge)):
        return False
    found = rerun(judge, seed).items()
    values = [x[1] for at, x in found if at.startswith("algebra") and isinstance(x, tuple) and x[1].ndim == 1]
    if not any(
        x.dtype.kind == "f" and (np.diff(np.sort(x)) <= 1e-13 * np.max(abs(x))).any() for x in values if x.size > 1
    ):
        return False
    lost = np.isnan(ours[1]) | np.isnan(theirs[1])
    return alike(*(np.where(lost, 0, x[1]) for x in (ours, theirs)), TOLERANCE.get(theirs[0], 1e-7))


def imaginary_rounding(seed, target, judge, difference):
    """A complex number goes into a real tensor only when its imaginary part is 0, which a rounding error decides (logdet of
    a Hermitian matrix): the side that took it refuses too when the leaves move by a few roundings."""
    text, (ours, theirs) = "cannot be converted to type", (difference.ours, difference.theirs)
    if not any(isinstance(x, Refusal) and text in x.text for x in (ours, theirs)):
        return False
    lib = judge if isinstance(ours, Refusal) else target
    moved = (rerun(lib, seed, jiggle).get(difference.place) for jiggle in range(1, 9))
    return any(isinstance(x, Refusal) and text in x.text for x in moved)


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


def several(seed, target, judge, difference):
    """More than one of the causes above: both sides agree with all corrections of PyTorch at once, or what is left then is
    explained by a rule that needs none."""
    with corrected(judge, CORRECTIONS):
        left = compare(seed, target, judge, collections.Counter())
        if left is None or isinstance(left.ours, Refusal) or isinstance(left.theirs, Refusal):
            return left is None
        return any(rule(seed, target, judge, left) for rule in (*OF_VALUES, unstable, nearer))


OF_VALUES = (
    complex_of_bfloat16,
    nan_of_overwritten,
    undefined_integer,
    infinity_of_minus_zero,
    overflow_of_moments,
    overflow_of_products,
    sums_of_huge,
    equal_singular_values,
)
CORRECTED = tuple(explained_by([c]) for c in CORRECTIONS)
OF_REFUSALS = (imaginary_rounding, *CORRECTED)  # where ours refuses
EXPLANATIONS = (imaginary_rounding, *OF_VALUES, *CORRECTED, unstable, nearer, as_far, cancellation, several)


def examine(seed, target, judge, rules):
    """None, or the text of an unexplained difference."""
    difference = compare(seed, target, judge, rules)
    if difference is None:
        return None
    for rule in OF_REFUSALS if isinstance(difference.ours, Refusal) else EXPLANATIONS:
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
        calls = trace[-1].split("]: ")[0].split("'")[-2:][0].strip() + ": "
    place = re.sub(r" \d+", "", difference.place)
    return place + " " + calls + re.sub(r"\d+", "N", what)[:110]
