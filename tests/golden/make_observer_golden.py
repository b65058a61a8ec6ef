"""Makes tests/golden/observers.json: what PyTorch gives for the cases of observer_cases.py.

python tests/golden/make_observer_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import observer_cases as cases
import torch

warnings.filterwarnings("ignore")
torch.backends.quantized.engine = "fbgemm"


def short(v):
    return [short(i) for i in v] if isinstance(v, list) else float(f"{v:.7g}") if isinstance(v, float) else v


lines = [f"{json.dumps(k)}: {json.dumps(short(f(torch)))}" for k, f in cases.CASES.items()]
path = pathlib.Path(__file__).with_name("observers.json")
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(path.stat().st_size, "bytes")
