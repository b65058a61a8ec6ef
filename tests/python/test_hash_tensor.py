"""hash_tensor: exclusive or of the bits of elements taken as int64 or float64."""

import functools
import operator
import struct

import pytest

import rustorch as rt

FLOATS = (rt.float16, rt.bfloat16, rt.float32, rt.float64)
INTEGERS = (rt.bool, rt.uint8, rt.int8, rt.int16, rt.int32, rt.int64)


def bits(value):
    if isinstance(value, float):
        return struct.unpack("<Q", struct.pack("<d", value))[0]
    return int(value) & 0xFFFFFFFFFFFFFFFF


def expected(values):
    return functools.reduce(operator.xor, map(bits, values), 0)


def test_known_numbers():
    x = rt.arange(24.0).reshape(2, 3, 4) - 5.5
    assert rt.hash_tensor(x).item() == 1407374883553280
    assert rt.hash_tensor(x, (0, 2)).tolist() == [2814749767106560, 0, 4222124650659840]
    whole = x.to(rt.int16).hash_tensor(1)
    assert whole.tolist() == [[6, 18446744073709551615, 18446744073709551609, 18446744073709551610], [2, 3, 20, 21]]
    assert whole.dtype == rt.uint64


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS, ids=str)
@pytest.mark.parametrize("shape", [(7, 1000), (3, 130, 5), (1, 1), (70000,)], ids=str)
def test_every_element_counts(dtype, shape):
    x = ((rt.arange(rt.empty(shape).numel()) * 7919 % 1013 - 500) * (0.37 if dtype.is_floating_point else 1)).to(dtype)
    x = x.reshape(shape)
    assert rt.hash_tensor(x).item() == expected(x.flatten().tolist())
    assert rt.hash_tensor(x, 0).tolist() == rt.hash_tensor(x.unsqueeze(0).transpose(0, 1).contiguous(), (0, 1)).tolist()
    if x.dim() == 2:
        assert rt.hash_tensor(x, 1).tolist() == [expected(row) for row in x.tolist()]
        assert rt.hash_tensor(x.t(), 0).tolist() == [expected(row) for row in x.tolist()]
        assert rt.hash_tensor(x[:, ::3], 1).tolist() == [expected(row) for row in x[:, ::3].tolist()]


def test_shapes_and_arguments():
    x = rt.arange(6.0).reshape(2, 3)
    assert rt.hash_tensor(x, 1, keepdim=True).shape == (2, 1)
    assert rt.hash_tensor(x, keepdim=True).shape == (1, 1)
    assert rt.hash_tensor(x, ()).shape == rt.hash_tensor(x, None).shape == ()
    assert rt.hash_tensor(rt.ones(3, 0), 0).shape == (0,)
    assert rt.hash_tensor(rt.tensor(-7.0)).item() == bits(-7.0)
    assert not rt.hash_tensor(x.requires_grad_()).requires_grad
    out = rt.empty(0, dtype=rt.uint64)
    assert rt.hash_tensor(x.detach(), 0, out=out) is out and out.shape == (3,)


def test_what_is_refused():
    x = rt.ones(2, 3)
    for wrong, words in (
        (lambda: rt.hash_tensor(x, mode=1), "Unknown hash_tensor mode: 1"),
        (lambda: rt.hash_tensor(x, (0, 0)), "appears multiple times"),
        (lambda: rt.hash_tensor(rt.ones(0)), "Expected reduction dim to be specified"),
        (lambda: rt.hash_tensor(rt.ones(0, 3), 0), "non-zero size"),
        (lambda: rt.hash_tensor(x, out=rt.empty(0, dtype=rt.int64)), "dtype"),
        (lambda: rt.hash_tensor(x.to(rt.complex64)), "not implemented for 'ComplexFloat'"),
        (lambda: rt.hash_tensor(x.to(rt.uint32)), "not implemented for 'UInt32'"),
        (lambda: rt.hash_tensor(x.to(rt.float8_e5m2)), "not implemented for 'Float8_e5m2'"),
    ):
        with pytest.raises((RuntimeError, IndexError), match=words.replace("(", r"\(")):
            wrong()
    with pytest.raises(TypeError):
        rt.hash_tensor(x, 0, True)


def test_rows_under_vmap():
    x = rt.arange(6.0).reshape(2, 3)
    assert rt.vmap(rt.hash_tensor)(x).tolist() == rt.hash_tensor(x, 1).tolist()
