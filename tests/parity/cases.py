"""The Python twin of rustorch_parity: the same layers, optimizers, schedulers and trainings, printed alike.

Every function gives {name: line}, lines as the C++ program prints them.
"""

import math
import pathlib
import sys
import zlib

import rustorch as rt
from rustorch import nn, optim
from rustorch.optim import lr_scheduler as lrs
from rustorch.optim import swa_utils as swa

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import trajectory_cases as tc  # noqa: E402


def x(*shape, k=0):
    n = math.prod(shape)
    return ((rt.arange(n, dtype=rt.float32) * 0.731 + 0.379 * k).sin() * 1.5).reshape(shape)


def idx(*shape, high):
    return (rt.arange(math.prod(shape)) * 7 + 3).remainder(high).reshape(shape)


def checksum(tensors):
    crc = 0
    for t in tensors:
        crc = zlib.crc32(t.detach().contiguous().numpy().tobytes(), crc)
    return f"{crc:08x}"


def hexa(v):
    """A number as C's %a writes it."""
    text = float(v).hex().replace("0x0.0p+0", "0x0p+0")
    if "." in text:
        head, exponent = text.split("p")
        text = head.rstrip("0").rstrip(".") + "p" + exponent
    return text


def flat(out):
    if isinstance(out, rt.Tensor):
        return [out]
    return [t for part in out if part is not None for t in flat(part)]


def layers():
    lines = {}

    def run(name, make, *args):
        rt.manual_seed(0)
        m = make()
        results = flat(m(*args))
        state = m.state_dict()
        keys = " ".join(":".join([k, *map(str, v.shape)]) for k, v in state.items())
        before = checksum(state.values())
        grads = []
        if results[0].requires_grad:
            results[0].sum().backward()
            grads = [p.grad for p in m.parameters() if p.grad is not None]
        text = repr(m).replace("\n", "\\n")
        lines[name] = "|".join([name, text, keys, before, checksum(results), checksum(grads)])

    _plain(run)
    _spatial(run)
    _rest(run)
    _losses(run)
    return lines


def _plain(run):
    v = x(3, 4)
    for name in (
        "ReLU ReLU6 SELU SiLU Mish Hardswish Hardsigmoid Hardtanh ELU CELU LeakyReLU RReLU PReLU GELU GLU Sigmoid Tanh "
        "LogSigmoid Softsign Tanhshrink Softplus Softshrink Hardshrink Dropout Identity"
    ).split():
        run(name, getattr(nn, name), v)
    run("Hardtanh2", lambda: nn.Hardtanh(-0.5, 0.25, inplace=True), v.clone())
    run("Threshold", lambda: nn.Threshold(0.1, 20.0), v)
    run("ELU2", lambda: nn.ELU(0.5), v)
    run("LeakyReLU2", lambda: nn.LeakyReLU(0.2, inplace=True), v.clone())
    run("PReLU2", lambda: nn.PReLU(4, 0.1), v)
    run("GELU2", lambda: nn.GELU("tanh"), v)
    run("Softmax", lambda: nn.Softmax(1), v)
    run("Softmin", lambda: nn.Softmin(1), v)
    run("LogSoftmax", lambda: nn.LogSoftmax(-1), v)
    run("Softmax2d", nn.Softmax2d, x(2, 3, 2, 2))


