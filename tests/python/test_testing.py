"""rustorch.testing: messages and rules of assert_close (recorded from PyTorch), make_tensor."""

import math

import pytest

import rustorch as rt
from rustorch.testing import assert_allclose, assert_close, make_tensor


def message(actual, expected, **options):
    with pytest.raises(AssertionError) as caught:
        assert_close(actual, expected, **options)
    return str(caught.value)


def test_what_is_close():
    assert_close(rt.ones(3), rt.ones(3) * (1 + 1e-6))
    assert_close([1, {"a": rt.ones(2)}], (1, {"a": rt.ones(2)}))
    assert_close(1.0, 1.0 + 1e-9)
    assert_close(rt.ones(2), rt.ones(2).double(), check_dtype=False)
    assert_close(math.nan, math.nan, equal_nan=True)
    assert_close(None, None)
    assert_allclose([1.0, 2.0], rt.tensor([1.0, 2.0]))


def test_messages():
    assert message(rt.tensor([[1.0, 1.0], [1.0, 1.0]]), rt.tensor([[1.0, 1.5], [1.0, 1.0]])) == (
        "Tensor-likes are not close!\n\nMismatched elements: 1 / 4 (25.0%)\n"
        "Greatest absolute difference: 0.5 at index (0, 1) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.3333333432674408 at index (0, 1) (up to 1.3e-06 allowed)"
    )
    assert message(rt.tensor([1, 2]), rt.tensor([1, 4])) == (
        "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
        "Greatest absolute difference: 2 at index (1,)\nGreatest relative difference: 0.5 at index (1,)"
    )
    assert message([1, 2], [1, 4]) == (
        "Scalars are not equal!\n\nExpected 4 but got 2.\nAbsolute difference: 2\nRelative difference: 0.5\n\n"
        "The failure occurred for item [1]"
    )
    assert "'shape' do not match: rustorch.Size([2]) != rustorch.Size([3])" in message(rt.ones(2), rt.ones(3)).replace(
        "torch.Size", "rustorch.Size"
    ).replace("rusrustorch", "rustorch")
    assert "'dtype' do not match" in message(rt.ones(2), rt.ones(2).double())
    assert "'stride()' do not match" in message(rt.ones(2, 2), rt.ones(2, 2).t(), check_stride=True)
    assert message(rt.ones(1), rt.zeros(1), msg="mine") == "mine"
    assert message(rt.ones(1), rt.zeros(1), msg=lambda m: m[:7]) == "Tensor-"
    assert message([1], [1, 2]) == "The length of the sequences mismatch: 1 != 2"
    assert "Missing keys in the actual mapping: ['b']" in message({"a": 1}, {"b": 1})
    assert message(None, 1) == "None mismatch: None is not 1"
    assert message(True, False) == "Booleans mismatch: True is not False"


def test_wrong_calls():
    with pytest.raises(ValueError, match="but got no atol"):
        assert_close(1.0, 1.0, rtol=0)
    with pytest.raises(TypeError, match="No comparison pair was able to handle"):
        assert_close("a", "a")
    with pytest.raises(TypeError, match="type equality is required"):
        assert_close(rt.nn.Parameter(rt.ones(1)), rt.ones(1), allow_subclasses=False)


@pytest.mark.parametrize("dtype", [rt.bool, rt.uint8, rt.int64, rt.float16, rt.bfloat16, rt.float32, rt.complex64])
def test_make_tensor(dtype):
    t = make_tensor(3, 4, dtype=dtype)
    assert t.shape == (3, 4) and t.dtype == dtype
    assert make_tensor((2, 0), dtype=dtype).numel() == 0
    n = make_tensor((4, 5), dtype=dtype, noncontiguous=True)
    assert not n.is_contiguous() and n.shape == (4, 5)
    if not dtype.is_complex and dtype != rt.bool:
        t = make_tensor((100,), dtype=dtype, low=2, high=5)
        assert t.min().item() >= 2 and t.max().item() <= 5
        assert not (make_tensor((200,), dtype=dtype, low=0, high=2, exclude_zero=True) == 0).any().item()


def test_make_tensor_refuses():
    with pytest.raises(ValueError, match="`low` must be less than `high`"):
        make_tensor(2, dtype=rt.float32, low=3, high=1)
    with pytest.raises(ValueError, match="cannot be NaN"):
        make_tensor(2, dtype=rt.float32, low=math.nan)
    with pytest.raises(ValueError, match="mutually exclusive"):
        make_tensor(2, dtype=rt.float32, noncontiguous=True, memory_format=rt.channels_last)
    assert make_tensor(2, dtype=rt.float32, requires_grad=True).requires_grad


def test_small_element_types():
    close = rt.testing.assert_close
    x = rt.tensor([1 + 1j, 2.0], dtype=rt.complex32)
    close(x, (x.to(rt.complex64) * 1.0005).to(rt.complex32))
    with pytest.raises(AssertionError, match="not close"):
        close(x, x * 2)
    for dtype in (rt.float8_e4m3fn, rt.float8_e5m2, rt.float8_e8m0fnu):
        a, b = rt.tensor([1.0, 2.0, 4.0]).to(dtype), rt.tensor([1.0, 2.0, 8.0]).to(dtype)
        close(a, a.clone())
        with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 3 \(33.3%\)\nThe first.* at index \(2,\)"):
            close(a, b)
        with pytest.raises(AssertionError, match="not supported for bitwise comparison"):
            close(a, a, rtol=1, atol=1)
        with pytest.raises(AssertionError, match="Expected 8.0 but got 4.0"):
            close(a[2], b[2])
        close(a, a.float(), check_dtype=False)
