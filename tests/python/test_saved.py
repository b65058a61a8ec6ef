"""What operations keep for backward: no more than the wanted gradients read."""

import pytest

import rustorch as rt

F = rt.nn.functional


def saved_bytes(f):
    """Bytes of the storages that the operations inside f save."""
    kept = {}

    def pack(t):
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with rt.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = f()
    return sum(kept.values()), result


CASES = {
    "linear": (lambda x, w: F.linear(x, w), (8, 64), (32, 64)),
    "linear 3d": (lambda x, w: F.linear(x, w), (2, 8, 64), (32, 64)),
    "conv2d": (lambda x, w: F.conv2d(x, w, padding=1), (2, 3, 16, 16), (4, 3, 3, 3)),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w), (2, 3, 16, 16), (3, 4, 3, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_frozen_operands_keep_shapes_only(name):
    f, x_shape, w_shape = CASES[name]
    rt.manual_seed(0)
    x, w = rt.randn(x_shape, dtype=rt.float64), rt.randn(w_shape, dtype=rt.float64)

    def gradients(x_wanted, w_wanted):
        a, b = x.clone().requires_grad_(x_wanted), w.clone().requires_grad_(w_wanted)
        size, y = saved_bytes(lambda: f(a, b))
        grads = rt.autograd.grad(y.square().sum(), [t for t in (a, b) if t.requires_grad])
        return size, grads

    all_bytes, (gx, gw) = gradients(True, True)
    assert all_bytes == x.nbytes + w.nbytes
    x_bytes, (only_gx,) = gradients(True, False)
    w_bytes, (only_gw,) = gradients(False, True)
    assert x_bytes == w.nbytes + 8 and w_bytes == x.nbytes + 8  # the other one: a single element
    assert rt.equal(only_gx, gx) and rt.equal(only_gw, gw)


def test_second_order_through_a_frozen_layer():
    rt.manual_seed(0)
    layer = rt.nn.Linear(3, 2).double().requires_grad_(False)
    conv = rt.nn.Conv1d(1, 2, 2).double().requires_grad_(False)
    x = rt.randn(4, 3, dtype=rt.float64, requires_grad=True)
    assert rt.autograd.gradgradcheck(lambda v: layer(v).square(), (x,))
    assert rt.autograd.gradgradcheck(lambda v: conv(v.unsqueeze(1)).square(), (x,))
