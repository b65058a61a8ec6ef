"""The Node of an operator: what it saves and how it computes the gradients of its inputs."""

import re

from families import gradients
from types_ops import type_of

IDENT = re.compile(r"[A-Za-z_]\w*")
META = ("sizes", "dtype", "numel", "dim", "device", "strides", "offset", "shapes")
META_TYPE = {
    "shapes": "std::vector<std::vector<int64_t>>",
    "sizes": "std::vector<int64_t>",
    "strides": "std::vector<int64_t>",
    "dtype": "DType",
    "numel": "int64_t",
    "offset": "int64_t",
    "dim": "int64_t",
    "device": "Device",
}
# What of it PyTorch calls otherwise.
META_SHOWN = {
    "sizes": "sym_sizes",
    "strides": "sym_strides",
    "numel": "sym_numel",
    "offset": "sym_storage_offset",
    "dtype": "scalar_type",
}


class Uses:
    """saved, results: tensor argument or result -> gradients that mention it; plain: other arguments; meta: 'x_sizes'..."""

    def __init__(self):
        self.saved, self.plain, self.results, self.meta = {}, set(), {}, set()


def node_uses(op):
    uses = Uses()
    if op.is_pointwise:
        for g in gradients(op):
            if g.bare:
                continue
            for n in g.inputs:
                if n == "result":
                    uses.results.setdefault("result", set()).add(g.arg)
                elif n != "g":
                    uses.saved.setdefault(n, set()).add(g.arg)
            uses.plain |= {a.name for a in g.params}
        return uses
    arg_names = {a.name: a for a in op.args}
    for names, formula in op.grads:
        words = set(IDENT.findall(formula))
        for w in words:
            if w in arg_names:
                if arg_names[w].is_tensor:
                    uses.saved.setdefault(w, set()).update(names)
                else:
                    uses.plain.add(w)
            elif re.fullmatch(r"result\d*", w):
                uses.results.setdefault(w, set()).update(names)
            else:
                base, _, what = w.rpartition("_")
                if what in META and base in arg_names and arg_names[base].is_tensor:
                    uses.meta.add(w)
    return uses


def camel(name):
    return "".join(p.capitalize() for p in name.split("_") if p)


def node_name(op):
    """The class; printed is `shown_name`, which knows neither overloads nor who is internal, as in PyTorch."""
    return (
        camel(op.impl_name)
        + ("_" if op.impl_name.startswith("_") else "")
        + ("Inplace" if op.kind == "inplace" else "")
        + "Backward"
    )


def shown_name(op):
    return camel(op.shows[0] if op.shows else op.name) + "Backward0"


def fields(op, uses):
    """Declarations of what is kept, statements that free it, and those that show it under PyTorch's names."""
    text = ""
    reset = ""
    shown = ""
    for a in op.args:
        if a.name in uses.saved:
            kind = {"Tensor[]": "SavedList", "Tensor[*]": "SavedList", "Tensor?[]": "SavedList"}.get(a.type, "Saved")
            text += f"  {kind} {a.name}_;\n"
            reset += f" {a.name}_.reset();"
            shown += f'    view.show("{a.name}", {a.name}_);\n'
        for what in META:
            if f"{a.name}_{what}" in uses.meta:
                text += f"  {META_TYPE[what]} {a.name}_{what}_{{}};\n"
                shown += f'    view.show("{a.name}_{META_SHOWN.get(what, what)}", {a.name}_{what}_);\n'
        if a.name in uses.plain:
            text += f"  {type_of(a, op.place).owned} {a.name}_{{}};\n"
            shown += f'    view.show("{a.name}", {a.name}_);\n'
    for key in sorted(uses.results):
        text += f"  Saved {key}_;\n"
        reset += f" {key}_.reset();"
        name = op.returns[int(key[6:])][1] if key != "result" else None
        shown += f'    view.show("{name or key}", {key}_);\n'
    for name, saved in op.shows[1] if op.shows else ():
        shown += f'    view.show("{name}", std::string("{saved}"));\n'
    return text, reset, shown


def locals_(op, uses, only=None):
    """Unpacked saved values under the names that the formulas use."""
    text = ""
    for a in op.args:
        if a.name in uses.saved:
            if a.type == "Tensor?":
                text += f"    const std::optional<Tensor> {a.name} = {a.name}_.unpack_optional(this);\n"
            elif a.type == "Tensor?[]":
                text += (
                    f"    const std::vector<std::optional<Tensor>> {a.name}_all = {a.name}_.unpack_optionals(this);\n"
                    f"    const ArrayRef<std::optional<Tensor>> {a.name}({a.name}_all);\n"
                )
            elif a.type in ("Tensor[]", "Tensor[*]"):
                text += f"    const std::vector<Tensor> {a.name}_all = {a.name}_.unpack(this);\n    const TensorList {a.name}({a.name}_all);\n"
            else:
                text += f"    const Tensor {a.name} = {a.name}_.unpack(this);\n"
        for what in META:
            if f"{a.name}_{what}" in uses.meta:
                t = "const IntArrayRef" if what in ("sizes", "strides") else "const auto&"
                text += f"    {t} {a.name}_{what}({a.name}_{what}_);\n"
        if a.name in uses.plain:
            owned = type_of(a, op.place).owned
            if owned == "std::optional<std::vector<int64_t>>":
                text += f"    const std::optional<IntArrayRef> {a.name} = as_ref({a.name}_);\n"
            elif owned == "std::optional<std::vector<double>>":
                text += f"    const std::optional<ArrayRef<double>> {a.name} = as_ref({a.name}_);\n"
            elif owned == "std::vector<int64_t>":
                text += f"    const IntArrayRef {a.name}({a.name}_);\n"
            elif owned == "std::vector<double>":
                text += f"    const ArrayRef<double> {a.name}({a.name}_);\n"
            else:
                text += f"    const auto& {a.name} = {a.name}_;\n"
    for key in sorted(uses.results):
        text += f"    const Tensor {key} = {key}_.unpack(this);\n"
    return text


