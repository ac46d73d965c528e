"""Which code a module can run: its own, that of all it imports from its package, and so on.

Read from the import statements, so that no list of modules has to be kept beside the code. A module
that is only named in a string, as for ``import_module``, is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

from xxhash import xxh3_128

_STATEMENT = re.compile(
    rb"(?:^|[:;])[ \t]*((?:from\s+[.\w]+\s+)?import\s+(?:\([^)]*\)|[^(\n;]+))", re.MULTILINE
)
"""What looks like an import statement; a parser tells whether it is one."""


def imported(*modules: str) -> dict[str, Path]:
    """These modules and all that they import from their own package, directly or through others.

    Imports inside functions and for type checkers count. A package counts with its ``__init__``
    and with those of its modules that are imported.

    Args:
        modules: dotted names.

    Returns:
        The source file of each, by dotted name, sorted.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _file(name)
            waiting += _imports(name)
    return dict(sorted(found.items()))


@cache
def imports_digest(*modules: str) -> str:
    """Of the source files of :func:`imported`; changes when any of this code does."""
    state = xxh3_128()
    for name, path in imported(*modules).items():
        state.update(name.encode() + path.read_bytes())
    return state.hexdigest()


def _file(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin)


@cache
def _imports(name: str) -> tuple[str, ...]:
    """The modules of the same top-level package that the statements of a module name."""
    top = name.partition(".")[0]
    statements = import_statements(_file(name).read_bytes())
    named = (found for statement in statements for found in _named(statement, name))
    return tuple(found for found in named if found.partition(".")[0] == top and _is_module(found))


def import_statements(code: bytes) -> list[ast.AST]:
    """The import statements of a module, wherever they stand.

    Parsing these lines alone takes a fifth of the time of parsing all; where one of them makes no
    sense alone, all is parsed.
    """
    try:
        found: list[ast.AST] = [
            statement
            for match in _STATEMENT.finditer(code)
            for statement in ast.parse(match[1]).body
        ]
    except SyntaxError:
        found = list(ast.walk(ast.parse(code)))
    return [node for node in found if isinstance(node, ast.Import | ast.ImportFrom)]


def _named(statement: ast.AST, importer: str) -> Iterator[str]:
    """What an import statement names: modules, and names in them that may be modules too."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield alias.name
    elif isinstance(statement, ast.ImportFrom):
        origin = statement.module or ""
        if statement.level:
            spec = find_spec(importer)
            origin = resolve_name("." * statement.level + origin, spec.parent if spec else None)
        yield origin
        for alias in statement.names:
            yield f"{origin}.{alias.name}"


@cache
def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what should hold it is no package
        return False