def _spatial(run):
    v, a, b, c = x(3, 4), x(2, 4, 9), x(2, 4, 7, 8), x(2, 4, 5, 6, 5)
    run("Conv1d", lambda: nn.Conv1d(4, 6, 3), a)
    run("Conv1d2", lambda: nn.Conv1d(4, 6, 3, padding="same", padding_mode="circular", dilation=2), a)
    run("Conv2d", lambda: nn.Conv2d(4, 6, 3), b)
    run("Conv2d2", lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), 1, groups=2, bias=False), b)
    run("Conv2d3", lambda: nn.Conv2d(4, 2, 3, padding="same"), b)
    run("Conv2d4", lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"), b)
    run("Conv3d", lambda: nn.Conv3d(4, 2, 2), c)
    run("ConvTranspose1d", lambda: nn.ConvTranspose1d(4, 6, 3), a)
    run("ConvTranspose2d", lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), b)
    run("ConvTranspose3d", lambda: nn.ConvTranspose3d(4, 2, 2), c)
    run("MaxPool1d", lambda: nn.MaxPool1d(2), a)
    run("MaxPool2d", lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), b)
    run("MaxPool3d", lambda: nn.MaxPool3d(2), c)
    run("AvgPool1d", lambda: nn.AvgPool1d(2), a)
    run("AvgPool2d", lambda: nn.AvgPool2d((3, 2), (2, 1), count_include_pad=False), b)
    run("AvgPool3d", lambda: nn.AvgPool3d(2), c)
    run("LPPool1d", lambda: nn.LPPool1d(2.0, 2), a.abs())
    run("LPPool2d", lambda: nn.LPPool2d(3.0, 2), b.abs())
    run("LPPool3d", lambda: nn.LPPool3d(2.0, 2), c.abs())
    run("AdaptiveAvgPool1d", lambda: nn.AdaptiveAvgPool1d(3), a)
    run("AdaptiveAvgPool2d", lambda: nn.AdaptiveAvgPool2d((3, None)), b)
    run("AdaptiveAvgPool3d", lambda: nn.AdaptiveAvgPool3d(2), c)
    run("AdaptiveMaxPool1d", lambda: nn.AdaptiveMaxPool1d(3), a)
    run("AdaptiveMaxPool2d", lambda: nn.AdaptiveMaxPool2d(3), b)
    run("AdaptiveMaxPool3d", lambda: nn.AdaptiveMaxPool3d(2), c)
    run("FractionalMaxPool2d", lambda: nn.FractionalMaxPool2d(2, output_size=3), b)
    run("FractionalMaxPool3d", lambda: nn.FractionalMaxPool3d(2, output_ratio=0.5), c)
    run("MaxUnpool1d", lambda: nn.MaxUnpool1d(2), x(2, 4, 3), idx(2, 4, 3, high=6))
    run("MaxUnpool2d", lambda: nn.MaxUnpool2d(2), x(2, 2, 2, 2), idx(2, 2, 2, 2, high=16))
    run("MaxUnpool3d", lambda: nn.MaxUnpool3d(2), x(1, 2, 2, 2, 2), idx(1, 2, 2, 2, 2, high=64))
    run("BatchNorm1d", lambda: nn.BatchNorm1d(4), a)
    run("BatchNorm2d", lambda: nn.BatchNorm2d(4, eps=1e-3, momentum=None), b)
    run("BatchNorm3d", lambda: nn.BatchNorm3d(4, affine=False), c)
    run("SyncBatchNorm", lambda: nn.SyncBatchNorm(4), b)
    run("InstanceNorm1d", lambda: nn.InstanceNorm1d(4), a)
    run("InstanceNorm2d", lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), b)
    run("InstanceNorm3d", lambda: nn.InstanceNorm3d(4), c)
    run("LayerNorm", lambda: nn.LayerNorm(9), a)
    run("LayerNorm2", lambda: nn.LayerNorm((4, 9), bias=False), a)
    run("RMSNorm", lambda: nn.RMSNorm(9), a)
    run("GroupNorm", lambda: nn.GroupNorm(2, 4), b)
    run("LocalResponseNorm", lambda: nn.LocalResponseNorm(2), b)
    run("CrossMapLRN2d", lambda: nn.CrossMapLRN2d(3, k=1.0), b)
    run("Dropout1d", lambda: nn.Dropout1d(0.3), a)
    run("Dropout2d", lambda: nn.Dropout2d(0.3), b)
    run("Dropout3d", lambda: nn.Dropout3d(0.3), c)
    run("AlphaDropout", lambda: nn.AlphaDropout(0.2), v)
    run("FeatureAlphaDropout", lambda: nn.FeatureAlphaDropout(0.2), b)
    run("ConstantPad1d", lambda: nn.ConstantPad1d(2, 1.5), a)
    run("ConstantPad2d", lambda: nn.ConstantPad2d((1, 2, 0, 1), 3.0), b)
    run("ConstantPad3d", lambda: nn.ConstantPad3d(1, 0.5), c)
    for kind in ("Zero", "Reflection", "Replication", "Circular"):
        for n, data, size in ((1, a, 2), (2, b, 1), (3, c, 1)):
            run(f"{kind}Pad{n}d", lambda kind=kind, n=n, size=size: getattr(nn, f"{kind}Pad{n}d")(size), data)


