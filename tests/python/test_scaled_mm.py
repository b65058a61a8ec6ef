"""Products of 8-bit floats with scales, and operators over lists of tensors."""

import pytest

import rustorch as rt
import rustorch.nn.functional as F  # noqa: N812
from rustorch import foreach
from rustorch.nn.functional import ScalingType as S

A = (rt.arange(4 * 16).reshape(4, 16) % 7 - 3).to(rt.float8_e4m3fn)
B = (rt.arange(8 * 16).reshape(8, 16) % 5 - 2).to(rt.float8_e4m3fn).t()
PLAIN = A.float() @ B.float()
TWO = rt.tensor(2.0)


def test_one_scale():
    assert F.scaled_mm(A, B, TWO, S.TensorWise, TWO, S.TensorWise).dtype == rt.bfloat16
    got = F.scaled_mm(A, B, TWO, S.TensorWise, [TWO], [S.TensorWise], bias=rt.ones(8), output_dtype=rt.float32)
    assert rt.equal(got, PLAIN * 4 + 1)
    assert F.scaled_mm(A, B, TWO, S.TensorWise, TWO, S.TensorWise, output_dtype=None).dtype == rt.float8_e4m3fn


def test_scales_of_rows_and_blocks():
    rows, columns = rt.arange(1.0, 5.0).reshape(4, 1), rt.arange(1.0, 9.0).reshape(1, 8)
    got = F.scaled_mm(A, B, rows, S.RowWise, columns, S.RowWise, output_dtype=rt.float32)
    assert rt.equal(got, PLAIN * rows * columns)
    a, b = rt.ones(3, 200).to(rt.float8_e5m2), rt.ones(5, 200).to(rt.float8_e4m3fn).t()
    sa, sb = rt.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), rt.tensor([[1.0, 10.0]])
    got = F.scaled_mm(a, b, sa, S.BlockWise1x128, sb, S.BlockWise128x128, output_dtype=rt.float32)
    assert rt.equal(got, (sa[:, :1] * 128 + sa[:, 1:] * 10 * 72).expand(3, 5))


def test_added_to_a_matrix():
    start = rt.ones(4, 8)
    got = F.scaled_addmm(start, A, B, TWO, S.TensorWise, TWO, S.TensorWise, beta=2.0, alpha=0.5)
    assert rt.equal(got, PLAIN * 2 + 2) and rt.equal(start, rt.ones(4, 8))
    assert F.scaled_addmm_(start, A, B, TWO, S.TensorWise, TWO, S.TensorWise) is start and rt.equal(
        start, PLAIN * 4 + 1
    )


def test_groups_of_rows():
    b = rt.stack([B.float(), B.float() * 2]).to(rt.float8_e4m3fn)
    offs = rt.tensor([1, 4], dtype=rt.int32)
    got = F.scaled_grouped_mm(A, b, rt.ones(4), S.RowWise, rt.ones(2, 8), S.RowWise, offs=offs, output_dtype=rt.float32)
    assert rt.equal(got, rt.cat([PLAIN[:1], PLAIN[1:] * 2]))
    with pytest.raises(ValueError, match="RowWise"):
        F.scaled_grouped_mm(A, b, TWO, S.TensorWise, TWO, S.TensorWise, offs=offs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.scaled_mm(A.float(), B.float(), TWO, S.TensorWise, TWO, S.TensorWise), "both inputs to be fp8"),
        (lambda: F.scaled_mm(A, A, TWO, S.TensorWise, TWO, S.TensorWise), "cannot be multiplied"),
        (lambda: F.scaled_mm(A, B, rt.ones(4), S.TensorWise, TWO, S.TensorWise), "scale_a must have 1 Float element"),
        (lambda: F.scaled_mm(A, B, rt.ones(4, 1), S.RowWise, TWO, S.TensorWise), "unsupported recipe"),
        (lambda: F.scaled_mm(A, B, TWO, S.BlockWise1x16, TWO, S.BlockWise1x16), "4-bit floats"),
        (lambda: F.scaled_mm(A, B, TWO, S.TensorWise, TWO, S.TensorWise, F.SwizzleType.SWIZZLE_32_8), "NO_SWIZZLE"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_operators_over_lists():
    xs, ys = [rt.ones(2), rt.full((3,), 4.0)], [rt.ones(2), rt.ones(3)]
    assert [x.tolist() for x in foreach.add(xs, ys, alpha=2)] == [[3, 3], [6, 6, 6]]
    assert isinstance(foreach.sqrt(xs), tuple) and foreach.norm(xs)[1].item() == pytest.approx(48**0.5)
    assert [m.item() for m in foreach.max(xs)] == [1, 4] and foreach.pow(2, ys)[0].tolist() == [2, 2]
    assert foreach.mul_(xs, 2) is xs and xs[1].tolist() == [8, 8, 8]
    assert foreach.copy_(xs, ys) is xs and foreach.clone(xs)[0].tolist() == [1, 1]
    assert foreach.mm([rt.eye(2)], [rt.ones(2, 2)])[0].tolist() == [[1, 1], [1, 1]]
    assert foreach.addcdiv(xs, ys, ys, value=2)[0].tolist() == [3, 3] and foreach.zero_(xs)[0].tolist() == [0, 0]
    assert set(foreach.__all__) <= set(dir(foreach))
    with pytest.raises(RuntimeError, match="at least one tensor"):
        foreach.abs([])
    with pytest.raises(TypeError, match="list or tuple of Tensors"):
        foreach.abs(rt.ones(2))
