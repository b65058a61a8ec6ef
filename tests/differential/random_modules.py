"""Random uses of attention, transformers, recurrent layers, hooks, parametrizations, pruning, fusion, functional calls
and loaders, on rustorch and on PyTorch; results, gradients and errors must agree.

    python tests/differential/random_modules.py [--count 2000] [--seed 0] [--kind mha] [--verbose]

Needs torch and rustorch in one interpreter (torch in a venv of its own; rustorch by PYTHONPATH). Every case is a
function (t, rng) that runs on either framework with the same random choices and gives a list of what to compare.
The exit status is 1 when anything differs.
"""

import argparse
import random
import sys
import traceback
import warnings

import torch
import torch.nn.utils.parametrize
import torch.nn.utils.prune

import rustorch

TOLERANCE = 1e-8


class Choices(random.Random):
    """Random choices and tensors, the same for both frameworks."""

    def floats(self, t, *shape, grad=False):
        n = 1
        for s in shape:
            n *= s
        x = t.tensor([self.uniform(-1, 1) for _ in range(n)], dtype=t.float64).reshape(shape)
        return x.requires_grad_(True) if grad else x

    def flag(self, share=0.5):
        return self.random() < share

    def fill(self, t, module):
        """Parameters and floating point buffers from this stream."""
        with t.no_grad():
            for name, p in [*module.named_parameters(), *module.named_buffers()]:
                if p.is_floating_point():
                    v = self.floats(t, *p.shape)
                    p.copy_(v.abs() + 0.5 if "var" in name else v)
        return module


def grads(t, outs, leaves, rng):
    """Gradients of a random weighting of the outputs."""
    loss = 0
    for o in outs:
        if isinstance(o, t.Tensor) and o.is_floating_point() and o.requires_grad:
            loss = loss + (o * rng.floats(t, *o.shape)).sum()
    if isinstance(loss, int):
        return []
    got = t.autograd.grad(loss, leaves, allow_unused=True)
    return [t.zeros_like(p) if g is None else g for p, g in zip(leaves, got)]


def masks(t, rng, rows, cols, batch, heads):
    """(attn_mask, key_padding_mask) of any kind; no row is masked completely."""
    kind = rng.choice(("none", "none", "bool", "float", "bool3", "float3", "causal"))
    shape = (batch * heads, rows, cols) if kind.endswith("3") else (rows, cols)
    mask = None
    if kind == "causal":
        mask = t.nn.Transformer.generate_square_subsequent_mask(max(rows, cols), dtype=t.float64)[:rows, :cols]
    elif kind.startswith("bool"):
        mask = rng.floats(t, *shape) > 0.4
        mask[..., 0] = False
    elif kind.startswith("float"):
        mask = rng.floats(t, *shape)
    pad = None
    if rng.flag(0.4):
        pad = t.arange(cols) >= t.tensor([rng.randint(1, cols) for _ in range(batch)]).unsqueeze(1)
        if mask is not None and mask.is_floating_point() or rng.flag(0.2):
            pad = t.zeros(batch, cols, dtype=t.float64).masked_fill_(pad, float("-inf"))
    return mask, pad


