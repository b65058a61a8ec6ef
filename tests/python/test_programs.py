"""What programs and libraries written for PyTorch ask for, one test for each cause that one of them stumbled over."""

import collections
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import rustorch as rt
from rustorch import nn
from rustorch.utils import _pytree as pytree


def _python(code):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_functions_that_take_a_number_first():
    x = rt.tensor([1.0, 2.0])
    assert rt.add(3, x).tolist() == [4.0, 5.0]
    assert rt.sub(3, x, alpha=2).tolist() == [1.0, -1.0]
    assert rt.mul(3, 4).item() == 12
    assert rt.div(3, rt.tensor([2])).tolist() == [1.5]
    assert rt.floor_divide(7, rt.tensor([2])).tolist() == [3]
    assert rt.remainder(7, rt.tensor([4])).tolist() == [3]
    assert rt.mul(2.5, rt.ones(2, dtype=rt.float16)).dtype == rt.float16
    for refused in (lambda: rt.atan2(3, x), lambda: rt.remainder(2, 3)):
        with pytest.raises(TypeError):
            refused()


def test_classes_of_graph_nodes_have_names():
    x = rt.ones(2, requires_grad=True)
    node = (x * 2).sum().grad_fn
    assert type(node).__name__ == "SumBackward0"
    assert isinstance(node, rt.autograd.graph.Node)
    assert type(node) is type((x + 0).sum().grad_fn)


def test_errors_of_the_class_that_programs_catch():
    with pytest.raises(ValueError, match="to match target batch_size"):
        nn.functional.cross_entropy(rt.ones(2, 3), rt.tensor([0, 1, 2]))
    with pytest.raises(RuntimeError, match="attn_mask dtype"):
        q = rt.ones(1, 2, 3)
        nn.functional.scaled_dot_product_attention(q, q, q, attn_mask=rt.ones(2, 2).long())
    with pytest.raises(RuntimeError, match="Could not infer dtype of NoneType"):
        rt.tensor(None)
    with pytest.raises(RuntimeError, match="boolean tensor"):
        rt.where(rt.ones(2), rt.ones(2), rt.ones(2))
    with pytest.raises(RuntimeError, match="std >= 0.0"):
        rt.normal(rt.zeros(2), -rt.ones(2))


def test_meta_tensors_take_copies_and_give_none():
    model = nn.Linear(3, 2).to("meta")
    assert model.weight.device.type == "meta" and model.weight.shape == (2, 3)
    assert rt.tensor([1.0], device="meta").shape == (1,)
    model.load_state_dict(nn.Linear(3, 2).state_dict())
    with pytest.raises(NotImplementedError, match="no data"):
        model.to("cpu")
    assert model.to_empty(device="cpu").weight.device.type == "cpu"


def test_what_a_subclass_prints():
    class Named(nn.Parameter):
        def __repr__(self):
            return "Named"

    assert str(Named(rt.ones(2))) == "Named"
    assert str(nn.Parameter(rt.ones(1))).startswith("Parameter containing:\ntensor([1.]")


def test_hooks_of_steps_are_given_the_optimizer_among_the_arguments():
    p = nn.Parameter(rt.ones(1))
    optimizer = rt.optim.SGD([p], lr=0.1)
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(args))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(args))
    optimizer.step()
    assert seen == [(optimizer,), (optimizer,)]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7), {}))
    assert optimizer.step() == 7


def test_members_and_super_init_of_modules():
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    assert [n for n, _ in reversed(model._modules.items())] == ["1", "0"]
    assert len(list(reversed(model._modules.values()))) == 2
    assert not isinstance(model, rt.jit.ScriptModule)

    class Other:
        def __init__(self, value=0):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

    assert Both(3).value == 3
    with pytest.raises(TypeError):
        nn.Module(3)


