"""Conditions on rows in SQL, of which only what cannot do harm is taken.

DuckDB's own parser gives the tree of a condition. Every node of it must be one of a few kinds: a
column, a literal, a comparison, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, or one of three
functions. Nothing else reaches the engine, which has no access to files or the network in any case.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from chexinstruct.build.columns import corpus_schema
from chexinstruct.errors import CallError, ChexinstructError

MEMORY = "256MB"

COLUMNS = tuple(name for name in corpus_schema().names if name != "images")
"""What a condition may name, and the fields of ``metadata``; never the pictures."""

FUNCTIONS = ("len", "list_contains", "regexp_matches")
_LIKE = ("~~", "!~~", "~~*", "!~~*")
_LIKE_ESCAPE = tuple(f"{a}{b}_escape" for a in ("", "not_") for b in ("like", "ilike"))
_CLASSES = {"COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "BETWEEN", "FUNCTION"}
_OPERATORS = {
    "OPERATOR_NOT",
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "OPERATOR_IS_NULL",
    "OPERATOR_IS_NOT_NULL",
}
_ALLOWED = (
    "a condition has columns, literals, comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, "
    f"IS NULL, {', '.join(f'{name}()' for name in FUNCTIONS)} and nothing else"
)

_BEFORE, _AFTER = "SELECT 1 FROM rows WHERE (\n", "\n)"


class Condition:
    """A checked condition, ready to be asked. Use it as a context manager.

    Args:
        text: an SQL expression that is true or false of a row, such as
            ``metadata.age BETWEEN 18 AND 40 AND len(image_ids) = 1``.

    Raises:
        CallError: it is no such expression, or holds what is not allowed; the place is named.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._spill = tempfile.TemporaryDirectory(prefix="chexinstruct-")
        self._engine = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": MEMORY,
                "threads": "1",  # rows come back in their order
                "temp_directory": self._spill.name,
                "python_enable_replacements": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self._engine.execute("SET enable_external_access = false; SET lock_configuration = true")
        try:
            named = {path[0] for path in _checked(self._engine, text)}
            self.columns = [name for name in COLUMNS if name in named] or ["id"]
            """Those that must be read."""
            self._try()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Condition:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back memory and disk."""
        self._engine.close()
        self._spill.cleanup()

    def holds(self, rows: pa.Table) -> pa.ChunkedArray:
        """Of which rows it is true; where it is neither true nor false, as of a null, it is not.

        Raises:
            ChexinstructError: the rows hold a value that cannot be compared as asked.
        """
        try:
            return self._ask(rows)
        except duckdb.Error as error:  # its message may quote the text of a row
            raise ChexinstructError(
                f"--where fails on some row ({type(error).__name__}): is a text compared with a "
                "number?"
            ) from None

    def _try(self) -> None:
        """Ask it of no rows, which tells wrong types."""
        fields = [corpus_schema().field(name) for name in self.columns]
        try:
            kind = self._ask(pa.schema(fields).empty_table(), "typeof(({}))", of_none=True)
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]
            raise CallError(f"--where: {said}") from None
        if kind.to_pylist() != ["BOOLEAN"]:
            raise CallError("--where: the expression is no condition: it is neither true nor false")

    def _ask(
        self, rows: pa.Table, form: str = "coalesce(({}), false)", *, of_none: bool = False
    ) -> pa.ChunkedArray:
        asked = form.format(f"\n{self.text}\n")
        query = f"SELECT {asked} AS answer FROM rows"
        if of_none:  # a row of nulls
            query = f"SELECT {asked} AS answer FROM (SELECT 1) LEFT JOIN rows ON true"
        self._engine.register("rows", rows)
        try:
            answer: pa.Table = self._engine.sql(query).to_arrow_table()
            return answer["answer"]
        finally:
            self._engine.unregister("rows")


def _checked(engine: duckdb.DuckDBPyConnection, text: str) -> set[tuple[str, ...]]:
    """The columns that a condition names; raises CallError for what may not be."""
    if not text.strip():
        raise CallError(f"--where: empty; {_ALLOWED}")
    node = _parsed(engine, text)
    frame = _parsed(engine, "true")
    tree = node.pop("where_clause", None)
    frame.pop("where_clause")
    if tree is None or _placeless(node) != _placeless(frame):
        raise CallError(f"--where: more than one condition; {_ALLOWED}")
    columns = set()
    for part in _parts(tree):
        place = int(part["query_location"]) - len(_BEFORE) + 1
        where = f"--where, at character {place}" if 0 < place <= len(text) else "--where"
        kind, function = part["class"], part.get("function_name", "")
        if kind == "COLUMN_REF":
            columns.add(_column(part["column_names"], where))
        elif kind == "FUNCTION" and function not in (*FUNCTIONS, *_LIKE, *_LIKE_ESCAPE):
            raise CallError(f"{where}: {function} is not allowed; {_ALLOWED}")
        elif kind not in _CLASSES and part["type"] not in _OPERATORS:
            told = part["type"].lower().replace("_", " ")
            raise CallError(f"{where}: {told} is not allowed; {_ALLOWED}")
    return columns


def _parsed(engine: duckdb.DuckDBPyConnection, text: str) -> dict[str, Any]:
    ((answer,),) = engine.execute(
        "SELECT json_serialize_sql(?)", [_BEFORE + text + _AFTER]
    ).fetchall()
    found: dict[str, Any] = json.loads(answer)
    if found["error"]:
        at = int(found.get("position", len(_BEFORE))) - len(_BEFORE) + 1
        raise CallError(
            f"--where, at character {min(at, len(text) + 1)}: "
            f"{found.get('error_message', 'not understood')}; {_ALLOWED}"
        )
    if len(found["statements"]) != 1:
        raise CallError(f"--where: more than one statement; {_ALLOWED}")
    node: dict[str, Any] = found["statements"][0]["node"]
    return node


def _placeless(tree: Any) -> Any:
    """The tree without the places in the text."""
    if isinstance(tree, dict):
        return {k: _placeless(v) for k, v in tree.items() if not k.startswith("query_location")}
    return [_placeless(item) for item in tree] if isinstance(tree, list) else tree


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every expression of a tree, the outer ones first."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for item in tree.values():
            yield from _parts(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from _parts(item)


def _column(path: list[str], where: str) -> tuple[str, ...]:
    schema = corpus_schema()
    if path[0] not in COLUMNS:
        raise CallError(f"{where}: no column {path[0]!r}; there are {', '.join(COLUMNS)}")
    if len(path) > 1:
        kind = schema.field(path[0]).type
        fields = (
            [kind.field(i).name for i in range(kind.num_fields)] if path[0] == "metadata" else []
        )
        if len(path) > 2 or path[1] not in fields:
            known = f"; there are {', '.join(fields)}" if fields else ""
            raise CallError(f"{where}: no field {'.'.join(path)}{known}")
    return tuple(path)
