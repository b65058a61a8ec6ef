"""The order of memory of results: strides, channels last, and what reads them (view), as PyTorch has them."""

import pytest

import rustorch as rt

F = rt.nn.functional
SIZE = (2, 3, 4, 5)


def image(channels_last, size=SIZE):
    x = rt.arange(1.0, 1.0 + rt.zeros(size).numel()).reshape(size) / 150
    return x.contiguous(memory_format=rt.channels_last) if channels_last else x


def lies_channels_last(t):
    form = rt.channels_last if t.dim() == 4 else rt.channels_last_3d
    return t.is_contiguous(memory_format=form) and not t.is_contiguous()


def images():
    """Batches that lie channels last: dense, cut from more channels, every second column, of one image."""
    wide = image(True, (2, 6, 4, 5))
    yield image(True)
    yield wide[:, :3]
    yield image(True, (2, 3, 4, 10))[..., ::2]
    yield image(True, (1, 3, 4, 5))


def others():
    """Tensors that lie otherwise, with the strides that a copy of them has."""
    x = rt.arange(24.0).reshape(2, 3, 4) / 24
    yield x, (12, 4, 1)
    yield x.transpose(1, 2), (12, 1, 4)
    yield x.permute(1, 2, 0), (4, 1, 12)
    yield x[..., ::2], (6, 2, 1)
    yield x[:1].expand(2, 3, 4), (12, 4, 1)
    yield x.transpose(1, 2)[:, ::2], (6, 1, 2)


TAKE_OVER = {
    "sort": lambda x: rt.sort(x)[0],
    "sort's places": lambda x: rt.sort(x, 0, descending=True)[1],
    "stable sort": lambda x: rt.sort(x, dim=1, stable=True)[0],
    "argsort": lambda x: rt.argsort(x, 0),
    "msort": rt.msort,
    "dropout": lambda x: F.dropout(x, 0.5),
    "dropout of everything": lambda x: F.dropout(x, 1.0),
    "native_dropout": lambda x: rt.native_dropout(x, 0.5, True)[0],
    "native_dropout's mask": lambda x: rt.native_dropout(x, 0.5, True)[1],
    "pad by nothing": lambda x: F.pad(x, (0, 0)),
    "complex": lambda x: rt.complex(x, x),
    "polar": lambda x: rt.polar(x, x),
}

CONTIGUOUS = {
    "masked_fill": lambda x: rt.masked_fill(x, x > 0.5, 1.0),
    "masked_fill by a tensor": lambda x: x.masked_fill(x > 0.5, rt.tensor(1.0)),
    "renorm": lambda x: rt.renorm(x, 2, 0, 1.0),
    "bernoulli": rt.bernoulli,
    "bernoulli of p": lambda x: rt.bernoulli(x, 0.3),
    "logsigmoid": F.logsigmoid,
    "rrelu": F.rrelu,
    "rrelu in training": lambda x: F.rrelu(x, training=True),
    "one_hot": lambda x: F.one_hot(x.long(), 2),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "topk": lambda x: rt.topk(x, 2)[0],
    "circular pad": lambda x: F.pad(x, (1, 1), "circular"),
}

KEEP_CHANNELS_LAST = {
    "roll": lambda x: rt.roll(x, 1, 1),
    "roll of two": lambda x: rt.roll(x, (1, 2), (1, 2)),
    "fftshift": lambda x: rt.fft.fftshift(x, (1, 2)),
    "pad": lambda x: F.pad(x, (1, 1)),
    "pad by less": lambda x: F.pad(x, (-1, 0)),
    "pad of channels": lambda x: F.pad(x, (0, 0, 0, 0, 1, 1)),
    "reflection": lambda x: F.pad(x, (1, 1, 1, 1), "reflect"),
    "replication": lambda x: F.pad(x, (1, 1, 1, 1), "replicate"),
    "max_pool2d": lambda x: F.max_pool2d(x, 2, 1, 1),
    "max_pool2d's places": lambda x: F.max_pool2d(x, 2, 1, 1, return_indices=True)[1],
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2, 1, 1),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2, 2),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 2),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 2),
    "adaptive_max_pool2d's places": lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)[1],
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nearest-exact": lambda x: F.interpolate(x, scale_factor=2, mode="nearest-exact"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear to the same size": lambda x: F.interpolate(x, size=(4, 5), mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "antialias": lambda x: F.interpolate(x, scale_factor=0.5, mode="bicubic", antialias=True),
    "area": lambda x: F.interpolate(x, size=(2, 2), mode="area"),
    "group_norm": lambda x: F.group_norm(x, 3, rt.arange(3.0), rt.ones(3)),
    "batch_norm": lambda x: F.batch_norm(x, rt.zeros(3), rt.ones(3)),
    "rms_norm": lambda x: F.rms_norm(x, (5,)),
    "cat": lambda x: rt.cat([x, x], 1),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 3),
    "conv2d": lambda x: F.conv2d(x, rt.ones(4, 3, 2, 2)),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, rt.ones(3, 4, 2, 2)),
    "nan_to_num": rt.nan_to_num,
}


