"""__torch_function__: subclasses of Tensor, classes that are no tensors, modes."""

import pytest

import rustorch as rt
from rustorch import overrides


class Tagged(rt.Tensor):
    pass


class Logged(rt.Tensor):
    calls = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)


class Diagonal:
    """No tensor: n times a number on a diagonal."""

    def __init__(self, n, value):
        self.n, self.value = n, value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is rt.mean:
            return args[0].value / args[0].n
        if func is rt.Tensor.add:
            return "added"
        return NotImplemented


def test_results_keep_the_subclass():
    x = rt.ones(3).as_subclass(Tagged)
    kept = [x + 1, 1 + x, -x, x[0], x.sum(), x > 0, rt.add(rt.ones(3), x), rt.cat([rt.ones(3), x]), x.detach(), x.real]
    assert [type(t) for t in kept] == [Tagged] * len(kept)
    values, places = x.max(0)
    assert type(values) is Tagged and type(places) is Tagged
    assert isinstance(x.max(0), tuple) and type(x.split(1)[0]) is Tagged
    y = x
    y += 1
    assert y is x and x.tolist() == [2.0] * 3
    assert isinstance(x.sum().item(), float) and x.shape == (3,)
    assert str(rt.ones(2, 2).as_subclass(Tagged)) == "Tagged([[1., 1.],\n        [1., 1.]])"
    assert f"{x[0]:.2f}" == "2.00"


def test_gradients_flow_through_a_subclass():
    leaf = rt.ones(3, requires_grad=True)
    (leaf.as_subclass(Tagged) * 2).sum().backward()
    assert leaf.grad.tolist() == [2.0] * 3


def test_parameters_take_no_part():
    p = rt.nn.Parameter(rt.ones(2))
    assert type(p * 2) is rt.Tensor and not overrides.has_torch_function_unary(p)
    assert type(rt.nn.Buffer(rt.ones(2)) + 1) is rt.Tensor


def test_a_handler_sees_functions_methods_and_operators():
    Logged.calls.clear()
    x = rt.ones(3).as_subclass(Logged)
    y = rt.exp(x).add(1) * x
    y[0] = 5.0
    rt.nn.functional.relu(y)
    assert Logged.calls == ["exp", "add", "mul", "__setitem__", "relu"]
    with overrides.DisableTorchFunctionSubclass():
        assert type(x + 1) is rt.Tensor
    assert Logged.calls[-1] == "relu" and type(x + 1) is Logged


def test_other_classes():
    d = Diagonal(4, 2.0)
    assert rt.mean(d) == 0.5
    assert rt.ones(2) + d == "added"
    with pytest.raises(TypeError, match="no implementation found for 'rustorch.exp'"):
        rt.exp(d)
    assert overrides.has_torch_function((1, d)) and not overrides.has_torch_function((1, rt.ones(1)))


def test_a_subclass_is_asked_before_its_base():
    class Base(rt.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return "base"

    class Derived(Base):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return "derived"

    a, b = rt.ones(1).as_subclass(Base), rt.ones(1).as_subclass(Derived)
    assert a + b == "derived" and rt.add(a, a) == "base"
    unrelated = rt.ones(1).as_subclass(Tagged)
    assert a * unrelated == "base"


def test_modes():
    class Count(overrides.TorchFunctionMode):
        def __init__(self):
            self.seen = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    with Count() as outer:
        rt.zeros(2)
        with Count() as inner:
            x = rt.ones(2) + 1
            with overrides.DisableTorchFunction():
                x = x * 3
    assert inner.seen == ["ones", "add"] and outer.seen == ["zeros", "ones", "add"]
    assert x.tolist() == [6.0, 6.0]
    with pytest.raises(ZeroDivisionError), Count():
        raise ZeroDivisionError
    rt.ones(1)
    assert outer.seen == ["zeros", "ones", "add"]
    with overrides.BaseTorchFunctionMode():
        assert (rt.ones(2) + 1).tolist() == [2.0, 2.0]


def test_wrapped_functions_and_questions():
    @overrides.wrap_torch_function(lambda a, b=0: (a,))
    def scaled(a, b=0):
        return a * b

    assert scaled(rt.ones(1), b=2).item() == 2.0
    with pytest.raises(TypeError, match="no implementation found"):
        scaled(Diagonal(1, 1.0))
    assert overrides.resolve_name(rt.add) == "rustorch.add"
    assert overrides.resolve_name(rt.Tensor.add) == "rustorch.Tensor.add"
    assert overrides.resolve_name(len) is None
    assert overrides.is_tensor_method_or_property(rt.Tensor.add) and not overrides.is_tensor_method_or_property(rt.add)
    assert overrides.get_testing_overrides()[rt.add](1, 2) == -1
    assert rt.add in overrides.get_overridable_functions()[rt] and rt.manual_seed in overrides.get_ignored_functions()


def test_redispatch_goes_past_the_handlers_once():
    class Stepping(rt.Tensor):
        seen = []

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            cls.seen.append(func.__name__)
            return overrides.redispatch_function(func, types, args, kwargs)

    def twice(a, b):
        if overrides.has_torch_function((a, b)):
            return overrides.handle_torch_function(twice, (a, b), a, b)
        return a * b + 1

    a, b = rt.tensor([3.0]).as_subclass(Stepping), rt.tensor([4.0]).as_subclass(Stepping)
    assert twice(a, b).tolist() == [13.0]
    assert Stepping.seen == ["twice", "mul"]
    assert rt.exp(a).item() > 20 and Stepping.seen[-1] == "exp"


def test_default_devices():
    from rustorch.utils._device import DeviceContext

    assert rt.get_default_device() == rt.device("cpu")
    with rt.device("cpu"):
        assert rt.ones(2).device.type == "cpu"
    rt.set_default_device("cpu")
    with DeviceContext("meta"):
        assert rt.empty(2).device.type == "meta" and rt.get_default_device().type == "meta"
        assert rt.empty(2, device="cpu").device.type == "cpu"
    if not rt.opencl.is_available():
        return
    rt.set_default_device("opencl")
    try:
        x = rt.ones(2, 3)
        assert x.device.type == rt.tensor([1.0]).device.type == rt.nn.Linear(2, 2).weight.device.type == "opencl"
        assert rt.get_default_device().type == "opencl" and rt.zeros_like(x.cpu()).device.type == "cpu"
        with rt.device("cpu"):
            assert rt.zeros(1).device.type == "cpu"
        assert rt.hann_window(3).device.type == "opencl"
    finally:
        rt.set_default_device(None)
    assert rt.ones(2).device.type == "cpu" and rt.get_default_device() == rt.device("cpu")


def test_a_function_of_another_library_is_refused():
    """As PyTorch's do, it asks __torch_function__ again; there must be an end."""

    def foreign(x):
        result = type(x).__torch_function__(foreign, (type(x),), (x,), {})
        if result is NotImplemented:
            raise TypeError("no implementation found")
        return result

    with pytest.raises(TypeError, match="no implementation found"):
        foreign(rt.ones(2))
