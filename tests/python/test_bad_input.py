"""Bad input: the right class, a text in the common form, and nothing lost."""

import os
import pathlib
import subprocess
import sys

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


def test_numbers_that_a_dtype_does_not_hold():
    mask = rt.tensor([True, False])
    for dtype, value in [
        (rt.float16, 1e5), (rt.float32, 1e40), (rt.bfloat16, 1e40), (rt.complex64, 1e40), (rt.uint8, 300), (rt.uint8, -256),
        (rt.uint8, -0.5), (rt.int8, 128), (rt.int32, 2**31), (rt.int32, float("nan")), (rt.int64, 1e20), (rt.float32, 1j),
    ]:  # fmt: skip
        x = rt.ones(2, dtype=dtype)
        for write in (
            lambda x=x, value=value: x.fill_(value),
            lambda x=x, value=value: x.masked_fill(mask, value),
            lambda x=x, value=value: rt.full((2,), value, dtype=x.dtype),
            lambda x=x, value=value: rt.full_like(x, value),
            lambda x=x, value=value: x.index_fill_(0, rt.tensor([0]), value),
            lambda x=x, value=value: x.scatter_(0, rt.tensor([0]), value),
            lambda x=x, value=value: rt._C.ops.constant_pad_nd(x, (1, 0), value),
        ):
            with pytest.raises(RuntimeError, match="value cannot be converted to type .* without overflow"):
                write()
        assert x.eq(1).all()
        if x.dtype not in (rt.float16, rt.bfloat16):  # which new_full rounds to
            with pytest.raises(RuntimeError, match="value cannot be converted to type .* without overflow"):
                x.new_full((1,), value)
    # What does hold: infinities and nan in floats, fractions cut, -255 in bytes, anything in bool, 1+0j in real numbers.
    assert rt.ones(1, dtype=rt.float16).fill_(float("inf")).item() == float("inf")
    assert rt.ones(1, dtype=rt.int32).fill_(-2.7).item() == -2 and rt.ones(1, dtype=rt.uint8).fill_(-255).item() == 1
    assert rt.zeros(1, dtype=rt.bool).fill_(1e40).item() is True and rt.zeros(1).fill_(1 + 0j).item() == 1.0
    half = rt.ones(2, dtype=rt.float16)
    half[mask] = -1e9  # an assignment rounds
    assert half.tolist() == [-float("inf"), 1.0] and half.new_full((1,), 1e9).item() == float("inf")
    assert rt.tensor([255.5], dtype=rt.uint8).item() == 255


def test_integers_beyond_64_bits():
    for make in (
        lambda: rt.tensor(2**63),
        lambda: rt.tensor([1, 2**63]),
        lambda: rt.tensor(-(2**63) - 1),
        lambda: rt.ones(1) * 2**70,
    ):
        with pytest.raises(RuntimeError):
            make()
    assert (rt.zeros(1) + 2**63).item() == 2.0**63 and rt.tensor(2**63, dtype=rt.float64).item() == 2.0**63


def test_probabilities_outside_their_range():
    one = rt.tensor([1.0])
    for bad in (1.5, -0.1, float("nan")):
        for reduction in ("mean", "sum", "none"):
            with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
                rt.nn.functional.binary_cross_entropy(rt.tensor([bad]), one, reduction=reduction)
    loss = rt.nn.functional.binary_cross_entropy(rt.tensor([0.5]), one, weight=rt.tensor([float("nan")]))
    assert loss.isnan()


def test_missing_file():
    with pytest.raises(FileNotFoundError) as caught:
        rt.load("/there/is/no/such.pt")
    assert caught.value.filename == "/there/is/no/such.pt" and isinstance(caught.value, rt.errors.RusTorchError)


def test_other_names_of_arguments():
    m = rt.ones(2, 3)
    assert rt.swapaxes(m, axis0=0, axis1=1).shape == m.swapaxes(0, axis1=1).shape == (3, 2)
    assert rt.sum(x=m, axis=0, keepdims=True).shape == (1, 3) and rt.add(x1=m, x2=m).sum() == 12
    with pytest.raises(TypeError, match="tensor"):
        rt.sum(tensor=m)


def test_split_takes_the_names_of_pytorch():
    parts = rt.split(tensor=rt.arange(3), split_size_or_sections=[1, 2], dim=0)
    assert [p.tolist() for p in parts] == [[0], [1, 2]]


def test_arguments_that_are_no_tensors():
    for register in (rt.Tensor.register_hook, rt.Tensor.register_post_accumulate_grad_hook):
        with pytest.raises(TypeError, match="expected a Tensor; got int"):
            register(5, lambda g: g)
    with pytest.raises(TypeError, match="got nothing"):
        rt.result_type()


def test_nothing_that_is_called_wrongly_ends_the_process(tmp_path):
    """A few calls of everything there is; tests/fuzz/misuse.py makes more."""
    script = pathlib.Path(__file__).parents[1] / "fuzz/misuse.py"
    command = [sys.executable, str(script), "--rounds", "1"]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(rt.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    log = tmp_path / "misuse.log"
    assert done.returncode == 0, (log.read_text() if log.exists() else "") + done.stderr[-2000:]
    assert int(done.stdout.split()[0]) > 5000


HOSTILE = """
import io, sys
import rustorch as rt

class Item:
    '''Empties the list that it is in whenever it is asked for anything.'''
    def __init__(self, home): self.home = home
    def answer(self, value):
        self.home.clear()
        return value
    def __index__(self): return self.answer(1)
    def __int__(self): return self.answer(1)
    def __float__(self): return self.answer(1.0)
    def __complex__(self): return self.answer(1j)
    def __bool__(self): return self.answer(True)

class Pairs(dict):
    def items(self): return [1, (2,), "ab"]

calls = [
    rt.tensor, rt.as_tensor, lambda l: rt.tensor([l, l]), rt.zeros(1).new_tensor, rt.zeros, rt.Size, rt.cat,
    lambda l: rt.zeros(4).view(l), lambda l: rt.zeros(4)[l], lambda l: rt.zeros(4, 4)[l, 1], lambda l: rt.zeros(4, 4)[(1, l)],
    lambda l: rt.zeros(2, 2).permute(l), lambda l: rt.zeros(2, 2).sum(l), lambda l: rt.save(l, io.BytesIO()),
    lambda l: rt.zeros(len(l)).__setitem__(slice(None), l), lambda l: rt.nn.functional.interpolate(rt.ones(1, 1, 4), scale_factor=l),
    lambda l: rt.tensor(l, dtype=rt.float64), lambda l: rt.tensor(l, dtype=rt.bool), lambda l: rt.zeros(4).repeat(l),
    lambda l: rt.save({"a": l, "b": Pairs(x=1)}, io.BytesIO()), lambda l: rt.save(Pairs(x=1), io.BytesIO()),
]
for call in calls:
    for base in (int, float):
        for n in (0, 3, 2000):
            home = [base(1), base(2)]
            home += [Item(home)] + [base(i) for i in range(n)]
            try:
                call(home)
            except Exception:
                pass
print("alive")
"""


def test_lists_that_change_while_they_are_read():
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr[-2000:]
