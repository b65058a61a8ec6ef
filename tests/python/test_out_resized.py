"""out= that reaches an input once it has the shape of the result is refused, as in PyTorch."""

import warnings

import pytest

import rustorch as rt

FIRST = rt.tensor([0, 1, 2, 3])
CALLS = {
    "gather": lambda x, out: rt.gather(x, 0, FIRST, out=out),
    "take_along_dim": lambda x, out: rt.take_along_dim(x, FIRST, 0, out=out),
    "cat": lambda x, out: rt.cat([x, x], out=out),
    "stack": lambda x, out: rt.stack([x], out=out),
    "hstack": lambda x, out: rt.hstack([x, x], out=out),
    "cumsum": lambda x, out: rt.cumsum(x, 0, out=out),
    "cumprod": lambda x, out: rt.cumprod(x, 0, out=out),
    "logcumsumexp": lambda x, out: rt.logcumsumexp(x, 0, out=out),
    "scatter": lambda x, out: rt.scatter(x, 0, FIRST[:1], 1.0, out=out),
    "index_add": lambda x, out: rt.index_add(x, 0, FIRST[:1], x[:1], out=out),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused_after_resizing(name):
    memory = rt.arange(6.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="unsupported operation"):
            CALLS[name](memory[2:], memory[:2])
    assert memory.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("name", CALLS)
def test_taken_where_nothing_is_reached(name):
    x, out = rt.arange(4.0), rt.empty(0)
    result = CALLS[name](x, out)
    assert result is out and out.numel() > 0
