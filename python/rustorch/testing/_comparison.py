"""assert_close: are two tensors, numbers, sequences or mappings equal up to rounding?"""

import cmath
import numbers
from collections.abc import Mapping, Sequence

from .. import _C
from .._C import Tensor

_ops = _C.ops
_TOLERANCES = {
    _C.float16: (1e-3, 1e-5), _C.bfloat16: (1.6e-2, 1e-5), _C.float32: (1.3e-6, 1e-5), _C.float64: (1e-7, 1e-7),
    _C.complex32: (1e-3, 1e-5), _C.complex64: (1.3e-6, 1e-5), _C.complex128: (1e-7, 1e-7),
}  # fmt: skip


class _Options:
    def __init__(self, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg):
        self.rtol, self.atol, self.equal_nan, self.msg = rtol, atol, equal_nan, msg
        self.check_device, self.check_dtype, self.check_layout, self.check_stride = (
            check_device, check_dtype, check_layout, check_stride)  # fmt: skip

    def tolerances(self, place, *dtypes):
        if (self.rtol is None) != (self.atol is None):
            missing = "atol" if self.atol is None else "rtol"
            self.fail(
                f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.", place, ValueError
            )
        if self.rtol is not None:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(d, (0.0, 0.0)) for d in dtypes]
        return max(p[0] for p in pairs), max(p[1] for p in pairs)

    def fail(self, text, place, kind=AssertionError):
        where = "".join(f"[{key!r}]" for key in place)
        if where:
            text = f"{text}\n\nThe failure occurred for item {where}"
        if self.msg is not None:
            text = self.msg(text) if callable(self.msg) else self.msg
        raise kind(text)


def _tensor(x):
    if isinstance(x, Tensor):
        return x
    if type(x).__module__.split(".")[0] == "numpy":
        return _C.tensor(x)
    return None


def _scalars_text(actual, expected, absolute, relative, rtol, atol):
    close = rtol or atol
    limits = [f" (up to {x} allowed)" if close else "" for x in (atol, rtol)]
    return (f"Scalars are not {'close' if close else 'equal'}!\n\nExpected {expected} but got {actual}.\n"
            f"Absolute difference: {absolute}{limits[0]}\nRelative difference: {relative}{limits[1]}")  # fmt: skip


def _mismatch_text(actual, expected, bad, rtol, atol):
    total, wrong = bad.numel(), int(bad.sum())
    real = actual.dtype.is_floating_point or actual.dtype.is_complex
    a, e = (actual, expected) if real else (actual.to(_C.int64), expected.to(_C.int64))
    absolute = (a - e).abs()
    relative = absolute / e.abs()
    if actual.dim() == 0:
        return _scalars_text(actual.item(), expected.item(), absolute.item(), relative.item(), rtol, atol)
    absolute, relative = absolute.masked_fill(~bad, 0), relative.masked_fill(~bad, 0)

    def at(t):
        flat = int(t.reshape(-1).argmax())
        place = []
        for size in reversed(t.shape):
            place.insert(0, flat % size)
            flat //= size
        return tuple(place)

    close = rtol or atol
    limits = [f" (up to {x} allowed)" if close else "" for x in (atol, rtol)]
    return (f"Tensor-likes are not {'close' if close else 'equal'}!\n\n"
            f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})\n"
            f"Greatest absolute difference: {absolute.max().item()} at index {at(absolute)}{limits[0]}\n"
            f"Greatest relative difference: {relative.max().item()} at index {at(relative)}{limits[1]}")  # fmt: skip


def _compare_bits(actual, expected, o, place, rtol, atol):
    """Floats of 8 bits are the same or not: no arithmetic is defined on them."""
    if rtol or atol:
        o.fail(f"Rtol={rtol} and atol={atol} are not supported for bitwise comparison of low dimensional floats. "
               "Please use rtol=0.0 and atol=0.0.", place)  # fmt: skip
    bad = actual.view(_C.uint8) != expected.view(_C.uint8)
    wrong, total = int(bad.sum()), bad.numel()
    if not wrong:
        return
    if actual.dim() == 0:
        _compare_numbers(actual.item(), expected.item(), o, place)
    o.fail(f"Tensor-likes are not 'equal'!\n\nMismatched elements: {wrong} / {total} ({wrong / total:.1%})\n"
           f"The first mismatched element is at index {tuple(bad.nonzero()[0].tolist())}.", place)  # fmt: skip


