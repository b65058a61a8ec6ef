"""Assembles the type stubs of the Python package: python/stubs/*.pyi, completed from ops/*.ops.

    python3 tools/make_stubs.py --out build/release/python/rustorch

Written: _C.pyi (the engine's classes, Tensor with every method), __init__.pyi (the package, every operator) and a stub
for each namespace of operators that has no source file (special, linalg, ...); and operators.txt, the operators' schemas,
which the package reads when one is asked for. The rest of the package is annotated
where it stands. tests/python/test_stubs.py compares the stubs with what the package really has.
"""

import argparse
import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "opgen"))

from emit_python import emit_stub, groups  # noqa: E402
from emit_schema import emit_schemas  # noqa: E402
from families import check, default_variants  # noqa: E402
from grammar import parse_file  # noqa: E402

NAMESPACES = ("special", "linalg", "fft")
DTYPES = (
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128 byte char short int long "
    "half float double cfloat cdouble uint16 uint32 uint64 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz "
    "float8_e8m0fnu complex32 chalf bcomplex32 float4_e2m1fn_x2 bit uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 "
    "int3 int4 int5 int6 int7 bits1x8 bits2x4 bits4x2 bits8 bits16 qint8 quint8 qint32 quint4x2 quint2x4"
).split()
# Names that both builtins and torch have: in a stub the types go by the builtin's name with an underscore.
SHADOWED = re.compile(r"(?<!def )(?<!\.)\b(int|float|bool|complex)\b(?! *[:(])|(?<=-> )(int|float|bool)\b")
SHADOWED_IN_TENSOR = re.compile(r"(?<!def )(?<!\.)\b(dtype|device|layout|memory_format)\b(?! *[:(])|(?<=-> )(dtype)\b")
QUIET = 'mypy: disable-error-code="overload-cannot-match,overload-overlap"'
OTHER = "add sub mul truediv floordiv mod pow and or xor lshift rshift"
DEFINED = re.compile(r"^ *def (\w+)\(", re.MULTILINE)


def load():
    ops = []
    for path in sorted((ROOT / "ops").glob("*.ops")):
        ops += parse_file(str(path), f"ops/{path.name}")
    check(ops)
    return ops


def blocks(text):
    """name -> the lines (with @overload) that define it."""
    found, mark = {}, ""
    for line in re.sub(r"\b(from|lambda):", r"\1_:", text).splitlines(keepends=True):
        if line.strip() == "@overload":
            mark = line
            continue
        name = DEFINED.match(line).group(1)
        found[name] = found.get(name, "") + mark + line
        mark = ""
    return found


def private(names, text):
    """The text with the types that `names` finds under their names with an underscore."""
    return names.sub(lambda found: "_" + found.group(0), text)


def written_in_python():
    """({function of the package: module it is imported from}, names of the methods added to Tensor by decorator)."""
    functions, methods = {}, set()
    for path in sorted((ROOT / "python" / "rustorch").glob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(d).split("(")[0] == "_method" for d in node.decorator_list
            ):
                methods.add(node.name)
        if path.name != "__init__.py":
            continue
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module not in (None, "_C"):
                functions.update((a.asname or a.name, node.module) for a in node.names)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                functions[node.name] = None
    return functions, methods


def lazy_names():
    """Lines of the names that load on first use (python/rustorch/_lazy.py), and those of the modules."""
    values = {}
    for node in ast.parse((ROOT / "python" / "rustorch" / "_lazy.py").read_text()).body:
        if isinstance(node, ast.Assign):
            values[node.targets[0].id] = ast.literal_eval(node.value)
    lines = {}
    for module, names in values["NAMES"].items():
        for name in names.split():
            lines[name] = (
                f"{name} = Tensor\n"
                if module == "_legacy" and name.endswith("Tensor")
                else (f"from .{module} import {name} as {name}\n")
            )
    return lines


def aliases(ops):
    """(alias, operator) pairs without repeats."""
    return list(dict.fromkeys((alias, op.name) for op in ops for alias in op.aliases))