def mha(t, rng):
    heads = rng.randint(1, 3)
    embed = heads * rng.randint(1, 3)
    batch, rows, cols = rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 4)
    same = rng.flag(0.4)
    cols = rows if same else cols
    batch_first = rng.flag()
    kdim, vdim = (None, None) if same or rng.flag() else (rng.randint(1, 4), rng.randint(1, 4))
    m = t.nn.MultiheadAttention(
        embed, heads, bias=rng.flag(), add_bias_kv=rng.flag(0.3), add_zero_attn=rng.flag(0.3), kdim=kdim, vdim=vdim,
        batch_first=batch_first, dtype=t.float64,
    )  # fmt: skip
    rng.fill(t, m).train(rng.flag())
    single = rng.flag(0.2)
    batch = 1 if single else batch

    def data(length, width):
        shape = (length, width) if single else (batch, length, width) if batch_first else (length, batch, width)
        return rng.floats(t, *shape, grad=True)

    q = data(rows, embed)
    k = q if same else data(cols, kdim or embed)
    v = k if same or (kdim is None and vdim is None and rng.flag()) else data(cols, vdim or embed)
    mask, pad = masks(t, rng, rows, cols, batch, heads)
    pad = pad[0] if single and pad is not None else pad
    causal = mask is not None and rng.flag(0.2)
    options = {
        "attn_mask": mask, "key_padding_mask": pad, "need_weights": rng.flag(),
        "average_attn_weights": rng.flag(), "is_causal": causal,
    }  # fmt: skip
    if causal and rows != cols:
        options["is_causal"] = False
    if options["is_causal"]:  # the hint must be true
        options["attn_mask"] = t.nn.Transformer.generate_square_subsequent_mask(rows, dtype=t.float64)
    if rng.flag(0.3):
        with t.no_grad():
            out = m.eval()(q, k, v, **options)
        return [x for x in out if x is not None]
    out = [x for x in m(q, k, v, **options) if x is not None]
    leaves = [q, *m.parameters()]
    return [*out, *grads(t, out, leaves, rng)]


def transformer(t, rng):
    heads, batch, rows, cols = rng.randint(1, 2), rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 4)
    width = heads * rng.choice((2, 4))
    batch_first = rng.flag()
    options = {
        "dropout": 0.0, "activation": rng.choice(("relu", "gelu")), "batch_first": batch_first,
        "norm_first": rng.flag(), "bias": rng.flag(0.7), "dtype": t.float64,
    }  # fmt: skip
    kind = rng.choice(("encoder layer", "encoder", "decoder layer", "decoder", "all"))
    nn = t.nn
    norm = nn.LayerNorm(width, dtype=t.float64) if rng.flag() else None
    if kind == "all":
        m = nn.Transformer(width, heads, 1, 1, 5, **options)
    else:
        Layer = nn.TransformerEncoderLayer if "encoder" in kind else nn.TransformerDecoderLayer
        m = Layer(width, heads, 5, **options)
        if kind == "encoder":
            m = nn.TransformerEncoder(m, 2, norm, enable_nested_tensor=rng.flag(), mask_check=rng.flag())
        elif kind == "decoder":
            m = nn.TransformerDecoder(m, 2, norm)
    rng.fill(t, m).train(rng.flag())

    def data(length):
        return rng.floats(t, *((batch, length, width) if batch_first else (length, batch, width)), grad=True)

    src, tgt = data(cols), data(rows)
    own, pad = masks(t, rng, cols, cols, batch, heads)
    mask2, pad2 = masks(t, rng, rows, rows, batch, heads)
    cross, _ = masks(t, rng, rows, cols, batch, heads)
    if kind in ("encoder layer", "encoder"):
        name = "src_mask" if kind == "encoder layer" else "mask"
        args, kwargs = (src,), {name: own, "src_key_padding_mask": pad}
    elif kind == "all":
        args = (src, tgt)
        kwargs = {
            "src_mask": own, "tgt_mask": mask2, "memory_mask": cross, "src_key_padding_mask": pad,
            "tgt_key_padding_mask": pad2, "memory_key_padding_mask": pad,
        }  # fmt: skip
    else:
        args = (tgt, src)
        kwargs = {
            "tgt_mask": mask2, "memory_mask": cross, "tgt_key_padding_mask": pad2, "memory_key_padding_mask": pad,
        }  # fmt: skip
    if rng.flag(0.3):
        m.eval()
        with t.no_grad():
            return [m(*args, **kwargs)]
    out = m(*args, **kwargs)
    return [out, *grads(t, [out], [src, *m.parameters()], rng)]


