"""Makes tests/golden/findings.json: what PyTorch gives for the cases of findings_cases.py.

python tests/golden/make_findings_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import findings_cases
import torch

warnings.filterwarnings("ignore")
golden = {name: findings_cases.run(torch, name) for name in findings_cases.CASES}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
pathlib.Path(__file__).with_name("findings.json").write_text("{\n" + lines + "\n}\n")
