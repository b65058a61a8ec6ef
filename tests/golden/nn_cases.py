"""Cases shared by make_nn_golden.py (run with PyTorch) and tests/python/test_nn_golden.py.

A case is (name, how to make the module, inputs).  An input is a shape tuple (floats), ("fixed",
*shape) without gradient, ("positive", *shape), ("int", high, shape) or ("tuple", input, ...).  Values come from formulas, so that
no random numbers and no files of inputs are needed.
"""

import math


def values(n, seed):
    """n numbers in (-1, 1) that differ from seed to seed."""
    return [math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1)) * 0.9 for i in range(n)]


def make_input(t, spec, seed):
    """The tensor(s) of an input specification with framework `t`."""
    if isinstance(spec, tuple) and spec and spec[0] == "int":
        n = math.prod(spec[2])
        data = [int(abs(v) * 1000) % spec[1] for v in values(n, seed)]
        return t.tensor(data, dtype=t.int64).reshape(spec[2])
    if isinstance(spec, tuple) and spec and spec[0] == "tuple":
        return tuple(make_input(t, s, seed + 7 * k) for k, s in enumerate(spec[1:]))
    if isinstance(spec, tuple) and spec and spec[0] == "fixed":
        return t.tensor(values(math.prod(spec[1:]), seed), dtype=t.float64).reshape(spec[1:])
    if isinstance(spec, tuple) and spec and spec[0] == "positive":
        data = [abs(v) + 0.1 for v in values(math.prod(spec[1:]), seed)]
        return t.tensor(data, dtype=t.float64).reshape(spec[1:]).requires_grad_(True)
    n = math.prod(spec)
    return t.tensor(values(n, seed), dtype=t.float64).reshape(spec).requires_grad_(True)


def fill(t, module):
    """Give every parameter and floating point buffer values from the formula."""
    with t.no_grad():
        for k, (name, p) in enumerate(list(module.named_parameters()) + list(module.named_buffers())):
            if not p.is_floating_point():
                continue
            v = t.tensor(values(p.numel(), 100 + k), dtype=p.dtype).reshape(p.shape)
            p.copy_(v.abs() + 0.5 if "var" in name else v)


def flatten(out):
    """All tensors inside of an output."""
    if isinstance(out, (list, tuple)):
        return [x for v in out for x in flatten(v)]
    return [out] if hasattr(out, "shape") else []


def numbers(x):
    """Values rounded for a small file."""
    return [float(f"{float(v):.9g}") for v in x.detach().flatten().tolist()]


def run(t, make, inputs, train):
    """Everything about one case: text, state, output, buffers and gradients."""
    module = eval(make, {"nn": t.nn, "t": t})
    module.to(t.float64)
    text = repr(module)
    fill(t, module)
    module.train(train)
    args = [make_input(t, spec, 10 * i) for i, spec in enumerate(inputs)]
    out = flatten(module(*args))
    leaves = [a for a in flatten(args) if a.requires_grad] + [p for p in module.parameters() if p.requires_grad]
    loss = 0
    for k, o in enumerate(out):
        if o.is_floating_point():
            w = t.tensor(values(o.numel(), 500 + k), dtype=t.float64).reshape(o.shape)
            loss = loss + (o * w).sum()
    grads = t.autograd.grad(loss, leaves, allow_unused=True) if leaves else []
    return {
        "repr": text,
        "state": {k: list(v.shape) for k, v in module.state_dict().items()},
        "out": [numbers(o) for o in out],
        "buffers": [numbers(b) for b in module.buffers()],
        "grads": [
            None if g is None else numbers(g.sum().reshape(1)) + numbers((g * g).sum().reshape(1)) for g in grads
        ],
    }