def recurrent(t, rng):
    rnn = t.nn.utils.rnn
    name = rng.choice(("RNN", "LSTM", "GRU"))
    size, hidden, layers = rng.randint(1, 3), rng.randint(2, 4), rng.randint(1, 2)
    both, batch_first = rng.flag(), rng.flag()
    options = {"nonlinearity": rng.choice(("tanh", "relu"))} if name == "RNN" else {}
    proj = rng.randint(1, hidden - 1) if name == "LSTM" and rng.flag(0.3) else 0
    if proj:
        options["proj_size"] = proj
    m = getattr(t.nn, name)(
        size, hidden, layers, bias=rng.flag(), batch_first=batch_first, bidirectional=both, dtype=t.float64, **options
    )
    rng.fill(t, m)
    batch, length = rng.randint(1, 4), rng.randint(1, 5)
    kind = rng.choice(("batch", "single", "packed", "packed", "list"))
    lengths = [rng.randint(0 if rng.flag(0.05) else 1, length) for _ in range(batch)]
    if kind == "single":
        x = rng.floats(t, length, size, grad=True)
        given = x
    else:
        x = rng.floats(t, *((batch, length, size) if batch_first else (length, batch, size)), grad=True)
        given = x
        enforce = rng.flag(0.3)
        if kind == "packed":
            given = rnn.pack_padded_sequence(x, t.tensor(lengths) if rng.flag() else lengths, batch_first, enforce)
        elif kind == "list":
            rows = [x.select(0 if batch_first else 1, i)[:n] for i, n in enumerate(lengths)]
            given = rnn.pack_sequence(rows, enforce_sorted=enforce)
    states = None
    if rng.flag():
        rows = layers * (2 if both else 1)
        shape = (rows, hidden) if kind == "single" else (rows, batch, hidden)
        first = (*shape[:-1], proj) if proj else shape
        states = rng.floats(t, *first, grad=True)
        if name == "LSTM":
            states = (states, rng.floats(t, *shape, grad=True))
    out, last = m(given, states)
    result = []
    if kind in ("packed", "list"):
        result += [out.data, out.batch_sizes]
        result += [i for i in (out.sorted_indices, out.unsorted_indices) if i is not None]
        total = rng.choice((None, length + 2))
        out, sizes = rnn.pad_packed_sequence(out, batch_first, rng.choice((0.0, -1.5)), total)
        # PyTorch's unpad_sequence transposes its argument in place
        result += [sizes, *rnn.unpad_sequence(out.clone(), sizes, batch_first)]
    result += [out, *(last if isinstance(last, tuple) else (last,))]
    leaves = [x, *m.parameters()]
    if states is not None:
        leaves += states if isinstance(states, tuple) else (states,)
    return [*result, *grads(t, result, leaves, rng)]


def hooks(t, rng):
    """The order in which hooks of all kinds run, and what they see and change."""
    nn, log = t.nn, []
    inner = nn.Sequential(nn.Linear(2, 2, dtype=t.float64), nn.Tanh())
    net = nn.Sequential(inner, nn.Linear(2, 1, dtype=t.float64))
    rng.fill(t, net)
    places = {"net": net, "inner": inner, "linear": inner[0], "tanh": inner[1]}
    handles = []

    def total(values):
        return [None if v is None else round(float(v.sum()), 9) for v in values]

    def forward_pre(tag, change, module, args):
        log.append((tag, total(args)))
        return (args[0] * 2,) if change else None

    def forward(tag, change, module, args, output):
        log.append((tag, total(args), total([output])))
        return output + 1 if change else None

    def forward_kwargs(tag, change, module, args, kwargs, output):
        log.append((tag, sorted(kwargs), total([output])))
        return output * 3 if change else None

    def backward_pre(tag, change, module, grad_output):
        log.append((tag, total(grad_output)))
        return (grad_output[0] * 2,) if change else None

    def backward(tag, change, module, grad_input, grad_output):
        log.append((tag, total(grad_input), total(grad_output)))
        return tuple(None if g is None else g * 0.5 for g in grad_input) if change else None

    general = nn.modules.module
    try:
        for i in range(rng.randint(1, 7)):
            name = rng.choice(list(places))
            module, change, prepend = places[name], rng.flag(0.3), rng.flag(0.3)
            kind = rng.choice(("pre", "post", "kwargs", "back pre", "back", "global pre", "global", "global back"))
            tag = f"{i} {kind} {name}"

            def bind(f, tag=tag, change=change):
                return lambda *a: f(tag, change, *a)

            if kind == "pre":
                handle = module.register_forward_pre_hook(bind(forward_pre), prepend=prepend)
            elif kind == "post":
                handle = module.register_forward_hook(bind(forward), prepend=prepend)
            elif kind == "kwargs":
                handle = module.register_forward_hook(bind(forward_kwargs), with_kwargs=True)
            elif kind == "back pre":
                handle = module.register_full_backward_pre_hook(bind(backward_pre), prepend=prepend)
            elif kind == "back":
                handle = module.register_full_backward_hook(bind(backward), prepend=prepend)
            elif kind == "global pre":
                handle = general.register_module_forward_pre_hook(bind(forward_pre))
            elif kind == "global":
                handle = general.register_module_forward_hook(bind(forward))
            else:
                handle = general.register_module_full_backward_hook(bind(backward))
            handles.append(handle)
        if rng.flag(0.3):
            handles.pop(rng.randrange(len(handles))).remove()
        x = rng.floats(t, 3, 2, grad=rng.flag(0.8))
        out = net(x)
        out.sum().backward()
        result = [str(log), out, *[p.grad for p in net.parameters()]]
        return result + ([x.grad] if x.requires_grad else [])
    finally:
        for handle in handles:
            handle.remove()


