"""Random operators: ranges, moments, repeatability."""

import math

import pytest
from thread_helpers import equal_on_threads

import rustorch as rt

N = 200_000


def moments(t):
    t = t.to(rt.float64)
    return t.mean().item(), t.std().item()


def test_seed_repeats_and_threads_do_not_matter():
    def run():
        rt.manual_seed(3)
        numbers = rt.rand(100001), rt.randn(100001), rt.randint(0, 1000, (100001,))
        return *numbers, rt.randperm(1000), rt.empty(5000).exponential_()

    equal_on_threads(run)


@pytest.mark.parametrize("dtype", [rt.float32, rt.float64, rt.float16, rt.bfloat16])
def test_uniform_and_normal(dtype):
    rt.manual_seed(0)
    u = rt.rand(N, dtype=dtype)
    assert u.min().item() >= 0 and u.max().item() < 1
    mean, std = moments(u)
    assert mean == pytest.approx(0.5, abs=0.005) and std == pytest.approx(math.sqrt(1 / 12), abs=0.005)
    mean, std = moments(rt.randn(N, dtype=dtype))
    assert mean == pytest.approx(0, abs=0.02) and std == pytest.approx(1, abs=0.02)
    mean, std = moments(rt.empty(N, dtype=dtype).normal_(3, 0.5))
    assert mean == pytest.approx(3, abs=0.02) and std == pytest.approx(0.5, abs=0.02)


def test_integers():
    rt.manual_seed(0)
    t = rt.randint(-3, 4, (N,))
    assert t.min().item() == -3 and t.max().item() == 3
    assert moments(t)[0] == pytest.approx(0, abs=0.03)
    assert sorted(rt.randperm(100).tolist()) == list(range(100))
    assert rt.randint(10, (2, 3), dtype=rt.int32).dtype == rt.int32
    with pytest.raises(RuntimeError):
        rt.randint(3, 3, (1,))


def test_other_distributions():
    rt.manual_seed(0)
    assert moments(rt.empty(N).exponential_(2))[0] == pytest.approx(0.5, abs=0.01)
    assert moments(rt.empty(N).geometric_(0.25))[0] == pytest.approx(4, abs=0.05)
    assert rt.empty(N).cauchy_(1, 2).median().item() == pytest.approx(1, abs=0.05)
    assert moments(rt.empty(N).log_normal_(0, 0.5).log())[1] == pytest.approx(0.5, abs=0.01)
    assert moments(rt.empty(N).bernoulli_(0.3))[0] == pytest.approx(0.3, abs=0.01)
    assert moments(rt.bernoulli(rt.full((N,), 0.7)))[0] == pytest.approx(0.7, abs=0.01)
    for rate in (0.5, 4.0, 30.0):
        mean, std = moments(rt.poisson(rt.full((20000,), rate)))
        assert mean == pytest.approx(rate, rel=0.05) and std == pytest.approx(math.sqrt(rate), rel=0.05)
    for count, p in ((10.0, 0.2), (1000.0, 0.3), (100.0, 0.9)):
        mean, std = moments(rt.binomial(rt.full((20000,), count), rt.full((20000,), p)))
        assert mean == pytest.approx(count * p, rel=0.05)
        assert std == pytest.approx(math.sqrt(count * p * (1 - p)), rel=0.05)


def test_multinomial():
    rt.manual_seed(0)
    weights = rt.tensor([0.0, 1.0, 3.0, 0.0])
    drawn = rt.multinomial(weights, 10000, replacement=True)
    assert set(drawn.tolist()) == {1, 2}
    assert (drawn == 2).to(rt.float32).mean().item() == pytest.approx(0.75, abs=0.02)
    assert sorted(rt.multinomial(rt.ones(5), 5).tolist()) == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError):
        rt.multinomial(rt.tensor([-1.0, 2.0]), 1)
