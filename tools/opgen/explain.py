"""`opgen --explain OP`: everything that one entry gives."""

from emit_cpp import declare, emit_wrapper
from emit_python import emit_overload
from emit_schema import emit_schemas
from families import default_variants, kernel_requests


def explain(ops, name):
    found = [op for op in ops if name in (op.name, op.full_name)]
    if not found:
        return f"no operator '{name}'\n"
    text = ""
    for op in found:
        text += f"==== {op.full_name}  ({op.place}; family {op.family}, {op.kind}; variants {' '.join(default_variants(op))})\n"
        text += f"---- C++\n{declare(op)}\n---- wrapper\n{emit_wrapper(op)}"
        if op.is_pointwise:
            text += "\n---- kernels\n" + "\n".join(kernel_requests(op))
        text += f"---- schemas\n{emit_schemas([op])}"
        text += f"\n---- Python\n{emit_overload(op, 'inplace_kind' if op.kind == 'inplace' else 'plain')[0]}\n"
    return text
