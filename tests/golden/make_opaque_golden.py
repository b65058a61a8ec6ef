"""Makes tests/golden/opaque.json: what PyTorch gives for the cases of opaque_cases.py.

python tests/golden/make_opaque_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import opaque_cases as cases
import torch

warnings.filterwarnings("ignore")
results = {}
for name in cases.CASES:
    by_dtype = {d: cases.run(torch, name, d) for d in cases.DTYPES}
    same = set(by_dtype.values())
    results[name] = same.pop() if len(same) == 1 else by_dtype  # one answer for all types
path = pathlib.Path(__file__).with_name("opaque.json")
path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in results.items()) + "\n}\n")
print(path.stat().st_size, "bytes")
