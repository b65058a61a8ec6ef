"""The Python side: argument tables and one small trampoline per overload, plus the stub file."""

from collections import OrderedDict

from emit_cpp import BANNER, inplace_form
from families import default_variants
from types_ops import pyi_return, sized_length, type_of


def groups(ops):
    """name -> overloads, for every Python-visible callable: functions, methods, in-place twins."""
    table = OrderedDict()
    for op in ops:
        v = default_variants(op)
        if op.kind == "inplace":
            table.setdefault(op.name, []).append((op, "inplace_kind"))
            continue
        table.setdefault(op.name, []).append((op, "plain"))
        if "inplace" in v:
            table.setdefault(op.name + "_", []).append((op, "inplace"))
    for overloads in table.values():  # a 0-d tensor also passes for a number: tensors are tried first
        spots = [i for i, (op, _) in enumerate(overloads) if op.kind != "inplace" and op.overload in ("", "Tensor")]
        if len(spots) == 2 and overloads[spots[1]][0].overload == "Tensor":
            a, b = spots
            overloads[a], overloads[b] = overloads[b], overloads[a]
    return table


def default_text(arg):
    return "nullptr" if arg.default is None else '"' + arg.default.replace('"', '\\"') + '"'


def c_ident(op, form):
    return f"{op.impl_name}{'__inplace' if form == 'inplace' else ''}"


def emit_overload(op, form):
    """Trampoline and argument table of one overload."""
    ident = c_ident(op, form)
    v = default_variants(op)
    op = inplace_form(op) if form == "inplace" else op
    specs, gets = [], []
    for i, a in enumerate(op.args):
        t = type_of(a, op.place)
        flags = "ArgSpec::kKwOnly" if a.kwonly else "0"
        also = f', "{a.also}"' if a.also else ""
        specs.append(f'    {{"{a.name}", ArgType::{t.tag}, {flags}, {sized_length(a)}, {default_text(a)}{also}}},\n')
        gets.append(t.get.format(v=f"v[{i}]"))
    fn = op.cname + ("_" if form == "inplace" else "")
    call = f"rustorch::{fn}({', '.join(gets)})"
    text = f"PyObject* call_{ident}(ArgValue* v) {{\n  (void)v;\n"
    self_index = next((i for i, a in enumerate(op.args) if a.name == "self"), -1)
    has_tensor = any(a.is_tensor for a in op.args)
    out_ok = form == "plain" and "out" in v and bool(op.args)
    if out_ok:
        several = op.returns[0][0] == "Tensor[]"
        n = -1 if several else len(op.returns)
        outs = "{out, out_count(v, %d)}" % len(op.args) if several else ", ".join(f"out[{i}]" for i in range(n))
        text += f"  if (const Tensor* out = out_tensors(v, {len(op.args)}, {n})) {{\n"
        text += f"    {{ GilScope gil(v); rustorch::{op.cname}_out({outs}, {', '.join(gets)}); }}\n"
        text += f"    return wrap_outs(v, {len(op.args)});\n  }}\n"
    if form in ("inplace", "inplace_kind"):
        text += f"  {{ GilScope gil(v); {call}; }}\n  return same_object(v[{self_index}]);\n}}\n"
    elif not op.returns:
        text += f"  {{ GilScope gil(v); {call}; }}\n  return none();\n}}\n"
    elif len(op.returns) > 1:
        names = [n or f"output{i}" for i, (_, n) in enumerate(op.returns)]
        text += f"  auto result = [&] {{ GilScope gil(v); return {call}; }}();\n"
        text += f"  static const char* const fields[] = {{{', '.join(chr(34) + n + chr(34) for n in names)}}};\n"
        named = all(n for _, n in op.returns)
        text += "  static PyTypeObject* type = nullptr;\n" if named else ""
        text += f'  return wrap_tuple(std::move(result), "{op.name}", fields, {"&type" if named else "nullptr"});\n}}\n'
    else:
        gil = "GilScope gil(v); " if has_tensor else ""
        text += f"  return wrap([&] {{ {gil}return {call}; }}());\n}}\n"
    table = f"void* prepared_{ident} = nullptr;\nconstexpr ArgSpec args_{ident}[] = {{\n{''.join(specs)}" + (
        "    {nullptr, ArgType::Int, 0, 0, nullptr}};\n"
    )
    flags = []
    if out_ok:
        flags.append("OverloadSpec::kOut")
    if any(a.name == "dtype" for a in op.args) and any(a.name == "requires_grad" for a in op.args):
        flags.append("OverloadSpec::kFactory")
    row = f"{{args_{ident}, {len(op.args)}, {self_index}, {len(op.returns)}, {' | '.join(flags) or '0'}, call_{ident}, &prepared_{ident}}}"
    return text + table, row


