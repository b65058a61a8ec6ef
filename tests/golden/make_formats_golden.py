"""Makes the small files of tests/golden/formats with PyTorch, NumPy and safetensors, each with a .txt dump of what it
must be read as. Run by a maintainer who has those packages; the results are committed.

    python tests/golden/make_formats_golden.py
"""

import collections
import json
import pathlib
import struct
import zipfile

import numpy as np
import safetensors.torch
import torch

OUT = pathlib.Path(__file__).with_name("formats")


def dump(v):
    """The text form that tests/cpp/formats/dump.h gives for the same value."""
    if v is None or isinstance(v, bool):
        return str(v)
    if isinstance(v, torch.Size):
        return "Size(" + ",".join(str(d) for d in v) + ")"
    if isinstance(v, int):
        if -(2**63) <= v < 2**63:
            return str(v)
        n = v.bit_length() // 8 + 1
        return "big:" + v.to_bytes(n, "little", signed=True).hex()
    if isinstance(v, float):
        return "float:" + struct.pack(">d", v).hex()
    if isinstance(v, complex):
        return "complex:" + struct.pack(">dd", v.real, v.imag).hex()
    if isinstance(v, str):
        return "str:" + v.encode("utf-8", "surrogatepass").hex()
    if isinstance(v, bytes):
        return "bytes:" + v.hex()
    if isinstance(v, bytearray):
        return "bytearray:" + v.hex()
    if isinstance(v, torch.dtype):
        return str(v).replace("torch.", "dtype:")
    if isinstance(v, torch.device):
        return f"device:{v}"
    if isinstance(v, torch.Tensor):
        return dump_tensor(v)
    if isinstance(v, dict):
        name = "odict" if isinstance(v, collections.OrderedDict) else "dict"
        body = ",".join(f"{dump(k)}={dump(x)}" for k, x in v.items())
        attributes = getattr(v, "__dict__", None)
        return f"{name}({body})" + (f"attrs({dump(attributes)})" if attributes else "")
    name = {list: "list", tuple: "tuple", set: "set"}[type(v)]
    return f"{name}(" + ",".join(dump(x) for x in v) + ")"


def dump_tensor(t):
    data = t.detach().resolve_conj().resolve_neg().contiguous()
    raw = bytes(data.reshape(-1).view(torch.uint8).tolist()) if data.numel() else b""
    shape = ",".join(str(s) for s in t.shape)
    strides = ",".join(str(s) for s in t.stride())
    flags = ("p" if isinstance(t, torch.nn.Parameter) else "") + ("g" if t.requires_grad else "")
    return f"tensor({str(t.dtype)[6:]};{shape};{strides};{t.storage_offset()};{flags};{raw.hex()})"


DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128,
]  # fmt: skip

# Types without a storage class of their own.
STORED = [
    torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.complex32,
]  # fmt: skip


def stored():
    return {str(t)[6:]: torch.tensor([[0.0, 1.0, 2.0], [4.0, 1.0, 0.0]]).to(t) for t in STORED}


def every_dtype():
    return {str(t)[6:]: torch.tensor([[0, 1, 2], [3, 1, 0]]).to(t) for t in DTYPES}


def values():
    shared = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return {
        "numbers": [0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 2**63, -(2**70)],
        "floats": [0.0, -0.0, 0.1, float("inf"), float("nan"), 5e-324],
        "complex": 1 - 2j,
        "strings": ["", "plain", "naïve €", "😀", "x" * 300],
        "bytes": [b"", b"\x00\x7f\x80\xff", bytearray(b"ab")],
        "bools": (True, False, None),
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "set": {7},
        "size": torch.Size([2, 0, 3]),
        "dtype": torch.bfloat16,
        "devices": [torch.device("cpu"), torch.device("cuda", 1)],
        "views": [shared, shared.t(), shared[1:, 1:3], shared[0].expand(2, 4), torch.empty(0, 3), torch.tensor(3.5)],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "leaf": torch.ones(1, requires_grad=True),
        "conj": torch.tensor([1 + 2j, 3 - 4j]).conj(),
        "retyped": torch.arange(4, dtype=torch.int32).view(torch.float32),
        "long list": list(range(2500)),
        1: {2.5: {(3, "k"): None}},
    }


def network():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    net(torch.randn(4, 1, 4, 4)).sum().backward()
    optimizer.step()
    return {
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "rng": torch.arange(5, dtype=torch.uint8),
    }


def put(name, value):
    (OUT / f"{name}.txt").write_text(dump(value) + "\n")


def main():
    OUT.mkdir(exist_ok=True)
    for name, value in {"dtypes": every_dtype(), "values": values(), "network": network(), "stored": stored()}.items():
        torch.save(value, OUT / f"{name}.pt")
        put(f"{name}.pt", value)
    legacy = {"net": network()["model"], "dtypes": every_dtype()}
    torch.save(legacy, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    put("legacy.pt", legacy)
    # A checkpoint that somebody unpacked and zipped again, with compression.
    with (
        zipfile.ZipFile(OUT / "dtypes.pt") as source,
        zipfile.ZipFile(OUT / "rezipped.pt", "w", zipfile.ZIP_DEFLATED) as z,
    ):
        for info in source.infolist():
            z.writestr(zipfile.ZipInfo(info.filename), source.read(info), zipfile.ZIP_DEFLATED)
    put("rezipped.pt", every_dtype())

    arrays = {
        "f4": np.arange(6, dtype="<f4").reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3)),
        "big": np.arange(3, dtype=">f8"),
        "scalar": np.array(7, dtype=np.uint8),
        "bool": np.array([True, False]),
        "complex": np.array([1 + 2j]),
        "half": np.array([1.5, -2], dtype="<f2"),
        "empty": np.zeros((0, 4), dtype="<i4"),
    }

    def read(a):
        """As a tensor of the same layout; NumPy gives empty arrays strides of its own."""
        a = a.astype(a.dtype.newbyteorder("="), order="K")
        return torch.from_numpy(a) if a.size else torch.from_numpy(a).contiguous().new_empty(a.shape)

    np.savez(OUT / "arrays.npz", **arrays)
    np.savez_compressed(OUT / "packed.npz", **arrays)
    for name in ("arrays.npz", "packed.npz"):
        put(name, {k: read(a) for k, a in arrays.items()})
    np.save(OUT / "fortran.npy", arrays["fortran"])
    put("fortran.npy", read(arrays["fortran"]))

    tensors = {k: v for k, v in every_dtype().items() if k != "complex128"}
    safetensors.torch.save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt", "note": "ä"})
    put_ordered("dtypes.safetensors", tensors)
    tensors = {k: v for k, v in stored().items() if k != "complex32"}
    safetensors.torch.save_file(tensors, OUT / "stored.safetensors")
    put_ordered("stored.safetensors", tensors)


def put_ordered(name, tensors):
    """As the file has them."""
    header = (OUT / name).read_bytes()
    order = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])
    put(name, collections.OrderedDict((k, tensors[k]) for k in order if k != "__metadata__"))


if __name__ == "__main__":
    main()
