"""Bad input: the right class, a text in the common form, and nothing lost."""

import pytest

import rustorch as rt
from rustorch import errors


def test_shape():
    with pytest.raises(errors.ShapeMismatchError, match="must match the size of tensor b") as info:
        rt.zeros(2, 3) + rt.zeros(2, 4)
    assert info.value.op == "add" and info.value.shape1 == (2, 3) and info.value.shape2 == (2, 4)
    with pytest.raises(RuntimeError):
        rt.zeros(2, 3) @ rt.zeros(2, 3)
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        rt.zeros(6).view(4, 2)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("pool", ["adaptive_avg_pool", "adaptive_max_pool"])
def test_lists_of_sizes_that_are_too_short_or_long(pool, rank):
    f = getattr(rt.nn.functional, f"{pool}{rank}d")
    for sizes in ((), (1,) * (rank + 1)):
        with pytest.raises(RuntimeError, match=f"output_size must be {rank}"):
            f(rt.ones(1, 2, *[8] * rank), sizes)


def test_dtype():
    x = rt.arange(3)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
        x.add_(0.5)
    with pytest.raises(RuntimeError, match="only Tensors of floating point and complex dtype can require gradients"):
        x.requires_grad_()
    assert x.tolist() == [0, 1, 2]


def test_index():
    with pytest.raises(IndexError, match="out of bounds for dimension 0 with size 3"):
        rt.zeros(3)[3]
    with pytest.raises(IndexError, match="Dimension out of range"):
        rt.zeros(3).sum(2)
    with pytest.raises(IndexError):
        rt.zeros(3)[rt.tensor([5])]


def test_sizes():
    with pytest.raises(RuntimeError, match="negative dimension"):
        rt.zeros(-1)
    with pytest.raises(RuntimeError, match="overflow"):
        rt.zeros(2**62, 2**62)
    with pytest.raises((RuntimeError, MemoryError)) as info:
        rt.empty(2**45)
    assert isinstance(info.value, errors.OutOfMemoryError)


def test_device():
    with pytest.raises(RuntimeError):
        rt.zeros(2, device="cuda")
    with pytest.raises(ValueError, match="device string"):
        rt.device("toaster")


def test_backward_twice():
    x = rt.ones(3, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_changed_saved_tensor():
    x = rt.ones(3, requires_grad=True)
    y = x * 1.0
    z = (y * y).sum()
    y.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation.*version 1; expected version 0"):
        z.backward()


def test_leaf_in_place():
    x = rt.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used in an in-place operation"):
        x.add_(1)
    with rt.no_grad():
        x.add_(1)
    assert x.tolist() == [2, 2, 2]


def test_no_gradient():
    with pytest.raises(RuntimeError, match="does not require grad"):
        rt.ones(()).backward()
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        rt.ones(3, requires_grad=True).mul(2).backward()


def test_arguments():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        rt.exp(rt.ones(2), colour=1)
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        rt.ones(2).sum("x")
    with pytest.raises(TypeError):
        rt.tensor("text")
    with pytest.raises(ValueError, match="expected sequence of length 2"):
        rt.tensor([[1, 2], [3]])


def test_memory_limit():
    held = rt.memory_stats()["allocated_bytes"]
    rt.set_memory_limit(held + 10_000_000)
    try:
        with pytest.raises(errors.OutOfMemoryError, match="limit"):
            rt.empty(10_000_000)
        assert rt.ones(1000).sum().item() == 1000
    finally:
        rt.set_memory_limit(0)