def _rest(run):
    v, b, s = x(3, 4), x(2, 4, 6, 6), x(5, 2, 4)
    run("Linear", lambda: nn.Linear(4, 3), v)
    run("Linear2", lambda: nn.Linear(4, 3, False), v)
    run("Bilinear", lambda: nn.Bilinear(4, 3, 2), v, x(3, 3))
    run("Flatten", nn.Flatten, b)
    run("Unflatten", lambda: nn.Unflatten(1, (2, 2)), b)
    run("Fold", lambda: nn.Fold((4, 5), 2), x(1, 8, 12))
    run("Unfold", lambda: nn.Unfold((2, 3), padding=1), b)
    run("PixelShuffle", lambda: nn.PixelShuffle(2), b)
    run("PixelUnshuffle", lambda: nn.PixelUnshuffle(2), b)
    run("ChannelShuffle", lambda: nn.ChannelShuffle(2), b)
    run("Upsample", lambda: nn.Upsample(scale_factor=2, mode="bicubic"), b)
    run("Upsample2", lambda: nn.Upsample((5, 9)), b)
    run("UpsamplingNearest2d", lambda: nn.UpsamplingNearest2d(scale_factor=2), b)
    run("UpsamplingBilinear2d", lambda: nn.UpsamplingBilinear2d(4), b)
    run("PairwiseDistance", nn.PairwiseDistance, v, x(3, 4, k=1))
    run("CosineSimilarity", nn.CosineSimilarity, v, x(3, 4, k=1))
    run("Embedding", lambda: nn.Embedding(7, 3), idx(2, 5, high=7))
    run("Embedding2", lambda: nn.Embedding(7, 3, padding_idx=-2, max_norm=1.0), idx(2, 5, high=7))
    run("EmbeddingBag", lambda: nn.EmbeddingBag(7, 3), idx(2, 5, high=7))
    run("EmbeddingBag2", lambda: nn.EmbeddingBag(7, 3, mode="max"), idx(6, high=7), rt.tensor([0, 2, 2]))
    run(
        "EmbeddingBag3",
        lambda: nn.EmbeddingBag(7, 3, mode="sum", padding_idx=1),
        idx(6, high=7),
        rt.tensor([0, 2, 5]),
        x(6),
    )
    run("RNN", lambda: nn.RNN(4, 3), s)
    run("RNN2", lambda: nn.RNN(4, 3, 2, "relu", bias=False), s)
    run("LSTM", lambda: nn.LSTM(4, 3), s)
    run(
        "LSTM2",
        lambda: nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True, dropout=0.5, proj_size=2),
        s,
    )
    run("GRU", lambda: nn.GRU(4, 3), s)
    run("GRU2", lambda: nn.GRU(4, 3, bidirectional=True), s, x(2, 2, 3))
    run("RNNCell", lambda: nn.RNNCell(4, 3), v)
    run("LSTMCell", lambda: nn.LSTMCell(4, 3), v)
    run("GRUCell", lambda: nn.GRUCell(4, 3, bias=False), v, x(3, 3))

    q, k = x(5, 2, 8), x(4, 2, 8, k=1)
    run("MultiheadAttention", lambda: nn.MultiheadAttention(8, 2), q, k, k)
    run(
        "MultiheadAttention2",
        lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, kdim=4, vdim=8, batch_first=True),
        q,
        x(5, 3, 4),
        x(5, 3, 8),
    )
    run("TransformerEncoderLayer", lambda: nn.TransformerEncoderLayer(8, 2, 16), q)
    run(
        "TransformerEncoderLayer2",
        lambda: nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, activation="gelu", batch_first=True),
        q,
        nn.Transformer.generate_square_subsequent_mask(2),
    )
    run("TransformerDecoderLayer", lambda: nn.TransformerDecoderLayer(8, 2, 16), q, k)
    run(
        "TransformerEncoder", lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, nn.LayerNorm(8)), q
    )
    run("TransformerDecoder", lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2), q, k)
    run("Transformer", lambda: nn.Transformer(8, 2, 1, 2, 16), k, q)
    _lazy(run)
    run("AdaptiveLogSoftmaxWithLoss", lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6]), x(6, 8), idx(6, high=10))

    def sequential():
        m = nn.Sequential()
        m.add_module("a", nn.Linear(4, 4))
        m.add_module("b", nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
        return m

    run("Sequential", sequential, v)


def _lazy(run):
    v, a, b, c = x(3, 4), x(2, 4, 9), x(2, 4, 7, 8), x(2, 4, 5, 6, 5)
    run("LazyLinear", lambda: nn.LazyLinear(3), v)
    run("LazyLinear2", lambda: nn.LazyLinear(3, False), v)
    for n, data in ((1, a), (2, b), (3, c)):
        run(f"LazyConv{n}d", lambda n=n: getattr(nn, f"LazyConv{n}d")(6, 3, groups=2), data)
        run(f"LazyConvTranspose{n}d", lambda n=n: getattr(nn, f"LazyConvTranspose{n}d")(6, 2), data)
        run(f"LazyBatchNorm{n}d", lambda n=n: getattr(nn, f"LazyBatchNorm{n}d")(), data)
        run(f"LazyInstanceNorm{n}d", lambda n=n: getattr(nn, f"LazyInstanceNorm{n}d")(), data)


def _losses(run):
    a, b, y, w = x(3, 4), x(3, 4, k=1), idx(3, high=4), x(4, k=2).abs()
    p, sign = a.sigmoid(), b.sign()
    run("L1Loss", nn.L1Loss, a, b)
    run("MSELoss", lambda: nn.MSELoss(reduction="sum"), a, b)
    run("SmoothL1Loss", lambda: nn.SmoothL1Loss(beta=0.5), a, b)
    run("HuberLoss", lambda: nn.HuberLoss(delta=0.5), a, b)
    run("SoftMarginLoss", nn.SoftMarginLoss, a, sign)
    run("MultiLabelMarginLoss", nn.MultiLabelMarginLoss, a, rt.tensor([[3, 0, -1, 1], [1, -1, 0, 0], [0, 1, 2, 3]]))
    run("HingeEmbeddingLoss", nn.HingeEmbeddingLoss, a, sign)
    run("KLDivLoss", lambda: nn.KLDivLoss(reduction="batchmean"), a.log_softmax(1), b.softmax(1))
    run("CosineEmbeddingLoss", lambda: nn.CosineEmbeddingLoss(0.1), a, b, rt.tensor([1, -1, 1]))
    run("MarginRankingLoss", lambda: nn.MarginRankingLoss(0.1), a, b, sign)
    run("PoissonNLLLoss", lambda: nn.PoissonNLLLoss(full=True), a, b.abs() * 3)
    run("GaussianNLLLoss", lambda: nn.GaussianNLLLoss(full=True), a, b, p)
    run("BCELoss", lambda: nn.BCELoss(w), p, b.sigmoid())
    run("BCEWithLogitsLoss", lambda: nn.BCEWithLogitsLoss(w, pos_weight=w * 2), a, b.sigmoid())
    run("MultiLabelSoftMarginLoss", nn.MultiLabelSoftMarginLoss, a, (b > 0).to(rt.float32))
    run("NLLLoss", lambda: nn.NLLLoss(w), a.log_softmax(1), y)
    run("CrossEntropyLoss", lambda: nn.CrossEntropyLoss(label_smoothing=0.1), a, y)
    run("MultiMarginLoss", lambda: nn.MultiMarginLoss(2, weight=w), a, y)
    run("TripletMarginLoss", lambda: nn.TripletMarginLoss(swap=True), a, b, x(3, 4, k=2))
    run("TripletMarginWithDistanceLoss", nn.TripletMarginWithDistanceLoss, a, b, x(3, 4, k=2))
    lengths = rt.tensor([6, 5]), rt.tensor([3, 2])
    run("CTCLoss", nn.CTCLoss, x(6, 2, 4).log_softmax(2), rt.tensor([[1, 2, 2], [3, 1, 1]]), *lengths)


# ---- optimizers and schedulers


def _text(v):
    if v is None or isinstance(v, (bool, str)):
        return str(v)
    if isinstance(v, (tuple, list)):
        return "[" + ",".join(map(_text, v)) + "]"
    return f"{float(v):.17g}"


def parameters():
    return [x(3, 4).requires_grad_(True), x(5, 2, k=1).requires_grad_(True)]


OPTIMIZERS = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adam": {"lr": 0.05, "amsgrad": True, "weight_decay": 0.01},
    "AdamW": {"lr": 0.05, "maximize": True},
    "Adadelta": {"weight_decay": 0.01},
    "Adagrad": {"lr": 0.05, "lr_decay": 0.1, "initial_accumulator_value": 0.1},
    "Adamax": {"lr": 0.05},
    "NAdam": {"lr": 0.05, "weight_decay": 0.01, "decoupled_weight_decay": True},
    "RAdam": {"lr": 0.05, "betas": (0.8, 0.9)},
    "ASGD": {"lr": 0.05, "t0": 2, "weight_decay": 0.01},
    "RMSprop": {"lr": 0.05, "momentum": 0.9, "centered": True},
    "Rprop": {"lr": 0.05},
    "Adafactor": {"lr": 0.05, "weight_decay": 0.01},
    "Muon": {"lr": 0.05},
    "Lion": {"lr": 0.05, "weight_decay": 0.01},
    "LAMB": {"lr": 0.05, "weight_decay": 0.01},
    "AdaBound": {"lr": 0.05, "weight_decay": 0.01},
}


