"""rustorch.save and rustorch.load: golden files of PyTorch, round trips, sharing, streams, damage."""

import collections
import io
import pathlib

import numpy as np
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


def test_arrays_of_numpy_come_back(tmp_path):
    import random

    arrays = {
        "plain": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "text": np.array(["ab", "c"]),
        "bytes": np.array([b"ab"]),
        "none": np.zeros((0, 3), np.float16),
        "one": np.array(3 + 1j),
        "swapped": np.arange(3, dtype=">i4"),
    }
    state = {"arrays": arrays, "states": (np.random.get_state(), random.getstate()), "twice": [arrays["plain"]] * 2}
    path = tmp_path / "states.pt"
    rt.save(state, path)
    back = rt.load(path)
    for name, a in arrays.items():
        b = back["arrays"][name]
        assert b.dtype == a.dtype and b.shape == a.shape and np.array_equal(a, b) and b.flags.writeable
        assert b.flags.fnc == a.flags.fnc
    assert back["states"][1] == random.getstate() and np.array_equal(back["states"][0][1], np.random.get_state()[1])
    np.random.set_state(back["states"][0])
    with pytest.raises(TypeError, match="cannot save an array of NumPy of dtype object"):
        rt.save(np.array([None]), path)


# What pickle protocol 2 makes of NumPy's numbers, dtypes and records, as PyTorch writes them into data.pkl.
NUMPY_PICKLES = {
    b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNN"
    b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbc_codecs\nencode\nX\x05\x00\x00\x00\x00\x00\xc3\x80?X\x06\x00\x00\x00latin1"
    b"\x86R\x86R.": np.float32(1.5),
    b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00i8\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b".": np.dtype("<i8"),
}
WRONG_PICKLES = {
    "numbers and texts": b"\x80\x02cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
    "incomplete": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85X\x01\x00\x00\x00b\x87R.",
    "plain arrays": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncbuiltins\nset\nK\x00\x85N\x87R.",
    "dtype is missing": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85N\x87R"
    b"(K\x01K\x02\x85N\x89c_codecs\nencode\nX\x01\x00\x00\x00bX\x06\x00\x00\x00latin1\x86Rtb.",
}


def _archive_of(pickle):
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("archive/data.pkl", pickle)
        z.writestr("archive/version", "3\n")
    return out.getvalue()


def test_numbers_and_dtypes_of_numpy_are_read():
    for pickle, value in NUMPY_PICKLES.items():
        got = rt.load(_archive_of(pickle))
        assert type(got) is type(value) and got == value


@pytest.mark.parametrize("message", WRONG_PICKLES)
def test_damaged_arrays_of_numpy_are_refused(message):
    with pytest.raises(RuntimeError, match=message):
        rt.load(_archive_of(WRONG_PICKLES[message]))


def test_safe_globals_are_kept():
    from rustorch.serialization import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

    add_safe_globals([dict])
    with safe_globals([set]):
        assert get_safe_globals() == [dict, set]
    assert get_safe_globals() == [dict]
    clear_safe_globals()
    assert get_safe_globals() == []
