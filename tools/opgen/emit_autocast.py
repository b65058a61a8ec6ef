"""Autocast: what an entry's `autocast low|f32|promote` line puts in front of its wrappers' bodies."""

import re

from types_ops import cpp_return

POLICIES = {"low": "Low", "f32": "F32", "promote": "Promote"}
HEADER = '#include "ops/autocast.h"\n'


def add_autocast(op, parameters, text):
    """The wrapper converts its tensors and calls itself; its in-place and out= twins keep their dtypes."""
    if not op.autocast:
        return text
    tensors = ", ".join(a.name for a in op.args if a.is_tensor)
    args = ", ".join(f"cast({a.name})" if a.is_tensor else a.name for a in op.args)
    head = f"{cpp_return(op)} {op.cname}({parameters}) {{"
    cast = (
        f"\n  if (autocast_active()) [[unlikely]] {{\n    const AutocastCall cast(AutocastPolicy::{POLICIES[op.autocast]}, {tensors});\n"
        f"    return rustorch::{op.cname}({args});\n  }}\n "
    )
    assert head in text, op.place
    text = text.replace(head, head + cast, 1)
    twins = re.compile(rf"^((?:const Tensor& {op.cname}_|void {op.cname}_out)\(.*\) \{{)$", re.MULTILINE)
    return twins.sub(r"\1\n  const AutocastOff keep_dtypes;", text)
