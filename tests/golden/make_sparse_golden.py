"""Makes tests/golden/sparse.json: what PyTorch gives for the calls of sparse_cases.py.

python tests/golden/make_sparse_golden.py        (needs torch)
"""

import json
import pathlib
import warnings

import sparse_cases
import torch

warnings.filterwarnings("ignore")
golden = {text: sparse_cases.run(torch, text) for text in sparse_cases.expressions() + sparse_cases.gradients()}
lines = ",\n".join(f"{json.dumps(text)}: {json.dumps(value)}" for text, value in golden.items())
pathlib.Path(__file__).with_name("sparse.json").write_text("{\n" + lines + "\n}\n")
