"""Make trajectories.json from PyTorch: `python make_trajectories.py` in an environment that has torch.

One key per line; losses of 100 steps in float64 (12 digits) and float32 (7), and the final weights' sums of squares.
"""

import json
import pathlib

import torch
import trajectory_cases

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
lines = []
for name in trajectory_cases.CASES:
    for dtype, digits in (("float64", 12), ("float32", 7)):
        run = trajectory_cases.train(torch, name, dtype)
        losses = [float(f"{v:.{digits}g}") for v in run["losses"]]
        state = {k: float(f"{v:.{digits}g}") for k, v in run["state"].items()} if dtype == "float64" else {}
        text = json.dumps({"losses": losses, "state": state}, separators=(",", ":"))
        lines.append(f'"{name} {dtype}":{text}')
(here / "trajectories.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
