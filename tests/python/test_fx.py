"""rustorch.fx: traces are PyTorch's, run as the program does, and can be changed."""

import copy
import json
import operator
import pathlib
import pickle
import sys

import pytest

import rustorch as rt
from rustorch import fx, nn
from rustorch.utils._pytree import tree_leaves

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from fx_cases import programs, shown  # noqa: E402

PROGRAMS = programs(rt)


def helper(x, n):
    return x * n if n > 1 else x


def plain_length(x):
    return len(x)


fx.wrap("helper")
fx.wrap("len")


def same(a, b):
    for x, y in zip(tree_leaves(a), tree_leaves(b), strict=True):
        if isinstance(x, rt.Tensor):
            assert rt.equal(x, y)
        else:
            assert x == y


def test_code_and_graphs_are_those_of_pytorch():
    expected = json.loads((GOLDEN / "fx.json").read_text())
    for name, (code, graph) in shown(rt).items():
        assert code == expected[name][0], name
        assert graph == expected[name][1], name


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_trace_computes_what_the_program_does(name):
    program, args = PROGRAMS[name]
    traced = fx.symbolic_trace(program)
    want = program(*args)
    same(traced(*args), want)
    same(fx.Interpreter(traced).run(*args), want)
    same(fx.Transformer(traced).transform()(*args), want)
    same(copy.deepcopy(traced)(*args), want)
    same(pickle.loads(pickle.dumps(traced))(*args), want)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    same(traced(*args), want)
    traced.graph.lint()


def test_state_and_training():
    module = PROGRAMS["net"][0]
    traced = fx.symbolic_trace(module)
    assert traced.state_dict().keys() == module.state_dict().keys() and not traced.training
    assert traced.fc.weight is module.fc.weight and "layers.0.conv1" in dict(traced.named_modules())
    traced(PROGRAMS["net"][1][0]).sum().backward()
    assert module.fc.weight.grad is not None
    twin = copy.deepcopy(traced)
    assert twin.fc.weight is not traced.fc.weight and type(twin).__name__ == "Net" and twin.graph.owning_module is twin


def test_graphs_are_changed_by_hand():
    traced = fx.symbolic_trace(lambda x: rt.relu(x) + 1)
    for node in traced.graph.nodes:
        if node.target is rt.relu:
            with traced.graph.inserting_after(node):
                new = traced.graph.call_function(rt.neg, (node.args[0],))
            node.replace_all_uses_with(new)
            traced.graph.erase_node(node)
    traced.recompile()
    assert traced(rt.ones(1)).item() == 0 and "torch.neg(x)" in traced.code
    graph = fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_method("add", (x, 1))
    z = graph.call_module("part", (y,))
    graph.output((z, graph.get_attr("w")))
    module = fx.GraphModule({"part": nn.ReLU(), "w": rt.ones(2)}, graph)
    same(module(rt.tensor([-3.0, 1.0])), (rt.tensor([0.0, 2.0]), rt.ones(2)))
    assert y.users == {z: None} and z.all_input_nodes == [y] and graph.find_nodes(op="call_method") == [y]
    y.update_arg(1, 5)
    module.recompile()
    assert module(rt.zeros(1))[0].item() == 5 and len(module.graph.nodes) == 5
    assert module.add_submodule("a.b", nn.Linear(1, 1)) and isinstance(module.get_submodule("a.b"), nn.Linear)
    module.delete_all_unused_submodules()
    assert not hasattr(module, "a") and hasattr(module, "part")


def test_mistakes_in_graphs_are_found():
    graph = fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_function(operator.neg, (x,))
    with pytest.raises(RuntimeError, match="still had 1 users"):
        graph.erase_node(x)
    y.append(x)
    with pytest.raises(RuntimeError, match="used before it has been defined"):
        graph.lint()
    with pytest.raises(RuntimeError, match="does not belong to this Graph"):
        other = fx.Graph()
        other.call_function(operator.neg, (x,))
        other.lint()
    with pytest.raises(NotImplementedError, match="does not support mutation"):
        graph.call_function(rt.cat, ([x, y],)).args[0].append(x)
    with pytest.raises(ValueError, match="Callable is expected"):
        graph.call_function("relu", (x,))
    with pytest.raises(RuntimeError, match="was not provided in `root`"):
        target = fx.Graph()
        target.output(target.get_attr("w"))
        fx.GraphModule({}, target)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda x: x if x > 1 else -x, "control flow"),
        (lambda x: [y for y in x], "cannot be iterated"),
        (lambda x: {1: 2} if 3 in x else x, "control flow"),
    ],
)
def test_what_depends_on_values_is_refused(program, message):
    with pytest.raises(fx.proxy.TraceError, match=message):
        fx.symbolic_trace(program)
    assert not fx._symbolic_trace.is_fx_tracing() and "__getattribute__" not in nn.Module.__dict__


