"""Storages: the memory of tensors as objects of bytes or numbers; tensor types named after a dtype."""

import pytest

import rustorch as rt


def test_a_storage_is_the_memory_of_its_tensor():
    x = rt.arange(6.0).reshape(2, 3)
    s = x.untyped_storage()
    assert len(s) == s.nbytes() == 24 and s.data_ptr() == x.data_ptr()
    assert x[1].untyped_storage().data_ptr() == s.data_ptr()
    s.fill_(0)
    assert x.tolist() == [[0.0] * 3] * 2
    s[3] = 64  # the last byte of the first float: 2.0
    assert x[0, 0].item() == 2.0 and s[2:4].tolist() == [0, 64] and len(s[2:4]) == 2
    typed = x.storage()
    assert isinstance(typed, rt.FloatStorage) and typed.size() == 6 and typed.dtype == rt.float32
    typed[5] = 7
    assert x[1, 2].item() == 7.0 and typed.tolist() == [2.0, 0.0, 0.0, 0.0, 0.0, 7.0]
    assert rt.is_storage(s) and rt.is_storage(typed) and not rt.is_storage(x)
    assert x.storage_type() is rt.FloatStorage


def test_writing_to_a_storage_leaves_copies_alone():
    x = rt.ones(4)
    y = x.clone()
    x.untyped_storage().fill_(0)
    assert y.tolist() == [1.0] * 4 and x.tolist() == [0.0] * 4
    assert x._version > 0


def test_storages_of_their_own():
    s = rt.UntypedStorage(3)
    assert s.nbytes() == 3 and s.element_size() == 1 and s.device.type == "cpu"
    assert rt.UntypedStorage([1, 2, 3]).tolist() == [1, 2, 3]
    t = rt.LongStorage([1, 2, 3])
    assert t.element_size() == 8 and list(t) == [1, 2, 3] and t.nbytes() == 24
    u = t.clone()
    u[0] = 9
    assert t[0] == 1 and u[0] == 9
    t.copy_(u)
    assert t.tolist() == [9, 2, 3] and t.type() == "torch.LongStorage"
    t.resize_(5)
    assert t.size() == 5 and t.tolist()[:3] == [9, 2, 3]
    assert rt.TypedStorage([1.0], dtype=rt.float64).dtype == rt.float64
    assert rt.HalfStorage(2).size() == 2
    with pytest.raises(RuntimeError, match="cannot shrink"):
        t.untyped().resize_(1)


def test_tensor_types():
    assert rt.FloatTensor(2, 3).shape == (2, 3) and rt.LongTensor([1, 2]).dtype == rt.int64
    assert rt.ByteTensor().numel() == 0
    assert isinstance(rt.ones(1), rt.FloatTensor) and not isinstance(rt.ones(1), rt.DoubleTensor)
    assert rt.ones(2).type(rt.LongTensor).dtype == rt.int64 and rt.ones(2).type("torch.HalfTensor").dtype == rt.float16
    assert rt.ones(1).type() == "torch.FloatTensor"
    with pytest.raises(TypeError, match="expected rustorch.int64"):
        rt.LongTensor(rt.ones(2))
    with pytest.raises(ValueError, match="invalid type"):
        rt.ones(1).type("torch.NoTensor")
    try:
        rt.set_default_tensor_type(rt.DoubleTensor)
        assert rt.ones(1).dtype == rt.float64
    finally:
        rt.set_default_tensor_type("torch.FloatTensor")
    with pytest.raises(TypeError, match="only floating-point types"):
        rt.set_default_tensor_type(rt.IntTensor)