def _compare_tensors(actual, expected, o, place):
    if actual.shape != expected.shape:
        o.fail(f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}.", place)
    if o.check_device and actual.device != expected.device:
        o.fail(f"The values for attribute 'device' do not match: {actual.device} != {expected.device}.", place)
    if o.check_dtype and actual.dtype != expected.dtype:
        o.fail(f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}.", place)
    if o.check_stride and actual.stride() != expected.stride():
        o.fail(f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}.", place)
    rtol, atol = o.tolerances(place, actual.dtype, expected.dtype)
    actual, expected = actual.detach().cpu(), expected.detach().cpu()
    small = [x.dtype.is_floating_point and x.dtype.itemsize == 1 for x in (actual, expected)]
    if all(small) and actual.dtype == expected.dtype:
        _compare_bits(actual, expected, o, place, rtol, atol)
        return
    if any(small):
        actual, expected = actual.to(_C.float32), expected.to(_C.float32)
    if actual.dtype != expected.dtype:
        common = _C.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(common), expected.to(common)
    bad = ~_ops.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=o.equal_nan)
    if bad.any().item():
        o.fail(_mismatch_text(actual, expected, bad, rtol, atol), place)


def _compare_numbers(actual, expected, o, place):
    if o.check_dtype and type(actual) is not type(expected):
        o.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", place)
    kind = [(_C.complex128 if isinstance(x, complex) else _C.float64 if isinstance(x, float) else _C.int64)
            for x in (actual, expected)]  # fmt: skip
    rtol, atol = o.tolerances(place, *kind)
    if actual == expected or (o.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if cmath.isfinite(actual) and cmath.isfinite(expected) and difference <= atol + rtol * abs(expected):
        return
    relative = difference / abs(expected) if expected else float("inf")
    o.fail(_scalars_text(actual, expected, difference, relative, rtol, atol), place)


def _compare(actual, expected, o, place, allow_subclasses):
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            missing, extra = (
                sorted(map(str, expected.keys() - actual.keys())),
                sorted(map(str, actual.keys() - expected.keys())),
            )
            o.fail(f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {missing}\n"
                   f"Additional keys in the actual mapping: {extra}", place)  # fmt: skip
        for key in expected:
            _compare(actual[key], expected[key], o, (*place, key), allow_subclasses)
        return
    sequences = [isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)]
    if all(sequences):
        if len(actual) != len(expected):
            o.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", place)
        for i, (a, e) in enumerate(zip(actual, expected)):
            _compare(a, e, o, (*place, i), allow_subclasses)
        return
    if actual is None or expected is None:
        if actual is not expected:
            o.fail(f"None mismatch: {actual} is not {expected}", place)
        return
    both_numbers = all(isinstance(x, numbers.Number) and not isinstance(x, Tensor) for x in (actual, expected))
    if both_numbers and _tensor(actual) is None and _tensor(expected) is None:
        if isinstance(actual, bool) and isinstance(expected, bool):
            if actual is not expected:
                o.fail(f"Booleans mismatch: {actual} is not {expected}", place)
            return
        _compare_numbers(actual, expected, o, place)
        return
    if not allow_subclasses and type(actual) is not type(expected):
        o.fail(f"Except for scalars, type equality is required if allow_subclasses=False, but got {type(actual)} and "
               f"{type(expected)} instead.", place, TypeError)  # fmt: skip
    tensors = _tensor(actual), _tensor(expected)
    if tensors[0] is None or tensors[1] is None:
        o.fail(
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.",
            place,
            TypeError,
        )
    _compare_tensors(*tensors, o, place)


def assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, equal_nan=False, check_device=True,
                 check_dtype=True, check_layout=True, check_stride=False, msg=None):  # fmt: skip
    """Raises AssertionError when actual and expected differ by more than atol + rtol * abs(expected) anywhere.

    Tolerances follow the dtype when not given. Sequences and mappings are compared item by item. msg replaces the message
    (a callable gets it and returns another).
    """
    options = _Options(rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg)
    _compare(actual, expected, options, (), allow_subclasses)


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """assert_close of values only; anything that makes a tensor is compared."""
    actual = actual if isinstance(actual, Tensor) else _C.tensor(actual)
    expected = expected if isinstance(expected, Tensor) else _C.tensor(expected, dtype=actual.dtype)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
                 check_stride=False, msg=msg or None)  # fmt: skip
