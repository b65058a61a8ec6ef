"""Make optim_grid.json from PyTorch: `python make_optim_grid.py` in an environment that has torch."""

import json
import pathlib
import warnings

import optim_grid_cases as cases
import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)
out = {}
for optimizer in cases.OPTIMIZERS:
    out[optimizer] = [
        [float(f"{v:.12g}") for v in cases.grid(torch, optimizer, scheduler)] for scheduler in cases.SCHEDULERS
    ]
for low, optimizer in cases.MIXED:
    losses, scales = cases.mixed(torch, low, optimizer)
    out[f"{low} {optimizer}"] = {"losses": [float(f"{v:.7g}") for v in losses], "scales": scales}
lines = (f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in out.items())
(pathlib.Path(__file__).parent / "optim_grid.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
