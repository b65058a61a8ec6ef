"""rustorch.masked beyond the recorded calls of test_op_golden.py: masks that broadcast, empty slices, errors, gradients."""

import math

import pytest

import rustorch as rt
from rustorch import masked

X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
MASK = [[True, False, True], [False, False, False]]


def both():
    return rt.tensor(X), rt.tensor(MASK)


@pytest.mark.parametrize(
    "name, kept, none",
    [
        ("sum", 4.0, 0.0),
        ("prod", 3.0, 1.0),
        ("amax", 3.0, -math.inf),
        ("amin", 1.0, math.inf),
        ("mean", 2.0, math.nan),
        ("median", 1.0, math.nan),
        ("var", 2.0, math.nan),
        ("std", math.sqrt(2.0), math.nan),
        ("norm", math.sqrt(10.0), 0.0),
        ("logsumexp", math.log(math.exp(1) + math.exp(3)), -math.inf),
        ("argmax", 2.0, 0.0),
        ("argmin", 0.0, 0.0),
    ],
)
def test_reductions_of_a_masked_and_of_an_empty_row(name, kept, none):
    x, mask = both()
    out = getattr(masked, name)(x, dim=1, mask=mask)
    assert out.tolist() == pytest.approx([kept, none], nan_ok=True, rel=1e-6)
    assert getattr(masked, name)(x, dim=1, keepdim=True, mask=mask).shape == (2, 1)


def test_without_a_mask_they_are_the_plain_functions():
    x = rt.tensor(X)
    assert rt.equal(masked.sum(x), x.sum())
    assert rt.allclose(masked.var(x, 0, False), x.var(0, correction=0))
    assert rt.allclose(masked.softmax(x, 1), x.softmax(1))
    assert rt.equal(masked.amax(x, ()), x.max())


def test_normalizations():
    x, mask = both()
    two = math.exp(1) / (math.exp(1) + math.exp(3))
    assert masked.softmax(x, 1, mask=mask)[0].tolist() == pytest.approx([two, 0.0, 1 - two])
    assert masked.softmax(x, 1, mask=mask)[1].isnan().all().item()
    assert masked.softmin(x, 1, mask=mask)[0].tolist() == pytest.approx([1 - two, 0.0, two])
    assert masked.cumsum(x, 1, mask=mask).tolist() == [[1.0, 1.0, 4.0], [0.0, 0.0, 0.0]]
    assert masked.cumprod(x, 1, mask=mask).tolist() == [[1.0, 1.0, 3.0], [1.0, 1.0, 1.0]]
    assert masked.normalize(x, 1.0, 1, mask=mask)[0].tolist() == pytest.approx([0.25, 0.0, 0.75])
    out = masked.logaddexp(x, x, input_mask=mask, other_mask=mask)
    assert out[1].tolist() == [-math.inf] * 3 and out[0, 0].item() == pytest.approx(1 + math.log(2))


def test_a_mask_broadcasts_and_need_not_be_bool():
    x = rt.tensor(X)
    assert masked.sum(x, 1, mask=rt.tensor([1, 0, 1])).tolist() == [4.0, 10.0]
    with pytest.raises(IndexError, match="mask dimensionality higher"):
        masked.sum(x, mask=rt.ones(1, 2, 3))


def test_integers():
    x = rt.tensor([[1, 2], [3, 4]], dtype=rt.int32)
    mask = rt.tensor([[True, True], [False, False]])
    assert masked.sum(x, 1, mask=mask).dtype == rt.int64
    assert masked.amax(x, 1, mask=mask).tolist() == [2, -(2**31)]
    assert masked.amin(x.to(rt.uint8), 1, mask=mask).tolist() == [1, 255]
    with pytest.raises(ValueError, match="fully masked out"):
        masked.median(x, 1, mask=mask)
    with pytest.raises(ValueError, match="Could not infer output dtype"):
        masked.mean(x, mask=mask)
    with pytest.raises(NotImplementedError, match="identity of amax"):
        masked.amax(x.to(rt.complex64), mask=mask)


def test_dimensions_are_checked():
    x, mask = both()
    with pytest.raises(IndexError, match="Dimension out of range"):
        masked.sum(x, 2, mask=mask)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        masked.sum(x, (0, 0), mask=mask)
    with pytest.raises(AssertionError, match="Only one of unbiased and correction"):
        masked.var(x, 0, True, correction=1)


def test_gradients_stay_inside_the_mask():
    x, mask = both()
    x.requires_grad_()
    masked.sum(x * x, mask=mask).backward()
    assert x.grad.tolist() == [[2.0, 0.0, 6.0], [0.0, 0.0, 0.0]]