def optimizers():
    lines = {}
    for name, options in OPTIMIZERS.items():
        cls = getattr(optim, name)
        defaults = cls([x(2, 2).requires_grad_(True)]).defaults
        ps = parameters()
        opt = cls(ps, **options)
        for _ in range(5):
            opt.zero_grad()
            ((ps[0] * ps[0]).sum() + (ps[1] * ps[1] * ps[1].sin()).sum()).backward()
            opt.step()
        lines[name] = _optimizer_line(name, defaults, opt, ps)
    for name, options in LBFGS.items():
        p = x(5, k=2).requires_grad_(True)
        opt = optim.LBFGS([p], **options)
        for _ in range(3):
            opt.step(lambda opt=opt, p=p: _fitted(opt, p))
        lines[name] = _optimizer_line(name, optim.LBFGS([p]).defaults, opt, [p])
    p = x(6, 2).requires_grad_(True)
    opt = optim.SparseAdam([p], 0.05)
    for i in range(4):
        with rt.no_grad():
            opt._update(p, Rows((idx(3, high=6) + i % 2).remainder(6), x(3, 2, k=i)), opt.param_groups[0])
    lines["SparseAdam"] = _optimizer_line("SparseAdam", opt.defaults | {"lr": 1e-3}, opt, [p])
    return lines