def two_sided():
    lines = []
    for name in OTHER.split():
        lines += [f"    def __{side}{name}__(self, other: Any) -> Tensor: ...\n" for side in ("", "r", "i")]
    lines.append("    def __rmatmul__(self, other: Any) -> Tensor: ...\n")
    return "".join(lines)


def engine_stub(ops, template):
    have = set(DEFINED.findall(template))
    methods = blocks(emit_stub(ops, have)[1])
    for alias, name in aliases(ops):
        for suffix in ("", "_"):
            if "." not in alias and name + suffix in methods and alias + suffix not in methods | dict.fromkeys(have):
                methods[alias + suffix] = f"    {alias}{suffix} = {name}{suffix}\n"
    for name in sorted(written_in_python()[1] - have - set(methods)):
        methods[name] = f"    def {name}(self, *args: Any, **kwargs: Any) -> Any: ...\n"
    text = private(SHADOWED_IN_TENSOR, private(SHADOWED, "".join(methods.values())))
    dtypes = "".join(f"{name}: dtype\n" for name in DTYPES)
    return (
        template.replace("    # operators of two sides\n", two_sided()).replace("    # methods\n", text) + "\n" + dtypes
    )


def package_stub(ops, template, functions, modules):
    have = set(DEFINED.findall(template))
    lines = [f"from . import {m} as {m}\n" for m in modules]
    lines += [f"{name}: dtype\n" for name in DTYPES]
    known = dict(functions)
    for alias, name in aliases(ops):
        if "." not in alias and not alias.startswith("__") and name in functions:
            known.setdefault(alias, f"{alias} = {name}\n")
    for name, module in written_in_python()[0].items():
        if name in template or name.startswith("__"):
            continue
        known[name] = f"from .{module} import {name} as {name}\n" if module else f"{name}: Any\n"
    known.update((name, text) for name, text in lazy_names().items() if name not in functions)
    lines += [
        text
        for name, text in known.items()
        if name not in have and not re.search(rf"^{name}\\b|as {name}$", template, re.MULTILINE)
    ]
    return template.replace("# generated\n", "".join(lines))


def namespace_stub(ops, functions, prefix):
    lines = [
        f'# {QUIET}\n"""Operators of {prefix}."""\n\nfrom builtins import bool as _bool\nfrom builtins import float as _float\n'
        "from builtins import int as _int\nfrom collections.abc import Sequence\nfrom typing import overload\n\n"
        "from ._C import Generator, Number, Tensor, device, dtype, layout, memory_format\n\n"
    ]
    if prefix == "linalg":
        lines.append("from .errors import LinAlgError as LinAlgError\n\n")
    elif prefix == "fft":  # torch.fft has the name too
        lines[-1] = lines[-1].replace(" Tensor,", " Tensor as Tensor,")
    table = {name[len(prefix) + 1 :]: name for name in functions if name.startswith(prefix + "_")}
    table.update((alias[len(prefix) + 1 :], name) for alias, name in aliases(ops) if alias.startswith(prefix + "."))
    lines += [
        functions[target].replace(f"def {target}(", f"def {name}(")
        for name, target in sorted(table.items())
        if target in functions
    ]
    return "".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder of the importable package")
    out = parser.parse_args().out
    ops = load()
    public = {n for n, forms in groups(ops).items() if any("function" in default_variants(op) for op, _ in forms)}
    functions = {n: private(SHADOWED, t) for n, t in blocks(emit_stub(ops, ())[0]).items() if n in public}
    source = ROOT / "python" / "rustorch"
    modules = {p.stem for p in source.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    made = [n for n in NAMESPACES if n not in modules]
    modules = sorted(m for m in modules | set(made) if not m.startswith("__"))
    template = ROOT / "python" / "stubs"
    texts = {
        "_C": engine_stub(ops, (template / "_C.pyi").read_text()),
        "__init__": package_stub(ops, (template / "__init__.pyi").read_text(), functions, modules),
    }
    texts.update((n, namespace_stub(ops, functions, n)) for n in made)
    files = {f"{name}.pyi": text for name, text in texts.items()} | {"operators.txt": emit_schemas(ops)}
    for name, text in files.items():
        path = out / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    main()