def emit_bindings(ops, source, table):
    """One shard: the callables whose first overload is declared in this file."""
    header = ops[0].header if ops and ops[0].header else "ops"
    lines = [
        BANNER.format(source=source),
        f'#include "op_call.h"\n#include "rustorch/{header}.h"\n\n',
        "namespace rustorch::py {\nnamespace {\n",
    ]
    rows = []
    for name, overloads in table.items():
        body, specs, method, function = "", [], False, False
        for op, form in overloads:
            text, row = emit_overload(op, form)
            body += text
            specs.append(row)
            v = default_variants(op)
            method |= "method" in v
            function |= "function" in v
        lines.append(f"\n// {overloads[0][0].place}\n{body}")
        lines.append(f"constexpr OverloadSpec overloads_{name}[] = {{{', '.join(specs)}}};\n")
        flags = " | ".join(f for f, on in (("OpSpec::kMethod", method), ("OpSpec::kFunction", function)) if on) or "0"
        doc = (overloads[0][0].doc or "").replace("\\", "\\\\").replace('"', '\\"')
        rows.append(f'    {{"{name}", overloads_{name}, {len(specs)}, {flags}, "{doc}"}},\n')
    shard = source.split("/")[-1].split(".")[0]
    lines.append("}  // namespace\n\n")
    lines.append(f"extern const OpSpec kOps_{shard}[];\nextern const int kNumOps_{shard};\n")
    lines.append(f"const OpSpec kOps_{shard}[] = {{\n{''.join(rows)}    {{nullptr, nullptr, 0, 0, nullptr}}}};\n")
    lines.append(f"const int kNumOps_{shard} = {len(rows)};\n\n}}  // namespace rustorch::py\n")
    return "".join(lines)


def emit_index(shards, ops):
    lines = [BANNER.format(source="ops/*.ops"), '#include "op_call.h"\n\nnamespace rustorch::py {\n\n']
    for s in shards:
        lines.append(f"extern const OpSpec kOps_{s}[];\nextern const int kNumOps_{s};\n")
    lines.append(
        "const OpTable kOpTables[] = {\n"
        + "".join(f"    {{kOps_{s}, &kNumOps_{s}}},\n" for s in shards)
        + "    {nullptr, nullptr}};\n\n"
    )
    lines.append("const AliasSpec kAliases[] = {\n")
    seen = set()
    for op in ops:
        for a in op.aliases:
            if (a, op.name) not in seen:
                seen.add((a, op.name))
                lines.append(f'    {{"{a}", "{op.name}"}},\n')
    lines.append("    {nullptr, nullptr}};\n\n}  // namespace rustorch::py\n")
    return "".join(lines)


SEVERAL = {"Shape": "int", "Dim[]": "int", "Tensor[*]": "Tensor"}  # as a first argument also given one by one


def takes_several(op):
    """The argument that a call may give as several positional ones, or None."""
    rest = [a for a in op.args if a.name != "self"]
    return rest[0] if rest and rest[0].type in SEVERAL and all(a.default is not None for a in rest[1:]) else None


def pyi_args(op, skip_self, several=None):
    parts, star = [], False
    for a in op.args:
        if skip_self and a.name == "self":
            parts.insert(0, "self")
            continue
        if a is several:
            parts.append(f"*{a.name}: {SEVERAL[a.type]}")
            star = True
            continue
        if a.kwonly and not star:
            parts.append("*")
            star = True
        name = "input" if a.name == "self" else a.name
        text = f"{name}: {'int | ' if sized_length(a) else ''}{type_of(a, op.place).pyi}"
        parts.append(text + (" = ..." if a.default is not None else ""))
    return ", ".join(parts)


def emit_stub(ops, hand_written):
    """The .pyi text: functions of the module, then what the Tensor class gets from the declarations."""
    functions, methods = [], []
    for name, overloads in groups(ops).items():
        fn = [(op, f) for op, f in overloads if "function" in default_variants(op) or f == "inplace_kind"]
        mt = [(op, f) for op, f in overloads if "method" in default_variants(op) and op.arg("self") is not None]
        for target, items, skip in ((functions, fn, False), (methods, mt, True)):
            if target is methods and name in hand_written:
                continue
            lines = []
            for op, form in items:
                ret = "Tensor" if form != "plain" else pyi_return(op)
                for several in {None: None, takes_several(op): None}:
                    args = pyi_args(op, skip, several)
                    if not skip and form == "plain" and "out" in default_variants(op):
                        kwonly = several is not None or any(a.kwonly for a in op.args)
                        args += (", " if args else "") + ("" if kwonly else "*, ") + "out: Tensor | None = ..."
                    lines.append(f"def {name}({args}) -> {ret}: ...\n")
            indent, mark = "    " if skip else "", "@overload\n" if len(lines) > 1 else ""
            target += [f"{indent}{mark}{indent}{line}" if mark else indent + line for line in lines]
    return "".join(functions), "".join(methods)