IMG = (2, 4, 6, 5)
VOL = (1, 2, 4, 5, 4)
SEQ = (2, 3, 9)
CASES = [
    ("linear", "nn.Linear(5, 3)", [(4, 5)]),
    ("linear_no_bias", "nn.Linear(5, 3, bias=False)", [(2, 4, 5)]),
    ("bilinear", "nn.Bilinear(3, 4, 2)", [(5, 3), (5, 4)]),
    ("conv1d", "nn.Conv1d(3, 4, 3, stride=2, padding=1)", [SEQ]),
    ("conv1d_same", "nn.Conv1d(3, 3, 4, padding='same', groups=3)", [SEQ]),
    ("conv2d", "nn.Conv2d(4, 6, (3, 2), dilation=(1, 2), groups=2)", [IMG]),
    ("conv2d_reflect", "nn.Conv2d(4, 2, 3, padding=1, padding_mode='reflect', bias=False)", [IMG]),
    ("conv2d_circular", "nn.Conv2d(4, 2, 3, padding=(2, 1), padding_mode='circular')", [IMG]),
    ("conv3d", "nn.Conv3d(2, 3, 2, padding=1)", [VOL]),
    ("conv_t1d", "nn.ConvTranspose1d(3, 2, 3, stride=2, output_padding=1)", [SEQ]),
    ("conv_t2d", "nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, groups=2)", [IMG]),
    ("conv_t3d", "nn.ConvTranspose3d(2, 1, 2, stride=2)", [VOL]),
    ("max_pool1d", "nn.MaxPool1d(3, 2)", [SEQ]),
    ("max_pool2d", "nn.MaxPool2d((2, 3), padding=1, return_indices=True)", [IMG]),
    ("max_pool3d", "nn.MaxPool3d(2, ceil_mode=True)", [VOL]),
    ("avg_pool1d", "nn.AvgPool1d(2)", [SEQ]),
    ("avg_pool2d", "nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)", [IMG]),
    ("avg_pool3d", "nn.AvgPool3d(2, 1, divisor_override=3)", [VOL]),
    ("lp_pool1d", "nn.LPPool1d(2, 3)", [SEQ]),
    ("lp_pool2d", "nn.LPPool2d(4, 2)", [IMG]),
    ("adaptive_avg1", "nn.AdaptiveAvgPool1d(4)", [SEQ]),
    ("adaptive_avg2", "nn.AdaptiveAvgPool2d((None, 3))", [IMG]),
    ("adaptive_max2", "nn.AdaptiveMaxPool2d((4, 2), return_indices=True)", [IMG]),
    ("batch_norm1d", "nn.BatchNorm1d(3)", [SEQ]),
    ("batch_norm2d", "nn.BatchNorm2d(4, momentum=None)", [IMG]),
    ("batch_norm_plain", "nn.BatchNorm2d(4, affine=False, track_running_stats=False)", [IMG]),
    ("instance_norm2d", "nn.InstanceNorm2d(4, affine=True, track_running_stats=True)", [IMG]),
    ("instance_norm1d", "nn.InstanceNorm1d(3)", [(3, 9)]),
    ("group_norm", "nn.GroupNorm(2, 4)", [IMG]),
    ("layer_norm", "nn.LayerNorm((6, 5))", [IMG]),
    ("rms_norm", "nn.RMSNorm(5, eps=1e-6)", [IMG]),
    ("lrn", "nn.LocalResponseNorm(3)", [IMG]),
    ("cross_map_lrn", "nn.CrossMapLRN2d(3, k=2)", [IMG]),
    ("embedding", "nn.Embedding(7, 3, padding_idx=2)", [("int", 7, (2, 4))]),
    ("bag_mean", "nn.EmbeddingBag(7, 3, padding_idx=1)", [("int", 7, (3, 4))]),
    ("bag_max", "nn.EmbeddingBag(7, 3, mode='max')", [("int", 7, (3, 4))]),
    ("reflection", "nn.ReflectionPad2d((1, 2, 0, 3))", [IMG]),
    ("replication", "nn.ReplicationPad1d(2)", [SEQ]),
    ("constant", "nn.ConstantPad3d((1, 0, 1, 0, 0, 1), 2.5)", [VOL]),
    ("zero", "nn.ZeroPad2d(1)", [IMG]),
    ("circular", "nn.CircularPad1d((1, 2))", [SEQ]),
    ("pixel_shuffle", "nn.PixelShuffle(2)", [IMG]),
    ("pixel_unshuffle", "nn.PixelUnshuffle(2)", [(1, 2, 4, 6)]),
    ("channel_shuffle", "nn.ChannelShuffle(2)", [IMG]),
    ("upsample", "nn.Upsample(scale_factor=1.5, mode='bilinear')", [IMG]),
    ("upsample_nearest", "nn.Upsample(size=(3, 11))", [IMG]),
    ("unfold", "nn.Unfold((2, 3), padding=1, stride=2)", [IMG]),
    ("fold", "nn.Fold((4, 5), (2, 2))", [(1, 8, 12)]),
    ("flatten", "nn.Flatten()", [IMG]),
    ("unflatten", "nn.Unflatten(1, (2, 2))", [IMG]),
    ("cosine", "nn.CosineSimilarity()", [(3, 4), (3, 4)]),
    ("distance", "nn.PairwiseDistance(1.0, keepdim=True)", [(3, 4), (3, 4)]),
    ("rnn", "nn.RNN(3, 4, 2, nonlinearity='relu')", [(5, 2, 3)]),
    ("lstm", "nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)", [(5, 2, 3)]),
    ("lstm_state", "nn.LSTM(3, 4, batch_first=True)", [(2, 5, 3), ("tuple", (1, 2, 4), (1, 2, 4))]),
    ("gru", "nn.GRU(3, 4, bias=False, batch_first=True)", [(2, 5, 3)]),
    ("gru_unbatched", "nn.GRU(3, 4)", [(5, 3)]),
    ("lstm_cell", "nn.LSTMCell(3, 4)", [(2, 3)]),
    ("gru_cell", "nn.GRUCell(3, 4)", [(2, 3), (2, 4)]),
    ("rnn_cell", "nn.RNNCell(3, 4)", [(2, 3)]),
    (
        "attention",
        "nn.MultiheadAttention(6, 2, add_bias_kv=True, add_zero_attn=True)",
        [(4, 2, 6), (5, 2, 6), (5, 2, 6)],
    ),
    (
        "attention_dims",
        "nn.MultiheadAttention(6, 3, kdim=5, vdim=4, batch_first=True)",
        [(2, 4, 6), (2, 5, 5), (2, 5, 4)],
    ),
    (
        "encoder",
        "nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, enable_nested_tensor=False)",
        [(3, 2, 8)],
    ),
    ("decoder", "nn.TransformerDecoderLayer(8, 2, 16, 0.0, norm_first=True, batch_first=True)", [(2, 3, 8), (2, 5, 8)]),
    ("transformer", "nn.Transformer(8, 2, 1, 1, 16, 0.0, activation='gelu')", [(3, 2, 8), (4, 2, 8)]),
    ("adaptive_softmax", "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])", [(6, 8), ("int", 20, (6,))]),
    ("sequential", "nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))", [(3, 4)]),
]
for _act in (
    "ReLU()", "ReLU6()", "ELU(0.7)", "CELU(1.3)", "SELU()", "GELU()", "GELU('tanh')", "SiLU()", "Mish()",
    "Hardswish()", "Hardsigmoid()", "Hardtanh(-0.3, 0.6)", "Hardshrink(0.2)", "Softshrink(0.2)", "Softplus(2.0)",
    "Softsign()", "Tanhshrink()", "LogSigmoid()", "Sigmoid()", "Tanh()", "LeakyReLU(0.2)", "PReLU(4)",
    "Threshold(0.1, 3.0)", "GLU(1)", "Softmax(1)", "LogSoftmax(-1)", "Softmin(0)", "Softmax2d()", "RReLU()",
):  # fmt: skip
    CASES.append((_act, f"nn.{_act}", [IMG]))
