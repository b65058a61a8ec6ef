"""rustorch.library: operators that programs add."""

from typing import List, Optional, Sequence, Tuple, Union  # noqa: UP035

import pytest

import rustorch as rt
from rustorch import Tensor, library


def scaled(x: Tensor, k: float = 2.0) -> Tensor:
    """x times k."""
    return x * k


def make(name="test_library::scaled"):
    return library.custom_op(name, scaled, mutates_args=())


def test_calls():
    op = make()
    assert op(rt.ones(2)).tolist() == [2.0, 2.0] and op(rt.ones(1), k=3.0).item() == 3.0
    assert rt.ops.test_library.scaled(rt.ones(1), 4.0).item() == 4.0
    assert rt.ops.test_library.scaled.default(rt.ones(1)).item() == 2.0
    assert repr(op) == "<CustomOpDef(test_library::scaled)>" and op.__doc__ == "x times k."
    with pytest.raises(
        RuntimeError, match=r"(?s)Expected a value of type 'Tensor' for argument 'x'.*found type 'str'.*Declaration"
    ):
        op("a")
    with pytest.raises(RuntimeError, match="missing value for argument 'x'"):
        op()
    with pytest.raises(RuntimeError, match="at most 2"):
        op(rt.ones(1), 1.0, 2.0)
    with pytest.raises(RuntimeError, match="unexpected or repeated argument 'q'"):
        op(rt.ones(1), q=1)


