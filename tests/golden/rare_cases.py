"""Calls of what programs seldom ask for, the same in both libraries: names of PyTorch's operator registry, odd shapes, edges.

As in findings_cases.py each case takes the library and gives tensors; rare.json holds what PyTorch gives.
"""

import math

from findings_cases import INF, NAN, gradients, small_int


def line(lib, count, *shape, dtype="float64"):
    """count numbers that look random, in `shape`."""
    return lib.cos(lib.arange(count, dtype=lib.float64) * 1.7 + 0.3).reshape(shape or (count,)).to(getattr(lib, dtype))


def weighted(lib, outs):
    """A sum of all the results with a weight of its own for every element."""
    total = 0
    for shift, y in enumerate(outs):
        if y.requires_grad:
            w = lib.cos(lib.arange(y.numel(), dtype=lib.float64) * 0.7 + shift).reshape(y.shape).to(y.dtype)
            total = total + (y * w).sum()
    return total.real if total.dtype.is_complex else total


def graded(f, *shapes, dtype="float64", order=1):
    """The results of f(lib, *tensors of these shapes) and their gradients up to this order."""

    def case(lib):
        xs = []
        for shape in shapes:
            x = line(lib, math.prod(shape)).reshape(shape) + 0.1 * len(xs)
            xs.append(x.to(getattr(lib, dtype)).requires_grad_(order > 0))
        outs = f(lib, *xs)
        if order == 0:
            return outs
        outs = tuple(outs) if isinstance(outs, (tuple, list)) else (outs,)
        given = [o * o if order == 2 else o for o in outs if o.dtype.is_floating_point or o.dtype.is_complex]
        first = lib.autograd.grad(weighted(lib, given), xs, allow_unused=True, create_graph=order == 2)
        result = outs + tuple(g.detach() for g in first if g is not None)
        if order == 2:
            again = [g * g for g in first if g is not None and g.requires_grad]
            result += tuple(g for g in lib.autograd.grad(weighted(lib, again), xs, allow_unused=True) if g is not None)
        return result

    return case


def ints(lib, *values, dtype="int64"):
    return lib.tensor(values, dtype=getattr(lib, dtype))


def sizes(f):
    """Sizes, strides and offset of what f gives, as integers."""

    def case(lib):
        made = f(lib)
        parts = made if isinstance(made, (tuple, list)) else (made,)
        return tuple(lib.tensor([*t.shape, *t.stride(), t.storage_offset()]) for t in parts)

    return case


def segments(reduce, axis=0, given="lengths", initial=None, unsafe=False):
    def f(lib, x):
        counts = {"lengths": [2, 0, 3], "offsets": [0, 2, 2, 5]}[given]
        at = lib.tensor(counts) if axis == 0 else lib.tensor([counts, counts])
        return lib.segment_reduce(x, reduce, axis=axis, initial=initial, unsafe=unsafe, **{given: at})

    return graded(f, (5, 2) if axis == 0 else (2, 5))


def attention(lib, q, k, v, mask=None, causal=False, gqa=False, scale=None):
    return lib.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=gqa, scale=scale
    )


def flash(lib, q, k, v, mask=None, causal=False):
    return lib._scaled_dot_product_flash_attention_for_cpu(q, k, v, is_causal=causal, attn_mask=mask)[0]


def holes(lib, rows, cols):
    """A mask whose last row lets nothing through."""
    m = (lib.arange(rows * cols) % 3 != 1).reshape(rows, cols)
    m[rows - 1] = False
    return m


def inf_rows(lib, x):
    rows = lib.tensor([[0.0, -INF, 1.0], [-INF, -INF, -INF]], dtype=lib.float64)
    return lib._safe_softmax(x + rows, -1)


def registry(lib, name):
    """A function of torch.ops.aten, which is one of the top names here."""
    return getattr(lib, name) if hasattr(lib, name) else getattr(lib.ops.aten, name)


def pool_backward(lib, g, x):
    y, at = lib.nn.functional.max_pool2d(x.detach(), 2, return_indices=True)
    return registry(lib, "max_pool2d_with_indices_backward")(g, x, [2, 2], [2, 2], [0, 0], [1, 1], False, at)


def legit(lib, x, w, b, stats=True):
    mean, var = lib.zeros(3, dtype=lib.float64), lib.ones(3, dtype=lib.float64)
    if not stats:
        return lib._native_batch_norm_legit(x, w, b, True, 0.1, 1e-5)
    return lib._native_batch_norm_legit(x, w, b, mean, var, True, 0.1, 1e-5) + (mean, var)


def with_update(lib, x, w, b):
    mean, var = lib.zeros(3, dtype=lib.float64), lib.ones(3, dtype=lib.float64)
    return registry(lib, "_batch_norm_with_update")(x, w, b, mean, var, 0.1, 1e-5)[:3] + (mean, var)


def index_put_impl(lib):
    t = lib.zeros(3, dtype=lib.float64)
    lib._index_put_impl_(t, (ints(lib, 0, 2, 0),), lib.tensor([1.0, 2.0, 4.0], dtype=lib.float64), True)
    return t


MASKED = lambda lib, x: lib._unsafe_masked_index(x, lib.tensor([True, False, True]), (ints(lib, 1, 99, 3),), 7.0)  # noqa: E731
PUT = lambda lib, x, v: lib._unsafe_masked_index_put_accumulate(
    x, lib.tensor([True, False, True]), (ints(lib, 1, 99, 1),), v
)  # noqa: E731
HEADS = ((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4))
SQUARE = ((1, 2, 3, 4),) * 3
GROUPED = ((1, 4, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4))

