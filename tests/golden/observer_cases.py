"""Programs with observers and models that are quantized, for observers.json and its test. T is torch or rustorch."""


def spread(T, shape, k=0):
    n = 1
    for s in shape:
        n *= s
    return ((T.arange(n) * 37 + 11 * k) % 101 - 50.0).reshape(shape) / 17 * (1 + 0.5 * k)


def inputs(T):
    return [spread(T, (4, 6), k) for k in range(3)]


def seen(T, observer):
    for x in inputs(T):
        observer(x)
    return [t.to(T.float64).tolist() for t in observer.calculate_qparams()]


def rounded(T, module):
    """Outputs, gradients and scales of fake quantization over some steps."""
    out = []
    for x in inputs(T):
        x.requires_grad_()
        y = module(x)
        (y * spread(T, (4, 6), 1)).sum().backward()
        out += [y.tolist(), x.grad.tolist()]
    return [out, [t.to(T.float64).tolist() for t in module.calculate_qparams()]]


def q(T):
    from importlib import import_module

    return import_module(T.__name__ + ".ao.quantization")


def network(T):
    model = T.nn.Sequential(
        q(T).QuantStub(), T.nn.Conv2d(2, 3, 3, padding=1), T.nn.ReLU(), T.nn.Flatten(), T.nn.Linear(48, 5), q(T).DeQuantStub()
    )  # fmt: skip
    with T.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(spread(T, p.shape, i) / 10)
    return model


def images(T):
    return [spread(T, (2, 2, 4, 4), k) for k in range(3)]


def static(T, qconfig):
    model = network(T).eval()
    model.qconfig = qconfig
    ready = q(T).prepare(model)
    for x in images(T):
        ready(x)
    small = q(T).convert(ready)
    first, conv, last = small[0], small[1], small[4]
    facts = [[float(first.scale), int(first.zero_point)], [conv.scale, conv.zero_point], [last.scale, last.zero_point]]
    weights = [conv.weight().int_repr().tolist(), last.weight().int_repr().tolist()]
    return [facts, weights, small(images(T)[0]).tolist(), type(last).__name__, sorted(small.state_dict())]


def fused(T):
    model = T.nn.Sequential(
        q(T).QuantStub(), T.nn.Conv2d(2, 3, 3, padding=1), T.nn.BatchNorm2d(3), T.nn.ReLU(), T.nn.Flatten(), T.nn.Linear(48, 5),
        T.nn.ReLU(), q(T).DeQuantStub(),
    )  # fmt: skip
    with T.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(spread(T, p.shape, i) / 10)
        for x in images(T):
            model(x)
    model = q(T).fuse_modules(model.eval(), [["1", "2", "3"], ["5", "6"]])
    model.qconfig = q(T).default_qconfig
    ready = q(T).prepare(model)
    for x in images(T):
        ready(x)
    small = q(T).convert(ready)
    names = [type(m).__name__ for m in small]
    return [[[m.scale, m.zero_point] for m in (small[1], small[5])], names, small(images(T)[0]).tolist()]


def trained(T, version):
    model = network(T).train()
    model.qconfig = q(T).get_default_qat_qconfig("fbgemm", version)
    ready = q(T).prepare_qat(model)
    optimizer = T.optim.SGD(ready.parameters(), lr=0.01)
    for x in images(T):
        optimizer.zero_grad()
        ready(x).square().mean().backward()
        optimizer.step()
    small = q(T).convert(ready.eval())
    return [ready(images(T)[0]).tolist(), small(images(T)[0]).tolist()]


CASES = {
    "MinMax": lambda T: seen(T, q(T).MinMaxObserver()),
    "MinMax reduced": lambda T: seen(T, q(T).MinMaxObserver(reduce_range=True)),
    "MinMax symmetric": lambda T: seen(T, q(T).default_weight_observer()),
    "MinMax symmetric quint8": lambda T: seen(T, q(T).MinMaxObserver(qscheme=T.per_tensor_symmetric)),
    "MinMax of few integers": lambda T: seen(T, q(T).MinMaxObserver(quant_min=0, quant_max=15)),
    "MinMax nothing": lambda T: [t.tolist() for t in q(T).MinMaxObserver().calculate_qparams()],
    "MovingAverage": lambda T: seen(T, q(T).MovingAverageMinMaxObserver(averaging_constant=0.1)),
    "PerChannel": lambda T: seen(T, q(T).PerChannelMinMaxObserver()),
    "PerChannel symmetric": lambda T: seen(T, q(T).default_per_channel_weight_observer()),
    "PerChannel last": lambda T: seen(T, q(T).PerChannelMinMaxObserver(ch_axis=1, dtype=T.qint8)),
    "PerChannel float": lambda T: seen(T, q(T).default_float_qparams_observer()),
    "MovingAveragePerChannel": lambda T: seen(T, q(T).MovingAveragePerChannelMinMaxObserver(averaging_constant=0.1)),
    "Histogram": lambda T: seen(T, q(T).HistogramObserver(bins=64)),
    "Histogram reduced": lambda T: seen(T, q(T).HistogramObserver(bins=128, reduce_range=True)),
    "Fixed": lambda T: seen(T, q(T).FixedQParamsObserver(0.25, 3)),
    "FakeQuantize": lambda T: rounded(T, q(T).FakeQuantize(quant_min=0, quant_max=15)),
    "FakeQuantize by channel": lambda T: rounded(T, q(T).default_per_channel_weight_fake_quant()),
    "fused": lambda T: rounded(T, q(T).default_fused_act_fake_quant()),
    "fused by channel": lambda T: rounded(T, q(T).default_fused_per_channel_wt_fake_quant()),
    "static": lambda T: static(T, q(T).default_qconfig),
    "static by channel": lambda T: static(T, q(T).default_per_channel_qconfig),
    "fused static": lambda T: fused(T),
    "qat": lambda T: trained(T, 0),
    "fused qat": lambda T: trained(T, 1),
}
