"""Arrow types derived from the schema's models, and the way there and back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
from msgspec import inspect

S = TypeVar("S", bound=msgspec.Struct)


def _arrow_type(info: inspect.Type) -> pa.DataType:
    match info:
        case inspect.StrType() | inspect.LiteralType():
            return pa.string()
        case inspect.IntType():
            return pa.int64()
        case inspect.FloatType():
            return pa.float64()
        case inspect.BoolType():
            return pa.bool_()
        case inspect.BytesType():
            return pa.binary()
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return pa.list_(_arrow_type(item))
        case inspect.TupleType(item_types=items):
            return pa.list_(_arrow_type(items[0]))
        case inspect.DictType(key_type=key, value_type=value):
            return pa.map_(_arrow_type(key), _arrow_type(value))
        case inspect.StructType(fields=fields):
            return pa.struct([pa.field(f.name, _arrow_type(f.type)) for f in fields])
        case inspect.UnionType(types=types):
            (kept,) = (t for t in types if not isinstance(t, inspect.NoneType))
            return _arrow_type(kept)
    raise TypeError(f"no Arrow type for {info}")


@cache
def arrow_schema(model: type[msgspec.Struct]) -> pa.Schema:
    """The Arrow schema of a model: one field a column, nested models as structs."""
    struct = _arrow_type(inspect.type_info(model))
    return pa.schema([struct.field(i) for i in range(struct.num_fields)])


def _complete(value: Any, kind: pa.DataType) -> Any:
    """Fill in what ``omit_defaults`` leaves out, so that Arrow sees empty lists and not nulls."""
    if value is None:
        return None
    if isinstance(value, msgspec.Struct):
        return {
            kind.field(i).name: _complete(getattr(value, kind.field(i).name), kind.field(i).type)
            for i in range(kind.num_fields)
        }
    if pa.types.is_map(kind):
        return sorted(value.items())
    if pa.types.is_list(kind):
        return [_complete(item, kind.value_type) for item in value]
    return value


def to_arrow(records: Iterable[S], model: type[S]) -> pa.Table:
    """A table of records, columns as :func:`arrow_schema` says."""
    schema = arrow_schema(model)
    struct = pa.struct(list(schema))
    rows = [_complete(record, struct) for record in records]
    return pa.Table.from_pylist(rows, schema=schema)


def _pythonic(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_map(kind):
        return dict(value)
    if pa.types.is_list(kind):
        return [_pythonic(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {name: _pythonic(item, kind.field(name).type) for name, item in value.items()}
    return value


def from_arrow(table: pa.Table, model: type[S]) -> list[S]:
    """The records of a table that :func:`to_arrow` made, validated.

    Raises:
        msgspec.ValidationError: a value does not fit the model.
    """
    struct = pa.struct(list(table.schema))
    return [msgspec.convert(_pythonic(row, struct), model) for row in table.to_pylist()]