LBFGS = {
    "LBFGS": {"lr": 0.1, "max_iter": 4},
    "LBFGS2": {"history_size": 3, "line_search_fn": "strong_wolfe"},
}


class Rows:
    """A sparse gradient as SparseAdam asks for it: rows, each once, and their values."""

    def __init__(self, rows, values):
        self._rows, self._given = rows, values

    def coalesce(self):
        return self

    def _indices(self):
        return self._rows.unsqueeze(0)

    def _values(self):
        return self._given


def _optimizer_line(name, defaults, opt, ps):
    text = " ".join(sorted(f"{k}={_text(v)}" for k, v in defaults.items()))
    return "|".join([name, text, " ".join(opt.state[ps[0]]), checksum(ps)])


def _fitted(opt, p):
    opt.zero_grad()
    miss = x(6, 5) @ p.sin() - x(6, k=1)
    loss = (miss * miss).sum() + (p * p).sum() * 0.01
    loss.backward()
    return loss


def averages():
    lines = {}

    def average(name, **options):
        rt.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        mean = swa.AveragedModel(net, **options)
        for i in range(4):
            with rt.no_grad():
                net(x(5, 4, k=i))
                for p in net.parameters():
                    p.mul_(1.1)
                mean.update_parameters(net)
        state = mean.state_dict()
        lines[name] = f"{name}|{' '.join(state)}|{checksum(state.values())}"

    average("AveragedModel")
    average("AveragedModel2", use_buffers=True)
    average("AveragedModel3", multi_avg_fn=swa.get_ema_multi_avg_fn(0.9), use_buffers=True)
    average("AveragedModel4", avg_fn=swa.get_ema_avg_fn(0.9))
    average("AveragedModel5", avg_fn=swa.get_swa_avg_fn())
    rt.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    swa.update_bn([x(5, 4), x(3, 4, k=1)], net)
    state = net.state_dict()
    lines["update_bn"] = f"update_bn|{' '.join(state)}|{checksum(state.values())}"
    return lines