def test_gradients():
    op = make("test_library::with_grad")
    x = rt.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        op(x).sum().backward()

    def setup(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    def backward(ctx, g):
        assert ctx.needs_input_grad == (True, False) and ctx.saved_tensors[0].shape == (3,)
        return g * ctx.k, None

    op.register_autograd(backward, setup_context=setup)
    op(x, 5.0).sum().backward()
    assert x.grad.tolist() == [5.0] * 3
    with rt.no_grad():
        assert not op(x).requires_grad


def test_lists_of_tensors_and_several_results():
    @library.custom_op("test_library::both", mutates_args=())
    def both(xs: List[Tensor], bias: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:  # noqa: UP006, UP045
        total = xs[0] + xs[1]
        return total, total * 2

    both.register_autograd(lambda ctx, g, h: ([g + 2 * h, g + 2 * h], None))
    a, b = rt.ones(2, requires_grad=True), rt.ones(2, requires_grad=True)
    x, y = both([a, b])
    (x.sum() + y.sum()).backward()
    assert a.grad.tolist() == b.grad.tolist() == [3.0, 3.0]


def test_kernels_by_device():
    library.define("test_library::where", "(Tensor x, *, int n=1) -> Tensor")
    op = rt.ops.test_library.where
    with pytest.raises(NotImplementedError, match="no kernel for the device type 'cpu'"):
        op(rt.ones(1))

    @library.impl("test_library::where", "cpu")
    def on_cpu(x, n):
        return x + n

    @library.register_fake("test_library::where")
    def shape_only(x, n):
        return rt.empty(x.shape, device="meta")

    assert op(rt.ones(1), n=2).item() == 3.0 and op(rt.empty(4, device="meta")).shape == (4,)
    library.register_kernel(op, "cpu", lambda x, n: x - n)
    assert op(rt.ones(1)).item() == 0.0


def test_writes_and_aliases():
    @library.custom_op("test_library::fill", mutates_args={"x"})
    def fill(x: Tensor, value: float) -> None:
        x.fill_(value)

    x = rt.zeros(2)
    assert fill(x, 3.0) is None and x.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="non-functional operator"):
        fill.register_autograd(lambda ctx: None)
    same = library.custom_op("test_library::same", lambda x: x, mutates_args=(), schema="(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="must not also be an input"):
        same(x)


def test_library_objects():
    lib = library.Library("test_library_two", "DEF")
    assert lib.define("twice(Tensor x, str mode='a') -> Tensor") == "twice"
    lib.impl("twice", lambda x, mode: x * 2 if mode == "a" else x * 3)
    x = rt.ones(1, requires_grad=True)
    y = rt.ops.test_library_two.twice(x, "b")
    y.backward()
    assert y.item() == 3.0 and x.grad.item() == 3.0  # recorded inside
    lib.impl("twice", lambda x, mode: x + 1, "CPU")
    with pytest.raises(NotImplementedError, match="cannot be replaced"):
        library.Library("aten", "IMPL")
    with pytest.raises(ValueError, match="form 'namespace::name'"):
        library.custom_op("plain", scaled, mutates_args=())
    with pytest.raises(RuntimeError, match="does not exist"):
        library.register_fake("test_library::nothing", scaled)


def test_schemas():
    def f(x: Tensor, y: Optional[Tensor], z: List[Tensor], i: int, s: Sequence[int], st: str = "a", b: bool = True, *,  # noqa: UP006, UP045
          sc: Union[int, float, bool] = 1, dt: Optional[rt.dtype] = None) -> Tuple[Tensor, Tensor]: ...  # fmt: skip  # noqa: UP006, UP007, UP045

    assert library.infer_schema(f, mutates_args={"x"}) == (
        '(Tensor(a0!) x, Tensor? y, Tensor[] z, SymInt i, SymInt[] s, str st="a", bool b=True, *, Scalar sc=1, '
        "ScalarType? dt=None) -> (Tensor, Tensor)"
    )
    with pytest.raises(ValueError, match="Parameter x must have a type annotation"):
        library.infer_schema(lambda x: x, mutates_args=())
    with pytest.raises(RuntimeError, match=r"expected \( but found"):
        library.define("test_library::bad", "Tensor x")


def test_overloads_tell_their_schema():
    rt.library.define("schema_tests::twice", "(Tensor x, int k=1, *, bool b=True) -> Tensor")
    op = rt.ops.schema_tests.twice.default
    assert str(op._schema) == "schema_tests::twice(Tensor x, int k=1, *, bool b=True) -> Tensor"
    assert op.name() == "schema_tests::twice" and op.namespace == "schema_tests"
    assert rt.ops.schema_tests.twice.overloads() == ["default"]
    assert rt.ops.aten.mm.out.name() == "aten::mm.out"


def test_operators_with_overloads():
    lib = library.Library("overload_tests", "DEF")
    lib.define("f.Tensor(Tensor x) -> Tensor", tags=(rt.Tag.pointwise,))
    lib.define("f.int(Tensor x, int n) -> Tensor")
    lib.impl("f.Tensor", lambda x: x + 1, "CPU")
    lib.impl("f.int", lambda x, n: x + n, "CPU")
    f = rt.ops.overload_tests.f
    assert f(rt.ones(1)).item() == 2 and f(rt.ones(1), 5).item() == 6 and f.int(rt.ones(1), 3).item() == 4
    assert f.overloads() == ["Tensor", "int"] and f.Tensor.tags == [rt.Tag.pointwise]
    assert str(f.int._schema) == "overload_tests::f.int(Tensor x, int n) -> Tensor"
    with pytest.raises(RuntimeError, match="Declaration"):
        f("a")


def test_a_rule_for_vmap():
    op = library.custom_op(
        "test_library::total", lambda x, k: (x * k).sum(), mutates_args=(), schema="(Tensor x, float k) -> Tensor"
    )
    calls = []

    @op.register_vmap
    def rule(info, in_dims, x, k):
        calls.append((info.batch_size, in_dims))
        return (x * k).sum(-1), 0

    x = rt.arange(6.0).reshape(2, 3)
    assert rt.vmap(op, in_dims=(0, None))(x, 2.0).tolist() == [6, 24] and calls == [(2, (0, None))]
    assert op(x, 1.0).item() == 15
    library.register_vmap("test_library::total", lambda info, in_dims, x, k: x)
    with pytest.raises(RuntimeError, match="must give"):
        rt.vmap(op, in_dims=(0, None))(x, 2.0)


def test_autocast_of_an_operator():
    seen = []

    def kernel(x, y):
        seen.append((x.dtype, (rt.ones(1, 1) @ rt.ones(1, 1)).dtype))
        return x + y

    op = library.custom_op("test_library::cast", kernel, mutates_args=(), schema="(Tensor x, Tensor y) -> Tensor")
    library.register_autocast(op, "cpu", rt.bfloat16)
    x, y = rt.ones(2, requires_grad=True), rt.ones(2, dtype=rt.int64)
    op.register_autograd(lambda ctx, g: (g, None))
    with rt.autocast("cpu"):
        result = op(x, y)
    assert result.dtype == rt.bfloat16 and seen == [(rt.bfloat16, rt.float32)] and op(x, y).dtype == rt.float32
    result.sum().backward()
    assert x.grad.dtype == rt.float32
    with pytest.raises(ValueError, match="Unknown device type"):
        op.register_autocast("abacus", rt.float16)


def test_a_kernel_that_falls_through():
    lib = library.Library("fall_tests", "DEF")
    lib.define("f(Tensor x) -> Tensor")
    lib.impl("f", lambda x: x + 1, "CompositeExplicitAutograd")
    lib.impl("f", lambda x: x + 2, "CPU")
    assert rt.ops.fall_tests.f(rt.zeros(1)).item() == 2
    lib.impl("f", library.fallthrough_kernel, "CPU")
    assert rt.ops.fall_tests.f(rt.zeros(1)).item() == 1
