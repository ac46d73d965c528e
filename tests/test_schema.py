from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

import chexinstruct.schema as schema
from chexinstruct.schema import (
    Example,
    Facts,
    Label,
    LabelSet,
    Metadata,
    Record,
    Study,
    arrow_schema,
    from_arrow,
    to_arrow,
)

GOLDEN = Path(__file__).parent / "golden" / "example_schema.txt"

MODELS = sorted(
    (
        value
        for value in vars(schema).values()
        if isinstance(value, type) and issubclass(value, Record) and value is not Record
    ),
    key=lambda model: model.__name__,
)

_TEXT = st.text(st.characters(codec="utf-8"), max_size=4)


def values(info: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a type, short and shallow; None is left out."""
    match info:
        case inspect.StrType():
            return _TEXT
        case inspect.LiteralType(values=names):
            return st.sampled_from(names)
        case inspect.IntType():
            return st.integers(-(2**63), 2**63 - 1)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.BytesType():
            return st.binary(max_size=4)
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), min_size=1, max_size=2).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(values, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), min_size=1, max_size=2)
        case inspect.StructType(cls=cls):
            return records(cls)
        case inspect.UnionType(types=types):
            (kept,) = (t for t in types if not isinstance(t, inspect.NoneType))
            return values(kept)
    raise TypeError(f"no values of {info}")


def records(model: type[Any]) -> st.SearchStrategy[Any]:
    """Records of a model with every field set."""
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    return st.builds(model, **{field.name: values(field.type) for field in info.fields})


def least(model: type[Any]) -> st.SearchStrategy[Any]:
    """Records of a model with nothing but the fields that it demands; optional ones are None."""
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    demanded: dict[str, st.SearchStrategy[Any]] = {}
    for field in info.fields:
        if field.required:
            optional = isinstance(field.type, inspect.UnionType)
            demanded[field.name] = st.none() if optional else values(field.type)
    return st.builds(model, **demanded)


def test_all_concepts_are_there() -> None:
    assert {Study, Example, Facts, Label, LabelSet, Metadata} <= set(MODELS)
    assert len(MODELS) > 20


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("make", [records, least], ids=["every_field", "defaults"])
@settings(max_examples=6)
@given(data=st.data())
def test_records_survive_arrow_and_messagepack(
    make: Any, model: type[Any], data: st.DataObject
) -> None:
    made = [data.draw(make(model)) for _ in range(2)]
    table = to_arrow(made, model)
    assert table.schema == arrow_schema(model)
    assert from_arrow(table, model) == made
    packed = msgspec.msgpack.encode(made)
    assert msgspec.msgpack.decode(packed, type=list[model]) == made  # type: ignore[valid-type]


def test_empty_lists_come_back_as_such_from_columns() -> None:
    """A reader of the table sees no image as an empty list, not as null."""
    table = to_arrow([Study(source="s", id="1")], Study)
    assert table["images"].to_pylist() == [[]]
    assert table["report"].to_pylist() == [None]
    assert table["language"].to_pylist() == ["en"]


def test_defaults_cost_no_bytes() -> None:
    assert msgspec.json.encode(Study(source="s", id="1")) == b'{"source":"s","id":"1"}'


def test_records_are_checked_when_read() -> None:
    for content in (
        {"source": "s", "id": "1", "sex": "male"},
        {"source": "s", "id": "1", "people": "mimic_cxr:1"},
        {"source": "s", "id": "1", "colour": "grey"},
        {"source": "s"},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(content, Study)
    table = to_arrow([Label(finding="edema")], Label)
    wrong = table.set_column(1, "state", pa.array(["perhaps"]))
    with pytest.raises(msgspec.ValidationError, match="perhaps"):
        from_arrow(wrong, Label)


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Label(finding="edema").state = "absent"  # type: ignore[misc]


def spelt(kind: pa.DataType, name: str, depth: int) -> list[str]:
    """A field and what is inside it, one a line."""
    inside = "  " * depth
    if pa.types.is_list(kind):
        if not pa.types.is_nested(kind.value_type):
            return [f"{inside}{name}: list of {kind.value_type}"]
        head, *rest = spelt(kind.value_type, name, depth)
        return [head.replace(": ", ": list of ", 1), *rest]
    if pa.types.is_struct(kind):
        lines = [f"{inside}{name}: struct"]
        for i in range(kind.num_fields):
            lines += spelt(kind.field(i).type, kind.field(i).name, depth + 1)
        return lines
    return [f"{inside}{name}: {kind}"]


def test_columns_of_the_corpus_are_those_that_were_published() -> None:
    """A change here is a new version of every corpus: MINOR for an added column, else MAJOR."""
    lines = [line for field in arrow_schema(Example) for line in spelt(field.type, field.name, 0)]
    assert "\n".join(lines) + "\n" == GOLDEN.read_text()