def pruning(t, rng):
    prune, nn = t.nn.utils.prune, t.nn
    m = rng.fill(t, nn.Linear(4, 3, dtype=t.float64) if rng.flag() else nn.Conv2d(2, 3, 2, dtype=t.float64))
    result = []
    kind = ""
    for _ in range(rng.randint(1, 4)):
        if kind == "remove":
            break  # the smallest of weights of which many are 0 is not unique
        kind = rng.choice(("l1", "ln", "custom", "identity", "global", "remove"))
        name = rng.choice(("weight", "weight", "bias"))
        amount = rng.choice((0.3, 1, 0.0, 2))
        if kind == "l1":
            prune.l1_unstructured(m, name, amount)
        elif kind == "ln":
            prune.ln_structured(m, name, amount, rng.choice((1, 2, float("inf"))), rng.choice((0, -1)))
        elif kind == "custom":
            prune.custom_from_mask(m, name, (rng.floats(t, *getattr(m, name).shape) > 0).double())
        elif kind == "identity":
            prune.identity(m, name)
        elif kind == "global":
            prune.global_unstructured([(m, "weight"), (m, "bias")], prune.L1Unstructured, amount=amount)
        else:
            prune.remove(m, name)
        result += [str(list(m.state_dict())), str(prune.is_pruned(m)), m.weight, m.bias]
    if prune.is_pruned(m):
        m(rng.floats(t, 2, 4) if type(m).__name__ == "Linear" else rng.floats(t, 1, 2, 3, 3))
    return [*result, *m.state_dict().values()]


def parametrizing(t, rng):
    P, nn = t.nn.utils.parametrize, t.nn

    class Double(nn.Module):
        def forward(self, x):
            return x * 2

        def right_inverse(self, y):
            return y / 2

    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

    class Sum(nn.Module):
        def forward(self, a, b):
            return a + b

        def right_inverse(self, y):
            return y * 0.25, y * 0.75

    m = rng.fill(t, nn.Linear(3, 3, dtype=t.float64))
    result = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(("double", "symmetric", "sum", "norm", "remove", "leave", "assign", "cached", "copy"))
        if kind in ("double", "symmetric", "sum"):
            part = {"double": Double, "symmetric": Symmetric, "sum": Sum}[kind]()
            P.register_parametrization(m, "weight", part, unsafe=rng.flag(0.2))
        elif kind == "norm":
            nn.utils.parametrizations.weight_norm(m, "weight", rng.choice((0, 1, None)))
        elif kind in ("remove", "leave"):
            P.remove_parametrizations(m, "weight", leave_parametrized=kind == "leave")
        elif kind == "assign":
            w = rng.floats(t, 3, 3)
            if P.is_parametrized(m, "weight"):
                m.weight = w
        elif kind == "cached":
            with P.cached():
                result += [str(m.weight is m.weight), m.weight + 0]
        else:
            import copy

            m = copy.deepcopy(m)
        result += [str(list(m.state_dict())), str(P.is_parametrized(m)), type(m).__name__, m.weight + 0]
        result += [str([n for n, _ in m.named_parameters()]), str(m)]
    x = rng.floats(t, 2, 3, grad=True)
    out = m(x)
    return [*result, out, *grads(t, [out], [x, *m.parameters()], rng), *m.state_dict().values()]


