"""Makes errors.json: what PyTorch raises for the calls of error_cases.py, {call: [class, first line of the text]}.

python tests/golden/make_errors_golden.py          (needs torch)
"""

import json
import pathlib
import warnings

import torch
from error_cases import CALLS, error_of, first_line

warnings.simplefilter("ignore")
found = {call: error_of(torch, call) for call in CALLS}
lines = [
    f"{json.dumps(call)}: {json.dumps([type(error).__name__, first_line(error)])}"
    for call, error in found.items()
    if error is not None
]
pathlib.Path(__file__).with_name("errors.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(len(lines), "errors; none from:", [call for call in CALLS if found[call] is None])
