"""out=: overlap, sizes and dtypes; resize_; the copies of views; segment_reduce. Expected values are PyTorch's."""

import pytest

import rustorch as rt


def x():
    return rt.arange(6.0)


def test_out_that_is_the_input():
    a = rt.arange(4.0)
    assert rt.add(a, 1, out=a) is a and a.tolist() == [1, 2, 3, 4]
    assert rt.cumsum(a, 0, out=a).tolist() == [1, 3, 6, 10]


def test_out_that_overlaps():
    a = rt.arange(4.0)
    with pytest.raises(
        RuntimeError, match="some elements of the input tensor and the written-to tensor refer to a single"
    ):
        rt.add(a[:-1], 1, out=a[1:])
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single memory"):
        rt.add(rt.ones(3), 1, out=rt.zeros(1).expand(3))
    with pytest.raises(RuntimeError, match="refer to a single"):
        rt.cat([a[:2], a[2:]], out=a)
    with pytest.raises(RuntimeError, match="refer to a single"):
        rt.gather(a, 0, rt.tensor([1, 0, 2, 3]), out=a)
    assert a.tolist() == [0, 1, 2, 3]


def test_out_is_resized_and_keeps_its_layout():
    out = rt.zeros(0)
    rt.add(x(), 1, out=out)
    assert list(out.shape) == [6]
    base = rt.zeros(6)
    rt.add(rt.ones(3), 1, out=base[::2])
    assert base.tolist() == [2, 0, 2, 0, 2, 0]


def test_dtype_of_out():
    assert rt.add(rt.arange(6), 1, out=rt.zeros(6)).tolist() == [1, 2, 3, 4, 5, 6]
    assert rt.add(x(), 1, out=rt.zeros(6, dtype=rt.float16)).dtype == rt.float16
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        rt.add(x(), 1, out=rt.zeros(6, dtype=rt.int64))
    with pytest.raises(RuntimeError, match="result type ComplexFloat can't be cast"):
        rt.add(rt.ones(1, dtype=rt.complex64), 1, out=rt.zeros(1))


def test_out_does_not_record():
    for a, out in ((rt.ones(2, requires_grad=True), rt.zeros(2)), (rt.ones(2), rt.zeros(2, requires_grad=True))):
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            rt.add(a, 1, out=out)


def test_several_results():
    values, indices = rt.zeros(0), rt.zeros(0, dtype=rt.int64)
    rt.max(x().reshape(2, 3), 1, out=(values, indices))
    assert values.tolist() == [2, 5] and indices.tolist() == [2, 2]


def test_segment_reduce():
    lengths = rt.tensor([2, 0, 4])
    inf, nan = float("inf"), float("nan")
    assert rt.segment_reduce(x(), "sum", lengths=lengths).tolist() == [1, 0, 14]
    mean = rt.segment_reduce(x(), "mean", lengths=lengths).tolist()
    assert mean[0] == 0.5 and mean[1] != mean[1] and mean[2] == 3.5 and nan != nan
    assert rt.segment_reduce(x(), "max", lengths=lengths).tolist() == [1, -inf, 5]
    assert rt.segment_reduce(x(), "min", lengths=lengths, initial=0.5).tolist() == [0, 0.5, 0.5]
    assert rt.segment_reduce(x(), "prod", lengths=rt.tensor([2, 4])).tolist() == [0, 120]
    assert rt.segment_reduce(x(), "sum", offsets=rt.tensor([0, 2, 6])).tolist() == [1, 14]
    rows = rt.segment_reduce(x().reshape(2, 3), "sum", lengths=rt.tensor([[1, 2], [3, 0]]), axis=1)
    assert rows.tolist() == [[0, 3], [12, 0]]
    for bad, text in (([2, 3], "to sum to data.size"), ([-1, 7], "negative")):
        with pytest.raises(RuntimeError, match=text):
            rt.segment_reduce(x(), "sum", lengths=rt.tensor(bad))
    with pytest.raises(RuntimeError):
        rt.segment_reduce(x(), "median", lengths=rt.tensor([6]))


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("sum", [1.0, 3.0, 2.0, 2.0], [1, 1, 1, 1]),
        ("mean", [1.0, 3.0, 2.0, 2.0], [0.5, 0.5, 0.5, 0.5]),
        ("max", [1.0, 3.0, 2.0, 2.0], [0, 1, 0.5, 0.5]),
        ("prod", [1.0, 3.0, 2.0, 4.0], [3, 1, 4, 2]),
    ],
)
def test_gradient_of_segment_reduce(kind, values, expected):
    a = rt.tensor(values, requires_grad=True)
    rt.segment_reduce(a, kind, lengths=rt.tensor([2, 2])).sum().backward()
    assert a.grad.tolist() == expected


