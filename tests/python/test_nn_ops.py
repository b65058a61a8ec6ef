"""Neural-network operators: identities between them, derivatives against differences, thread independence."""

import math

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt
import rustorch.nn.functional as F


def rand(*shape, grad=True):
    return rt.randn(shape, dtype=rt.float64).requires_grad_(grad)


def close(a, b, tol=1e-9):
    assert a.shape == b.shape
    assert (a - b).abs().max().item() <= tol * (1 + b.abs().max().item())


def check_gradient(f, *inputs, tol=1e-6):
    """The directional derivative of sum(f * weight) against a central difference."""
    out = f(*inputs)
    weight = rt.randn(tuple(out.shape), dtype=rt.float64)
    grads = rt.autograd.grad((out * weight).sum(), inputs, create_graph=True)
    step = 1e-6
    for i, x in enumerate(inputs):
        direction = rt.randn(tuple(x.shape), dtype=rt.float64)
        with rt.no_grad():
            there = [y.detach() for y in inputs]
            there[i] = x + step * direction
            back = list(there)
            back[i] = x - step * direction
            slope = ((f(*there) - f(*back)) * weight).sum().item() / (2 * step)
        assert abs((grads[i] * direction).sum().item() - slope) <= tol * (1 + abs(slope))
    return grads


def check_twice(f, *inputs):
    """First derivatives, then derivatives of the first."""
    check_gradient(f, *inputs)

    def first(*xs):
        xs = [x if x.requires_grad else x.detach().requires_grad_() for x in xs]
        with rt.enable_grad():
            out = f(*xs)
            grads = rt.autograd.grad((out * out).sum(), xs, create_graph=True)
        return rt.cat([g.reshape(-1) for g in grads])

    check_gradient(first, *inputs, tol=1e-4)


def test_matmul_ranks():
    a, b = rand(2, 1, 3, 4), rand(5, 4, 6)
    assert (a @ b).shape == (2, 5, 3, 6)
    close((a @ b)[1, 2], a[1, 0] @ b[2])
    close(rand(3, 4, grad=False) @ rt.zeros(4, dtype=rt.float64), rt.zeros(3, dtype=rt.float64))
    check_twice(lambda x, y: x @ y, rand(3, 4), rand(4, 2))
    check_twice(lambda x, y: x @ y, rand(2, 3, 4), rand(4))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        rt.ones(2, 3) @ rt.ones(4, 2)


def test_linear_is_a_product():
    x, w, b = rand(2, 3, 4), rand(5, 4), rand(5)
    close(F.linear(x, w, b), x @ w.t() + b)
    check_twice(F.linear, x, w, b)


def test_integer_and_half_products():
    a = rt.arange(12).reshape(3, 4)
    assert (a @ a.t()).tolist() == [[14, 38, 62], [38, 126, 214], [62, 214, 366]]
    assert (a.to(rt.bfloat16) @ a.t().to(rt.bfloat16)).dtype == rt.bfloat16


