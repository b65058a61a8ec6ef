"""Expressions shared by make_script_golden.py (run with PyTorch) and tests/python/test_script_types.py.

`t` is the package, `C` its module _C, `ann` jit.annotations.ann_to_type. Compared is str() of the value, or the class of the error.
"""

import enum
import typing


class Colour(enum.Enum):
    """A sample enumeration."""

    RED = 1
    BLUE = 2


I, F, T, N, S, B = (f"C.{n}Type.get()" for n in ("Int", "Float", "Tensor", "Number", "String", "Bool"))  # noqa: E741
NONE, ANY, CPLX, SYM = (f"C.{n}Type.get()" for n in ("None", "Any", "Complex", "SymInt"))
SINGLE = "Any Tensor Int Float Bool String Number None Complex DeviceObj StreamObj PyObject SymInt SymBool"
TYPES = [f"C.{n}Type.get()" for n in SINGLE.split()] + [
    f"C.ListType({I})", "C.ListType.ofTensors()", "C.ListType.ofFloats()", "C.ListType.ofBools()", "C.ListType.ofStrings()",
    "C.ListType.ofComplexDoubles()", f"C.ListType(C.ListType({F}))", f"C.OptionalType({T})", "C.OptionalType.ofTensor()",
    f"C.OptionalType(C.OptionalType({T}))", f"C.OptionalType(C.ListType({I}))", f"C.ListType(C.OptionalType({T}))",
    f"C.TupleType([{I}, {T}])", "C.TupleType([])", f"C.TupleType([C.TupleType([{I}]), {S}])", f"C.DictType({S}, {T})",
    f"C.DictType({S}, C.ListType({T}))", f"C.UnionType([{I}, {T}])", f"C.UnionType([{I}, {F}, {NONE}])",
    f"C.UnionType([{S}, {B}, {I}])", f"C.UnionType([{I}, C.ListType({I}), {S}])", f"C.FutureType({T})", f"C.AwaitType({T})",
    f"C.RRefType({T})", f"C.OptionalType(C.UnionType([{I}, {T}]))", f"C.EnumType('m.E', {I}, list(Colour))",
]  # fmt: skip
PAIRS = [
    (I, N), (F, N), (CPLX, N), (I, F), (I, ANY), (B, N), (B, I), (NONE, f"C.OptionalType({T})"), (T, f"C.OptionalType({T})"),
    (f"C.ListType({I})", f"C.ListType({N})"), (f"C.ListType({I})", f"C.ListType({I})"), (f"C.ListType({I})", ANY),
    (f"C.TupleType([{I}, {I}])", f"C.TupleType([{N}, {N}])"), (f"C.TupleType([{I}])", f"C.TupleType([{I}, {I}])"), (SYM, I),
    (I, f"C.UnionType([{I}, {T}])"), (f"C.UnionType([{I}, {T}])", ANY), (f"C.UnionType([{I}, {T}])", f"C.UnionType([{I}, {T}, {S}])"),
    (f"C.DictType({I}, {I})", f"C.DictType({I}, {N})"), (f"C.FutureType({I})", f"C.FutureType({N})"),
    (f"C.OptionalType({I})", f"C.OptionalType({N})"), (f"C.RRefType({I})", f"C.RRefType({N})"), (SYM, N),
    (f"C.OptionalType({I})", I), (f"C.UnionType([{I}, {NONE}])", f"C.OptionalType({I})"),
    ("C.TensorType.create_from_tensor(t.ones(2))", T), (T, "C.TensorType.create_from_tensor(t.ones(2))"),
]  # fmt: skip
TEXTS = [
    "foo(Tensor x, int n=1) -> Tensor", "ns::f(Tensor[] xs, ...) -> ()", "f(Tensor(a)[] x) -> Tensor(a)[]",
    'ns::foo.bar(Tensor(a!) x, *, int[2] s=[1,2], str? q="a", float f=1, float[] g=[1.,2], Scalar k=2.5, bool b=False, '
    "ScalarType? d=None, Device e) -> (Tensor(a!), int)",
    "f(Dict(str, Tensor) d, (int, Tensor) t, Tensor(a -> *) z) -> Tensor[]", "f(t x) -> t", "f(int[2] a=1) -> ()",
    "aten::_x(int[] s=[], bool[3] m) -> (Tensor out, Tensor(b) y)", "f(int x=-1, float y=1e-5, float z=0.1) -> Tensor",
    "f(Tensor[]? a, Tensor?[] b, int[]? c=None, float[2]? s=None) -> (Tensor(a!), Tensor(b!)[])", "f(*, str x='a b') -> str",
    "f(SymInt[2] a=[0,0], bool[3] output_mask=[True, False, True]) -> SymInt", "f(complex x, NoneType z, Any a) -> ...",
    "f(Storage s, Generator? g=None, Layout? l=None, MemoryFormat? m=None, Stream? q=None) -> Tensor[][]",
    "f(Tensor(a -> *) self) -> Tensor(a)[]", "rubbish", "f(Tensor) -> Tensor", "f(Foo x) -> Tensor", "f(int n=1, Tensor x) -> Tensor",
]  # fmt: skip
ABOUT = ("[(a.name, a.type, a.real_type, a.type.kind(), a.N, a.default_value, a.has_default_value(), a.kwarg_only, a.is_out, a.is_write, "
         "a.alias_info and (a.alias_info.before_set, a.alias_info.is_write)) for a in s.arguments + s.returns], s.is_mutable, "
         "s.name, s.overload_name")  # fmt: skip
