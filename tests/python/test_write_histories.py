"""What in-place calls leave behind: histories, versions; and out= of reductions."""

import pytest

import rustorch as rt


def test_comparisons_in_place_send_zeros_to_both_operands():
    for name in ("eq_", "ne_", "lt_", "le_", "gt_", "ge_"):
        x = rt.tensor([1.0, 2.0], requires_grad=True)
        y = rt.tensor([[1.0, 3.0]], requires_grad=True)
        z = x * 2
        getattr(z, name)(y[0] * 2)
        assert z.grad_fn.name() == name[:-1].capitalize() + "Backward0"
        assert [f.name() for f, _ in z.grad_fn.next_functions] == ["MulBackward0", "MulBackward0"]
        z.sum().backward()
        assert x.grad.tolist() == [0, 0] and y.grad.tolist() == [[0, 0]]


def test_comparison_in_place_with_an_operand_that_requires_grad():
    y = rt.tensor(1.5, requires_grad=True)
    z = rt.tensor([1.0, 2.0])
    z.gt_(y)
    assert z.requires_grad and z.tolist() == [0, 1]
    z.sum().backward()
    assert y.grad.item() == 0
    z = rt.tensor([1.0, 2.0], requires_grad=True) * 1
    z.gt_(1)
    assert z.grad_fn.name() == "GtBackward0" and len(z.grad_fn.next_functions) == 1
    n = rt.tensor([1, 2])
    n.gt_(y)
    assert not n.requires_grad and n.tolist() == [0, 1]
    with rt.no_grad():
        assert not rt.zeros(2).gt_(y).requires_grad


def test_resize_to_the_same_size_is_no_write():
    x = rt.zeros(2, 3)
    assert x.resize_(2, 3) is x and x._version == 0
    assert x.resize_as_(rt.ones(2, 3)) is x and x._version == 0
    assert x.resize_(3, 2)._version == 1
    t = rt.zeros(3, 2).t()
    assert t.resize_(2, 3)._version == 0 and t.stride() == (1, 2)
    image = rt.zeros(2, 3, 2, 2)
    image.resize_(2, 3, 2, 2, memory_format=rt.channels_last)
    assert image._version == 0 and image.stride() == (12, 1, 6, 3)
    a = rt.ones(2, requires_grad=True)
    b = a * 2
    c = b * b
    b.detach().resize_(2)
    c.sum().backward()
    assert a.grad.tolist() == [8, 8]
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        a.resize_(2)


def test_gelu_shows_which_it_is():
    x = rt.ones(2, requires_grad=True)
    for approximate in ("none", "tanh"):
        node = rt.nn.functional.gelu(x, approximate=approximate).grad_fn
        assert node.name() == "GeluBackward0"
        assert node._saved_approximate == approximate and node._saved_self is x
        assert "_saved_approximate" in dir(node)


def test_means_of_integers_are_refused_whatever_out_is():
    for x in (rt.tensor([1, 2]), rt.tensor([True, False])):
        for options in ({}, {"dim": 0}):
            for dtype in (rt.float32, rt.complex64, rt.int64):
                with pytest.raises(RuntimeError, match="could not infer output dtype"):
                    rt.mean(x, out=rt.zeros((), dtype=dtype), **options)
            out = rt.zeros(())
            rt.mean(x, dtype=rt.float32, out=out, **options)
            assert out.item() == x.double().mean().item()
    out = rt.zeros((), dtype=rt.float64)
    rt.mean(rt.tensor([1.0, 2.0]), 0, out=out)
    assert out.item() == 1.5


def test_nansum_into_what_is_no_float():
    x = rt.tensor([1.0, 2.0])
    for dtype in (rt.int64, rt.complex64, rt.bool):
        with pytest.raises(RuntimeError):
            rt.nansum(x, 0, out=rt.zeros((), dtype=dtype))
    with pytest.raises(NotImplementedError, match="nansum_cpu"):
        rt.nansum(x, dtype=rt.complex64)
    assert rt.nansum(x, dtype=rt.int64).item() == 3
    for dtype in (rt.float64, rt.complex64, rt.int64, rt.bool):
        out = rt.zeros((), dtype=dtype)
        rt.nansum(rt.tensor([1, 2]), 0, out=out)
        assert out.item() == (True if dtype == rt.bool else 3)


def test_sums_of_bools_along_a_dimension_are_refused():
    for scan in (rt.cumsum, rt.cumprod):
        with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
            scan(rt.tensor([True, False]), 0, dtype=rt.bool)
        with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
            scan(rt.tensor([1.0, 2.0]), 0, out=rt.zeros(2, dtype=rt.bool))
        assert scan(rt.tensor(1.0), 0, dtype=rt.bool).item() is True
        assert scan(rt.zeros(0), 0, dtype=rt.bool).shape == (0,)
