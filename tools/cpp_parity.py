"""The table of C++ against Python: names, options, defaults, text, state, and results, written to docs/parity_cpp.md.

    PYTHONPATH=build/release/python python tools/cpp_parity.py build/release/tests/rustorch_parity [--check]

Names and defaults of C++ are read from the headers (RT_OPTION lines), the rest comes from the program. Exits with 1
when something differs, or, with --check, when the committed table is not what would be written.
"""

import inspect
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "parity_cpp.md"
sys.path.insert(0, str(ROOT / "tests" / "parity"))

# Arguments that C++ has no option for, and why.
NOT_OPTIONS = {
    "device": "module->to(device)",
    "dtype": "module->to(dtype)",
    "size_average": "deprecated",
    "reduce": "deprecated",
    "min_value": "deprecated",
    "max_value": "deprecated",
    "return_indices": "forward_with_indices()",
    "process_group": "one process",
    "_weight": "Embedding::from_pretrained()",
    "_freeze": "Embedding::from_pretrained()",
}
# Classes that C++ does not have, and why.
ONLY_PYTHON = {
    "LinearCrossEntropyLoss": "a Linear and a CrossEntropyLoss",
    "NLLLoss2d": "the older name of NLLLoss",
    "Container": "the older name of Module",
    "DataParallel": "Python only",
}


# Lazy layers: whose options they have, the option that the input gives, and defaults of their own.
LAZY = {
    "Conv": ("ConvOptions", "in_channels", {}),
    "ConvTranspose": ("ConvTransposeOptions", "in_channels", {}),
    "BatchNorm": ("BatchNormOptions", "num_features", {}),
    "InstanceNorm": ("InstanceNormOptions", "num_features", {"affine": True, "track_running_stats": True}),
}


def braces(text, start):
    """The text between the brace at `start` and the one that closes it."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i]
    raise ValueError("unbalanced braces")


def value(text):
    """A C++ default as the Python value."""
    fixed = {"true": True, "false": False, "std::nullopt": None, "nullptr": None, "{}": None}
    if text in fixed:
        return fixed[text]
    return eval(text, {"__builtins__": {}})  # a number, a quotient of numbers, or a string


def read_headers():
    """({layer: options class}, {options class: {option: default}})."""
    layers, options = {}, {}
    for path in sorted((ROOT / "include/rustorch/nn").glob("*.h")):
        text = path.read_text()
        for m in re.finditer(r"class (\w+Options) \{", text):
            found = re.finditer(r"RT_OPTION(?:AL)?\((.+), (\w+), (.+)\);", braces(text, m.end() - 1))
            options[m[1]] = {f[2]: value(f[3]) for f in found}
        for m in re.finditer(r"using (\w+Options) = (\w+Options)(?:<\d>)?;", text):
            options[m[1]] = m[2]
        for m in re.finditer(r"^RT_(?:PLAIN_LAYER|LOSS_LAYER3?|WEIGHTED_LOSS)\((\w+), (\w+)\)", text, re.M):
            layers[m[1]] = m[2]
        for m in re.finditer(r"^(?:using|class) (\w+) (?:=|: public) (?:ModuleHolder|RecurrentHolder)<", text, re.M):
            layers[m[1]] = m[1] + "Options"
        for m in re.finditer(r"^RT_PAD_LAYER\((\w+), (\d)\)", text, re.M):
            layers[f"{m[1]}{m[2]}d"] = "PadOptions"
        for m in re.finditer(r"^RT_POOL_NAMES3?\((\w+), (\w+)(?:, (\d))?\)", text, re.M):
            for n in m[3] or "123":
                layers[f"{m[1]}{n}d"] = m[2]
        for m in re.finditer(r"^RT_NORM_NAMES\((\d)\)", text, re.M):
            layers[f"BatchNorm{m[1]}d"] = "BatchNormOptions"
            layers[f"InstanceNorm{m[1]}d"] = "InstanceNormOptions"
        for m in re.finditer(r"^RT_LAZY_NAMES\((\d)\)", text, re.M):
            for kind in LAZY:
                layers[f"Lazy{kind}{m[1]}d"] = f"Lazy{kind}Options"
    for name, target in options.items():
        while isinstance(target, str):
            target = options[target]
        options[name] = target
    for kind, (source, inferred, changed) in LAZY.items():
        options[f"Lazy{kind}Options"] = {k: v for k, v in options[source].items() if k != inferred} | changed
    return layers, options


def arguments(cls):
    """{argument: default or inspect.Parameter.empty} of a Python class."""
    import rustorch as rt

    own = cls
    if "args" in inspect.signature(cls.__init__).parameters:  # RNN, LSTM, GRU hand on to their base
        own = rt.nn.RNNBase if issubclass(cls, rt.nn.RNNBase) else None
    if own is None:
        return {}
    out = {k: p.default for k, p in inspect.signature(own.__init__).parameters.items() if k != "self"}
    if hasattr(cls, "_lazy_affine"):  # None stands for what the class has
        out |= {"affine": cls._lazy_affine, "track_running_stats": cls._lazy_track}
    if own is not cls:
        out.pop("mode")
        if cls is not rt.nn.LSTM:
            out.pop("proj_size")
        if cls is rt.nn.RNN:
            out["nonlinearity"] = "tanh"
    return out


def compare_layer(name, cls, declared):
    """(number of options compared, differences) of one layer."""
    wrong, count = [], 0
    wanted = arguments(cls)
    for arg, default in wanted.items():
        if arg in NOT_OPTIONS:
            continue
        count += 1
        if arg not in declared:
            wrong.append(f"no option {arg}")
        elif default is not inspect.Parameter.empty:
            default = default.__name__ if callable(default) else default
            if declared[arg] != default:
                wrong.append(f"{arg}: C++ {declared[arg]!r}, Python {default!r}")
    wrong += [f"option {o} is not Python's" for o in declared if o not in wanted and not (name.startswith("Zero"))]
    return count, wrong


def run(program, part):
    out = subprocess.run([program, part], capture_output=True, text=True, check=True).stdout
    return {line.split("|", 1)[0]: line.split("|") for line in out.splitlines()}


def layer_rows(program, problems):
    import cases

    import rustorch as rt

    declared, options = read_headers()
    theirs, ours = run(program, "layers"), cases.layers()
    rows = []
    for name in sorted(rt.nn.__all__):
        cls = getattr(rt.nn, name)
        if not (inspect.isclass(cls) and issubclass(cls, rt.nn.Module)) or name in ("Module", "RNNBase", "RNNCellBase"):
            continue
        if name in ONLY_PYTHON:
            continue
        if name not in declared:
            problems.append(f"{name}: not in C++")
            continue
        chosen = options.get(declared[name], {})
        if "Pad" in name and not name.startswith("Constant"):
            chosen = {"padding": chosen["padding"]}
        if name == "AvgPool1d":
            chosen = {k: v for k, v in chosen.items() if k != "divisor_override"}
        containers = ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Identity")
        count, wrong = (0, []) if name in containers else compare_layer(name, cls, chosen)
        samples = [k for k in ours if k.rstrip("0123456789") == name or k == name or k[:-1] == name]
        equal = sum(theirs.get(k) == ours[k].split("|") for k in samples)
        wrong += [f"sample {k} differs" for k in samples if theirs.get(k) != ours[k].split("|")]
        problems += [f"{name}: {w}" for w in wrong]
        rows.append(f"| {name} | {count} | {len(wrong)} | {equal}/{len(samples)} |")
    return rows


def optim_rows(program, problems):
    import cases

    theirs = run(program, "optim")
    rows = []
    parts = ("optimizer", cases.optimizers()), ("scheduler", cases.schedulers()), ("average", cases.averages())
    for kind, ours in parts:
        for name, line in ours.items():
            same = theirs.get(name) == line.split("|")
            if not same:
                problems.append(f"{name}: {kind} differs")
            rows.append(f"| {name} | {kind} | {int(not same)} |")
    return rows


def distribution_rows(program, problems):
    """A row for each class, for the divergences, and for the constraints: numbers compared and differences."""
    import cases_distributions

    theirs, counts = run(program, "distributions"), {}
    for name, line in cases_distributions.distributions().items():
        kind = "kl_divergence" if " " in name else "biject_to, transform_to" if name == "registry" else name
        kind = re.sub(r"[\d']|\.inv", "", kind)
        total, wrong = counts.get(kind, (0, 0))
        own, other = line.split("|")[1].split(" "), theirs.get(name, ["", ""])[1].split(" ")
        differ = [a for a, b in zip(own, other) if a != b] if len(own) == len(other) else own
        problems += [f"{name}: {d}" for d in differ]
        counts[kind] = total + len(own) - 1, wrong + len(differ)
    return [f"| {kind} | {total} | {wrong} |" for kind, (total, wrong) in counts.items()]


def name_rows():
    """The names that C++ lacks, by reason."""
    import names

    by_reason = {}
    for name, reason in names.missing().items():
        by_reason.setdefault(reason, []).append(f"`{name}`")
    return [f"- {reason}: {', '.join(found)}." for reason, found in by_reason.items()]


def main():
    program = sys.argv[1]
    problems = []
    layers, optim = layer_rows(program, problems), optim_rows(program, problems)
    distributions = distribution_rows(program, problems)
    text = f"""# C++ and Python, side by side