def fusing(t, rng):
    nn, dims = t.nn, rng.randint(1, 3)
    transpose = rng.flag(0.3)
    kind = f"Conv{'Transpose' * transpose}{dims}d"
    if rng.flag(0.3):
        first, norm, x = nn.Linear(3, 4, bias=rng.flag()), nn.BatchNorm1d(4), rng.floats(t, 5, 3)
        fuse = nn.utils.fuse_linear_bn_eval
        args = ()
    else:
        groups = rng.choice((1, 2))
        first = getattr(nn, kind)(2, 4, 2, groups=groups, bias=rng.flag())
        norm = getattr(nn, f"BatchNorm{dims}d")(4, affine=rng.flag(0.8))
        x = rng.floats(t, 2, 2, *[3] * dims)
        fuse, args = nn.utils.fuse_conv_bn_eval, ((True,) if transpose else ())
    first, norm = rng.fill(t, first.double()), rng.fill(t, norm.double())
    if rng.flag(0.9):
        first.eval(), norm.eval()
    fused = fuse(first, norm, *args)
    return [fused(x), norm.eval()(first(x)), *fused.state_dict().values(), str(list(fused.state_dict())), str(fused)]


def functional(t, rng):
    nn = t.nn

    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2, dtype=t.float64)
            self.b = nn.Linear(2, 2, dtype=t.float64)
            self.b.weight = self.a.weight
            self.register_buffer("count", t.zeros(1, dtype=t.float64))

        def forward(self, x, scale=1.0):
            self.count.add_(1)
            return self.b(self.a(x)) * scale + self.count

    m = rng.fill(t, Tied())
    names = ["a.weight", "a.bias", "b.weight", "b.bias", "count", "c"]
    chosen = [n for n in names[:5] if rng.flag(0.4)] + (["c"] if rng.flag(0.05) else [])
    values = {n: rng.floats(t, 2, 2) if "weight" in n else rng.floats(t, 2 if "bias" in n else 1) for n in chosen}
    if "a.weight" in values and "b.weight" in values and rng.flag():
        values["b.weight"] = values["a.weight"]
    x = rng.floats(t, 3, 2)
    options = {"tie_weights": rng.flag(), "strict": rng.flag(0.2)}
    out = t.func.functional_call(m, values, (x,), {"scale": 2.0}, **options)
    return [out, m.count, *values.values(), *m.state_dict().values(), str(m.a.weight is m.b.weight)]


