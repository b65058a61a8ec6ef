"""Make nn.json, optim.json and autocast.json from PyTorch: `python make_nn_golden.py` in an environment that has torch."""

import json
import pathlib
import warnings

import autocast_cases
import nn_cases
import optim_cases
import torch

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent
nn_golden = {}
for name, make, inputs in nn_cases.CASES:
    if name not in nn_cases.EVAL_ONLY:
        nn_golden[name] = nn_cases.run(torch, make, inputs, True)
    if name in nn_cases.EVAL_TOO or name in nn_cases.EVAL_ONLY:
        nn_golden[name + " eval"] = nn_cases.run(torch, make, inputs, False)
(here / "nn.json").write_text(json.dumps(nn_golden, separators=(",", ":")) + "\n")
optim_golden = {}
for name, make in optim_cases.OPTIMIZERS:
    optim_golden[name] = optim_cases.trajectory(torch, make)
for name, make in optim_cases.SCHEDULERS:
    optim_golden[name] = optim_cases.rates(torch, make)
(here / "optim.json").write_text(json.dumps(optim_golden, separators=(",", ":")) + "\n")
autocast_golden = {lower: autocast_cases.dtypes(torch, lower) for lower in autocast_cases.LOWER}
(here / "autocast.json").write_text(json.dumps(autocast_golden, separators=(",", ":")) + "\n")