_CLS = ("int", 3, (5,))
for _loss, _inputs in (
    ("L1Loss()", [(4, 3), (4, 3)]), ("MSELoss(reduction='sum')", [(4, 3), (4, 3)]),
    ("SmoothL1Loss(beta=0.3)", [(4, 3), (4, 3)]), ("HuberLoss(delta=0.4)", [(4, 3), (4, 3)]),
    ("CrossEntropyLoss(label_smoothing=0.1)", [(5, 3), _CLS]), ("CrossEntropyLoss(ignore_index=1)", [(5, 3), _CLS]),
    ("NLLLoss(reduction='none')", [(5, 3), _CLS]), ("BCEWithLogitsLoss()", [(4, 3), (4, 3)]),
    ("KLDivLoss(reduction='batchmean', log_target=True)", [(4, 3), (4, 3)]), ("PoissonNLLLoss()", [(4, 3), (4, 3)]),
    ("GaussianNLLLoss(full=True)", [(4, 3), (4, 3), ("positive", 4, 1)]),
    ("HingeEmbeddingLoss()", [(4, 3), ("int", 2, (4, 3))]), ("SoftMarginLoss()", [(4, 3), ("fixed", 4, 3)]),
    ("MultiLabelSoftMarginLoss()", [(4, 3), ("fixed", 4, 3)]), ("MultiMarginLoss(p=2)", [(5, 3), _CLS]),
    ("MultiLabelMarginLoss()", [(5, 3), ("int", 3, (5, 3))]),
    ("MarginRankingLoss(0.2)", [(4,), (4,), ("fixed", 4)]), ("CosineEmbeddingLoss()", [(4, 3), (4, 3), ("int", 2, (4,))]),
    ("TripletMarginLoss(swap=True)", [(4, 3), (4, 3), (4, 3)]),
    ("TripletMarginWithDistanceLoss()", [(4, 3), (4, 3), (4, 3)]),
):  # fmt: skip
    CASES.append((_loss, f"nn.{_loss}", _inputs))
EVAL_TOO = ("batch_norm1d", "batch_norm2d", "instance_norm2d")
EVAL_ONLY = ("RReLU()",)
# PyTorch's gradient of this layer takes the neighbouring channels one position off
NO_GRADIENT = ("cross_map_lrn",)