def test_resize():
    a = x()
    assert a.resize_(2, 2).tolist() == [[0, 1], [2, 3]] and list(a.resize_(2, 4).shape) == [2, 4]
    assert a.reshape(-1)[:6].tolist() == [0, 1, 2, 3, 4, 5]
    base = x()
    assert base[2:].resize_(2).tolist() == [2, 3] and base.tolist() == [0, 1, 2, 3, 4, 5]
    assert list(rt.ones(6).resize_as_(rt.zeros(3, 2)).shape) == [3, 2]
    assert rt.zeros(0).resize_((1, 2, 3, 4), memory_format=rt.channels_last).stride() == (24, 1, 8, 2)
    for bad in (lambda: rt.ones(2, requires_grad=True).resize_(3), lambda: rt.ones(2).resize_(-1)):
        with pytest.raises(RuntimeError):
            bad()


def test_copies_of_views_are_copies():
    a = x()
    m = a.reshape(2, 3)
    copies = {
        "view_copy": rt.view_copy(a, (2, 3)), "narrow_copy": rt.narrow_copy(a, 0, 1, 2), "select_copy": rt.select_copy(m, 1, 2),
        "slice_copy": rt.slice_copy(a, 0, 1, 5, 2), "permute_copy": rt.permute_copy(m, (1, 0)), "transpose_copy": rt.transpose_copy(m, 0, 1),
        "t_copy": rt.t_copy(m), "diagonal_copy": rt.diagonal_copy(m), "unsqueeze_copy": rt.unsqueeze_copy(a, 1), "squeeze_copy": rt.squeeze_copy(m),
        "unfold_copy": rt.unfold_copy(a, 0, 2, 2), "as_strided_copy": rt.as_strided_copy(a, (2, 2), (1, 2)), "alias_copy": rt.alias_copy(a),
        "expand_copy": rt.expand_copy(a, (2, 6)), "detach_copy": rt.detach_copy(a), "unbind_copy": rt.unbind_copy(m)[1], "split_copy": rt.split_copy(a, 4)[0],
    }  # fmt: skip
    expected = {
        "view_copy": [[0, 1, 2], [3, 4, 5]], "narrow_copy": [1, 2], "select_copy": [2, 5], "slice_copy": [1, 3], "permute_copy": [[0, 3], [1, 4], [2, 5]],
        "transpose_copy": [[0, 3], [1, 4], [2, 5]], "t_copy": [[0, 3], [1, 4], [2, 5]], "diagonal_copy": [0, 4],
        "unsqueeze_copy": [[0], [1], [2], [3], [4], [5]], "squeeze_copy": [[0, 1, 2], [3, 4, 5]], "unfold_copy": [[0, 1], [2, 3], [4, 5]],
        "as_strided_copy": [[0, 2], [1, 3]], "alias_copy": [0, 1, 2, 3, 4, 5], "expand_copy": [[0, 1, 2, 3, 4, 5]] * 2, "detach_copy": [0, 1, 2, 3, 4, 5],
        "unbind_copy": [3, 4, 5], "split_copy": [0, 1, 2, 3],
    }  # fmt: skip
    for name, copy in copies.items():
        assert copy.tolist() == expected[name] and copy.is_contiguous(), name
        copy.add_(1)
    assert a.tolist() == [0, 1, 2, 3, 4, 5]
    assert rt.view_as_real_copy(rt.tensor([1 + 2j])).tolist() == [[1, 2]]
    assert rt.view_as_complex_copy(rt.tensor([[1.0, 2.0]])).tolist() == [1 + 2j]
    assert rt.permute_copy(m, (1, 0), out=rt.zeros(0)).tolist() == [[0, 3], [1, 4], [2, 5]]
    w = rt.ones(3, requires_grad=True)
    rt.select_copy(w, 0, 1).backward()
    assert w.grad.tolist() == [0, 1, 0]


def test_norm_of_complex_numbers():
    x = rt.tensor([3 + 4j, 0, 0], dtype=rt.complex64)
    for call in (rt.norm, rt.linalg.vector_norm):
        out = rt.empty(())
        assert call(x, out=out) is out
        assert out.dtype == rt.float32 and out.item() == 5.0
