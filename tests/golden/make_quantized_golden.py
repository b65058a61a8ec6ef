"""Makes tests/golden/quantized.json, what PyTorch gives for the cases of quantized_cases.py, and formats/quantized.pt.

python tests/golden/make_quantized_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import quantized_cases as cases
import torch

warnings.filterwarnings("ignore")
lines = []
for group, programs in cases.GROUPS.items():
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(cases.run(torch, group, name))}" for name in programs)
    lines.append(f"{json.dumps(group)}: {{\n{rows}\n}}")
given = cases.Given(torch)
numbers = torch.arange(16, dtype=torch.uint8)
stored = {k: getattr(given, k) for k in "qsicfn"} | {"part": given.s.t()[1:]}
stored |= {d: numbers.view(getattr(torch, d)) for d in ("bcomplex32", "bits8", "bits16", "float4_e2m1fn_x2")}
torch.save(stored, pathlib.Path(__file__).with_name("formats") / "quantized.pt")
path = pathlib.Path(__file__).with_name("quantized.json")
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(path.stat().st_size, "bytes")
