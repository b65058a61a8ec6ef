"""Gradients of first and second order, forward mode and vmap of every operator of PyTorch's database (OpInfo), on rustorch
and on PyTorch; their samples of float64 and complex128.

    python tests/differential/derivatives.py [--filter REGEX] [--samples 6] [--dtypes float64,complex128] [--table FILE] [--verbose]

Needs torch (with its test dependencies) and rustorch in one interpreter. Second order is that of gradgradcheck: the gradient,
for a random cotangent, differentiated once more by the inputs and by the cotangent. Forward mode is compared with PyTorch's,
and with its gradient of the gradient where it has none. vmap is compared with PyTorch's operator applied slice by slice: once
with every tensor batched, once with the first one only, along its last dim. What PyTorch itself refuses is not compared, nor
are operators that draw random numbers. `--table` writes docs/derivatives.md. The exit status is 1 when there is a difference
that KNOWN does not explain.
"""

import argparse
import collections
import functools
import importlib
import re
import signal
import sys
import types
import warnings

import torch
from torch.autograd import forward_ad
from torch.testing._internal.common_methods_invocations import op_db

import rustorch as rt
from rustorch.autograd import forward_ad as our_forward_ad

KINDS = ("gradient", "second order", "forward mode", "vmap")
MOST = 160  # elements of a sample's tensors
SECONDS = 60  # for one operator and dtype
NAMESPACES = ("", "nn.functional", "linalg", "fft", "special", "masked", "signal.windows")
UNINITIALISED = {"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted", "resize_", "resize_as_"}  # fmt: skip


# (operator, kind) -> why the two differ.
OPEN_ORDER = "where an index occurs twice, which of its tangents stays is open (equal values, so the gradients agree)"
CHUNKED = "PyTorch's chunked form gives no derivative of its gradient; this one agrees with differences"
OVERWRITTEN = "PyTorch's gradient by the input ignores that elements were overwritten; this one agrees with differences"
SIZES = "refused when the bounds of the segments differ between the examples (with mode max for embedding_bag): they are read"
KNOWN = {
    ("cholesky_inverse", "forward mode"): "PyTorch's tangent is 1e-5 off from differences, this one 1e-10",
    ("nn.functional.linear_cross_entropy.chunked", "second order"): CHUNKED,
    ("nn.functional.linear_cross_entropy.chunked", "forward mode"): CHUNKED,
    ("nn.functional.linear_cross_entropy.chunked_none", "forward mode"): CHUNKED,
    ("logcumsumexp", "forward mode"): "PyTorch's tangent of complex numbers is nan; this one agrees with differences",
    ("masked.logaddexp", "second order"): "PyTorch gives nan where one operand is masked out, this one 0",
    ("nn.functional.embedding_bag", "vmap"): SIZES,
    ("_segment_reduce.lengths", "vmap"): SIZES,
    ("_segment_reduce.offsets", "vmap"): SIZES,
    ("as_strided_scatter", "gradient"): OVERWRITTEN,
    ("as_strided_scatter", "second order"): OVERWRITTEN,
    ("linalg.pinv", "vmap"): "refused when a tolerance is a batched tensor",
    ("nn.functional.max_unpool1d", "forward mode"): OPEN_ORDER,
    ("nn.functional.max_unpool2d", "forward mode"): OPEN_ORDER,
    ("nn.functional.max_unpool3d", "forward mode"): OPEN_ORDER,
}
HEAD = """# Derivatives and vmap against PyTorch

Written by `tests/differential/derivatives.py --table docs/derivatives.md`, which compares float64 and complex128 samples of
PyTorch's operator database: the gradient, the gradient of the gradient by inputs and cotangent, forward mode, and vmap with
PyTorch's operator slice by slice. Operators that draw random numbers and what PyTorch itself refuses are left out.

"""


def resolve(root, path):
    for part in path.split(".") if path else ():
        root = getattr(root, part)
    return root


def public_paths():
    """id of a public object of torch -> its dotted name."""
    paths = {}
    named = [
        (space, name, value)
        for space in NAMESPACES
        for name, value in vars(resolve(torch, space)).items()
        if callable(value)
    ]
    for space, name, value in sorted(named, key=lambda row: row[1].startswith("_")):  # a public name first
        if not name.startswith("__"):
            paths.setdefault(id(value), f"{space}.{name}".lstrip("."))
    for name in dir(torch.Tensor):
        paths.setdefault(id(getattr(torch.Tensor, name)), f"Tensor.{name}")
    return paths


