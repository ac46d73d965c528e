"""Columns of the corpus, filled value by value and closed into Arrow arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa

from chexinstruct.schema import Example, arrow_schema


class Column(Protocol):
    """Something that takes values and gives an Arrow array."""

    def append(self, value: Any) -> None:
        """Take a value."""

    def close(self) -> pa.Array:
        """The array of all values; the column is empty again."""


class _Plain:
    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._values: list[Any] = []
        self.append = self._values.append
        self.extend = self._values.extend

    def close(self) -> pa.Array:
        array = pa.array(self._values, self._kind)
        self._values.clear()
        return array


class _Struct:
    def __init__(self, kind: pa.StructType) -> None:
        self._fields = [kind.field(i) for i in range(kind.num_fields)]
        self._columns = [_column(field.type) for field in self._fields]
        self._takers = [
            (field.name, column.append)
            for field, column in zip(self._fields, self._columns, strict=True)
        ]

    def append(self, value: Any) -> None:
        for name, take in self._takers:
            take(getattr(value, name))

    def extend(self, values: Sequence[Any]) -> None:
        for value in values:
            self.append(value)

    def close(self) -> pa.Array:
        return pa.StructArray.from_arrays(
            [column.close() for column in self._columns], fields=self._fields
        )


class _List:
    def __init__(self, kind: pa.ListType) -> None:
        self._kind = kind
        self._items = _column(kind.value_type)
        self._offsets = [0]

    def append(self, values: Sequence[Any]) -> None:
        self._items.extend(values)
        self._offsets.append(self._offsets[-1] + len(values))

    def extend(self, values: Sequence[Sequence[Any]]) -> None:
        for value in values:
            self.append(value)

    def close(self) -> pa.Array:
        offsets = pa.array(self._offsets, pa.int32())
        self._offsets = [0]
        return pa.ListArray.from_arrays(offsets, self._items.close(), type=self._kind)


def _column(kind: pa.DataType) -> _Plain | _Struct | _List:
    if pa.types.is_struct(kind):
        return _Struct(kind)
    if pa.types.is_list(kind):
        return _List(kind)
    return _Plain(kind)


def corpus_schema() -> pa.Schema:
    """The Arrow schema of a corpus file, with the features that Hugging Face datasets reads."""
    schema = arrow_schema(Example)
    features = {field.name: _feature(field.type) for field in schema}
    features["images"] = {"feature": {"_type": "Image"}, "_type": "Sequence"}
    note = json.dumps({"info": {"features": features}})
    return schema.with_metadata({"huggingface": note})


def _feature(kind: pa.DataType) -> Any:
    """A type in the spelling that every version of datasets from 2.19 on reads.

    Lists of structs are JSON lists, other lists are ``Sequence``: the newer ``List`` is unknown to
    versions before 4, and ``Sequence`` of a struct would be read as a struct of lists.
    """
    if pa.types.is_struct(kind):
        return {kind.field(i).name: _feature(kind.field(i).type) for i in range(kind.num_fields)}
    if pa.types.is_list(kind):
        item = _feature(kind.value_type)
        if pa.types.is_struct(kind.value_type):
            return [item]
        return {"feature": item, "_type": "Sequence"}
    return {
        "dtype": {"double": "float64", "bool": "bool"}.get(str(kind), str(kind)),
        "_type": "Value",
    }


class Rows:
    """Rows of the corpus in the making."""

    def __init__(self) -> None:
        self.schema = corpus_schema()
        self._columns = [_column(field.type) for field in self.schema]
        self.count = 0

    def append(self, values: Sequence[Any]) -> None:
        """Take one row: values in the order of the schema's columns."""
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        self.count += 1

    def close(self) -> pa.Table:
        """The rows so far; there are none after it."""
        self.count = 0
        return pa.table([column.close() for column in self._columns], schema=self.schema)
