"""Writes docs/coverage.md: operator x what it has (derivatives, vmap, variants, devices) and which dtypes are checked.

    python3 tools/coverage_table.py [--check]

Read from ops/*.ops, from the bodies in src/ops, from the families.def of the backends, and from the calls recorded from
PyTorch (tests/golden/ops.zip). With --check it fails when the committed table is not what would be written.
"""

import argparse
import glob
import json
import os
import pathlib
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "coverage.md"
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "opgen")]

from emit_transform import has_rules, jvp_rule, vmap_rule  # noqa: E402
from families import default_variants  # noqa: E402
from grammar import parse_file  # noqa: E402
from kernel_use import Backend, KernelUse  # noqa: E402

DTYPES = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "uint8": "u8", "int8": "i8",
          "int16": "i16", "int32": "i32", "int64": "i64", "bool": "bool"}  # fmt: skip
INEXACT = ("f16", "bf16", "f32", "f64", "c64", "c128")
HEAD = """# Operator coverage

Written by `tools/coverage_table.py` (`make format` writes it anew, `tools/check` compares); do not edit.

- **Derivatives and vmap.** gradient, second order: `checked` is compared with PyTorch by `tests/python/test_op_golden.py`,
  `yes` declared only, `-` none. jvp and vmap name the rule (docs/func.md): jvp `vjp` is the gradient formula differentiated
  once more, vmap `loop` runs slice by slice, `inherited` means by the operators that a composite one calls;
  `tests/python/test_transform_golden.py` runs both on every recorded call.
- **Variants.** in-place: `checked` or `yes` as above; out: takes `out=`.
- **Devices.** The CPU runs all. OpenCL: `yes` when the backend has every family of kernels that the operator's body may
  reach, `partly` when it has some, `fallback` when it runs on the CPU.
- **Dtypes** of the calls recorded from PyTorch, and how many; `open` marks an operator with a call that differs
  (`tests/golden/ops_open.txt`). Operators without calls have tests of their own (random ones, factories, views, classes
  of linear algebra whose factors are not unique) or are reached through others.

"""


class Calls:
    """The recorded calls of one operator."""

    def __init__(self):
        self.count, self.open = 0, False
        self.dtypes, self.has = set(), set()

    def add(self, entry, is_open):
        self.count += 1
        self.open |= is_open
        kinds = [DTYPES[d] for d in dtypes_of([entry["args"], entry["kwargs"]])] or [
            DTYPES[d] for d in dtypes_of(entry["out"])
        ]
        self.dtypes.update([k for k in kinds if k in INEXACT] or kinds[:1])
        self.has.update(k for k in ("grad", "grad2", "inplace") if entry.get(k))

    def cells(self):
        names = " ".join(d for d in DTYPES.values() if d in self.dtypes)
        return f"{names or '-'} | {self.count or '-'}{' open' if self.open else ''}"

    def state(self, key, declared):
        return "checked" if key in self.has else "yes" if declared else "-"


def dtypes_of(value):
    """dtypes of the tensors in a recorded value, in order."""
    if isinstance(value, dict):
        if "t" in value:
            return [value["t"][0]]
        value = list(value.values())
    return [d for v in value for d in dtypes_of(v)] if isinstance(value, list) else []


def load_calls(names):
    """Operator's name -> Calls, and path -> Calls of the functions that are no operators."""
    with zipfile.ZipFile(ROOT / "tests/golden/ops.zip") as z:
        entries = json.loads(z.read("index.json"))
    open_paths = set((ROOT / "tests/golden/ops_open.txt").read_text().split())
    found, others = {}, {}
    for entry in entries:
        path = entry["op"]
        places = [path, path.replace(".", "_")]
        if path.startswith(("nn.functional.", "Tensor.")):
            places.append(path.rsplit(".", 1)[1])
        name = next((names[p] for p in places if p in names), None)
        calls = others.setdefault(path, Calls()) if name is None else found.setdefault(name, Calls())
        calls.add(entry, path in open_paths)
    return found, others


def row(op, calls, device):
    composite = op.kind == "composite"
    variants = default_variants(op)
    derived = composite or bool(op.grads)
    jvp = "inherited" if composite else jvp_rule(op).replace("none", "-") if has_rules(op) else "-"
    vmap = "inherited" if composite else vmap_rule(op) if has_rules(op) else "-"
    inplace = calls.state("inplace", "inplace" in variants or op.kind == "inplace")
    out = "yes" if "out" in variants else "-"
    cells = [
        op.full_name,
        op.family,
        op.kind,
        calls.state("grad", derived),
        calls.state("grad2", derived),
        jvp,
        vmap,
        inplace,
        out,
        device,
        calls.cells(),
    ]
    return f"| {' | '.join(cells)} |\n"


def table():
    files = sorted(glob.glob(os.path.join(ROOT, "ops", "*.ops")))
    ops = [op for path in files for op in parse_file(path, "ops/" + os.path.basename(path))]
    names = {}
    for op in ops:
        for name in (op.name, *op.aliases):
            names.setdefault(name, op.name)
    calls, others = load_calls(names)
    use, opencl = KernelUse(ops, str(ROOT)), Backend(str(ROOT), "kernels")
    shown = sorted((op for op in ops if not op.hidden), key=lambda op: op.full_name)
    lines = [
        HEAD,
        "| operator | family | kind | gradient | second order | jvp | vmap | in-place | out | OpenCL | dtypes checked | calls |\n",
        "|---" * 12,
        "|\n",
    ]
    lines += [row(op, calls.get(op.name, Calls()), opencl.verdict(op, use.families_of(op))) for op in shown]
    count = sum(c.count for c in (*calls.values(), *others.values()))
    lines.append(
        f"\n{len(shown)} public entries, {len(ops) - len(shown)} hidden ones; {count} recorded calls. Overloads share the calls of their name.\n"
    )
    lines.append(
        "\n## Functions composed of operators in Python\n\n| function | gradient | second order | in-place | dtypes checked | calls |\n"
        + "|---" * 6
        + "|\n"
    )
    for path, c in sorted(others.items()):
        lines.append(
            f"| {path} | {c.state('grad', False)} | {c.state('grad2', False)} | {c.state('inplace', False)} | {c.cells()} |\n"
        )
    return "".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    args = parser.parse_args()
    text = table()
    if not args.check:
        TABLE.write_text(text, encoding="utf-8")
    elif not TABLE.is_file() or TABLE.read_text(encoding="utf-8") != text:
        print(f"{TABLE.relative_to(ROOT)} is not what tools/coverage_table.py writes: run it (make format does)")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
