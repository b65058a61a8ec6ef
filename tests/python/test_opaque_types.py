"""Types whose elements are bytes without numbers: bits and what is less than a byte; as PyTorch where it has an answer."""

import io
import json
import pathlib
import sys
import warnings

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
import opaque_cases as cases  # noqa: E402

WANTED = json.loads((GOLDEN / "opaque.json").read_text())
# What only moves elements is done for all of these types; PyTorch refuses some of it for some of them.
MOVING = {"clone", "copy_", "contiguous", "slice", "write a slice", "flip", "gather", "index_select"}


def wanted(name, dtype):
    answer = WANTED[name]
    return answer if isinstance(answer, str) else answer[dtype]


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_results_are_those_of_pytorch(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: cases.run(rt, name, dtype) for name in WANTED}
    wrong = {k: (f, wanted(k, dtype)) for k, f in found.items() if f != wanted(k, dtype)}
    wrong = {k: v for k, v in wrong.items() if not (k in MOVING and v[1] == "refused")}
    assert not wrong


def test_copies_of_small_integers():
    x = rt.arange(16, dtype=rt.uint8).view(rt.int4)
    for y in (x.clone(), rt.empty_like(x).copy_(x), x.view(4, 4).t().contiguous().t().reshape(-1)):
        assert y.dtype == rt.int4 and y.view(rt.uint8).tolist() == list(range(16))


def test_bit_is_a_name_of_uint1():
    assert rt.bit is rt.uint1 and repr(rt.bit) == "rustorch.uint1"


@pytest.mark.parametrize("dtype", [*cases.DTYPES, "bcomplex32"])
def test_saved_and_loaded(dtype):
    d = getattr(rt, dtype)
    x = rt.arange(16, dtype=rt.uint8).view(d)
    file = io.BytesIO()
    rt.save({"x": x, "part": x[1:3], "dtype": d}, file)
    file.seek(0)
    back = rt.load(file)
    assert back["dtype"] is d and back["x"].dtype is d
    assert back["x"].view(rt.uint8).tolist() == list(range(16))
    size = d.itemsize
    assert back["part"].view(rt.uint8).tolist() == list(range(16))[size : 3 * size]


def test_what_is_printed():
    x = rt.arange(4, dtype=rt.uint8)
    assert repr(x.view(rt.float4_e2m1fn_x2)) == "tensor([0., 1., 2., 3.], dtype=rustorch.float4_e2m1fn_x2)"
    assert repr(x.view(rt.uint4)) == "tensor([0, 1, 2, 3], dtype=rustorch.uint4)"
    assert repr(x.view(rt.bits16)) == "tensor([256, 770], dtype=rustorch.bits16)"


def test_bcomplex32_holds_two_bfloat16():
    x = rt.tensor([1.5 + 2j, 3, 1e30j], dtype=rt.bcomplex32)
    assert x.element_size() == 4 and x.real.dtype == rt.bfloat16 and x.imag.dtype == rt.bfloat16
    assert x.tolist()[:2] == [1.5 + 2j, 3 + 0j] and abs(x[2].item().imag / 1e30 - 1) < 1e-2
    assert rt.view_as_real(x)[:2].tolist() == [[1.5, 2], [3, 0]]
    assert x.to(rt.complex64).to(rt.bcomplex32).equal(x) and rt.bfloat16.to_complex() is rt.bcomplex32
    assert rt.promote_types(rt.bcomplex32, rt.bfloat16) is rt.bcomplex32
    assert rt.promote_types(rt.bcomplex32, rt.float16) is rt.complex64
    assert rt.promote_types(rt.bcomplex32, rt.complex32) is rt.complex64
    assert (x + x).tolist()[0] == 3 + 4j and x[:2].sum().item() == 4.5 + 2j
    assert rt.rand(4, dtype=rt.bcomplex32).dtype is rt.bcomplex32
