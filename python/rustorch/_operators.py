"""rustorch.ops: the registered operators by namespace, name and overload (rustorch.ops.aten.add.Tensor)."""

from . import _C
from ._C import Tensor


class OpOverload:
    """One overload of an operator. The table of the operator picks the form by the arguments, so that all
    overloads of a name of the library call the same function; those of a program's operator have functions of their own."""

    def __init__(self, packet, name, function=None):
        self._packet, self._overload, self._function = packet, name, function
        self.__name__ = f"{packet.__name__}.{name}"
        self.__qualname__, self.__module__ = self.name(), f"{__package__}._ops.{packet._namespace}"

    def __call__(self, *args, **kwargs):
        return (self._function or self._packet)(*args, **kwargs)

    def __repr__(self):
        return f"<OpOverload(op='{self._packet._qualified}', overload='{self._overload}')>"

    def __str__(self):
        return f"{self._packet._namespace}.{self.__name__}"

    @property
    def overloadpacket(self):
        return self._packet

    _overloadpacket = overloadpacket

    @property
    def op(self):
        """What is called."""
        return self._function or self._packet._function

    @property
    def namespace(self):
        return self._packet._namespace

    _namespace = namespace

    @property
    def _schema(self):
        """The FunctionSchema. Functions that are written in Python have none."""
        schema = getattr(self.op, "_schema", None)
        if schema is None and self.namespace == "aten":
            schema = _operators().schema(self._packet.__name__, self._overload)
        if schema is None:
            raise AttributeError(f"'{self}' has no schema; those of declared operators are kept")
        return schema

    @property
    def tags(self):
        """What is known of it, as a list of Tag."""
        if self.namespace == "aten":
            return _operators().tags(self._packet.__name__, self._overload)
        return list(getattr(self.op, "_tags", ()))

    _tags = tags

    @property
    def is_view(self):
        """Whether its result shares memory with an argument."""
        return self._schema._is_view_op()

    @property
    def _opname(self):
        return self._packet.__name__

    @property
    def _overloadname(self):
        return self._overload

    def name(self):
        """The qualified name, with the overload unless it is the default one."""
        return self._packet._qualified + ("" if self._overload == "default" else f".{self._overload}")

    _name = property(name)


def _operators():
    from ._script import operators

    return operators


class OpOverloadPacket:
    """All overloads of an operator; calling it picks one by the arguments."""

    def __init__(self, namespace, name, function):
        self._namespace, self.__name__, self._function = namespace, name, function
        self._qualified = self._qualified_op_name = f"{namespace}::{name}"
        self._overloads = {}

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def _add(self, overload, function):
        """Adds an overload with a function of its own."""
        self._overloads[overload] = OpOverload(self, overload, function)
        if hasattr(self._function, "all"):
            self._function.all[overload] = function

    def overloads(self):
        """The names of the overloads: those that are declared, and those that were asked for."""
        declared = _operators().overloads(self.__name__) if self._namespace == "aten" else []
        own = ["default"] if not declared and not hasattr(self._function, "all") else []
        return list(dict.fromkeys([*own, *declared, *self._overloads]))

    @property
    def _schemas(self):
        """The schemas by the names of the overloads."""
        return {s.overload_name: s for s in _operators().schemas_for(self._qualified)}

    def __iter__(self):
        return iter(self.overloads())

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
