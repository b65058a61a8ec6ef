"""Writes fx.json: code and graphs of PyTorch's traces of the programs of fx_cases.py.

python tests/golden/make_fx_golden.py
"""

import json
import pathlib

import torch
import torch.fx
from fx_cases import shown

pathlib.Path(__file__).with_name("fx.json").write_text(json.dumps(shown(torch), indent=0) + "\n")
