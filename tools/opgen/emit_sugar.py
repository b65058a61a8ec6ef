"""Overloads of the C++ functions that only spell their arguments differently: a number for a list, TensorOptions."""

from types_ops import SIZED, cpp_default, cpp_return, type_of, with_defaults


def number_overload(op):
    """max_pool2d(x, 2) for max_pool2d(x, {2, 2}): chosen when one of the lists that a number may fill is a number."""
    lists = {a.name: f"L{i}" for i, a in enumerate(a for a in op.args if SIZED.match(a.type))}
    if not lists or op.hidden or op.kind == "inplace":
        return ""
    kinds = ", ".join(f"class {lists[a.name]} = {type_of(a, op.place).cpp}" for a in op.args if a.name in lists)
    kind = lambda a: f"const {lists[a.name]}&" if a.name in lists else type_of(a, op.place).cpp  # noqa: E731
    args = ", ".join(with_defaults(op, op.args, lambda a: f"{kind(a)} {a.name}"))
    call = ", ".join(f"detail::int_list({a.name})" if a.name in lists else a.name for a in op.args)
    return (
        f"template <{kinds}>\nrequires detail::one_integer<{', '.join(lists.values())}>\n"
        f"inline {cpp_return(op)} {op.cname}({args}) {{ return {op.cname}({call}); }}\n"
    )


def options_overload(op):
    """zeros({2}, TensorOptions().dtype(kInt64)), zeros({2}, device) for the functions that create tensors."""
    fields = ("dtype", "device", "requires_grad")
    if op.hidden or any(op.arg(f) is None for f in fields):
        return ""
    needed = [a for a in op.args if a.default is None]
    args = ", ".join(f"{type_of(a, op.place).cpp} {a.name}" for a in needed)
    call = ", ".join(
        f"options.{a.name}_" if a.name in fields else a.name if a in needed else cpp_default(a, op.place)
        for a in op.args
    )
    return (
        f"template <detail::AnyOptions O>\ninline {cpp_return(op)} {op.cname}({args}, const O& given) {{\n"
        f"  const TensorOptions options(given);\n  return {op.cname}({call});\n}}\n"
    )