CASES = {
    "empty_permuted": sizes(lambda lib: lib.empty_permuted((2, 3, 4), (2, 0, 1))),
    "empty_permuted options": lambda lib: lib.empty_permuted((2, 0), (1, 0), dtype=lib.float64, requires_grad=True),
    "empty_permuted short": lambda lib: lib.empty_permuted((2, 3), (1,)),
    "empty_permuted negative": lambda lib: lib.empty_permuted((2, 3), (-1, 0)),
    "empty_permuted twice": lambda lib: lib.empty_permuted((2, 3), (1, 1)),
    "detach_copy": lambda lib: lib.detach_copy(lib.tensor([1.0, 2.0])),
    "unsafe_split": graded(lambda lib, x: lib.unsafe_split(x, 2), (5,)),
    "unsafe_split_with_sizes": graded(lambda lib, x: lib.unsafe_split_with_sizes(x, [1, 3], 1), (2, 4)),
    "unsafe_chunk": graded(lambda lib, x: lib.unsafe_chunk(x, 3, 1), (2, 7)),
    "unsafe_chunk of nothing": lambda lib: lib.unsafe_chunk(lib.zeros(2, 0), 3, 1),
    "unsafe_chunk of a number": lambda lib: lib.unsafe_chunk(lib.tensor(1.0), 3),
    "unsafe_chunk 0": lambda lib: lib.unsafe_chunk(lib.zeros(2), 0),
    "slice_inverse": lambda lib: lib.slice_inverse(lib.arange(8)[2:8:2], lib.arange(8), 0, 2, 8, 2),
    "slice_inverse from the end": lambda lib: lib.slice_inverse(lib.arange(8)[-3:], lib.arange(8), 0, -3, 8, 1),
    "native_channel_shuffle": graded(lambda lib, x: lib.native_channel_shuffle(x, 2), (2, 6, 3), order=0),
    "native_channel_shuffle of nothing": lambda lib: lib.native_channel_shuffle(lib.zeros(0, 6, 3), 2),
    "native_channel_shuffle flat": lambda lib: lib.native_channel_shuffle(lib.zeros(2, 6), 2),
    "native_channel_shuffle odd": lambda lib: lib.native_channel_shuffle(lib.zeros(2, 5, 3), 2),
    "_chunk_cat": graded(lambda lib, a, b: lib._chunk_cat([a, b], 0, 2), (4, 3), (3, 2), order=0),
    "_chunk_cat inner": graded(lambda lib, a, b: lib._chunk_cat([a, b], 1, 3), (2, 4), (2, 6, 2), order=0),
    "_chunk_cat shapes": lambda lib: lib._chunk_cat([lib.zeros(2, 4), lib.zeros(3, 4)], 1, 2),
    "_chunk_cat dtypes": lambda lib: lib._chunk_cat([lib.zeros(2, 4), lib.zeros(2, 4, dtype=lib.int64)], 0, 2),
    "_chunk_cat of nothing": lambda lib: lib._chunk_cat([lib.zeros(0, 4)], 0, 2),
    "_chunk_cat no chunk": lambda lib: lib._chunk_cat([lib.zeros(2, 4)], 0, 0),
    "_chunk_cat no tensor": lambda lib: lib._chunk_cat([], 0, 1),
    "_unsafe_masked_index": graded(MASKED, (4,)),
    "_unsafe_masked_index of nothing": lambda lib: MASKED(lib, lib.zeros(0)),
    "_unsafe_masked_index_put_accumulate": graded(PUT, (4,), (3,)),
    "_unsafe_masked_index_put_accumulate of nothing": lambda lib: PUT(lib, lib.zeros(0), lib.ones(3)),
    "_index_put_impl_": index_put_impl,
    "_safe_softmax": graded(inf_rows, (2, 3)),
    "_safe_softmax dtype": lambda lib: lib._safe_softmax(lib.zeros(2, 3), 1, dtype=lib.float64),
    "_safe_softmax of nothing": lambda lib: lib._safe_softmax(lib.zeros(2, 0), 1),
    "flash": graded(flash, *HEADS),
    "flash causal": graded(lambda lib, q, k, v: flash(lib, q, k, v, causal=True), *SQUARE),
    "flash mask": graded(lambda lib, q, k, v: flash(lib, q, k, v, mask=line(lib, 15, 3, 5)), *HEADS),
    "flash dropout": lambda lib: lib._scaled_dot_product_flash_attention_for_cpu(*([lib.zeros(1, 1, 2, 2)] * 3), 0.5),
    "flash flat": lambda lib: lib._scaled_dot_product_flash_attention_for_cpu(*([lib.zeros(1, 2, 2)] * 3)),
    "attention": graded(attention, *HEADS),
    "attention causal": graded(lambda lib, *x: attention(lib, *x, causal=True, scale=0.3), *HEADS),
    "attention mask": graded(lambda lib, *x: attention(lib, *x, mask=line(lib, 15, 3, 5)), *HEADS),
    "attention holes": graded(lambda lib, *x: attention(lib, *x, mask=holes(lib, 3, 5)), *HEADS),
    "attention groups": graded(lambda lib, *x: attention(lib, *x, gqa=True), *GROUPED),
    "attention halves": graded(lambda lib, *x: attention(lib, *x), *HEADS, dtype="bfloat16"),
    "attention flat": graded(lambda lib, *x: attention(lib, *x, causal=True), (3, 4), (3, 4), (3, 4)),
    "native_dropout_backward": lambda lib: registry(lib, "native_dropout_backward")(line(lib, 3), lib.tensor([True, False, True]), 2.0),
    "native_group_norm": graded(lambda lib, x, w, b: lib.native_group_norm(x, w, b, 2, 4, 3, 2, 1e-5), (2, 4, 3), (4,), (4,)),
    "native_group_norm plain": lambda lib: lib.native_group_norm(line(lib, 24, 2, 4, 3), None, None, 2, 4, 3, 2, 1e-5),
    "native_group_norm odd": lambda lib: lib.native_group_norm(line(lib, 24, 2, 4, 3), None, None, 2, 4, 3, 3, 1e-5),
    "batch norm legit": graded(legit, (4, 3, 2), (3,), (3,)),
    "batch norm legit alone": graded(lambda lib, *x: legit(lib, *x, stats=False), (4, 3, 2), (3,), (3,)),
    "batch norm with update": graded(with_update, (4, 3, 2), (3,), (3,)),
    "max_pool2d_with_indices_backward": graded(pool_backward, (1, 2, 2, 2), (1, 2, 4, 4)),
    "max_pool2d_with_indices_backward unbatched": graded(pool_backward, (2, 2, 2), (2, 4, 4)),
    "norm_except_dim": graded(lambda lib, v: lib.norm_except_dim(v, 2, 0), (3, 2, 2)),
    "norm_except_dim last": graded(lambda lib, v: lib.norm_except_dim(v, 2, 2), (3, 2, 2)),
    "norm_except_dim all": graded(lambda lib, v: lib.norm_except_dim(v, 2, -1), (3, 2)),
    "norm_except_dim vector": graded(lambda lib, v: lib.norm_except_dim(v, 2, 0), (3,)),
    "conv_tbc": graded(lambda lib, x, w, b: lib.conv_tbc(x, w, b, 1), (5, 2, 3), (2, 3, 4), (4,), order=2),
    "conv_tbc flat": lambda lib: lib.conv_tbc(lib.zeros(5, 2), lib.zeros(2, 3, 4), lib.zeros(4)),
    **{f"segment_reduce {r}": segments(r) for r in ("sum", "mean", "max", "min", "prod")},
    **{f"segment_reduce {r} offsets": segments(r, given="offsets", unsafe=True) for r in ("sum", "mean", "max")},
    "segment_reduce rows": segments("mean", axis=1),
    "segment_reduce initial": segments("sum", initial=2.0),
    "segment_reduce initial mean": segments("mean", initial=2.0),
    "segment_reduce lengths": lambda lib: lib.segment_reduce(line(lib, 3), "sum", lengths=ints(lib, 1, 1)),
    "segment_reduce negative": lambda lib: lib.segment_reduce(line(lib, 3), "sum", lengths=ints(lib, 4, -1)),
    "segment_reduce name": lambda lib: lib.segment_reduce(line(lib, 3), "median", lengths=ints(lib, 3)),
    "embedding second padding": graded(lambda lib, w: lib.nn.functional.embedding(ints(lib, 1, 0, 2), w, padding_idx=0) ** 3, (4, 2), order=2),
    "conv of other rank": lambda lib: lib.nn.functional.conv2d(lib.zeros(2, 3), lib.zeros(4, 3, 1, 1)),
    "conv_transpose channels": lambda lib: lib.nn.functional.conv_transpose2d(lib.zeros(1, 2, 3, 3), lib.zeros(4, 3, 1, 1)),
    "conv of no batch": graded(lambda lib, x, w: lib.nn.functional.conv2d(x, w), (0, 2, 3, 3), (2, 2, 2, 2)),
    "conv unbatched bias": graded(lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b), (2, 3, 3), (2, 2, 2, 2), (2,)),
    "conv3d last": graded(
        lambda lib, x, w: lib.nn.functional.conv3d(x.contiguous(memory_format=lib.channels_last_3d), w), (1, 2, 3, 3, 3), (2, 2, 2, 2, 2)
    ),
    "linear bias": lambda lib: lib.nn.functional.linear(lib.zeros(2, 3), lib.zeros(4, 3), lib.zeros(3)),
    "linear vector second": graded(lambda lib, x, w: lib.nn.functional.linear(x * x, w * w), (2, 3), (3,), order=2),
    "matmul batches": lambda lib: lib.bmm(lib.zeros(2, 3, 4), lib.zeros(3, 4, 5)),
    "einsum diagonal": graded(lambda lib, x: lib.einsum("iij->ij", x), (3, 3, 2)),
    "einsum trace": graded(lambda lib, x: lib.einsum("ii", x), (3, 3)),
    "einsum implicit": graded(lambda lib, a, b: lib.einsum("bij,bjk", a, b), (2, 3, 4), (2, 4, 2)),
    "einsum ellipsis": graded(lambda lib, a, b: lib.einsum("...ij,jk", a, b), (2, 3, 4), (4, 2)),
    "einsum broadcast": graded(lambda lib, a, b: lib.einsum("bij,bjk->ik", a, b), (1, 3, 4), (2, 4, 2)),
    "einsum broadcast sum": graded(lambda lib, a, b: lib.einsum("ij,ij->i", a, b), (3, 1), (3, 4)),
    "einsum outer": graded(lambda lib, a, b: lib.einsum("bi,bj->bij", a, b), (2, 3), (2, 4)),
    "einsum rows": graded(lambda lib, a, b: lib.einsum("bi,b->bi", a, b), (2, 3), (2,)),
    "einsum differ": lambda lib: lib.einsum("ij,jk->ik", lib.zeros(2, 3), lib.zeros(2, 3)),
    "one_hot of nothing": lambda lib: lib.nn.functional.one_hot(lib.zeros(0, dtype=lib.int64)),
    "pad negative": graded(lambda lib, x: lib.nn.functional.pad(x, (-1, 2, 1, -1)), (3, 4)),
    "pad away": lambda lib: lib.nn.functional.pad(lib.zeros(3), (-2, -2)),
    "pad reflect negative": graded(lambda lib, x: lib.nn.functional.pad(x, (-1, 2), mode="reflect"), (1, 2, 5)),
    "pad circular negative": graded(lambda lib, x: lib.nn.functional.pad(x, (-1, 2), mode="circular"), (1, 2, 5)),
    "orgqr": graded(lambda lib, a, t: lib.orgqr(a, t), (4, 3), (3,)),
    "vander": lambda lib: lib.vander(lib.tensor([1, 2, 3])),
    "vander increasing": lambda lib: lib.vander(lib.tensor([1.0, 2.0, 3.0]), 2, increasing=True),
    "vander narrow": lambda lib: lib.vander(lib.tensor([1, 2, 3]), 1),
    "vander none": lambda lib: lib.vander(lib.tensor([1.0, 2.0]), 0),
    "vander negative": lambda lib: lib.vander(lib.tensor([1.0, 2.0]), -1),
    "vander of a matrix": lambda lib: lib.vander(lib.zeros(2, 2)),
    "cov weights": graded(lambda lib, x: lib.cov(x, fweights=ints(lib, 1, 2, 1), aweights=lib.tensor([0.5, 1.0, 2.0], dtype=lib.float64)), (2, 3)),
    "corrcoef": graded(lambda lib, x: lib.corrcoef(x), (2, 3)),
    "corrcoef line": lambda lib: lib.corrcoef(line(lib, 5)),
    "cross": lambda lib: lib.cross(lib.zeros(2, 2), lib.zeros(2, 2)),
    "range": lambda lib: lib.range(1, 4, 0.5),
    "hsplit": graded(lambda lib, x: lib.hsplit(x, [1, 3]), (2, 4)),
    "hsplit line": graded(lambda lib, x: lib.hsplit(x, [1, 3]), (4,)),
    "chunk of nothing": lambda lib: lib.chunk(lib.zeros(2, 0), 3, 1),
    "atleast_1d list": lambda lib: lib.atleast_1d([lib.tensor(1.0), lib.tensor([2.0])]),
    "cat of nothing": graded(lambda lib, a, b: lib.cat([a, b]), (0,), (2, 2)),
    "repeat_interleave once": graded(lambda lib, x: lib.repeat_interleave(x, lib.tensor(2)), (3,)),
    "repeat_interleave rows": graded(lambda lib, x: lib.repeat_interleave(x, lib.tensor([2]), dim=1), (2, 3)),
    **{f"rot90 {k}": graded(lambda lib, x, k=k: lib.rot90(x, k, (0, 1)), (2, 3)) for k in (-1, 0, 1, 2, 3, 5)},
    "searchsorted number": lambda lib: lib.searchsorted(lib.tensor([1.0, 2.0, 3.0]), 2.0),
    "searchsorted side": lambda lib: lib.searchsorted(lib.tensor([1.0, 2.0, 3.0]), lib.tensor([2.0]), side="right"),
    "searchsorted sides": lambda lib: lib.searchsorted(lib.tensor([1.0, 2.0, 3.0]), lib.tensor([2.0]), right=True, side="left"),
    "searchsorted left": lambda lib: lib.searchsorted(lib.tensor([1.0, 2.0, 3.0]), 2.0, side="left", out_int32=True),
    "searchsorted other side": lambda lib: lib.searchsorted(lib.tensor([1.0]), 2.0, side="up"),
    "bucketize number": lambda lib: lib.bucketize(2.5, lib.tensor([1.0, 2.0, 3.0]), right=True),
    "unique of nothing": lambda lib: lib.unique(lib.zeros(0), return_inverse=True, return_counts=True),
    "unique rows of nothing": lambda lib: lib.unique(lib.zeros(0, 3), dim=0, return_inverse=True, return_counts=True),
    "unique rows": lambda lib: lib.unique(lib.tensor([[1, 2], [1, 2], [0, 3]]), dim=0, return_inverse=True, return_counts=True),
    "unique columns": lambda lib: lib.unique(lib.tensor([[1, 1, 0], [2, 2, 3]]), dim=1, return_inverse=True),
    "unique_consecutive of nothing": lambda lib: lib.unique_consecutive(lib.zeros(0), return_inverse=True, return_counts=True),
    "unique_consecutive rows of nothing": lambda lib: lib.unique_consecutive(lib.zeros(0, 2), dim=0, return_inverse=True),
    "unique_consecutive no rows": lambda lib: lib.unique_consecutive(lib.zeros(0, 2), dim=1),
    "scatter shapes": lambda lib: lib.zeros(2, 3).scatter(0, ints(lib, 0, 1).reshape(1, 2).expand(3, 2), lib.ones(1, 2)),
    "scatter value add": lambda lib: lib.ones(3).scatter_(0, ints(lib, 0, 0, 2), 2.0, reduce="add"),
    "scatter value multiply": lambda lib: lib.scatter(lib.ones(3), 0, ints(lib, 0, 0, 2), 2.0, reduce="multiply"),
    "scatter value other": lambda lib: lib.scatter(lib.ones(3), 0, ints(lib, 0, 0, 2), 2.0, reduce="mean"),
    "resize_as_": sizes(lambda lib: lib.zeros(2).resize_as_(lib.zeros(2, 3, 2, 2).contiguous(memory_format=lib.channels_last))),
    "fill_diagonal_ wrap": lambda lib: lib.zeros(7, 2).fill_diagonal_(3, wrap=True),
    "fill_diagonal_ tall": lambda lib: lib.zeros(7, 2).fill_diagonal_(3),
    "narrow at a tensor": graded(lambda lib, x: lib.narrow(x, 0, lib.tensor(1), 2), (4,)),
    "narrow at a float": lambda lib: lib.narrow(line(lib, 4), 0, lib.tensor(1.0), 2),
    "cumprod zero second": gradients(lambda lib, x: lib.cumprod(x, 0), [2.0, 0.0, 3.0, 0.0, 5.0]),
    "cumprod second": graded(lambda lib, x: lib.cumprod(x, 0), (4, 2), order=2),
    "median inf": lambda lib: lib.nanmedian(lib.tensor([[NAN, 3.0, 1.0], [NAN, NAN, NAN]]), dim=1),
    "norm of nothing": lambda lib: lib.linalg.vector_norm(lib.zeros(0, 3), INF),
    "norm of no rows": lambda lib: lib.linalg.vector_norm(lib.zeros(0, 3), INF, dim=0),
    "norm of no columns": lambda lib: lib.linalg.vector_norm(lib.zeros(0, 3), INF, dim=1),
    "bool product": lambda lib: lib.prod(lib.tensor([[True, False], [True, True]]), 1, dtype=lib.bool),
    "bool sum": lambda lib: lib.sum(lib.tensor([[True, False], [False, False]]), 1, dtype=lib.bool),
    "int sum": lambda lib: lib.sum(lib.tensor([1.7, 1.7]), 0, dtype=lib.int64),
    "mean of ints": lambda lib: lib.mean(ints(lib, 1, 2), dtype=lib.float64),
    "logcumsumexp int": lambda lib: lib.logcumsumexp(ints(lib, 1, 2), 0),
    "cummax complex": lambda lib: lib.cummax(lib.zeros(2, dtype=lib.complex64), 0),
    "cummax halves": lambda lib: lib.cummax(line(lib, 6, dtype="bfloat16"), 0),
    "trapezoid points": graded(lambda lib, y, x: lib.trapezoid(y, x, dim=0), (3, 2), (3,)),
    "trapezoid of few points": lambda lib: lib.trapezoid(line(lib, 3), line(lib, 2)),
    "trapezoid of truths": lambda lib: lib.trapezoid(lib.tensor([True, False])),
    "trapezoid of nothing": lambda lib: lib.trapezoid(lib.zeros(2, 0)),
    "trapezoid of no rows": lambda lib: lib.trapezoid(lib.zeros(0, 2), lib.zeros(0, 2), dim=0),
    "cumulative_trapezoid": graded(lambda lib, y, x: lib.cumulative_trapezoid(y, x, dim=0), (3, 2), (3, 2)),
    "put": graded(lambda lib, x, s: x.put(ints(lib, 3, 0), s), (2, 2), (2,), order=2),
    "put accumulating": graded(lambda lib, x, s: x.put(ints(lib, 3, 3), s, accumulate=True), (2, 2), (2,)),
    "put of too few": lambda lib: lib.zeros(2).put_(ints(lib, 0, 1), lib.ones(1)),
    "put outside": lambda lib: lib.zeros(2).put_(ints(lib, 2), lib.ones(1)),
    "put into nothing": lambda lib: lib.zeros(0).put_(ints(lib, 0), lib.ones(1)),
    "put of another dtype": lambda lib: lib.zeros(2).put_(ints(lib, 0), ints(lib, 0)),
    "put by floats": lambda lib: lib.zeros(2).put_(lib.zeros(1), lib.ones(1)),
    "put of nothing": lambda lib: lib.zeros(2).put_(ints(lib), lib.ones(0)),
    "put into a transposed": graded(lambda lib, x, s: x.t().put(ints(lib, 1, 4), s), (2, 3), (2,)),
    "take": graded(lambda lib, x: lib.take(x.t(), ints(lib, -1, 2, 2)), (2, 3), order=2),
    "take outside": lambda lib: lib.take(lib.zeros(2), ints(lib, 2)),
    "take of nothing": lambda lib: lib.take(lib.zeros(0), ints(lib)),
    "take from nothing": lambda lib: lib.take(lib.zeros(0), ints(lib, 0)),
    "index_select of a number": lambda lib: lib.index_select(lib.tensor(5.0), 0, ints(lib, 0)),
    "index_select of a number outside": lambda lib: lib.index_select(lib.tensor(5.0), 0, ints(lib, 1)),
    "index_select of a number twice": lambda lib: lib.index_select(lib.tensor(5.0), 0, ints(lib, 0, 0)),
    "index_select of nothing": lambda lib: lib.index_select(lib.zeros(0, 2), 0, ints(lib, 0)),
    "index_select by a matrix": lambda lib: lib.index_select(lib.zeros(2, 2), 0, ints(lib, 0, 1).reshape(1, 2)),
    "index_add of numbers": graded(lambda lib, x, s: lib.index_add(x, 0, ints(lib, 0), s, alpha=2), (), ()),
    "index_add shapes": lambda lib: lib.zeros(2, 3).index_add_(0, ints(lib, 0), lib.zeros(1, 2)),
    "index_add count": lambda lib: lib.zeros(2, 3).index_add_(0, ints(lib, 0, 1), lib.zeros(1, 3)),
    "index_copy": graded(lambda lib, x, s: lib.index_copy(x, 1, ints(lib, 2, 0), s), (2, 3), (2, 2), order=2),
    "index_fill number": graded(lambda lib, x: lib.index_fill(x, 1, ints(lib, 2, 0), 3.0), (2, 3)),
    "index_fill tensor": graded(lambda lib, x, v: lib.index_fill(x, 1, ints(lib, 2, 0), v), (2, 3), ()),
    "index_fill vector": lambda lib: lib.zeros(3).index_fill_(0, ints(lib, 0), lib.ones(2)),
    **{f"index_reduce {r}": graded(lambda lib, x, s, r=r: lib.index_reduce(x, 0, ints(lib, 1, 1), s, r), (3, 2), (2, 2))
       for r in ("prod", "mean", "amax", "amin")},
    **{f"index_reduce {r} alone": graded(lambda lib, x, s, r=r: lib.index_reduce(x, 0, ints(lib, 1, 1), s, r, include_self=False), (3, 2), (2, 2))
       for r in ("prod", "mean", "amax", "amin")},
    "mask of bytes": lambda lib: lib.arange(3)[lib.tensor([1, 0, 1], dtype=lib.uint8)],
    "mask too wide": lambda lib: lib.arange(3)[lib.tensor([True, False])],
    "too many indices": lambda lib: lib.arange(3)[ints(lib, 0), ints(lib, 0)],
    "indices that do not fit": lambda lib: lib.zeros(3, 3)[ints(lib, 0, 1), ints(lib, 0, 1, 2)],
    "index by floats": lambda lib: lib.zeros(3)[lib.zeros(1)],
    "indices apart": graded(lambda lib, x: x[ints(lib, 0, 1), :, ints(lib, 2, 0)], (2, 2, 3), order=2),
    "indices apart written": graded(lambda lib, x, v: lib.index_put(x, (ints(lib, 0, 1), lib.tensor([True, False])), v), (2, 2, 3), (2, 3)),
    "index_put broadcast": lambda lib: lib.zeros(2, 3).index_put_((ints(lib, 0, 1),), line(lib, 2, 2, 1, dtype="float32")),
    "index_put transposed": lambda lib: lib.zeros(2, 2, 3).index_put_((ints(lib, 0, 1, 0, 1).reshape(2, 2),), line(lib, 24, 3, 2, 2, 2, dtype="float32").permute(1, 2, 3, 0)),
    "index_put shapes": lambda lib: lib.zeros(2, 3).index_put_((ints(lib, 0, 1),), lib.zeros(2, 2)),
    "norm of a matrix": graded(lambda lib, x: lib.linalg.norm(x, 1), (2, 3)),
    "norm of rows": graded(lambda lib, x: lib.linalg.norm(x, "nuc", dim=(0, 1)), (2, 3)),
    "norm dtype": lambda lib: lib.linalg.norm(lib.ones(2, 2), 1, dtype=lib.float64),
    "norm int dtype": lambda lib: lib.linalg.norm(lib.ones(2, 2), 1, dtype=lib.int64),
    "norm complex dtype": lambda lib: lib.linalg.norm(lib.ones(2, 2), dtype=lib.complex64),
    "norm of a cube": lambda lib: lib.linalg.norm(lib.ones(2, 2, 2), 1),
    **{f"cond {p}": (lambda lib, p=p: lib.linalg.cond(lib.tensor([[2.0, 1.0], [0.5, 3.0]], dtype=lib.float64), p))
       for p in (1, -1, 2, -2, INF, -INF, "fro", "nuc", None)},
    "cond singular": lambda lib: lib.linalg.cond(lib.tensor([[1.0, 1.0], [1.0, 1.0]]), 1),
    "cond of nothing": lambda lib: lib.linalg.cond(lib.zeros(3, 0, 0), 1),
    "cond of nothing fro": lambda lib: lib.linalg.cond(lib.zeros(3, 0, 0), "fro"),
    "cond other": lambda lib: lib.linalg.cond(lib.zeros(2, 2), 3),
    "cond nuclear gradient": graded(lambda lib, x: lib.linalg.cond(x + lib.eye(2, dtype=lib.float64), "nuc"), (2, 2)),
    "matrix_rank": lambda lib: lib.linalg.matrix_rank(lib.tensor([[1.0, 1.0], [1.0, 1.0]])),
    "matrix_rank tol": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, 0.1, 0.01]), 0.05),
    "matrix_rank tol tensor": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, 0.1, 0.01]), lib.tensor(0.05)),
    "matrix_rank atol": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, 0.1, 0.01]), atol=0.05, rtol=0.0),
    "matrix_rank atol tensor": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, 0.1, 0.01]), atol=lib.tensor([0.05, 0.0]), rtol=lib.tensor(0.001)),
    "matrix_rank rtol tensor": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, 0.1, 0.01]), rtol=lib.tensor([0.05, 0.5])),
    "matrix_rank hermitian": lambda lib: lib.linalg.matrix_rank(lib.eye(3) * lib.tensor([1.0, -0.1, 0.01]), 0.05, hermitian=True),
    "pinv rcond": lambda lib: lib.linalg.pinv(lib.eye(2) * lib.tensor([1.0, 0.01]), 0.05),
    "pinv rcond tensor": lambda lib: lib.linalg.pinv(lib.eye(2) * lib.tensor([1.0, 0.01]), lib.tensor(0.05)),
    "pinv atol tensor": lambda lib: lib.linalg.pinv(lib.eye(2) * lib.tensor([1.0, 0.01]), atol=lib.tensor(0.05)),
    "pinv rtol tensor": lambda lib: lib.linalg.pinv(lib.eye(2) * lib.tensor([1.0, 0.01]), atol=0.0, rtol=lib.tensor(0.05)),
    "pinv hermitian": graded(lambda lib, x: lib.linalg.pinv(x + x.mT, hermitian=True), (2, 2)),
    "pinv of nothing": lambda lib: lib.linalg.pinv(lib.zeros(2, 0)),
    "svdvals of svd": lambda lib: lib.svd(lib.tensor([[1.0, 2.0], [0.0, 3.0]]), compute_uv=False),
    "cholesky_inverse": graded(lambda lib, x: lib.cholesky_inverse(x.tril() + 2 * lib.eye(2, dtype=lib.float64)), (2, 2)),
    "cholesky_inverse upper": graded(lambda lib, x: lib.cholesky_inverse(x.triu() + 2 * lib.eye(2, dtype=lib.float64), upper=True), (2, 2)),
    "cholesky_inverse singular": lambda lib: lib.cholesky_inverse(lib.tensor([[1.0, 0.0], [1.0, 0.0]])),
    "cholesky_inverse singular in a batch": lambda lib: lib.cholesky_inverse(lib.stack([lib.eye(2), lib.zeros(2, 2)])),
    "cholesky of no such": lambda lib: lib.linalg.cholesky(-lib.eye(2)),
    "inv singular": lambda lib: lib.linalg.inv(lib.ones(2, 2)),
    "solve singular": lambda lib: lib.linalg.solve(lib.ones(2, 2), lib.ones(2)),
    "lu_factor singular": lambda lib: lib.linalg.lu_factor(lib.zeros(2, 2)),
    "eigh of no such": lambda lib: lib.linalg.eigvalsh(lib.full((2, 2), NAN)),
    "svd of no such": lambda lib: lib.linalg.svdvals(lib.full((2, 2), NAN)),
    "lstsq residuals": graded(lambda lib, a, b: tuple(lib.linalg.lstsq(a, b))[:2], (4, 2), (4, 1)),
    "lstsq of numbers": lambda lib: lib.linalg.lstsq(lib.zeros(0, 2), lib.zeros(0, 1))[0],
    **{f"cdist {p}": graded(lambda lib, a, b, p=p: lib.cdist(a, b, p), (3, 2), (4, 2)) for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF)},
    "cdist products": graded(lambda lib, a, b: lib.cdist(a, b, compute_mode="use_mm_for_euclid_dist"), (3, 2), (4, 2)),
    "cdist of nothing": graded(lambda lib, a, b: lib.cdist(a, b), (3, 0), (4, 0)),
    "pdist": graded(lambda lib, a: lib.pdist(a, 3.0), (4, 2)),
    **{f"cross_entropy probabilities {r}": graded(
        lambda lib, x, p, r=r: lib.nn.functional.cross_entropy(x, p.softmax(1), lib.tensor([1.0, 0.5, 2.0], dtype=lib.float64), reduction=r, label_smoothing=0.1),
        (2, 3, 2), (2, 3, 2)) for r in ("mean", "sum", "none")},
    "cross_entropy probabilities of ints": lambda lib: lib.nn.functional.cross_entropy(lib.zeros(2, 3), lib.zeros(2, 3, dtype=lib.int64)),
    "bce sizes": lambda lib: lib.nn.functional.binary_cross_entropy(lib.zeros(2), lib.zeros(3)),
    "bce logits sizes": lambda lib: lib.nn.functional.binary_cross_entropy_with_logits(lib.zeros(2), lib.zeros(3)),
    "bce pos_weight": graded(
        lambda lib, x, t: lib.nn.functional.binary_cross_entropy_with_logits(x, t.sigmoid(), weight=lib.tensor([1.0, 2.0], dtype=lib.float64), pos_weight=lib.tensor([3.0, 0.5], dtype=lib.float64)),
        (3, 2), (3, 2), order=2),
    "as_strided overlapping": graded(lambda lib, x: x.as_strided((3, 2), (1, 1), 1), (6,), order=2),
    "as_strided of a stretched": graded(lambda lib, x: x.expand(3, 2).as_strided((2, 2), (0, 1), 0), (1, 2)),
    "unbind written": graded(lambda lib, x: (lambda h: (h.select(0, 1).mul_(3), h)[1])(x * 1), (2, 3)),
    "diagonal written": graded(lambda lib, x: (lambda h: (h.diagonal().mul_(3), h)[1])(x * 1), (3, 3), order=2),
    "complex part written": graded(lambda lib, x: lib.view_as_real((lambda h: (h.real.mul_(3), h)[1])(lib.view_as_complex(x * 1))), (3, 2)),
    "real view of a complex written": graded(lambda lib, x: lib.view_as_real((lambda h: (lib.view_as_real(h).select(-1, 1).mul_(2), h)[1])(lib.view_as_complex(x * 1))), (3, 2), order=2),
    "view dtype": lambda lib: lib.zeros(2, 4, dtype=lib.float32).view(lib.float64),
    "view dtype odd": lambda lib: lib.zeros(2, 3, dtype=lib.float32).view(lib.float64),
    "view dtype strides": lambda lib: lib.zeros(4, 3, dtype=lib.float32)[:, :2].view(lib.float64),
    "view dtype offset": lambda lib: lib.zeros(6, dtype=lib.float32)[1:5].view(lib.float64),
    "view dtype down": lambda lib: lib.ones(2, dtype=lib.float32).view(lib.int16),
    "copy shapes": lambda lib: lib.zeros(2).copy_(lib.zeros(3)),
    "expand shapes": lambda lib: lib.zeros(2, 3).expand(3, 3),
    "to like": graded(lambda lib, x: x.to(lib.zeros(1, dtype=lib.float32)), (3,)),
    "fill by a tensor": graded(lambda lib, x, v: x.fill(v) if hasattr(x, "fill") else lib.fill(x, v), (3,), ()),
    "fill_ by a tensor": graded(lambda lib, x, v: (x * 1).fill_(v), (3,), ()),
    "fill with a number": graded(lambda lib, x: lib.fill(x, 2.0), (3,)),
    "fill_": graded(lambda lib, x: (x * 1).fill_(2.0), (3,)),
    "zero_": graded(lambda lib, x: (x * 1).zero_(), (3,)),
    "copy_": graded(lambda lib, x, v: (x * 1).copy_(v), (3,), ()),
    "all written": graded(lambda lib, x, v: (lambda h: (h.__setitem__(slice(None), v), h)[1])(x * 1), (3,), ()),
    "part written": graded(lambda lib, x, v: (lambda h: (h.__setitem__(0, v), h)[1])(x * 1), (3,), ()),
    **{f"{f}_ gradient": gradients(lambda lib, x, f=f: getattr(x * 1, f + "_")(*([0.5] if f == "geometric" else [])), [1.0, 2.0])
       for f in ("uniform", "normal", "random", "bernoulli", "exponential", "cauchy", "log_normal", "geometric")},
    "arange complex": lambda lib: lib.arange(0, 2, dtype=lib.complex64),
    "linspace complex": lambda lib: lib.linspace(0, 1j, 3),
    "logspace bool": lambda lib: lib.logspace(0, 1, 3, dtype=lib.bool),
    "range bool": lambda lib: lib.range(0, 1, dtype=lib.bool),
    "fill_ by a vector": lambda lib: lib.zeros(2).fill_(lib.zeros(1)),
    "empty channels last": sizes(lambda lib: lib.empty((1, 2, 3, 3), memory_format=lib.channels_last)),
    "empty channels last of 3": lambda lib: lib.empty((1, 2, 3), memory_format=lib.channels_last),
    "empty channels last 3d of 4": lambda lib: lib.empty((1, 2, 3, 3), memory_format=lib.channels_last_3d),
    "new_empty": sizes(lambda lib: lib.zeros(2).new_empty((3, 2))),
    "rms_norm of nothing": graded(lambda lib, x, w: lib.nn.functional.rms_norm(x, (2,), w), (0, 2), (2,)),
    "layer_norm of nothing": graded(lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (2,), w, b), (0, 2), (2,), (2,)),
    "layer_norm last": graded(lambda lib, x: lib.nn.functional.layer_norm(x, (3,)), (3,)),
    "batch_norm of nothing": graded(lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, True), (0, 2, 3), (2,), (2,)),
    "batch_norm last": graded(lambda lib, x, w, b: lib.nn.functional.batch_norm(x.contiguous(memory_format=lib.channels_last), None, None, w, b, True), (2, 3, 2, 2), (3,), (3,)),
    "batch_norm last 3d": graded(lambda lib, x, w, b: lib.nn.functional.batch_norm(x.contiguous(memory_format=lib.channels_last_3d), None, None, w, b, True), (2, 3, 2, 1, 2), (3,), (3,)),
    "group_norm last": graded(lambda lib, x, w, b: lib.nn.functional.group_norm(x.contiguous(memory_format=lib.channels_last), 2, w, b), (2, 4, 2, 2), (4,), (4,)),
    "instance_norm": graded(lambda lib, x, w, b: lib.nn.functional.instance_norm(x, None, None, w, b), (2, 3, 4), (3,), (3,), order=2),
    **{f"interpolate {m}": graded(lambda lib, x, m=m: lib.nn.functional.interpolate(x, size=(2, 5), mode=m, antialias=True), (1, 2, 4, 3))
       for m in ("bilinear", "bicubic")},
    "interpolate 3d": graded(lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=(2, 1, 0.5), mode="trilinear", align_corners=True), (1, 1, 2, 2, 4)),
    "interpolate nearest 3d": graded(lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 2, 2, 2)),
    "interpolate nearest-exact 3d": graded(lambda lib, x: lib.nn.functional.interpolate(x, size=(3, 2, 1), mode="nearest-exact"), (1, 1, 2, 2, 2)),
    "interpolate corners of 1": graded(lambda lib, x: lib.nn.functional.interpolate(x, size=1, mode="linear", align_corners=True), (1, 1, 3)),
    "rnn": graded(lambda lib, x, h, a, b: lib.rnn_tanh_cell(x, h, a, b), (2, 3), (2, 4), (4, 3), (4, 4)),
    "overlapping out": lambda lib: lib.add(lib.ones(3), 1, out=lib.zeros(1).expand(3)),
    "overlapping strides": lambda lib: lib.zeros(8).as_strided((3, 2), (2, 3)).add_(1),
    "partly overlapping": lambda lib: (lambda t: lib.add(t[:3], 1, out=t[1:]))(lib.zeros(4)),
    "wrapped minus": small_int(lambda lib, u: u - lib.tensor(300), "int8", (1, 2)),
    "wrapped times": small_int(lambda lib, u: u * lib.tensor(300), "int16", (300, 2)),
    "wrapped equal": small_int(lambda lib, u: u == lib.tensor(257), "uint8", (1, 2)),
    "bool of a byte": lambda lib: lib.tensor([0, 2, 256], dtype=lib.int64).to(lib.uint8).to(lib.bool),
    "triu of truths": lambda lib: lib.triu(lib.ones(2, 3, dtype=lib.bool), 1),
    "tril diagonal": graded(lambda lib, x: lib.tril(x, -1), (3, 3)),
    "linspace bool": lambda lib: lib.linspace(0, 3, 4, dtype=lib.bool),
    "arange bool": lambda lib: lib.arange(0, 2, dtype=lib.bool),
    "linspace half": lambda lib: lib.linspace(0, 1, 5, dtype=lib.float16),
    "logspace int": lambda lib: lib.logspace(0, 3, 4, dtype=lib.int64),
    "embedding max_norm": lambda lib: lib.nn.functional.embedding(ints(lib, 0, 1), line(lib, 6, 3, 2) * 3, max_norm=1.0),
    **{f"embedding_bag {m}": graded(
        lambda lib, w, m=m: lib.nn.functional.embedding_bag(ints(lib, 1, 2, 3, 1), w, ints(lib, 0, 0, 3), mode=m), (4, 2)) for m in ("sum", "mean", "max")},
    "max_unpool2d": graded(
        lambda lib, x: lib.nn.functional.max_unpool2d(*lib.nn.functional.max_pool2d(x, 2, return_indices=True), 2), (1, 1, 4, 4)),
    "topk of a number": lambda lib: lib.topk(lib.tensor(3.0), 1),
    "sort of a number": lambda lib: lib.sort(lib.tensor(3.0)),
    "kthvalue rows": graded(lambda lib, x: lib.kthvalue(x, 2, 0, True)[0], (3, 2)),
    "topk of many": lambda lib: lib.topk(line(lib, 70000), 5),
    "topk of most": lambda lib: lib.topk(line(lib, 2 * 3000, 2, 3000), 1500, sorted=True)[0][:, ::100],
    "sort of many": lambda lib: lib.sort(line(lib, 140000, dtype="float32"), stable=True)[0][::9999],
    "sort of many descending": lambda lib: lib.sort((line(lib, 140000) * 1000).long(), descending=True, stable=True)[1][::9999],
    "argmax of tall": lambda lib: lib.argmax(line(lib, 9000 * 3, 9000, 3), 0),
    "max of tall": lambda lib: lib.max(line(lib, 9000 * 3, 9000, 3), 0),
    "min of tall bytes": lambda lib: lib.min((line(lib, 9000 * 3, 9000, 3) * 100).to(lib.int8), 0),
    "argmin nan": lambda lib: lib.argmin(lib.where(lib.arange(27000).reshape(9000, 3) % 7000 == 6500, lib.tensor(NAN), lib.tensor(1.0)), 0),
}  # fmt: skip