PATHS = public_paths()


def tensor(t):
    """Our copy of torch's tensor."""
    t = t.detach().resolve_conj().resolve_neg().contiguous()
    if t.dtype == torch.bfloat16:
        return rt.tensor(t.float().tolist(), dtype=rt.bfloat16).reshape(tuple(t.shape))
    return rt.from_numpy(t.numpy().copy()) if t.numel() else rt.empty(tuple(t.shape), dtype=ours(t.dtype))


def back(t):
    """torch's copy of our tensor."""
    t = t.detach().resolve_conj().resolve_neg().contiguous()
    if "bfloat16" in str(t.dtype):
        return torch.from_numpy(t.float().numpy().copy()).bfloat16()
    return torch.from_numpy(t.numpy().copy()).reshape(tuple(t.shape))


def ours(value):
    """Our counterpart of a value of torch: tensor, dtype, module, function (those in Python with their `torch` replaced)."""
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return getattr(rt, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return rt.device(str(value))
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, types.ModuleType):
        name = value.__name__
        if name.split(".")[0] == "torch" and not name.startswith("torch.testing"):
            return importlib.import_module("rustorch" + name[5:])
        return value
    if isinstance(value, torch._ops.OpOverload):
        return getattr(getattr(rt.ops.aten, value._schema.name.split("::")[1]), value._overloadname)
    if isinstance(value, torch._ops.OpOverloadPacket):
        return getattr(rt.ops.aten, value.__name__)
    if isinstance(value, torch.nn.Module):  # made without arguments
        return getattr(rt.nn, type(value).__name__)()
    if isinstance(value, functools.partial):
        return functools.partial(ours(value.func), *ours(value.args), **ours(value.keywords))
    if id(value) in PATHS:
        return resolve(rt, PATHS[id(value)])
    if isinstance(value, types.FunctionType):
        return rebound(value)
    if type(value) in (list, tuple):
        return type(value)(ours(v) for v in value)
    if type(value) is dict:
        return {k: ours(v) for k, v in value.items()}
    return value


REBOUND = {}


def rebound(f):
    """A Python function whose globals, closure and defaults are ours."""
    if f in REBOUND:
        return REBOUND[f]
    code, names = [f.__code__], set()
    while code:
        c = code.pop()
        names.update(c.co_names)
        code += [k for k in c.co_consts if isinstance(k, types.CodeType)]
    space = {"__builtins__": __builtins__, "__name__": f.__module__}
    cells = tuple(types.CellType() for _ in f.__closure__ or ())
    new = REBOUND[f] = types.FunctionType(f.__code__, space, f.__name__, None, cells)
    space.update((n, ours(f.__globals__[n])) for n in names if n in f.__globals__)
    for cell, old in zip(cells, f.__closure__ or ()):
        cell.cell_contents = ours(old.cell_contents)
    new.__defaults__ = ours(f.__defaults__)
    new.__kwdefaults__ = ours(f.__kwdefaults__)
    return new


def draws(f):
    """Whether a function of the tests resets the seed, which it does for operators that draw."""
    if not isinstance(f, types.FunctionType):
        return False
    code = [f.__code__]
    while code:
        c = code.pop()
        if "wrapper_set_seed" in c.co_names:
            return True
        code += [k for k in c.co_consts if isinstance(k, types.CodeType)]
    return f.__name__ == "wrapper_set_seed"


def put(value, tensors):
    """`value` with its tensors taken, in order, from the iterator."""
    if isinstance(value, torch.Tensor):
        return next(tensors)
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        items = [put(v, tensors) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: put(v, tensors) for k, v in value.items()}
    return value


def tensors_of(value, kind=torch.Tensor):
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_of(v, kind)]
    return []


class Refused(Exception):
    """PyTorch has no answer to compare with."""


