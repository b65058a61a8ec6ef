"""Writes float8.json: what PyTorch makes of every 8-bit float, and of floats that are hard to round to one.

    python make_float8_golden.py

Numbers are base64 of little-endian arrays. `inputs` are float32: the middles between neighbours of every format with the
floats right below and above them, powers of two, the ends of float32, infinities, nan; `codes` are their bytes.
"""

import base64
import json
import pathlib
import struct

import torch

FORMATS = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")


def text(tensor):
    return base64.b64encode(bytes(tensor.view(torch.uint8).tolist())).decode()


def inputs():
    bits = set()
    for name in FORMATS:
        values = torch.arange(256, dtype=torch.uint8).view(getattr(torch, name)).double()
        values = values[values.isfinite()].unique()[::7]
        for middle in ((values[1:] + values[:-1]) / 2).tolist():
            at = struct.unpack("<I", struct.pack("<f", middle))[0]
            bits.update((at - 1) & 0xFFFFFFFF if i < 0 else (at + i) & 0xFFFFFFFF for i in (-1, 0, 1))
    bits.update(e << 23 for e in range(0, 256, 5))
    bits.update((0, 1, 0x80000000, 0x80000001, 0x007FFFFF, 0x00400000, 0x00400001, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000))
    bits.update((0xFF800000, 0x7FC00000, 0x43E80000, 0x43E7FFFF, 0x43E80001, 0x47700000, 0x476FFFFF, 0x43780000))
    return torch.tensor(sorted(b - (1 << 32) if b >= 1 << 31 else b for b in bits), dtype=torch.int32).view(
        torch.float32
    )


def main():
    x = inputs()
    golden = {"inputs": text(x)}
    for name in FORMATS:
        dtype = getattr(torch, name)
        values = torch.arange(256, dtype=torch.uint8).view(dtype).float()
        values = torch.where(values.isnan(), torch.tensor(float("nan")), values)  # one nan of all
        golden[name] = {"values": text(values), "codes": text(x.to(dtype))}
    path = pathlib.Path(__file__).with_name("float8.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{path.name}: {x.numel()} inputs, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
