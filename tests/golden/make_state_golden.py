"""Make state.pt.gz from PyTorch: `python make_state_golden.py` in an environment that has torch.

One checkpoint holds state_dicts of modules, optimizers and schedulers as PyTorch saves them, with what PyTorch computes
after loading them.
"""

import gzip
import io
import pathlib
import warnings

import state_cases
import torch
import torch.nn.utils.prune

warnings.simplefilter("ignore")
torch.manual_seed(0)
torch.set_num_threads(1)
out = {"modules": {}, "optimizers": {}, "schedulers": {}}
for name, make, specs in state_cases.modules(torch):
    module = state_cases.trained(torch, make, specs, torch.float32)
    state = module.state_dict()
    saved = type(state)((k, v.detach().clone() if isinstance(v, torch.Tensor) else v) for k, v in state.items())
    saved._metadata = state._metadata
    out["modules"][name] = {
        "state": saved,
        "out": [v.clone() for v in state_cases.outputs(torch, module, specs, torch.float32)],
    }
for name, make in state_cases.OPTIMIZERS:
    opt, params = state_cases.start(torch, make)
    state_cases.advance(torch, opt, params, state_cases.SAVED_AFTER)
    saved = {"state": opt.state_dict(), "params": [p.detach().clone() for p in params]}
    opt, params = state_cases.resumed(torch, make, saved["state"], saved["params"])
    saved["state"] = state_cases.copied(torch, saved["state"])
    state_cases.advance(torch, opt, params, state_cases.STEPS - state_cases.SAVED_AFTER)
    out["optimizers"][name] = {**saved, "after": [p.detach().clone() for p in params]}
for name, make in state_cases.SCHEDULERS:
    opt, scheduler = state_cases.scheduled(torch, make)
    state_cases.advance_schedule(torch, opt, scheduler, 0, state_cases.SAVED_AFTER)
    saved = {
        "state": state_cases.copied(torch, scheduler.state_dict()),
        "opt": state_cases.copied(torch, opt.state_dict()),
    }
    rates = state_cases.advance_schedule(torch, opt, scheduler, state_cases.SAVED_AFTER, 18)
    out["schedulers"][name] = {**saved, "rates": rates}
file = io.BytesIO()
torch.save(out, file)
(pathlib.Path(__file__).parent / "state.pt.gz").write_bytes(gzip.compress(file.getvalue(), mtime=0))
