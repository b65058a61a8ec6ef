"""Which families of kernels an operator may call, read from the bodies in src/ops, and which of them a backend has.

Every function of src/ops is a unit; a unit uses the families that it calls on a backend, and what the units and operators
that it names use. Names are looked up in the unit's file first, then among the headers' functions and the operators.
"""

import glob
import os
import re

_UNIT = re.compile(r"^(?:[\w:<>,&*\[\]]+\s+)+?[&*]?(\w+)\(|^(?:struct|class)\s+(\w+)", re.M)
_CALL = re.compile(r"(\b(?:rustorch|impl)::|\.)?(?<!std::)\b(\w+)(?:<[^;<>]*>)?\(")
_BACKEND = re.compile(r"(?:backend_for\((?:[^()]|\([^()]*\))*\)|\bbackend)\s*\.\s*(\w+)\(")


def families(header):
    """Names of the families in ComputeBackend."""
    with open(header, encoding="utf-8") as f:
        text = f.read().split("---- families")[1].split("protected:")[0]
    return set(re.findall(r"virtual [\w:]+ (\w+)\(", text))


class Backend:
    """What a backend says in its families.def: the families it has, the operators that it leaves to the CPU all the same."""

    def __init__(self, root, name):
        with open(os.path.join(root, "src", "backend", name, "families.def"), encoding="utf-8") as f:
            text = f.read()
        self.families = set(re.findall(r"^RT_FAMILY(?:_OTHER)?\((\w+)", text, re.M))
        self.left = set(re.findall(r"^RT_OPERATOR_LEFT\((\w+)", text, re.M))

    def verdict(self, op, used):
        """What the coverage table says of an operator that may call the families `used`."""
        if op.name in self.left or (used and not used & self.families):
            return "fallback"
        return "yes" if used <= self.families else "partly"


def _expanded(text):
    """The text with the macros that are used at the start of a line (functions made by the dozen) replaced."""
    for name, args, body in re.findall(r"^#define (\w+)\(([^)]*)\) +((?:.*\\\n)*.*)$", text, re.M):
        names = [a.strip() for a in args.split(",")]

        def replaced(use, names=names, body=body):
            words = dict(zip(names, (w.strip() for w in use.group(1).split(","))))
            plain = re.sub(r"\b\w+\b", lambda w: words.get(w.group(), w.group()), body.replace("##", "\0"))
            return re.sub(r" *\\\n  ", "\n", plain.replace("\0", "")).lstrip()

        text = re.sub(rf"^{name}\(([^()]*)\);?$", replaced, text, flags=re.M)
    return re.sub(r"^#define .*\n(?:(?<=\\\n).*\n)*", "", text, flags=re.M)


def _units(path):
    """Top-level functions and classes of a file: name -> text of all definitions of that name."""
    units, name, lines = {}, None, []
    with open(path, encoding="utf-8") as f:
        text = _expanded(f.read())
    for line in re.sub(r"//.*", "", text).splitlines(keepends=True):
        if name is None:
            start = _UNIT.match(line)
            if not start or line.rstrip().endswith(";"):
                continue
            name, lines = start.group(1) or start.group(2), [line]
            if line.rstrip().endswith("}"):
                units[name], name = units.get(name, "") + line, None
        else:
            lines.append(line)
            if line.startswith("}"):
                units[name], name = units.get(name, "") + "".join(lines), None
            elif line[0] not in " \n}" and line.rstrip().endswith(";"):
                name = None  # a declaration over several lines
    return units


class KernelUse:
    """families_of(op): the families that an operator may call."""

    def __init__(self, ops, root):
        source = os.path.join(root, "src")
        self.families = families(os.path.join(source, "backend", "compute_backend.h"))
        paths = [p for p in sorted(glob.glob(os.path.join(source, "ops", "*.*"))) if p.endswith((".cc", ".h"))]
        self.files = {p: _units(p) for p in paths}
        self.homes = {}  # name -> files that define it
        for path, units in self.files.items():
            for name in units:
                self.homes.setdefault(name, []).append(path)
        self.ops = {}  # public name -> entries
        for op in ops:
            self.ops.setdefault(op.name, []).append(op)
        self.use, edges = {}, {}
        for path, units in self.files.items():
            for name, text in units.items():
                unit = (path, name)
                self.use[unit] = {f for f in _BACKEND.findall(text) if f in self.families}
                edges[unit] = self._edges(path, name, _BACKEND.sub(" ", text))
        changed = True
        while changed:  # everything reaches everything it calls
            changed = False
            for unit, called in edges.items():
                grown = self.use[unit].union(*(self.use[c] if isinstance(c, tuple) else {c} for c in called))
                changed |= len(grown) > len(self.use[unit])
                self.use[unit] = grown

    def families_of(self, op):
        if op.is_pointwise:
            return {"pointwise"}
        return set().union(*(self.use[path, op.impl_name] for path in self.homes.get(op.impl_name, [])))

    def _edges(self, path, name, text):
        """Units that a text calls, and "pointwise" for operators that have no body."""
        found = set()
        for space, called in _CALL.findall(text):
            if not space and called in self.files[path]:
                found.add((path, called))
            elif space == "impl::":
                found.update((home, called) for home in self.homes.get(called, []))
            elif called in self.ops:  # rustorch::sum(x), sum(x), x.sum()
                for op in self.ops[called]:
                    if op.is_pointwise:
                        found.add("pointwise")
                    found.update((home, op.impl_name) for home in self.homes.get(op.impl_name, []))
            elif len(self.homes.get(called, [])) == 1:
                found.add((self.homes[called][0], called))
        found.discard((path, name))
        return found