class Case:
    """One sample: the operator as a function of the list of its tensors, on both sides."""

    def __init__(self, op, sample):
        self.given = (sample.input, sample.args, sample.kwargs)
        self.values = [t.detach() for t in tensors_of(self.given)]
        self.leaf = [t.requires_grad for t in tensors_of(self.given)]
        wrapper, finish = op.gradcheck_wrapper, sample.output_process_fn_grad

        def theirs(tensors):
            x, args, kwargs = put(self.given, iter(tensors))
            return tensors_of(finish(wrapper(op.op, x, *args, **kwargs)))

        self.theirs, self.parts = theirs, (op.op, wrapper, finish)

    def mask(self):
        """For masked operators, where PyTorch's wrapper sets the results that are masked out to 0."""
        name, (x, args, kwargs) = self.parts[1].__name__, self.given
        masks = kwargs.get("input_mask"), kwargs.get("other_mask")
        if name == "gradcheck_wrapper_masked_operation" and kwargs.get("mask") is not None:
            return tensor(torch.masked._output_mask(self.parts[0], x, *args, **kwargs))
        if name == "gradcheck_wrapper_masked_pointwise_operation" and None not in masks:
            return tensor(torch.masked._input_mask(x, *args, mask=torch.logical_and(*masks), **kwargs))
        return None

    @functools.cached_property
    def ours(self):
        if self.parts[1].__name__.startswith("gradcheck_wrapper_masked"):
            inner, mask = ours(self.parts[0]), self.mask()
            call, finish = (
                (lambda *a, **k: inner(*a, **k) if mask is None else rt.where(mask, inner(*a, **k), 0.0)),
                ours(self.parts[2]),
            )
            wrapper = lambda f, *a, **k: f(*a, **k)
        else:
            call, wrapper, finish = (ours(f) for f in self.parts)

        def run(tensors):
            x, args, kwargs = put(self.given, iter(tensors))
            x, args, kwargs = (self._plain(v) for v in (x, args, kwargs))
            return tensors_of(finish(wrapper(call, x, *args, **kwargs)), rt.Tensor)

        return run

    def _plain(self, value):
        if isinstance(value, rt.Tensor):
            return value
        if type(value) in (list, tuple):
            return type(value)(self._plain(v) for v in value)
        if type(value) is dict:
            return {k: self._plain(v) for k, v in value.items()}
        return ours(value)

    def leaves(self, lib, values):
        return [v.clone().requires_grad_() if leaf else v for v, leaf in zip(values, self.leaf)]


def noise(like, seed):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, dtype=t.dtype, generator=g) for t in like]


def check(what, want, got, tolerance):
    """Raises unless the lists agree; an absent gradient is one of zeros."""
    for i, (w, g) in enumerate(zip(want, got)):
        if w is None and g is None:
            continue
        g = torch.zeros_like(w) if g is None else back(g)
        w = torch.zeros_like(g) if w is None else w.detach()
        assert (w.dtype, w.shape) == (g.dtype, g.shape), (
            f"{what} {i}: {g.dtype}{list(g.shape)}, expected {w.dtype}{list(w.shape)}"
        )
        if not (w.is_floating_point() or w.is_complex()):
            assert torch.equal(w, g), f"{what} {i}: {g.flatten()[:6].tolist()}, expected {w.flatten()[:6].tolist()}"
            continue
        finite = w.abs()[torch.isfinite(w)]
        scale = max(1.0, float(finite.max()) if finite.numel() else 0.0)
        if not torch.allclose(w, g, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
            k = int((w - g).abs().nan_to_num(1e300).flatten().argmax())
            raise AssertionError(
                f"{what} {i}: {g.flatten()[k].item():.8g} at {k}, expected {w.flatten()[k].item():.8g}"
            )


def wanted(outs):
    return [i for i, o in enumerate(outs) if o.requires_grad]


def gradients(case, again):
    """First gradients and, with `again`, the second ones by leaves and cotangents; both sides compared."""
    try:
        values = case.leaves(torch, case.values)
        leaves = [v for v, leaf in zip(values, case.leaf) if leaf]
        outs = case.theirs(values)
        index = wanted(outs)
        if not index:
            raise Refused
        outs = [outs[i] for i in index]
        cots = [c.requires_grad_(again) for c in noise(outs, 1)]
        first = torch.autograd.grad(outs, leaves, cots, create_graph=again, allow_unused=True)
        kept = [i for i, g in enumerate(first) if g is not None and g.requires_grad]
        if again:
            if not kept:
                raise Refused
            cots2 = noise([first[i] for i in kept], 2)
            second = torch.autograd.grad([first[i] for i in kept], leaves + cots, cots2, allow_unused=True)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise Refused from error
    mine = case.leaves(rt, [tensor(v) for v in case.values])
    my_leaves = [v for v, leaf in zip(mine, case.leaf) if leaf]
    got = case.ours(mine)
    my_cots = [tensor(c).requires_grad_(again) for c in cots]
    my_first = rt.autograd.grad([got[i] for i in index], my_leaves, my_cots, create_graph=again, allow_unused=True)
    check("gradient", first, my_first, 1e-6)
    if again:
        pairs = [
            (my_first[i], tensor(c))
            for i, c in zip(kept, cots2)
            if my_first[i] is not None and my_first[i].requires_grad
        ]
        if pairs:
            mine = rt.autograd.grad(
                [g for g, _ in pairs], my_leaves + my_cots, [c for _, c in pairs], allow_unused=True
            )
        else:
            mine = [None] * len(second)
        check("second gradient", second, mine, 1e-5)


def pushed(case, tangents):
    """PyTorch's outputs that depend on the leaves, and their tangents."""
    values = case.leaves(torch, case.values)
    index = wanted(case.theirs(values))
    if not index:
        raise Refused
    try:
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(v, t) if leaf else v for v, t, leaf in zip(case.values, tangents, case.leaf)]
            outs = case.theirs(duals)
            tangents_of = [forward_ad.unpack_dual(outs[i]).tangent for i in index]
        if any(t is not None for t in tangents_of):
            return index, tangents_of
    except (RuntimeError, NotImplementedError):
        pass
    # no forward mode: the gradient is linear in its cotangent
    leaves = [v for v, leaf in zip(values, case.leaf) if leaf]
    outs = [case.theirs(values)[i] for i in index]
    cots = [torch.zeros_like(o).requires_grad_() for o in outs]
    first = torch.autograd.grad(outs, leaves, cots, create_graph=True, allow_unused=True)
    pairs = [
        (g, t)
        for g, t in zip(first, (t for t, leaf in zip(tangents, case.leaf) if leaf))
        if g is not None and g.requires_grad
    ]
    if not pairs:
        raise Refused
    return index, torch.autograd.grad([g for g, _ in pairs], cots, [t for _, t in pairs], allow_unused=True)


