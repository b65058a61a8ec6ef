"""PyTorchFileWriter makes containers that the reader, zip tools and load() read."""

import io
import zipfile

import pytest

import rustorch as rt


def test_records_come_back():
    buffer = io.BytesIO()
    writer = rt.PyTorchFileWriter(buffer)
    writer.write_record("data.pkl", b"abcdef", 3)
    writer.write_record("x/y", "hello", 5)
    writer.write_record("t", rt.tensor([1.0, 2.0]).untyped_storage(), 8)
    writer.write_record_metadata("later", 100)
    writer.set_min_version(4)
    assert writer.archive_name() == "archive" and writer.serialization_id() == ""
    assert writer.get_all_written_records() == {"data.pkl", "x/y", "t", "later"}
    with pytest.raises(RuntimeError, match="twice: t"):
        writer.write_record("t", b"x", 1)
    with pytest.raises(RuntimeError, match="9 bytes asked for; got 2"):
        writer.write_record("short", b"ab", 9)
    writer.write_end_of_file()
    assert len(writer.serialization_id()) == 40
    reader = rt.PyTorchFileReader(io.BytesIO(buffer.getvalue()))
    assert reader.get_record("data.pkl") == b"abc" and reader.get_record("x/y") == b"hello"
    assert rt.frombuffer(bytearray(reader.get_record("t")), dtype=rt.float32).tolist() == [1.0, 2.0]
    assert reader.get_record("version") == b"4\n" and reader.get_record("later") == bytes(100)
    with pytest.raises(RuntimeError, match="has its end already"):
        writer.write_record("b", b"x", 1)


@pytest.mark.parametrize("align", [1, 64, 4096])
def test_contents_are_aligned(align, tmp_path):
    path = tmp_path / "model.v1.pt"
    with rt.PyTorchFileWriter(str(path), storage_alignment=align) as writer:
        for i in range(5):
            writer.write_record(f"data/{i}", bytes([i]) * (i * 7 + 1), i * 7 + 1)
    assert writer.archive_name() == "model.v1"
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            start = entry.header_offset
            names, extra = (int.from_bytes(raw[start + at : start + at + 2], "little") for at in (26, 28))
            assert (start + 30 + names + extra) % align == 0


def test_a_function_takes_the_bytes():
    parts = []
    with rt.PyTorchFileWriter(lambda data, count: parts.append(data[:count])) as writer:
        writer.write_record("a", b"12", 2)
    assert rt.PyTorchFileReader(io.BytesIO(b"".join(parts))).get_record("a") == b"12"
    with pytest.raises(RuntimeError, match="power of two"):
        rt.PyTorchFileWriter(io.BytesIO(), storage_alignment=3)
