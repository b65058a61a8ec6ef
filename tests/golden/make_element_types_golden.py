"""Makes tests/golden/element_types.json: what PyTorch gives for the cases of element_type_cases.py.

python tests/golden/make_element_types_golden.py        (needs torch)

A case that PyTorch refuses is left out: what rustorch does then is the business of the test.
"""

import json
import pathlib
import warnings

import element_type_cases as cases
import torch

warnings.filterwarnings("ignore")
lines = []
for dtype in cases.DTYPES:
    results = {name: cases.run(torch, name, dtype) for name in cases.CASES}
    results = {k: v for k, v in results.items() if not v.endswith("Error")}
    lines.append(f"{json.dumps(dtype)}: {json.dumps(results)}")
lines.append(f'"big": {json.dumps({name: cases.run_big(torch, name) for name in cases.BIG})}')
path = pathlib.Path(__file__).with_name("element_types.json")
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(path.stat().st_size, "bytes")