def test_storages_of_files(tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    storage = rt.UntypedStorage.from_file(str(path), shared=False, nbytes=16)
    part = storage.untyped()[4:12]
    assert isinstance(part, rt.UntypedStorage) and len(part) == 8
    assert rt.asarray(part, dtype=rt.uint8).view(rt.float32).tolist() == [1.0, 2.0]
    rt.save({"a": rt.ones(2)}, str(tmp_path / "saved"))
    reader = rt.PyTorchFileReader(str(tmp_path / "saved"))
    assert reader.has_record("data.pkl") and "data.pkl" in reader.get_all_records()
    assert len(reader.get_record("data.pkl")) > 10
    with pytest.raises(RuntimeError, match="file not found"):
        reader.get_record("nothing")


def test_trees_with_registered_classes_and_paths():
    class Box:
        def __init__(self, a, b):
            self.a, self.b = a, b

    pytree.register_pytree_node(Box, lambda x: ((x.a, x.b), None), lambda v, c: Box(*v))
    try:
        with pytest.raises(ValueError, match="already registered"):
            pytree.register_pytree_node(Box, None, None)
        Pair = collections.namedtuple("Pair", "x y")
        tree = {"k": [1, Box(2, Pair(3, 4))]}
        leaves, spec = pytree.tree_flatten(tree)
        again = pytree.tree_unflatten([10 * x for x in leaves], spec)
        assert leaves == [1, 2, 3, 4] and again["k"][1].b == Pair(30, 40)
        paths = [pytree.keystr(path) for path, _ in pytree.tree_flatten_with_path(tree)[0]]
        assert paths == ["['k'][0]", "['k'][1][0]", "['k'][1][1].x", "['k'][1][1].y"]
        assert pytree.tree_map_with_path(lambda path, x: len(path) * x, [1, [2]]) == [1, [4]]
        assert pytree.tree_map_only(int, lambda x: x + 1, (1, "a")) == (2, "a")
        assert pytree.SUPPORTED_NODES[Box].flatten_fn(tree["k"][1])[0][0] == 2
    finally:
        pytree._deregister_pytree_node(Box)
    assert pytree.tree_leaves([Box(1, 2)])[0].a == 1


def test_attention_with_functions():
    from rustorch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention

    q, k, v = rt.randn(2, 4, 5, 3), rt.randn(2, 2, 6, 3), rt.randn(2, 2, 6, 3)
    k4, v4 = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)

    def causal(b, h, i, j):
        return i >= j

    mask = create_mask(causal, None, None, 5, 6)
    block = create_block_mask(causal, None, None, 5, 6, BLOCK_SIZE=2)
    wanted = nn.functional.scaled_dot_product_attention(q, k4, v4, attn_mask=mask)
    rt.testing.assert_close(flex_attention(q, k, v, block_mask=block, enable_gqa=True), wanted)
    assert block.to_dense().tolist() == [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]
    bias = rt.arange(6.0) - rt.arange(5.0).unsqueeze(1)
    wanted = nn.functional.scaled_dot_product_attention(q, k4, v4, attn_mask=bias)
    rt.testing.assert_close(flex_attention(q, k4, v4, lambda s, b, h, i, j: s + (j - i)), wanted)
    with pytest.raises(ValueError, match="same number of heads"):
        flex_attention(q, k, v)


def test_scatter_and_gather_of_inputs():
    from rustorch.nn.parallel import gather, scatter

    parts = scatter({"x": rt.arange(4), "y": (1, [rt.ones(2)])}, ["cpu", "cpu"])
    assert [p["x"].tolist() for p in parts] == [[0, 1], [2, 3]] and parts[0]["y"][0] == 1
    assert gather([{"x": rt.tensor(1)}, {"x": rt.tensor(2)}], "cpu")["x"].tolist() == [1, 2]


def test_ufuncs_with_numbers_second():
    assert np.maximum(rt.tensor([0.0, 2.0]), 1.0).tolist() == [1.0, 2.0]


def test_no_process_group():
    assert not rt.distributed.is_available() and not rt.distributed.is_initialized()
    for call in (rt.distributed.all_reduce, rt.distributed.get_rank, rt.distributed.init_process_group):
        with pytest.raises(ValueError, match="has not been initialized"):
            call(rt.ones(1))
    with pytest.raises(ValueError, match="has not been initialized"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))