def forward_mode(case):
    tangents = [t if leaf else None for t, leaf in zip(noise_like(case), case.leaf)]
    try:
        index, want = pushed(case, tangents)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise Refused from error
    with our_forward_ad.dual_level():
        duals = [
            our_forward_ad.make_dual(tensor(v), tensor(t)) if leaf else tensor(v)
            for v, t, leaf in zip(case.values, tangents, case.leaf)
        ]
        outs = case.ours(duals)
        got = [our_forward_ad.unpack_dual(outs[i]).tangent for i in index]
        check("tangent", want, got, 1e-6)


def noise_like(case):
    inexact = [v if v.is_floating_point() or v.is_complex() else v.double() for v in case.values]
    return noise(inexact, 3)


def vmap(case):
    for every in (True, False):
        batched(case, every)


def batched(case, every):
    inexact = [v.is_floating_point() or v.is_complex() for v in case.values]
    chosen = [True] * len(inexact) if every else [i == 0 and x for i, x in enumerate(inexact)]
    if not any(chosen):
        raise Refused
    for factors in ((1.0, 0.875, 1.0), (1.0, 1.0, 1.0)):  # the second for operators that do not take scaled numbers
        slices = [[v * f if c and x else v for v, c, x in zip(case.values, chosen, inexact)] for f in factors]
        try:
            outs = [case.theirs(s) for s in slices]
            want = [torch.stack(o) for o in zip(*outs)]
            break
        except (RuntimeError, NotImplementedError, ValueError, IndexError):
            continue
    else:
        raise Refused
    if not want:
        raise Refused
    dims = [(0 if every else -1) if c else None for c in chosen]
    stacks = [
        torch.stack([s[i] for s in slices], dims[i]) if c else v for i, (v, c) in enumerate(zip(case.values, chosen))
    ]

    def same_for(lib_vmap, call, tensors):
        return lib_vmap(lambda *t: tuple(call(list(t))), in_dims=tuple(dims), out_dims=0)(*tensors)

    try:
        got = same_for(rt.func.vmap, case.ours, [tensor(t) for t in stacks])
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        try:
            same_for(torch.func.vmap, case.theirs, stacks)
        except Exception:  # noqa: BLE001  PyTorch refuses it too
            raise Refused from error
        raise
    what = f"vmap({'every' if every else 'first'})"
    try:
        check(what, want, got, 1e-6)
    except AssertionError:  # as_strided and its like depend on the memory, which a slice has not of its own
        try:
            want = same_for(torch.func.vmap, case.theirs, stacks)
        except Exception:  # noqa: BLE001
            want = None
        if want is None:
            raise
        check(what, want, got, 1e-6)


