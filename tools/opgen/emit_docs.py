"""The coverage table: operator x what it has."""

from emit_transform import has_rules, jvp_rule, vmap_rule
from families import default_variants
from kernel_use import Backend, KernelUse


def emit_coverage(ops, root):
    """root: the repository, whose bodies (src/ops) and backends say what runs where."""
    use, opencl = KernelUse(ops, root), Backend(root, "kernels")
    lines = ["# Operator coverage\n\nGenerated from `ops/*.ops`; do not edit. OpenCL: `yes` when every family of kernels that the "
             "operator's body may reach is in src/backend/kernels/families.def, `fallback` when it runs on the CPU.\n"
             "jvp and vmap name the rule (docs/func.md): jvp `vjp` is the gradient formula differentiated once more, vmap "
             "`loop` runs slice by slice; composite operators inherit both.\n\n",
             "| operator | family | kind | gradient | second order | jvp | vmap | in-place | out | CPU | OpenCL |\n|---|---|---|---|---|---|---|---|---|---|---|\n"]
    yes, no = "yes", "-"
    for op in sorted((o for o in ops if not o.hidden), key=lambda o: o.full_name):
        v = default_variants(op)
        grad = "inherited" if op.kind == "composite" else yes if op.grads else no
        second = no if grad == no else yes
        jvp = "inherited" if op.kind == "composite" else jvp_rule(op).replace("none", no) if has_rules(op) else no
        vmap = "inherited" if op.kind == "composite" else vmap_rule(op) if has_rules(op) else no
        inplace = yes if "inplace" in v or op.kind == "inplace" else no
        out = yes if "out" in v else no
        device = opencl.verdict(op, use.families_of(op))
        lines.append(f"| {op.full_name} | {op.family} | {op.kind} | {grad} | {second} | {jvp} | {vmap} | {inplace} | {out} | yes | {device} |\n")
    lines.append(f"\n{len(ops)} entries, {sum(1 for o in ops if not o.hidden)} public.\n")
    return "".join(lines)
