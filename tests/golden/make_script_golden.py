"""Writes script.json: what PyTorch says to the expressions of script_cases.py.

python tests/golden/make_script_golden.py
"""

import json
import pathlib

import torch
from script_cases import evaluate, expressions

answers = {e: evaluate(torch, e) for e in expressions()}
pathlib.Path(__file__).with_name("script.json").write_text(json.dumps(answers, indent=0) + "\n")
