"""Products by groups, boolean_dispatch and the hooks for other tensor types."""

import pytest

import rustorch as rt
import rustorch.nn.functional as F
from rustorch import overrides


def test_grouped_mm_rows_columns_and_shared():
    a, b = rt.randn(6, 4), rt.randn(2, 4, 3)
    offs = rt.tensor([2, 5], dtype=rt.int32)
    out = F.grouped_mm(a, b, offs=offs)
    assert out.shape == (6, 3)
    assert rt.allclose(out[:2], a[:2] @ b[0]) and rt.allclose(out[2:5], a[2:5] @ b[1]) and not out[5:].any()
    c, d = rt.randn(2, 3, 4), rt.randn(4, 6)
    out = F.grouped_mm(c, d, offs=offs, bias=rt.ones(6))
    assert rt.allclose(out[:, :2], c[0] @ d[:, :2] + 1) and rt.allclose(out[:, 2:5], c[1] @ d[:, 2:5] + 1)
    out = F.grouped_mm(a.t(), a, offs=offs)
    assert out.shape == (2, 4, 4) and rt.allclose(out[1], a[2:5].t() @ a[2:5], atol=1e-6)
    assert rt.allclose(F.grouped_mm(b, b.transpose(1, 2)), b @ b.transpose(1, 2))
    assert F.grouped_mm(b.bfloat16(), b.transpose(1, 2).bfloat16(), out_dtype=rt.float32).dtype == rt.float32


@pytest.mark.parametrize("offs", [None, [5, 2], [2, 9], [2]])
def test_grouped_mm_refuses(offs):
    offs = None if offs is None else rt.tensor(offs, dtype=rt.int32)
    with pytest.raises(RuntimeError, match="grouped_mm"):
        F.grouped_mm(rt.randn(6, 4), rt.randn(2, 4, 3), offs=offs)


def test_grouped_mm_gradient():
    a, b = rt.randn(5, 4, requires_grad=True), rt.randn(2, 4, 3, requires_grad=True)
    F.grouped_mm(a, b, offs=rt.tensor([2, 4])).sum().backward()
    assert rt.allclose(a.grad[0], b[0].sum(1)) and not a.grad[4].any()
    assert rt.allclose(b.grad[1], a[2:4].sum(0).unsqueeze(1).expand(4, 3))


def test_boolean_dispatch():
    def yes(x, flag=True):
        """Docs."""
        return x + 1

    pick = F.boolean_dispatch("flag", 1, False, yes, lambda x, flag=False: x - 1, "somewhere", "pick")
    assert (pick(1), pick(1, True), pick(1, flag=True), pick(1, flag=False)) == (0, 2, 2, 0)
    assert (pick.__name__, pick.__module__, pick.__doc__) == ("pick", "somewhere", "Docs.")


def test_other_tensor_types():
    class Logged:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return (cls.__name__, func.__name__, len(types))

    class Better(Logged):
        pass

    class Silent:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    def op(*args):
        return None

    x = rt.ones(1)
    assert not overrides.has_torch_function((x, 3, None)) and not F.has_torch_function_unary(x)
    assert F.has_torch_function_variadic(x, Logged()) and overrides.is_tensor_like(Logged())
    assert overrides.is_tensor_like(x) and not overrides.is_tensor_like(3)
    assert F.handle_torch_function(op, (Logged(), x), Logged(), x) == ("Logged", "op", 1)
    assert F.handle_torch_function(op, (Logged(), Better()))[0] == "Better"
    assert F.handle_torch_function(op, (Silent(), Logged()))[0] == "Logged"
    with pytest.raises(TypeError, match="no implementation found for"):
        F.handle_torch_function(op, (Silent(),))