CHANGES = [
    ("f(Tensor x, int n=1) -> Tensor", "f(Tensor x) -> Tensor"), ("f(Tensor x) -> Tensor", "f(Tensor x, int n=1) -> Tensor"),
    ("f(Tensor x, int n) -> Tensor", "f(Tensor x) -> Tensor"), ("f(Tensor? x) -> Tensor", "f(Tensor x) -> Tensor"),
    ("f(Tensor x) -> Tensor", "f(Tensor? x) -> Tensor"), ("f(Tensor y) -> Tensor", "f(Tensor x) -> Tensor"),
    ("f(Tensor x) -> Tensor?", "f(Tensor x) -> Tensor"), ("f(Tensor x, *, int n=1) -> Tensor", "f(Tensor x) -> Tensor"),
    ("f(int n=2) -> Tensor", "f(int n=1) -> Tensor"), ("g() -> Tensor", "f() -> Tensor"),
]  # fmt: skip
# Operators whose overload and whole schema are PyTorch's.
OPERATORS = """add.Tensor add.out add_.Tensor sub.Tensor mul.Tensor mul.Scalar mul_.Tensor div.Tensor_mode pow.Tensor_Scalar
pow.Scalar eq.Tensor lt.Scalar bitwise_and.Tensor where.self sum sum.dim_IntList mean.dim var.correction max.dim max.other
argmax any cumsum sort sort.stable topk mm bmm addmm matmul relu relu_ sigmoid tanh exp log gelu silu softmax.int transpose.int
t view permute squeeze unsqueeze expand slice.Tensor select.int split.Tensor unbind.int cat stack gather scatter.src
index_select masked_fill.Scalar clone zeros ones full arange eye linspace rand.generator copy_ fill_.Scalar zero_ normal_
uniform_ lerp.Scalar clamp clamp.Tensor triu tril diag flip roll outer dot mv linalg_inv linalg_det erfinv""".split()
ANNOTATIONS = """int float bool str complex None t.Tensor t.device t.dtype t.Generator typing.Any typing.List[int] list[int]
typing.Optional[int] typing.Union[int,str] dict[str,int] tuple[int,str] tuple[()] typing.Optional[t.Tensor] t.nn.Parameter
dict[str,list[t.Tensor]] typing.Optional[tuple[int,int]] t.SymInt typing.Union[int,None,str] t.jit.Future[int] t.Stream""".split()
VALUES = [
    "[1, 2]",
    "{'a': t.ones(1)}",
    "(1, None, 2.5)",
    "t.ones(2)",
    "'a'",
    "2j",
    "[[1.5], [2.5]]",
    "True",
    "{1: [1]}",
]
TENSORS = "c.sizes() c.strides() c.scalarType() c.dim() c.dtype() c.requires_grad() c.undefined() c.contiguous().str() c.str() " \
          "c.with_dtype(t.int32).str() a.sizes() a.dim() a.dtype() a.requires_grad() I.dim()".split()  # fmt: skip


def expressions():
    """All expressions."""
    for kind in TYPES:
        yield f"(lambda x: (repr(x), x.annotation_str, x.str(), x.kind(), x.containedTypes()))({kind})"
    for a, b in PAIRS:
        yield f"({a}.isSubtypeOf({b}), {b}.isSubtypeOf({a}), {a} == {b})"
    for text in TEXTS:
        yield f"C.parse_schema({text!r})"
        if "->" in text:
            yield f"(lambda s: ({ABOUT}))(C.parse_schema({text!r}))"
    for a, b in CHANGES:
        yield f"C.parse_schema({a!r}).is_backward_compatible_with(C.parse_schema({b!r}))"
    for full in OPERATORS:
        name, _, overload = full.partition(".")
        yield f"t.ops.aten.{name}.{overload or 'default'}._schema"
        yield f"t.ops.aten.{name}.{overload or 'default'}.is_view"
    for word in ANNOTATIONS:
        yield f"ann({word}, None)"
    for value in VALUES:
        yield f"C._jit_try_infer_type({value}).type()"
    for text in TENSORS:
        yield f"(lambda c, a, I: {text})(C.TensorType.create_from_tensor(t.ones(2, 3)), {T}, {I})"


def evaluate(package, expression):
    """What the package says."""
    from_annotations = package.jit.annotations.ann_to_type
    names = {"t": package, "C": package._C, "ann": from_annotations, "Colour": Colour, "typing": typing}
    try:
        return str(eval(expression, names)).replace(f"{package.__name__}.", "torch.")
    except Exception as error:
        return f"error {'TypeError' if isinstance(error, ValueError) else type(error).__name__}"