def test_convolution_equals_columns():
    x, w, b = rand(2, 3, 7, 6), rand(4, 3, 3, 2), rand(4)
    columns = F.unfold(x, (3, 2), padding=1, stride=2)
    expected = (w.reshape(4, -1) @ columns + b[:, None]).reshape(2, 4, 4, 4)
    close(F.conv2d(x, w, b, stride=2, padding=1), expected)
    check_twice(lambda *t: F.conv2d(*t, stride=2, padding=1), x, w, b)


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution_is_the_adjoint(groups):
    x, w = rand(1, 4, 5), rand(6, 4 // groups, 3)
    y = rand(1, 6, 3)
    forward = (F.conv1d(x, w, stride=2, padding=1, groups=groups) * y).sum()
    close(forward, (F.conv_transpose1d(y, w, stride=2, padding=1, groups=groups) * x).sum())
    check_twice(
        lambda t, u: F.conv_transpose1d(t, u, stride=2, output_padding=2, dilation=3), rand(1, 2, 4), rand(2, 3, 2)
    )


def test_long_output_padding_cuts_what_the_windows_reach():
    x, w = rand(1, 2, 4), rand(2, 3, 2)
    whole = F.conv_transpose1d(x, w, stride=2, dilation=4)
    got = F.conv_transpose1d(x, w, stride=2, padding=1, output_padding=3, dilation=4)
    close(got, F.pad(whole, (-1, 2)))
    close(F.conv_transpose1d(x, w, stride=2, padding=3, output_padding=2, dilation=4), whole[..., 3:-1])


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_softmax(dim):
    x = rand(3, 4, 5)
    close(F.softmax(x, dim).sum(dim), rt.ones_like(F.softmax(x, dim).sum(dim)))
    close(F.log_softmax(x, dim).exp(), F.softmax(x, dim))
    check_twice(lambda t: F.softmax(t, dim), x)
    check_twice(lambda t: F.log_softmax(t, dim), x)
    assert math.isnan(F.softmax(rt.tensor([float("nan"), 1.0]), 0)[1].item())
    assert F.softmax(rt.tensor([-math.inf, 1.0]), 0).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy(reduction, smoothing):
    x, target = rand(6, 5, 2), rt.tensor([[0, 1], [4, -100], [2, 2], [3, 0], [-100, -100], [1, 4]])
    weight = rt.rand(5, dtype=rt.float64) + 0.5
    logp = F.log_softmax(x, 1)
    if smoothing == 0:
        close(
            F.cross_entropy(x, target, weight, reduction=reduction),
            F.nll_loss(logp, target, weight, reduction=reduction),
        )
    check_twice(lambda t: F.cross_entropy(t, target, weight, reduction=reduction, label_smoothing=smoothing), x)
    with pytest.raises(IndexError, match="out of bounds"):
        F.cross_entropy(x, target + 5)


def test_cross_entropy_of_probabilities():
    x, p = rand(4, 5), F.softmax(rand(4, 5), 1).detach()
    close(F.cross_entropy(x, p), -(F.log_softmax(x, 1) * p).sum(1).mean())


@pytest.mark.parametrize("kernel,stride,padding,ceil", [(2, 2, 0, False), (3, 2, 1, True), (3, 1, 1, False)])
def test_pooling(kernel, stride, padding, ceil):
    x = rand(2, 3, 9, 20)
    values, places = F.max_pool2d(x, kernel, stride, padding, 1, ceil, True)
    close(values, x.flatten(2).gather(2, places.flatten(2)).reshape(values.shape))
    close(F.max_pool2d(x, kernel, stride, padding, 1, ceil), values)
    check_twice(lambda t: F.max_pool2d(t, kernel, stride, padding, 1, ceil), x)
    check_twice(lambda t: F.avg_pool2d(t, kernel, stride, padding, ceil), x)


def test_pooling_keeps_nan_and_first_of_ties():
    x = rt.zeros(1, 1, 4, 4)
    x[0, 0, 1, 1] = float("nan")
    assert math.isnan(F.max_pool2d(x, 2)[0, 0, 0, 0].item())
    y = rt.ones(1, 1, 4, 4, requires_grad=True)
    F.max_pool2d(y, 2).sum().backward()
    assert y.grad[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_adaptive_pooling():
    x = rand(2, 3, 7, 5)
    close(F.adaptive_avg_pool2d(x, 1).flatten(), x.mean((2, 3)).flatten())
    check_twice(lambda t: F.adaptive_avg_pool2d(t, (3, 2)), x)
    check_gradient(lambda t: F.adaptive_max_pool2d(t, (3, 2)), x)


def test_batch_norm_statistics():
    x = rand(8, 3, 4, 4, grad=False) * 3 + 1
    mean, var = rt.zeros(3, dtype=rt.float64), rt.ones(3, dtype=rt.float64)
    y = F.batch_norm(x, mean, var, training=True, momentum=0.25)
    close(y.mean((0, 2, 3)), rt.zeros(3, dtype=rt.float64))
    close(mean, 0.25 * x.mean((0, 2, 3)))
    close(var, 0.75 + 0.25 * x.var((0, 2, 3)), 1e-7)
    close(F.batch_norm(x, mean, var), (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt())


def test_native_batch_norm_gives_what_its_statistics_give():
    """Statistics have the dtype of the parameters; half ones are rounded before they are used, as in PyTorch."""
    x, w, b = rt.randn(4, 3, 5) * 9 + 7, rt.randn(3), rt.randn(3)
    half = x.bfloat16().requires_grad_()
    for weight, bias, dtype in (
        (w, b, rt.float32),
        (w.bfloat16(), b.bfloat16(), rt.bfloat16),
        (None, None, rt.bfloat16),
    ):
        out, mean, rstd = rt.native_batch_norm(half, weight, bias, None, None, True, 0.1, 1e-5)
        assert (out.dtype, mean.dtype, rstd.dtype) == (rt.bfloat16, dtype, dtype)
        if dtype == rt.float32:
            continue
        want = (half.float() - mean.float().view(1, 3, 1)) * rstd.float().view(1, 3, 1)
        if weight is not None:
            want = want * weight.float().view(1, 3, 1) + bias.float().view(1, 3, 1)
        assert rt.equal(out, want.bfloat16())
        g = rt.randn(4, 3, 5).bfloat16()
        of_layer = rt.autograd.grad(F.batch_norm(half, None, None, weight, bias, True), half, g)[0]
        assert rt.equal(rt.autograd.grad(out, half, g)[0], of_layer)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2, 2)])
