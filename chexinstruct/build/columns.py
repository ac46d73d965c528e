"""Rows of the corpus as Arrow columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from chexinstruct.build.rows import OWN, Made
from chexinstruct.schema import Example, arrow_schema


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An Arrow array of Python values; structs are taken by attribute, lists flattened first.

    Several times as fast as handing nested values to Arrow one by one.
    """
    if pa.types.is_list(kind):
        offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
        items = _array(list(chain.from_iterable(values)), kind.value_type)
        return pa.ListArray.from_arrays(offsets, items, type=kind)
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        arrays = [_array(list(map(attrgetter(f.name), values)), f.type) for f in fields]
        return pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.array(values, kind)


@cache
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


@cache
def _shared() -> tuple[str, ...]:
    return tuple(name for name in corpus_schema().names if name not in OWN)


def corpus_table(made: Sequence[Made]) -> pa.Table:
    """The rows made of some candidates, in their order; what rows share is converted once."""
    own = _columns(
        OWN, [chain.from_iterable(c) for c in zip(*(item.own for item in made), strict=True)]
    )
    shared = _columns(_shared(), zip(*(item.shared for item in made), strict=True))
    if own.num_rows > shared.num_rows:
        counts = [item.rows for item in made]
        shared = shared.take(np.repeat(np.arange(len(made)), counts))
    columns = {name: table[name] for table in (own, shared) for name in table.schema.names}
    schema = corpus_schema()
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _columns(names: Sequence[str], columns: Iterable[Iterable[Any]]) -> pa.Table:
    fields = [corpus_schema().field(name) for name in names]
    arrays = [_array(list(c), field.type) for c, field in zip(columns, fields, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields))
