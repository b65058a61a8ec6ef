"""Types and schemas of operators answer as PyTorch's."""

import json
import pathlib
import sys

import pytest

import rustorch as rt

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))
from script_cases import evaluate  # noqa: E402

ANSWERS = json.loads((GOLDEN / "script.json").read_text())


def same(text):
    """The text with sizes as plain ints, which they are here."""
    return text.replace("SymInt", "int")


def test_answers():
    import rustorch.jit.annotations  # noqa: F401

    wrong = {e: (mine, a) for e, a in ANSWERS.items() if same(mine := evaluate(rt, e)) != same(a)}
    assert not wrong, "\n".join(f"{e}\n  {m}\n  {a}" for e, (m, a) in wrong.items())


def test_every_declared_operator_has_schemas_that_read_back():
    schemas = rt._C._jit_get_all_schemas()
    assert len(schemas) > 1800
    for schema in schemas:
        assert rt._C.parse_schema(str(schema)) == schema
    assert {str(s) for s in rt._C._jit_get_schemas_for_operator("aten::relu")} == {
        "aten::relu(Tensor self) -> Tensor", "aten::relu.out(Tensor self, *, Tensor(a!) out) -> Tensor(a!)",
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="no matching schema"):
        rt._C._get_schema("aten::add", "nope")


def test_tags_follow_from_the_declaration():
    aten, tag = rt.ops.aten, rt.Tag
    assert aten.add.Tensor.tags == [tag.pointwise, tag.pt2_compliant_tag]
    assert tag.inplace in aten.add_.Tensor.tags and tag.out in aten.add.out.tags
    assert (
        tag.nondeterministic_seeded in aten.bernoulli.default.tags and tag.view_copy in aten.permute_copy.default.tags
    )
    assert tag.reduction in aten.sum.default.tags and str(tag.core) == "Tag.core" and int(tag.core) == 0


def test_a_type_is_made_by_get():
    with pytest.raises(TypeError, match="No constructor"):
        rt.IntType()
    assert (
        rt.IntType.get() is rt.IntType.get()
        and rt.Argument("x", rt.IntType.get(), None, 3, False, None).default_value == 3
    )
    assert str(rt.FunctionSchema("a", "b", [], [], False, False)) == "a.b() -> ()"
    inferred = rt._C._jit_try_infer_type([1, "a"])
    assert not inferred.success() and "consistent element type" in inferred.reason()
    with pytest.raises(RuntimeError, match="the type is null"):
        inferred.type()