def test_norm_derivatives(shape):
    x, w, b = rand(*shape), rand(3), rand(3)
    check_twice(lambda *t: F.batch_norm(t[0], None, None, t[1], t[2], True), x, w, b)
    check_twice(lambda *t: F.group_norm(t[0], 3 if len(shape) == 2 else 1, t[1], t[2]), rand(2, 3, 4), w, b)
    check_twice(lambda *t: F.layer_norm(t[0], (3,), t[1], t[2]), rand(4, 3), w, b)
    check_twice(lambda *t: F.rms_norm(t[0], (3,), t[1]), rand(4, 3), w)


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal):
    q, k, v = rand(2, 2, 5, 4), rand(2, 2, 5, 4), rand(2, 2, 5, 3)
    scores = q @ k.transpose(-2, -1) / 2
    if causal:
        scores = scores.masked_fill(~rt.ones(5, 5, dtype=rt.bool).tril(), -math.inf)
    close(F.scaled_dot_product_attention(q, k, v, is_causal=causal), F.softmax(scores, -1) @ v)
    check_twice(lambda *t: F.scaled_dot_product_attention(*t, is_causal=causal), q, k, v)


def test_embedding():
    w, index = rand(6, 3), rt.tensor([[1, 2, 1], [5, 0, 2]])
    close(F.embedding(index, w), w[index])
    F.embedding(index, w, padding_idx=2).sum().backward()
    assert w.grad[:, 0].tolist() == [1, 2, 0, 0, 0, 1]
    with pytest.raises(IndexError):
        F.embedding(rt.tensor([6]), w)


def test_sparse_embedding():
    weight = rand(5, 2)
    rows = F.embedding(rt.tensor([1, 3]), weight, sparse=True)
    assert rt.equal(rows, weight[[1, 3]])
    rows.sum().backward()
    assert weight.grad.is_sparse and weight.grad.to_dense()[:, 0].tolist() == [0, 1, 0, 1, 0]