def test_the_module_says_that_it_is_torch():
    out = _python("""
        import rustorch, rustorch.compat
        own = rustorch.__version__
        rustorch.compat.install_as_torch()
        import torch, importlib.metadata
        print(torch.__name__, torch.torch is torch, torch.__version__ >= "2.6", torch.version.__version__ == torch.__version__)
        print(importlib.metadata.version("torch") == str(torch.__version__))
        table = {torch.uint16: torch.int16, torch.float8_e4m3fn: 1}
        print(torch.finfo(torch.float8_e4m3fn).max, type(torch.Tensor) is torch._C._TensorMeta)
        print(torch.zeros(2, dtype=torch.uint16).dtype in table)
        rustorch.compat.uninstall_as_torch()
        print(rustorch.__name__, rustorch.__version__ == own)
        """)
    assert out == ["torch", "True", "True", "True", "True", "448.0", "True", "True", "rustorch", "True"]


def test_operators_over_lists():
    x, y = [rt.ones(2), rt.full((1,), 3.0)], [rt.full((2,), 2.0), rt.full((1,), 5.0)]
    assert [t.tolist() for t in rt._foreach_add(x, y, alpha=2)] == [[5.0, 5.0], [13.0]]
    assert [t.tolist() for t in rt._foreach_mul(x, [2.0, 3.0])] == [[2.0, 2.0], [9.0]]
    assert [t.tolist() for t in rt._foreach_addcmul(x, y, y, rt.tensor([1.0, 2.0]))] == [[5.0, 5.0], [53.0]]
    assert [t.tolist() for t in rt._foreach_pow(2.0, x)] == [[2.0, 2.0], [8.0]]
    assert [t.tolist() for t in rt._foreach_clamp_max(y, 3)] == [[2.0, 2.0], [3.0]]
    assert [t.tolist() for t in rt._foreach_maximum(y, 3)] == [[3.0, 3.0], [5.0]]
    assert [t.tolist() for t in rt._foreach_minimum(x, y)] == [[1.0, 1.0], [3.0]]
    assert [t.item() for t in rt._foreach_norm(x, 1)] == [2.0, 3.0]
    kept = list(x)
    assert rt._foreach_lerp_(x, y, 0.5) is x and all(a is b for a, b in zip(x, kept))
    assert [t.tolist() for t in x] == [[1.5, 1.5], [4.0]]
    with pytest.raises(RuntimeError, match="same number of tensors"):
        rt._foreach_add(x, y[:1])
    with pytest.raises(RuntimeError, match="at least one tensor"):
        rt._foreach_add([], 1)
    assert not hasattr(rt, "_foreach_nothing") and not hasattr(rt, "_foreach_argmax")


def test_checkpoints_with_numbers_of_numpy(tmp_path):
    path = str(tmp_path / "checkpoint")
    rt.save({"best": np.float32(1.5), "done": np.bool_(True), "step": np.int64(2**40), "z": np.complex64(1j)}, path)
    assert rt.load(path) == {"best": 1.5, "done": True, "step": 2**40, "z": 1j}
    rt.save({"a": np.ones(2)}, path)
    assert rt.load(path)["a"].tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="cannot save an array of NumPy of dtype object"):
        rt.save({"a": np.array([None])}, path)


@pytest.mark.parametrize(
    "kind", ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "ASGD", "RMSprop", "Rprop", "SGD"]
)
def test_optimizers_where_float64_is_the_default(kind):
    rt.set_default_dtype(rt.float64)
    try:
        p = nn.Parameter(rt.ones(2))
        optimizer = getattr(rt.optim, kind)([p], lr=0.1)
        for _ in range(2):
            p.grad = rt.full((2,), 0.5)
            optimizer.step()
        again = getattr(rt.optim, kind)([nn.Parameter(rt.ones(2))], lr=0.1)
        again.load_state_dict(optimizer.state_dict())
        assert p.dtype == rt.float64 and p[0].item() < 1
    finally:
        rt.set_default_dtype(rt.float32)