def emit_node(op):
    uses = node_uses(op)
    name = node_name(op)
    field_text, reset, shown = fields(op, uses)
    text = f'struct {name} final : Node {{\n  const char* name() const override {{ return "{shown_name(op)}"; }}\n{field_text}'
    text += f"  void release_saved() override {{{reset} released_ = true; }}\n" if reset else ""
    text += f"  void show_saved(SavedView& view) override {{\n{shown}  }}\n" if shown else ""
    text += "  void apply([[maybe_unused]] Tensor* grads, [[maybe_unused]] Tensor* out) override {\n"
    if reset:
        text += f'    check_not_released("{shown_name(op)}");\n'
    if len(op.returns) == 1 and op.returns[0][0] != "Tensor[]":
        text += "    const Tensor& g = grads[0];\n    (void)g;\n"
    elif op.returns and op.returns[0][0] == "Tensor[]":
        text += "    const std::vector<Tensor> gs = gather_grads(grads);\n    (void)gs;\n"
    else:
        for i in range(len(op.returns)):
            text += f"    const Tensor& g{i} = grads[{i}];\n    (void)g{i};\n"
    text += locals_(op, uses)
    for a in op.args:  # names a formula may not use are never reported
        if a.name in uses.saved or a.name in uses.plain:
            text += f"    (void){a.name};\n"
    text += pointwise_formulas(op) if op.is_pointwise else formulas(op)
    return text + "  }\n};\n"


def arg_positions(op):
    named = {n for ns, _ in op.grads for n in ns}
    return [a for a in op.args if a.name in named]


def arrived(op, formula):
    """Condition that a gradient which the formula reads is there (of several results some may have none): else zero."""
    if len(op.returns) < 2:
        return ""
    used = [f"g{i}.defined()" for i in range(len(op.returns)) if re.search(rf"\bg{i}\b", formula)]
    return f" && ({' || '.join(used)})" if used else ""


def formulas(op):
    text = ""
    order = [a.name for a in arg_positions(op)]
    for names, formula in op.grads:
        if len(names) == 1:
            i = order.index(names[0])
            if op.arg(names[0]).type in ("Tensor[]", "Tensor[*]"):
                text += f"    if (wants_arg({i}){arrived(op, formula)}) put_list({i}, out, {formula});\n"
            else:
                text += f"    if (wants_arg({i}){arrived(op, formula)}) out[first_edge({i})] = {formula};\n"
            continue
        idx = [order.index(n) for n in names]
        wants = " || ".join(f"wants_arg({i})" for i in idx)
        mask = ", ".join(f"wants_arg({i})" for i in idx)
        text += f"    if (({wants}){arrived(op, formula)}) {{\n      const std::array<bool, {len(idx)}> grad_mask = {{{mask}}};\n      (void)grad_mask;\n"
        text += f"      auto parts = {formula};\n"
        for k, i in enumerate(idx):
            text += f"      if (grad_mask[{k}]) out[first_edge({i})] = std::get<{k}>(parts);\n"
        text += "    }\n"
    return text


def pointwise_formulas(op):
    text = ""
    order = [a.name for a in arg_positions(op)]
    for g in gradients(op):
        i = order.index(g.arg)
        text += f"    if (wants_arg({i})) {{\n"
        if g.bare:
            refusal = (
                f'raise(ErrorKind::NotImplemented, "", "the derivative for \'{op.name}: {g.arg}\' is not implemented.")'
            )
            value = f"out[first_edge({i})] = {'zeros_like(g)' if g.zero else 'g'}"
            text += f"      {refusal if g.refused else value};\n    }}\n"
            continue
        args = ", ".join(g.inputs + [f"Scalar({a.name})" for a in g.params])
        ins = ", ".join(f"Operand({n})" for n in g.inputs)
        params = ", ".join(f"Scalar({a.name})" for a in g.params)
        text += f"      if (GradMode::is_enabled() || transforming() || any_sparse({', '.join(g.inputs)})) {{\n        out[first_edge({i})] = {g.kernel}_tensor({args});\n      }} else {{\n"
        text += f"        const Operand ins[] = {{{ins}}};\n"
        if g.params:
            text += f"        const Scalar params[] = {{{params}}};\n"
        text += (
            f"        out[first_edge({i})] = pointwise(k_{g.kernel}, ins, {len(g.inputs)}, {'params' if g.params else 'nullptr'}, "
            f"{len(g.params)});\n      }}\n    }}\n"
        )
    return text