def same_values(got, want):
    rt.testing.assert_close(got.contiguous(), want.contiguous(), equal_nan=True)


@pytest.mark.parametrize("name", TAKE_OVER)
def test_result_lies_as_the_input(name):
    for x, strides in others():
        rt.manual_seed(0)
        got = TAKE_OVER[name](x)
        assert got.stride() == strides, name
        rt.manual_seed(0)
        same_values(got, TAKE_OVER[name](x.contiguous()))
    assert lies_channels_last(TAKE_OVER[name](image(True)))


@pytest.mark.parametrize("name", CONTIGUOUS)
def test_result_is_contiguous(name):
    for x, _ in others():
        rt.manual_seed(0)
        got = CONTIGUOUS[name](x)
        got.view(-1)
        rt.manual_seed(0)
        same_values(got, CONTIGUOUS[name](x.contiguous()))


@pytest.mark.parametrize("name", KEEP_CHANNELS_LAST)
def test_channels_last_is_kept(name):
    make = KEEP_CHANNELS_LAST[name]
    for x in images():
        x = x.clone(memory_format=rt.preserve_format) if name == "pad by less" else x
        got = make(x)
        assert lies_channels_last(got), (name, x.shape, got.stride())
        same_values(got, make(x.contiguous()))
    assert make(image(False)).is_contiguous()
    assert make(image(False)[:, :, ::2]).is_contiguous() or name == "nan_to_num"


@pytest.mark.parametrize("name", [n for n in KEEP_CHANNELS_LAST if "places" not in n])
def test_gradients_do_not_depend_on_the_order_of_memory(name):
    grads = []
    for last in (False, True):
        x = image(False).requires_grad_()
        y = KEEP_CHANNELS_LAST[name](x.contiguous(memory_format=rt.channels_last) if last else x)
        (y * rt.arange(float(y.numel())).reshape(y.shape)).sum().backward()
        grads.append(x.grad)
    rt.testing.assert_close(grads[0], grads[1])


def test_volumes():
    x = (rt.arange(240.0).reshape(2, 3, 4, 5, 2) / 240).contiguous(memory_format=rt.channels_last_3d)
    assert lies_channels_last(F.max_pool3d(x, (2, 2, 1)))
    assert lies_channels_last(F.interpolate(x, scale_factor=2))
    assert lies_channels_last(F.interpolate(x, scale_factor=2, mode="trilinear"))
    assert lies_channels_last(F.group_norm(x, 1))
    assert lies_channels_last(F.pad(x, (1, 1)))
    assert lies_channels_last(rt.cat([x, x]))
    assert lies_channels_last(rt.roll(x, 1, 0))
    assert F.avg_pool3d(x, (2, 2, 1)).is_contiguous()  # as PyTorch's
    assert F.adaptive_avg_pool3d(x, 2).is_contiguous()
    same_values(F.max_pool3d(x, (2, 2, 1)), F.max_pool3d(x.contiguous(), (2, 2, 1)))
    for mode in ("nearest", "trilinear"):
        same_values(
            F.interpolate(x, scale_factor=2, mode=mode), F.interpolate(x.contiguous(), scale_factor=2, mode=mode)
        )


def test_pools_of_rows_keep_channels_last():
    x = (rt.arange(24.0).reshape(2, 4, 3)).transpose(1, 2)  # [N, C, L], channels next to each other
    for pool in (F.max_pool1d, F.avg_pool1d, F.adaptive_avg_pool1d, F.adaptive_max_pool1d):
        got = pool(x, 2)
        assert got.stride() == (6, 1, 3)
        same_values(got, pool(x.contiguous(), 2))


