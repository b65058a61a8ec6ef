"""rustorch.ops: the registered operators by namespace, name and overload (rustorch.ops.aten.add.Tensor)."""

from . import _C
from ._C import Tensor


class OpOverload:
    """One overload of an operator. The table of the operator picks the form by the arguments, so that all
    overloads of a name call the same function."""

    def __init__(self, packet, name):
        self._packet, self._overload = packet, name
        self.__name__ = f"{packet.__name__}.{name}"

    def __call__(self, *args, **kwargs):
        return self._packet(*args, **kwargs)

    def __repr__(self):
        return f"<OpOverload(op='{self._packet._qualified}', overload='{self._overload}')>"

    def __str__(self):
        return f"{self._packet._namespace}.{self.__name__}"

    @property
    def overloadpacket(self):
        return self._packet

    @property
    def namespace(self):
        return self._packet._namespace

    @property
    def _schema(self):
        """The schema of an operator that the program declared; its text is str() of it."""
        schema = getattr(self._packet._function, "_schema", None)
        if schema is None:
            raise AttributeError(f"'{self}' has no schema; those of declared operators are kept")
        return schema

    def name(self):
        """The qualified name, with the overload unless it is the default one."""
        return self._packet._qualified + ("" if self._overload == "default" else f".{self._overload}")


class OpOverloadPacket:
    """All overloads of an operator; calling it picks one by the arguments."""

    def __init__(self, namespace, name, function):
        self._namespace, self.__name__, self._function = namespace, name, function
        self._qualified = f"{namespace}::{name}"
        self._overloads = {}

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def overloads(self):
        """The names of the overloads that were asked for; "default" is always there."""
        return list(dict.fromkeys(["default", *self._overloads]))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._overloads.setdefault(name, OpOverload(self, name))

    def __repr__(self):
        return f"<OpOverloadPacket(op='{self._qualified}')>"

    def __str__(self):
        return f"{self._namespace}.{self.__name__}"


class OpNamespace:
    """The operators of one namespace as attributes."""

    def __init__(self, name, find):
        self._name, self._find = name, find

    def __getattr__(self, name):
        function = None if name.startswith("__") else self._find(name)
        if function is None:
            raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'")
        packet = OpOverloadPacket(self._name, name, function)
        setattr(self, name, packet)
        return packet

    def __dir__(self):
        return sorted(n for n in vars(_C.ops) if not n.startswith("__")) if self._name == "aten" else []


def _find_aten(name):
    function = getattr(_C.ops, name, None) or _C.aliases.get(name)
    return function if function is not None else getattr(Tensor, name, None)


class Ops:
    """The namespaces of operators."""

    def __init__(self):
        self.aten = OpNamespace("aten", _find_aten)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        space = OpNamespace(name, lambda _: None)
        setattr(self, name, space)
        return space


ops = Ops()