Written by `tools/cpp_parity.py`; `tests/python/test_cpp_parity.py` checks the same bits on every run.
Differences: **{len(problems)}**.

## Layers and losses
Options: how many constructor arguments have an option of the same name and default. Samples: layers made from the same
seed whose text, state_dict keys and shapes, initial weights, result and gradients are equal bit for bit.

| Layer | Options | Differences | Equal samples |
|---|---|---|---|
{chr(10).join(layers)}

Not options in C++: {", ".join(f"`{k}` ({v})" for k, v in NOT_OPTIONS.items())}.
Only in Python: {", ".join(f"`{k}` ({v})" for k, v in ONLY_PYTHON.items())}.

## Optimizers and schedulers
Optimizers: defaults, names of the state, and the parameters after five steps (`LBFGS`: three, with and without line search).
Schedulers: the rates and momenta of twenty steps. Averages: names and values of the state.

| Name | Kind | Differences |
|---|---|---|
{chr(10).join(optim)}

## Distributions
Shapes, moments, entropy, density, distribution function and its inverse, support, samples of one seed, expansion, enumeration;
gradients of samples and densities; transforms with inverse, slopes and shapes; divergences of all pairs; constraints. What one
side does not have the other must not have either.

| Class | Compared | Differences |
|---|---|---|
{chr(10).join(distributions)}

## Names
Public names of the Python package (nn, optim, distributions, func) that C++ does not have, and why:

{chr(10).join(name_rows())}

## Trainings
100 steps of the seven networks of `tests/golden/trajectory_cases.py` (MLP, CNN, ResNet-18, LSTM, GRU, Transformer, GPT) in
float32 and float64: every loss and all final weights are equal bit for bit.
"""
    for p in problems:
        print(p)
    if "--check" in sys.argv:
        if TABLE.read_text() != text:
            print(f"{TABLE.name} is out of date: run tools/cpp_parity.py")
            return 1
    else:
        TABLE.write_text(text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