def test_stack_of_images():
    x = image(True)
    strides = [
        (120, 60, 1, 15, 3),
        (120, 3, 1, 30, 6),
        (120, 1, 60, 15, 3),
        (120, 1, 30, 15, 3),
        (120, 40, 10, 2, 1),
    ]
    for d, want in enumerate(strides):
        got = rt.stack([x, -x], d)
        assert got.stride() == want
        assert rt.equal(got.select(d, 0), x) and rt.equal(got.select(d, 1), -x)
    assert rt.stack([x, x.contiguous()]).is_contiguous()
    a = image(True).requires_grad_()
    rt.stack([a, 2 * a], 1).sum().backward()
    assert rt.equal(a.grad, rt.full(SIZE, 3.0))


def test_cat_of_mixed_orders_is_contiguous():
    x, y = image(True), image(False)
    for parts in ([x, y], [y, x], [x[:0], x], [rt.zeros(0), x]):
        assert rt.cat(parts).is_contiguous()


def test_weights_that_lie_channels_last_give_such_results():
    weight = rt.arange(48.0).reshape(4, 3, 2, 2)
    last = weight.contiguous(memory_format=rt.channels_last)
    got = F.conv2d(image(False), last)
    assert lies_channels_last(got)
    same_values(got, F.conv2d(image(False), weight))
    w = last.clone().requires_grad_()
    x = image(False).requires_grad_()
    F.conv2d(x, w).square().sum().backward()
    w2 = weight.clone().requires_grad_()
    x2 = image(False).requires_grad_()
    F.conv2d(x2, w2).square().sum().backward()
    rt.testing.assert_close(w.grad, w2.grad)
    rt.testing.assert_close(x.grad, x2.grad)


def test_max_unpool2d_keeps_channels_last():
    for last in (False, True):
        x = image(last, (1, 2, 4, 4))
        got = F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
        assert lies_channels_last(got) == last
        assert rt.equal(got[0, 1, 1::2, 1::2], x[0, 1, 1::2, 1::2]) and got[0, 0, ::2].sum() == 0


def test_indexing_keeps_the_order_of_memory():
    x = image(True)
    for got in (x[[1, 0]], x[rt.tensor([1])], x[rt.tensor([True, False])]):
        assert got.is_contiguous(memory_format=rt.channels_last)
    assert rt.equal(x[[1, 0]], x.contiguous()[[1, 0]])
    assert x[..., [0, 1]].stride() == (24, 2, 6, 1)
    t = image(False).transpose(2, 3)
    assert t[:, [0, 2]].stride() == (40, 20, 1, 5)
    assert rt.equal(t[:, [0, 2]], t.contiguous()[:, [0, 2]])
    p = rt.arange(24).reshape(2, 3, 4).permute(1, 2, 0)
    assert p[:, [0, 1]].stride() == (1, 3, 6)
    places = rt.tensor([[0, 1, 2], [2, 1, 0]])
    for index in ((slice(None), places), (places,), (places, slice(None), rt.tensor([1, 0, 1])), (places, places)):
        got = p[index]
        assert rt.equal(got, p.contiguous()[index])
    assert image(False)[[1, 0]].is_contiguous()
    y = image(True).requires_grad_()
    (y[[1, 1]] * x).sum().backward()
    rt.testing.assert_close(y.grad[1], x.sum(0))


def test_cross_products_of_images_are_contiguous():
    x = image(True)
    got = rt.linalg.cross(x, x.flip(2), dim=1)
    assert got.is_contiguous()
    rt.testing.assert_close(got, rt.linalg.cross(x.contiguous(), x.contiguous().flip(2), dim=1))


def test_copies_of_nothing_keep_their_strides():
    x = rt.zeros(0, 3, 4, 5).contiguous(memory_format=rt.channels_last)
    for y in (x.clone(), x.double(), rt.zeros_like(x), rt.rand_like(x), x.flip(0)):
        assert y.stride() == x.stride()
    assert rt.zeros(3, 0).t().clone().shape == (0, 3)


def test_16_bit_images():
    x = image(True).bfloat16()
    for make in (lambda t: F.max_pool2d(t, 2), lambda t: F.avg_pool2d(t, 2), lambda t: F.group_norm(t, 1)):
        got = make(x)
        assert lies_channels_last(got) and got.dtype == rt.bfloat16
        assert rt.equal(got, make(x.contiguous()))
    bytes_ = rt.arange(120).reshape(SIZE).to(rt.uint8).contiguous(memory_format=rt.channels_last)
    got = F.interpolate(bytes_, size=(8, 10), mode="bilinear")
    assert lies_channels_last(got) and rt.equal(got, F.interpolate(bytes_.contiguous(), size=(8, 10), mode="bilinear"))
