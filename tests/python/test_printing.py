"""The text of tensors and of what belongs to them: PyTorch's, character by character."""

import pytest

import rustorch as rt

nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize(
    "value, text",
    [
        ([nan, inf, 1.0], "[nan, inf, 1.]"),  # only finite values other than zero decide the width
        ([nan, 2.5], "[   nan, 2.5000]"),
        ([0.0, -0.0], "[0., -0.]"),
        ([1e20, inf], "[1.0000e+20,        inf]"),
        ([1e-5, 1.0], "[1.0000e-05, 1.0000e+00]"),
        ([1000.5, 2.0], "[1000.5000,    2.0000]"),
        ([1e8, 1.0], "[1.0000e+08, 1.0000e+00]"),
        ([True, True], "[True, True]"),
        ([True, False], "[ True, False]"),
        (True, "True"),
        ([100000, -1], "[100000,     -1]"),
        ([2**62 + 1, -(2**63)], "[ 4611686018427387905, -9223372036854775808]"),
        ([1 + 2j, 3.5 - 1j], "[1.0000+2.j, 3.5000-1.j]"),
        ([1e-8 + 1e5j, 2], "[1.0000e-08+100000.j, 2.0000e+00+0.j]"),
        ([nan + 1j, 2], "[nan+1.j, 2.+0.j]"),
    ],
)
def test_numbers(value, text):
    assert repr(rt.tensor(value)) == f"tensor({text})"


def test_options_hold_for_values_that_decide():
    try:
        rt.set_printoptions(sci_mode=True, precision=2)
        assert repr(rt.tensor(1 + 0j)) == "tensor(1.00e+00+0.j)"
        assert repr(rt.tensor([0.5, nan])) == "tensor([5.00e-01,      nan])"
        rt.set_printoptions(profile="default", sci_mode=None)
        rt.set_printoptions(threshold=5, edgeitems=1)
        assert repr(rt.arange(10)) == "tensor([0,  ..., 9])"
    finally:
        rt.set_printoptions(profile="default", sci_mode=None)
    assert repr(rt.tensor([0.5, nan])) == "tensor([0.5000,    nan])"


def test_suffixes_break_the_line_where_pytorch_does():
    # The line of 80 columns keeps room for ", ": 57 + 2 + 19 + 2 fit, one more does not.
    x = rt.full((7,), 0.5, dtype=rt.float64)
    assert repr(x) == "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000],\n       dtype=rustorch.float64)"
    assert repr(rt.empty((2, 3), device="meta")) == "tensor(..., device='meta', size=(2, 3))"
    assert repr(rt.zeros(0, 3)) == "tensor([], size=(0, 3))"


def test_named_results_and_limits():
    assert repr(rt.tensor([1.0, 2.0]).max(0)) == "rustorch.return_types.max(\nvalues=tensor(2.),\nindices=tensor(1))"
    assert repr(rt.finfo(rt.float32)) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, smallest_normal=1.17549e-38, "
        "tiny=1.17549e-38, dtype=float32)"
    )
    assert repr(rt.iinfo(rt.int32)) == "iinfo(min=-2.14748e+09, max=2.14748e+09, dtype=int32)"


def test_names_of_nodes_leave_out_overloads():
    x = rt.ones(2, 2, requires_grad=True)
    assert "grad_fn=<SoftmaxBackward0>" in repr(x.softmax(0))
    names = [y.grad_fn.name() for y in (x.log_softmax(0), x.sum(0), x.std(), x.to(rt.float64), rt.where(x > 0, x, x))]
    assert names == ["LogSoftmaxBackward0", "SumBackward0", "StdBackward0", "ToCopyBackward0", "WhereBackward0"]