def loading(t, rng):
    """Batches of a DataLoader; with rustorch also by worker threads."""
    data = t.utils.data
    n = rng.randint(0, 9)

    def sample(i, kind=rng.choice(("tensor", "pair", "dict", "number", "nested", "text"))):
        x = t.tensor([float(i), i / 2], dtype=t.float64)
        return {
            "tensor": x, "pair": (x, i), "dict": {"x": x, "y": float(i)}, "number": i, "text": f"t{i}",
            "nested": [(i, {"a": x}), "t", True],
        }[kind]  # fmt: skip

    class Items(data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            if not -n <= i < n:
                raise IndexError(i)
            return sample(i)

    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter([sample(i) for i in range(n)])

    kind = rng.choice(("map", "map", "stream", "subset", "concat", "stack"))
    source = Stream() if kind == "stream" else Items()
    if kind == "subset":
        source = data.Subset(source, [rng.randrange(n) for _ in range(rng.randint(0, 5))] if n else [])
    elif kind == "concat":
        source = data.ConcatDataset([source, source])
    elif kind == "stack":
        source = data.StackDataset(a=source, b=source)
    options = {"batch_size": rng.choice((1, 2, 3, 4, None)), "drop_last": rng.flag(0.3)}
    if rng.flag(0.2) and kind != "stream":
        options["sampler"] = [rng.randrange(max(1, n)) for _ in range(4)]
    if rng.flag(0.1):
        options = {"batch_sampler": [[0, 1], [2]]}
    if rng.flag(0.2):
        options["collate_fn"] = lambda batch: batch
    if rng.flag(0.1):
        options["timeout"] = -1
    if rng.flag(0.1):
        options["shuffle"] = False
    workers = rng.choice((0, 1, 2, 3))
    if t.__name__ == "rustorch" and not (kind == "stream" and workers > 1):
        options["num_workers"] = workers  # PyTorch's are processes: the batches must be the same without them
        if workers and rng.flag():
            options["persistent_workers"] = True
    loader = data.DataLoader(source, **options)
    result = []

    def spread(x):
        if isinstance(x, t.Tensor):
            result.append(x)
        elif isinstance(x, dict):
            for k, v in x.items():
                result.append(str(k))
                spread(v)
        elif isinstance(x, (list, tuple)):
            result.append(f"{type(x).__name__} of {len(x)}")
            for v in x:
                spread(v)
        else:
            result.append(repr(x))

    for _ in range(2):
        for batch in loader:
            spread(batch)
            result.append("next")
    if kind != "stream":
        result.append(str(len(loader)))
    return result


KINDS = {
    f.__name__: f for f in (mha, transformer, recurrent, hooks, pruning, parametrizing, fusing, functional, loading)
}


def outcome(t, f, seed):
    """("ok", values) or ("error", class, text)."""
    try:
        return "ok", f(t, Choices(seed))
    except Exception as e:
        return "error", e


def builtin_class(e):
    """The first class of the exception that Python itself has."""
    return next(c for c in type(e).__mro__ if c.__module__ == "builtins")


def difference(a, b):
    """A text, or None when both outcomes agree."""
    if a[0] != b[0]:
        return f"PyTorch: {a[1]!r:.300}; rustorch: {b[1]!r:.300}"
    if a[0] == "error":
        x, y = builtin_class(a[1]), builtin_class(b[1])
        related = issubclass(x, y) or issubclass(y, x)
        return None if related else f"PyTorch raises {a[1]!r:.200}; rustorch {b[1]!r:.200}"
    if len(a[1]) != len(b[1]):
        return f"{len(a[1])} and {len(b[1])} results"
    for i, (x, y) in enumerate(zip(a[1], b[1])):
        if isinstance(x, str):
            if x.replace("torch", "") != y.replace("rustorch", ""):
                return f"result {i}: {x} and {y}"
            continue
        if tuple(x.shape) != tuple(y.shape) or str(x.dtype) != str(y.dtype).replace("rustorch", "torch"):
            return f"result {i}: {tuple(x.shape)} {x.dtype} and {tuple(y.shape)} {y.dtype}"
        if x.is_floating_point() and not x.requires_grad and bool(x.isnan().any()):
            continue  # PyTorch's inference path takes every number of a float mask that is not 0 for "masked"
        other = torch.tensor(y.detach().tolist(), dtype=x.dtype).reshape(x.shape)
        if not torch.allclose(x.detach(), other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return f"result {i}: values differ by {float((x.detach() - other).abs().max()):.3g}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=list(KINDS))
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    kinds = [args.kind] if args.kind else list(KINDS)
    failed = errors = 0
    for seed in range(args.seed, args.seed + args.count):
        kind = kinds[seed % len(kinds)]
        want, got = outcome(torch, KINDS[kind], seed), outcome(rustorch, KINDS[kind], seed)
        errors += want[0] == "error"
        found = difference(want, got)
        if found:
            failed += 1
            print(f"{kind} {seed}: {found}")
            if args.verbose and got[0] == "error":
                traceback.print_exception(got[1])
    print(f"{args.count} cases, {errors} refused by PyTorch, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
