"""Makes tests/golden/findings.json and rare.json: what PyTorch gives for the cases of findings_cases.py and rare_cases.py.

python tests/golden/make_findings_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import findings_cases
import rare_cases
import torch

warnings.filterwarnings("ignore")
for file, cases in (("findings.json", findings_cases.CASES), ("rare.json", rare_cases.CASES)):
    golden = {name: findings_cases.run(torch, case) for name, case in cases.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items())
    pathlib.Path(__file__).with_name(file).write_text("{\n" + lines + "\n}\n")