def test_dropout():
    rt.manual_seed(3)
    x = rt.ones(10_000, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    assert set(y.unique().tolist() if hasattr(y, "unique") else y.tolist()) == {0.0, rt.tensor(1 / 0.75).item()}
    assert abs((y == 0).float().mean().item() - 0.25) < 0.02
    assert (x.grad == y).all().item()
    assert F.dropout(x, 0.25, False) is x or (F.dropout(x, 0.25, False) == x).all().item()


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_interpolation(mode):
    x = rand(1, 2, 4, 5)
    check_twice(lambda t: F.interpolate(t, scale_factor=1.7, mode=mode), x)
    flat = rt.ones(1, 1, 3, 3, dtype=rt.float64)
    close(F.interpolate(flat, size=(7, 5), mode=mode), rt.ones(1, 1, 7, 5, dtype=rt.float64))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_padding(mode):
    check_twice(lambda t: F.pad(t, (1, 2, 2, 1), mode=mode), rand(1, 2, 4, 5))


def test_einsum_matches_products():
    a, b = rand(3, 4), rand(4, 5)
    close(rt.einsum("ij,jk->ki", a, b), (a @ b).t())
    close(rt.einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    close(rt.tensordot(a, b, 1), a @ b)


def test_results_do_not_depend_on_threads():
    rt.manual_seed(0)
    x, w, t = rt.randn(64, 40, 17, 17), rt.randn(24, 40, 3, 3), rt.randint(0, 24, (64,))

    def run():
        u, v = x.clone().requires_grad_(), w.clone().requires_grad_()
        y = F.batch_norm(F.conv2d(u, v), None, None, training=True)
        loss = F.cross_entropy(F.max_pool2d(y, 3, 2).mean((2, 3)), t)
        loss.backward()
        return loss, u.grad, v.grad

    equal_on_threads(run, (1, 3))


def test_optimizer_steps():
    p, g = rt.tensor([1.0, 2.0]), rt.tensor([0.5, -1.0])
    rt._C.ops._fused_sgd_(
        [p],
        [g],
        [],
        lr=0.1,
        momentum=0.0,
        dampening=0.0,
        weight_decay=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=True,
    )
    assert (p - rt.tensor([0.95, 2.1])).abs().max().item() < 1e-6
    p, m, v, step = rt.tensor([1.0, 2.0]), rt.zeros(2), rt.zeros(2), rt.tensor(0.0)
    rt._C.ops._fused_adam_(
        [p],
        [g],
        [m],
        [v],
        [],
        [step],
        lr=0.1,
        beta1=0.9,
        beta2=0.999,
        weight_decay=0.0,
        eps=1e-8,
        amsgrad=False,
        maximize=False,
    )
    assert step.item() == 1 and (p - rt.tensor([0.9, 2.1])).abs().max().item() < 1e-5


def test_weights_of_classes_have_no_gradient():
    x, y, w = rand(4, 3).requires_grad_(), rt.tensor([0, 1, 2, 1]), rt.ones(3, dtype=rt.float64, requires_grad=True)
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(RuntimeError, match="not differentiable with respect to argument 'weight'"):
            loss(x, y, w)
        with rt.no_grad():
            assert loss(x, y, w).item() == loss(x, y).item()
    F.cross_entropy(x, x.detach().softmax(1), w).backward()  # of probabilities
    assert w.grad.shape == w.shape and w.grad.abs().sum().item() > 0


def test_cross_entropy_of_sure_predictions():
    """Large logits: the loss is far below their rounding error."""
    for shape in ((1, 2), (1, 2, 1, 3)):
        x = (
            rt.tensor([300.0, 285.0])
            .reshape(1, 2, *([1] * (len(shape) - 2)))
            .expand(shape)
            .contiguous()
            .requires_grad_()
        )
        target = rt.zeros(shape[:1] + shape[2:], dtype=rt.int64)
        loss = rt.nn.functional.cross_entropy(x, target, reduction="sum")
        count = target.numel()
        assert loss.item() == pytest.approx(count * 3.059e-7, rel=0.3)
        loss.backward()
        assert x.grad[0, 0].reshape(-1)[0].item() == pytest.approx(-3.059e-7, rel=0.3)


@pytest.mark.parametrize("pool", [F.max_pool1d, F.avg_pool1d])
def test_pooling_without_channels_is_refused(pool):
    assert pool(rt.ones(0, 3, 10), 1).shape == (0, 3, 10)
    for shape in ((0, 10), (2, 0, 10), (3, 0)):
        with pytest.raises(RuntimeError, match="non-zero|optional 0 dim batch size"):
            pool(rt.ones(shape), 1)


def test_windows_longer_than_any_number_are_refused():
    x = rt.ones(1, 2, 3)
    for kernel, dilation in ((2**62, 4), (8608480567731124087, 1250999896764)):
        with pytest.raises((RuntimeError, ValueError), match="effective kernel size overflows"):
            F.max_pool1d(x, kernel, padding=7, dilation=dilation, ceil_mode=True)
    for kernel, padding in ((2**62, 0), (2**62, 2**61)):
        with pytest.raises((RuntimeError, ValueError), match="too small"):
            F.max_pool1d(x, kernel, padding=padding, dilation=2)
    assert F.max_pool1d(x, 1, 2**63 - 1, ceil_mode=True).shape == (1, 2, 1)


def test_lengths_of_pooling():
    for n in range(1, 12):
        for kernel, stride, padding, dilation in ((1, 1, 0, 1), (2, 3, 1, 1), (3, 2, 1, 2), (4, 5, 2, 1), (3, 4, 0, 1)):
            room = n + 2 * padding - dilation * (kernel - 1) - 1
            for ceil in (False, True):
                want = (-(-room // stride) if ceil else room // stride) + 1
                if ceil and (want - 1) * stride >= n + padding:
                    want -= 1
                if want > 0:
                    got = F.max_pool1d(rt.ones(1, 1, n), kernel, stride, padding, dilation, ceil_mode=ceil)
                    assert got.shape[-1] == want
