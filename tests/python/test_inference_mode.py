"""Tensors made in inference mode: what they allow inside, and what they refuse outside."""

import numpy as np
import pytest

import rustorch as rt


def test_which_tensors_are_made_in_inference_mode():
    x, n = rt.ones(3, requires_grad=True), rt.ones(3)
    with rt.inference_mode():
        made = [rt.ones(2), x * 2, n + 1, n.clone(), rt.tensor([1.0]), rt.arange(3), rt.from_numpy(np.ones(2))]
        made += [x.to(rt.float64), made[0].view(2, 1), made[0][0], rt.empty(2)]
        kept = [x.view(3, 1), n[0:2], n.detach(), n.contiguous(), n.to(rt.float32)]
        assert all(t.is_inference() and not t.requires_grad for t in made)
        assert not any(t.is_inference() for t in kept)
        n.add_(1)  # a normal tensor is written and counted
        assert not n.is_inference() and n._version == 1
        with rt.enable_grad():
            assert not (x * 2).requires_grad
        with rt.inference_mode(False):
            assert not rt.ones(2).is_inference() and (x * 2).requires_grad
        leaf = rt.ones(2).requires_grad_()
        assert leaf.requires_grad and not (leaf * 2).requires_grad
    assert not made[0].clone().is_inference() and made[0].detach().is_inference()


def test_what_they_refuse_outside():
    x, n = rt.ones(3, requires_grad=True), rt.ones(3)
    with rt.inference_mode():
        b = n * 2
        view = x.view(3, 1)
    for write in (
        lambda: b.add_(1),
        lambda: rt.add(n, 1, out=b),
        lambda: b.copy_(n),
        lambda: b.uniform_(),
        lambda: b[0].zero_(),
    ):
        with pytest.raises(
            RuntimeError, match="Inplace update to inference tensor outside InferenceMode is not allowed"
        ):
            write()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * b
    with pytest.raises(RuntimeError, match="requires_grad=True on inference tensor outside InferenceMode"):
        b.requires_grad_()
    with pytest.raises(RuntimeError, match="Inference tensors do not track version counter"):
        b._version
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        view.mul_(2)
    assert (b + x).requires_grad  # addition saves nothing
    assert n.add_(b).tolist() == [3.0, 3.0, 3.0] and b.tolist() == [2.0, 2.0, 2.0]


def test_a_model_made_inside_infers_but_does_not_train():
    with rt.inference_mode():
        layer = rt.nn.Linear(2, 2)
    assert layer.weight.is_inference() and layer.weight.requires_grad
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        layer(rt.ones(1, 2, requires_grad=True))
    with rt.inference_mode():
        assert layer(rt.ones(1, 2)).shape == (1, 2)


def test_anomaly_mode_shows_the_forward_call():
    with rt.autograd.set_detect_anomaly(True):
        y = rt.sqrt(rt.tensor([-1.0], requires_grad=True))
        with pytest.warns(UserWarning, match=r"Error detected in SqrtBackward0(.|\n)*y = rt.sqrt"):
            with pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"):
                y.sum().backward()
