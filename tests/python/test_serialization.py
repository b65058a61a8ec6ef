"""rustorch.save and rustorch.load: golden files of PyTorch, round trips, sharing, streams, damage."""

import collections
import io
import pathlib

import pytest

import rustorch as rt
from rustorch import nn

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "formats"


def round_trip(value):
    f = io.BytesIO()
    rt.save(value, f)
    f.seek(0)
    return rt.load(f)


def test_reads_a_pytorch_checkpoint():
    state = rt.load(GOLDEN / "network.pt")
    assert isinstance(state["model"], collections.OrderedDict)
    assert state["model"]._metadata[""]["version"] == 1
    assert tuple(state["model"]["0.weight"].shape) == (2, 1, 3, 3)
    assert state["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert state["optimizer"]["state"][0]["step"].item() == 1.0
    assert state["epoch"] == 3


def test_reads_every_kind_of_value():
    v = rt.load(GOLDEN / "values.pt")
    assert v["numbers"][-2:] == [2**63, -(2**70)]
    assert v["complex"] == 1 - 2j
    assert v["strings"][3] == "\N{GRINNING FACE}"
    assert v["bytes"] == [b"", b"\x00\x7f\x80\xff", bytearray(b"ab")]
    assert v["bools"] == (True, False, None)
    assert v["tuples"] == [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]
    assert v["set"] == {7}
    assert v["size"] == rt.Size([2, 0, 3]) and isinstance(v["size"], rt.Size)
    assert v["dtype"] is rt.bfloat16
    assert v["devices"][0] == rt.device("cpu")
    assert v[1] == {2.5: {(3, "k"): None}}
    base, transposed = v["views"][:2]
    assert base.data_ptr() == transposed.data_ptr() and transposed.stride() == (1, 4)
    assert isinstance(v["parameter"], nn.Parameter) and v["parameter"].requires_grad
    assert not v["frozen"].requires_grad
    assert v["leaf"].requires_grad and v["leaf"].is_leaf


@pytest.mark.parametrize("name", ["dtypes.pt", "legacy.pt", "rezipped.pt"])
def test_reads_every_container(name):
    state = rt.load(GOLDEN / name)
    tensors = state.get("dtypes", state)
    assert tensors["int64"].tolist() == [[0, 1, 2], [3, 1, 0]]
    assert tensors["bool"].tolist() == [[False, True, True], [True, True, False]]


def test_round_trip_of_values():
    value = {
        "a": [1, -(2**40), 2**100, 2.5, float("inf"), "x", b"\xff", None, True],
        "b": (rt.tensor([1.0, 2.0]), rt.tensor(3), rt.zeros(0, 3)),
        "c": collections.OrderedDict(z=1, y=2),
        4: {1, 2},
    }
    again = round_trip(value)
    assert again["a"] == value["a"]
    assert all(rt.equal(x, y) for x, y in zip(again["b"], value["b"]))
    assert list(again["c"].items()) == [("z", 1), ("y", 2)] and isinstance(again["c"], collections.OrderedDict)
    assert again[4] == {1, 2}


def test_sharing_is_kept():
    x = rt.arange(6.0)
    items = [1, 2]
    again = round_trip({"x": x, "same": x, "view": x[2:4], "l": items, "m": items})
    assert again["x"] is again["same"] and again["l"] is again["m"]
    again["x"][2] = 50.0
    assert again["view"][0].item() == 50.0


def test_module_and_optimizer_resume(tmp_path):
    rt.manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = rt.optim.Adam(net.parameters(), lr=0.1)
    x = rt.ones(4, 3)

    def step(model, opt):
        opt.zero_grad()
        model(x).sum().backward()
        opt.step()

    step(net, optimizer)
    path = tmp_path / "checkpoint.pt"
    rt.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, path)
    other = nn.Linear(3, 2)
    resumed = rt.optim.Adam(other.parameters(), lr=0.5)
    state = rt.load(path)
    other.load_state_dict(state["net"])
    resumed.load_state_dict(state["optimizer"])
    step(net, optimizer)
    step(other, resumed)
    assert all(rt.equal(a, b) for a, b in zip(net.parameters(), other.parameters()))


def test_two_checkpoints_in_one_stream():
    f = io.BytesIO(b"head")
    f.seek(4)
    rt.save([1], f)
    rt.save([2, rt.ones(3)], f)
    f.seek(4)
    assert rt.load(f) == [1]
    second = rt.load(f)
    assert second[0] == 2 and second[1].tolist() == [1, 1, 1]


def test_what_cannot_be_saved(tmp_path):
    class Thing:
        pass

    with pytest.raises(TypeError, match="cannot save an object of type"):
        rt.save(Thing(), tmp_path / "x.pt")
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        rt.save(loop, tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


def test_damage_is_named(tmp_path):
    path = tmp_path / "broken.pt"
    data = (GOLDEN / "network.pt").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RuntimeError, match="broken.pt"):
        rt.load(path)
    path.write_bytes(b"")
    with pytest.raises(RuntimeError, match="the file is empty"):
        rt.load(path)
    with pytest.raises(OSError):
        rt.load(tmp_path / "absent.pt")


def test_nothing_in_a_file_runs():
    evil = io.BytesIO()
    import pickle

    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('it ran')",))

    pickle.dump(Evil(), evil, protocol=2)
    with pytest.raises(RuntimeError):
        rt.load(evil.getvalue())