SCHEDULERS = {
    "LambdaLR": lambda o: lrs.LambdaLR(o, lambda e: 1.0 / (1.0 + e)),
    "MultiplicativeLR": lambda o: lrs.MultiplicativeLR(o, lambda e: 1.0 - 0.01 * e),
    "StepLR": lambda o: lrs.StepLR(o, 3),
    "MultiStepLR": lambda o: lrs.MultiStepLR(o, [2, 5, 5, 11]),
    "ConstantLR": lrs.ConstantLR,
    "LinearLR": lrs.LinearLR,
    "ExponentialLR": lambda o: lrs.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lrs.PolynomialLR(o, 12, 1.5),
    "CosineAnnealingLR": lambda o: lrs.CosineAnnealingLR(o, 7, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "CyclicLR": lambda o: lrs.CyclicLR(o, 0.1, 0.7, 3, 5, "triangular2"),
    "OneCycleLR": lambda o: lrs.OneCycleLR(o, 0.8, 25, three_phase=True),
    "SequentialLR": lambda o: lrs.SequentialLR(o, [lrs.LinearLR(o, 0.1, 1.0, 4), lrs.CosineAnnealingLR(o, 12.0)], [5]),
    "SWALR": lambda o: swa.SWALR(o, 0.05, 6),
    "SWALR2": lambda o: swa.SWALR(o, 0.05, 4, "linear"),
    "ChainedScheduler": lambda o: lrs.ChainedScheduler([lrs.ConstantLR(o, 0.5, 3), lrs.ExponentialLR(o, 0.9)]),
}


def schedulers():
    lines = {}
    for name, make in SCHEDULERS.items():
        opt = optim.SGD(parameters(), 0.5, momentum=0.9)
        schedule = make(opt)
        group = opt.param_groups[0]
        out = ""
        for i in range(21):
            out += f" {hexa(group['lr'])}/{hexa(group['momentum'])}"
            if i < 20:
                opt.step()
                schedule.step()
        lines[name] = f"{name}|{out}"
    opt = optim.SGD(parameters(), 0.5)
    plateau = lrs.ReduceLROnPlateau(opt, factor=0.3, patience=2, cooldown=1, min_lr=0.01)
    out = ""
    for i in range(20):
        plateau.step(1.0 / (1 + min(i, 5)))
        out += " " + hexa(opt.param_groups[0]["lr"])
    lines["ReduceLROnPlateau"] = f"ReduceLROnPlateau|{out}"
    return lines


# ---- trainings


def _mask():
    return rt.arange(7) >= rt.tensor([7, 4, 7, 5, 6, 3]).unsqueeze(1)


DATA = {
    "mlp": lambda d: {"x": tc.floats(rt, d, 1, 24, 6), "y": tc.floats(rt, d, 2, 24, 3)},
    "cnn": lambda d: {"x": tc.floats(rt, d, 3, 16, 1, 8, 8), "y": tc.labels(rt, 4, 5, 16)},
    "resnet18": lambda d: {"x": tc.floats(rt, d, 5, 8, 3, 12, 12), "y": tc.labels(rt, 6, 4, 8)},
    "lstm": lambda d: {"words": tc.labels(rt, 7, 12, 6, 11)},
    "gru": lambda d: {
        "x": tc.floats(rt, d, 8, 9, 8, 5),
        "y": tc.floats(rt, d, 9, 8, 2),
        "lengths": rt.tensor([9, 3, 7, 5, 9, 1, 4, 6]),
    },
    "transformer": lambda d: {"x": tc.floats(rt, d, 10, 6, 7, 5), "y": tc.labels(rt, 11, 3, 6), "mask": _mask()},
    "gpt": lambda d: {"words": tc.labels(rt, 12, 20, 4, 11)},
}


def write_start(name, dtype, path):
    """The weights and data that both sides start from."""
    model = tc.CASES[name](rt, dtype)[0].to(dtype)
    tc.fill(rt, model)
    rt.save({"state": dict(model.state_dict()), "data": DATA[name](dtype)}, path)


def train(name, dtype):
    """The lines that the C++ program prints for a training: 100 losses, a checksum of the weights."""
    model, loss_of, make_opt, make_schedule, clip = tc.CASES[name](rt, dtype)
    model.to(dtype)
    tc.fill(rt, model)
    opt = make_opt(model.parameters())
    schedule = make_schedule(opt) if make_schedule else None
    lines = []
    for step in range(tc.STEPS):
        opt.zero_grad()
        loss = loss_of(model, step)
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        if schedule is not None:
            schedule.step()
        lines.append(hexa(loss.item()))
    return [*lines, checksum(model.state_dict().values())]