CHECKS = {
    "gradient": lambda case: gradients(case, False),
    "second order": lambda case: gradients(case, True),
    "forward mode": forward_mode,
    "vmap": vmap,
}


def pick(samples, count):
    small = [s for s in samples if sum(t.numel() for t in tensors_of((s.input, s.args, s.kwargs))) <= MOST]
    small = [s for s in small if all(t.layout == torch.strided for t in tensors_of((s.input, s.args, s.kwargs)))]
    if len(small) <= count:
        return small
    return [small[round(i * (len(small) - 1) / (count - 1))] for i in range(count)]


class Score:
    def __init__(self):
        self.compared = collections.Counter()
        self.agreed = collections.Counter()
        self.names = collections.defaultdict(lambda: [set(), set()])  # kind: operators compared, operators that differ
        self.differences = {}


def run(op, dtype, count, score):
    name = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
    torch.manual_seed(0)
    samples = pick(op.sample_inputs("cpu", dtype, requires_grad=True), count)
    for number, sample in enumerate(samples):
        case = Case(op, sample)
        for kind in KINDS:
            try:
                CHECKS[kind](case)
                error = None
            except Refused:
                continue
            except TimeoutError:
                raise
            except Exception as caught:  # noqa: BLE001  whatever goes wrong is the finding
                error = caught
            score.compared[kind] += 1
            score.names[kind][0].add(name)
            if error is None:
                score.agreed[kind] += 1
            else:
                score.names[kind][1].add(name)
                text = " ".join(f"{type(error).__name__}: {error}".split())
                score.differences.setdefault((name, kind), f"{str(dtype)[6:]} sample {number}: {text[:240]}")


def table(score):
    lines = ["| what | operators | agree | samples | agree |\n|---|---|---|---|---|\n"]
    for kind in KINDS:
        seen, bad = score.names[kind]
        lines.append(
            f"| {kind} | {len(seen)} | {len(seen) - len(bad)} | {score.compared[kind]} | {score.agreed[kind]} |\n"
        )
    return "".join(lines)


def reasons(score):
    """The differences, each with its reason."""
    lines = ["\nWhat differs:\n"] if score.differences else []
    for (name, kind), text in sorted(score.differences.items()):
        lines.append(f"- `{name}`, {kind}: {KNOWN.get((name, kind), text)}\n")
    return "".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="", help="regular expression of operators")
    parser.add_argument("--samples", type=int, default=6, help="of each operator and dtype")
    parser.add_argument("--dtypes", default="float64,complex128")
    parser.add_argument("--table", help="file for the totals and the reasons")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    rt.set_num_threads(1)
    score = Score()

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    for op in op_db:
        outside = op.name.startswith(("sparse", "torch.ops", "to_sparse", "jiterator")) or op.name in UNINITIALISED
        outside |= (
            op.name == "chalf" or op.variant_test_name == "partial_views"
        )  # what as_strided sees around a view is not copied here
        if outside or not op.supports_autograd or not re.search(args.filter, op.name):
            continue
        if draws(op.op) or draws(op.gradcheck_wrapper):
            continue
        for dtype in (getattr(torch, d) for d in args.dtypes.split(",")):
            if dtype not in op.supported_backward_dtypes("cpu"):
                continue
            before = len(score.differences)
            signal.alarm(SECONDS)
            try:
                run(op, dtype, args.samples, score)
            except TimeoutError:
                print(f"{op.name}: took more than {SECONDS} s", flush=True)
            finally:
                signal.alarm(0)
            for (name, kind), text in list(score.differences.items())[before:]:
                print(f"{name}: {kind}: {text}", flush=True)
            if args.verbose:
                print(op.name, dtype, flush=True)
    print(table(score), end="")
    if args.table:
        with open(args.table, "w", encoding="utf-8") as f:
            f.write(HEAD + table(score) + reasons(score))
    return 1 if set(score.differences) - set(KNOWN) else 0


if __name__ == "__main__":
    sys.exit(main())
