"""The coverage table: operator x what it has."""

from families import default_variants


def emit_coverage(ops):
    lines = ["# Operator coverage\n\nGenerated from `ops/*.ops`; do not edit.\n\n",
             "| operator | family | kind | gradient | second order | in-place | out | CPU | OpenCL |\n|---|---|---|---|---|---|---|---|---|\n"]
    yes, no = "yes", "-"
    for op in sorted((o for o in ops if not o.hidden), key=lambda o: o.full_name):
        v = default_variants(op)
        grad = "inherited" if op.kind == "composite" else yes if op.grads else no
        second = no if grad == no else yes
        inplace = yes if "inplace" in v or op.kind == "inplace" else no
        out = yes if "out" in v else no
        opencl = yes if op.is_pointwise or op.family in ("reduction", "matmul", "copy") else "fallback"
        lines.append(f"| {op.full_name} | {op.family} | {op.kind} | {grad} | {second} | {inplace} | {out} | yes | {opencl} |\n")
    lines.append(f"\n{len(ops)} entries, {sum(1 for o in ops if not o.hidden)} public.\n")
    return "".join(lines)
