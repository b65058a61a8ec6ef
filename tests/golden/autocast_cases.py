"""Cases shared by make_nn_golden.py (run with PyTorch) and tests/python/test_amp.py.

A case is an expression; what is compared is the dtype of its result inside of autocast. `x` is 4 x 4, `b` 2 x 4 x 4,
`i` 2 x 4 x 8 x 8, `v` 1 x 2 x 4 x 4 x 4, `p` 4 x 4 of probabilities, `k` 4 labels; `xs`, `ps` are second tensors of
the same shapes, float32 in every combination.
"""

import math

EXPRESSIONS = {
    # lower precision
    "mm": "x.mm(x)", "matmul": "x @ x", "bmm": "b.bmm(b)", "addmm": "t.addmm(x, x, x)", "baddbmm": "t.baddbmm(b, b, b)",
    "addbmm": "t.addbmm(x, b, b)", "linear": "F.linear(x, xs, xs[0])", "conv1d": "F.conv1d(b, b)",
    "conv1d same": "F.conv1d(b, b, padding='same')", "conv2d": "F.conv2d(i, i[:, :, :3, :3])",
    "conv3d": "F.conv3d(v, v[:, :, :2, :2, :2])", "conv_transpose1d": "F.conv_transpose1d(b[:, :2], b[:, :2])",
    "conv_transpose2d": "F.conv_transpose2d(i[:, :2], i[:, :2])",
    "conv_transpose3d": "F.conv_transpose3d(v, v[0].unsqueeze(1))", "prelu": "F.prelu(x, x[0])",
    "attention": "F.scaled_dot_product_attention(b, b, b)", "einsum": "t.einsum('ij,jk->ik', x, x)",
    "tensordot": "t.tensordot(x, x, dims=1)", "mixed mm": "x.mm(xs)", "Linear": "nn.Linear(4, 3)(x)",
    "Conv2d": "nn.Conv2d(4, 3, 3)(i)", "MHA": "nn.MultiheadAttention(4, 2)(x, x, x)[0]",
    # float32
    "mse": "F.mse_loss(x, xs)", "l1": "F.l1_loss(x, xs)", "smooth_l1": "F.smooth_l1_loss(x, xs)",
    "huber": "F.huber_loss(x, xs)", "bce": "F.binary_cross_entropy(p, ps)",
    "bce logits": "F.binary_cross_entropy_with_logits(x, ps.to(x.dtype))", "cross_entropy": "F.cross_entropy(x, k)",
    "nll": "F.nll_loss(x, k)", "kl_div": "F.kl_div(x, ps)", "poisson": "F.poisson_nll_loss(x, ps)",
    "hinge": "F.hinge_embedding_loss(x, ps)", "cosine": "F.cosine_embedding_loss(x, x, ps[0])",
    "margin ranking": "F.margin_ranking_loss(x, x, ps)", "soft margin": "F.soft_margin_loss(x, ps)",
    "triplet": "F.triplet_margin_loss(x, x, x)", "multi margin": "F.multi_margin_loss(x, k)",
    "multilabel margin": "F.multilabel_margin_loss(x[0], k)",
    "ctc": "F.ctc_loss(b.log_softmax(2), k[:2] * 0 + 1, t.tensor([2, 2, 2, 2]), t.tensor([1, 1, 0, 0]))",
    "prod": "x.prod()", "prod dim": "x.prod(1)", "trace": "x.trace()", "polar": "t.polar(x, x)",
    "avg_pool3d": "F.avg_pool3d(v, 2)", "max_pool3d": "F.max_pool3d(v, 2)",
    "adaptive_avg_pool3d": "F.adaptive_avg_pool3d(v, 2)", "adaptive_max_pool3d": "F.adaptive_max_pool3d(v, 2)",
    "max_unpool2d": "F.max_unpool2d(*F.max_pool2d(i, 2, return_indices=True), 2)",
    "grid_sample": "F.grid_sample(i, i[:, :2, :4, :2], align_corners=False)",
    "fractional": "F.fractional_max_pool2d(i, 2, output_size=3)", "view_as_complex": "t.view_as_complex(xs[:, :2])",
    # the widest
    "cat": "t.cat([x, xs])", "stack": "t.stack([x, xs])", "cat low": "t.cat([x, x])",
    "index_copy": "x.index_copy(0, k[:1], xs[:1])",
    # untouched
    "add": "x + xs", "mul": "x * x", "relu": "x.relu()", "softmax": "x.softmax(1)", "sum": "x.sum()", "exp": "x.exp()",
    "layer_norm": "F.layer_norm(x, (4,))", "LayerNorm": "nn.LayerNorm(4)(x)", "BatchNorm": "nn.BatchNorm2d(4)(i)",
    "GroupNorm": "nn.GroupNorm(2, 4)(i)", "max_pool2d": "F.max_pool2d(i, 2)", "avg_pool2d": "F.avg_pool2d(i, 2)",
    "interpolate": "F.interpolate(i, scale_factor=2)", "pow": "x ** 2", "norm": "x.norm()", "cumsum": "x.cumsum(0)",
    "embedding": "F.embedding(k, x)", "gelu": "F.gelu(x)", "log_softmax": "x.log_softmax(1)", "mean": "x.mean()",
    "dropout": "F.dropout(x)", "logsumexp": "x.logsumexp(1)", "mv": "x.mv(x[0])", "dot": "x[0].dot(x[0])",
}  # fmt: skip
# PyTorch refuses some products of two dtypes that autocast leaves alone; they have no entry in the golden file.
INPUTS = ("float32", "bfloat16", "float16", "float64")
LOWER = ("bfloat16", "float16")


def _values(t, *shape):
    n = math.prod(shape)
    return t.tensor([abs(math.sin(12.9898 * (i + 1))) for i in range(n)], dtype=t.float32).reshape(shape)


def dtypes(t, lower):
    """{'expression/input dtype': dtype of the result or None where the framework refuses}."""
    found = {}
    for name in INPUTS:
        dtype = getattr(t, name)
        first = {"x": (4, 4), "b": (2, 4, 4), "i": (2, 4, 8, 8), "v": (1, 2, 4, 4, 4), "p": (4, 4)}
        place = {k: _values(t, *shape).to(dtype) for k, shape in first.items()}
        place.update(xs=_values(t, 4, 4), ps=_values(t, 4, 4), k=t.tensor([0, 1, 2, 3]))
        place.update(t=t, nn=t.nn, F=t.nn.functional)
        for case, text in EXPRESSIONS.items():
            try:
                with t.autocast("cpu", dtype=getattr(t, lower)):
                    result = eval(text, place)
                found[f"{case}/{name}"] = str(result.dtype).rsplit(".", 1)[-1]
            except (RuntimeError, ValueError, TypeError, NotImplementedError):
                found[f"{case}/{name}"] = None
    return found