def test_values_for_arguments():
    traced = fx.symbolic_trace(lambda x, b: x * b if b else x, concrete_args={"b": 3})
    assert "torch._assert(eq, 'b has been specialized to have value 3 but got another value')" in traced.code
    assert traced(rt.ones(1), 3).item() == 3
    with pytest.raises(AssertionError, match="specialized"):
        traced(rt.ones(1), 4)


def test_functions_that_stay_whole():
    traced = fx.symbolic_trace(lambda x: helper(x, 2) + plain_length(x))
    assert [n.target for n in traced.graph.nodes if n.op == "call_function"][:2] == [helper, len]
    assert (
        traced(rt.ones(3)).tolist() == [5, 5, 5] and helper.__name__ == "helper" and not hasattr(helper, "_fx_function")
    )
    with pytest.raises(NotImplementedError, match="top level"):
        fx.wrap("other")
    wrapped = fx.symbolic_trace(lambda x: nn.functional.interpolate(x, scale_factor=2))
    assert [n.target for n in wrapped.graph.nodes][1] is nn.functional.interpolate


def test_a_tracer_chooses_its_leaves():
    class Whole(fx.Tracer):
        def is_leaf_module(self, m, name):
            return type(m).__name__ == "Block" or super().is_leaf_module(m, name)

    net, (images,) = PROGRAMS["net"]
    tracer = Whole()
    module = fx.GraphModule(net, tracer.trace(net))
    targets = [n.target for n in module.graph.nodes if n.op == "call_module"]
    assert targets == ["stem", "layers.0", "layers.1", "fc"] and rt.equal(module(images), net(images))
    inner = fx.symbolic_trace(net)
    stack = next(n for n in inner.graph.nodes if n.target == "layers.0.conv1").meta["nn_module_stack"]
    assert list(stack) == ["layers", "layers.0", "layers.0.conv1"]


def test_interpreters_see_every_step():
    class Shapes(fx.Interpreter):
        def run_node(self, n):
            value = super().run_node(n)
            n.meta["shape"] = getattr(value, "shape", None)
            return value

    net, (images,) = PROGRAMS["net"]
    traced = fx.symbolic_trace(net)
    Shapes(traced).run(images)
    assert next(n for n in traced.graph.nodes if n.target == "fc").meta["shape"] == (2, 5)
    with pytest.raises(RuntimeError, match="Expected positional argument for parameter x") as info:
        fx.Interpreter(traced).run()
    assert "While executing %x" in info.value.__notes__[0]

    class Swap(fx.Transformer):
        def call_function(self, target, args, kwargs):
            return super().call_function(rt.sin if target is rt.cos else target, args, kwargs)

    swapped = Swap(fx.symbolic_trace(lambda x: rt.cos(x) * 2)).transform()
    assert swapped(rt.zeros(1)).item() == 0 and "torch.sin" in swapped.code


def test_patterns_are_replaced():
    def program(x, w):
        a = rt.relu(x + w) * 2
        return rt.relu(a + w) - rt.relu(x)

    traced = fx.symbolic_trace(program)
    matches = fx.replace_pattern(traced, lambda a, b: rt.relu(a + b), lambda a, b: rt.sigmoid(a - b))
    assert len(matches) == 2 and traced.code.count("torch.sigmoid") == 2 and traced.code.count("torch.relu") == 1
    x, w = rt.tensor([1.0, -2.0]), rt.tensor([0.5, 0.25])
    same(traced(x, w), rt.sigmoid(rt.sigmoid(x - w) * 2 - w) - rt.relu(x))
    kept = fx.symbolic_trace(lambda x: (lambda y: rt.relu(y) + y)(x + 1))  # what is inside is used outside
    assert fx.replace_pattern(kept, lambda a: rt.relu(a + 1), lambda a: a) == []
    two = fx.symbolic_trace(lambda x: rt.cat([x.sin(), x.cos()]))
    fx.replace_pattern(two, lambda x: rt.cat([x.sin(), x.cos()]), lambda x: rt.stack([x]))
    same(two(x), x[None])


def test_tables_and_code(capsys):
    traced = fx.symbolic_trace(lambda x: x + float("inf"))
    traced.graph.print_tabular()
    assert "call_function  add" in capsys.readouterr().out
    assert traced(rt.ones(1)).item() == float("inf") and "class" in traced.print_readable(print_output=False)
    assert "def forward(self, x):" in str(traced) and repr(next(iter(traced.graph.nodes))) == "x"
