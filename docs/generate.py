"""Write the parts of the documentation that follow from the code.

    .venv/bin/python docs/generate.py

writes ``docs/cli.md`` from the command line's own declarations, and the tables of sources and tasks
in ``README.md``, between their marks. ``tests/test_docs.py`` fails when any of them is stale.
"""

from __future__ import annotations

import inspect
import re
import tempfile
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from chexinstruct.cli import app
from chexinstruct.datacard import table
from chexinstruct.demo import demo
from chexinstruct.schema import Lock
from chexinstruct.source import registry as sources
from chexinstruct.source import terms
from chexinstruct.tasks import FAMILIES
from chexinstruct.tasks import registry as tasks
from chexinstruct.tasks.needs import NEEDS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = re.compile(r"^Example: (chexinstruct .+)$", re.MULTILINE)
WORDS = {Path: "PATH", int: "N", str: "TEXT", float: "X"}


# ------------------------------------------------------------------------------- command line


def commands() -> dict[str, Callable[..., Any]]:
    """The function of each command, by the name that a user types."""
    return {
        c.name or c.callback.__name__: c.callback
        for c in app.registered_commands
        if c.callback is not None
    }


def _value(kind: Any) -> str:
    """How a value is written: the words of a choice, or what kind of value it is."""
    if get_origin(kind) is UnionType:
        (kind,) = (k for k in get_args(kind) if k is not NoneType)
    if get_origin(kind) is list:
        return _value(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return "" if kind is bool else WORDS[kind]


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, bool, str, str]]:
    """Spelling, whether it is an option, default and help of each parameter."""
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = get_args(hints[name])
        assert isinstance(info, (ArgumentInfo, OptionInfo)), name
        required = parameter.default is inspect.Parameter.empty
        told = "required" if required else _default(parameter.default)
        if isinstance(info, ArgumentInfo):
            spelling = name.upper() if required else f"[{name.upper()}]"
            yield spelling, False, told, info.help or ""
            continue
        # Inside Annotated the first spelling stands where typer has the default otherwise.
        spelt = [info.default, *(info.param_decls or ()), f"--{name.replace('_', '-')}"]
        option = next(word for word in spelt if isinstance(word, str))
        yield f"{option} {_value(kind)}".strip(), True, told, info.help or ""


def _default(value: Any) -> str:
    if value is None or value is False:
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _command(name: str, function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function) or ""
    said = EXAMPLE.sub("", text).strip()
    example = EXAMPLE.search(text)
    assert example, f"{name} has no example"
    parameters = list(_parameters(function))
    usage = " ".join(
        [f"chexinstruct {name}"]
        + (["[OPTIONS]"] if any(option for _, option, _, _ in parameters) else [])
        + [spelling for spelling, option, _, _ in parameters if not option]
    )
    rows = [[f"`{spelling}`", default, help] for spelling, _, default, help in parameters]
    return "\n".join(
        [
            f"## {name}\n",
            f"{said}\n",
            f"```text\n{usage}\n```\n",
            table(["argument or option", "default", "meaning"], rows),
            f"Example:\n\n```bash\n{example[1]}\n```\n",
        ]
    )


def cli_page() -> str:
    """The content of ``docs/cli.md``."""
    head = """# The command line

This page is written by `docs/generate.py` from the help texts of the program.
`chexinstruct COMMAND --help` prints the same.

- Every command works offline, unless the data root is a URL. Nothing is sent anywhere.
- Results go to the standard output, progress and errors to the error stream.
- An error is one line: what is wrong, where, and what to do.
- `--json` prints a form that scripts can rely on.
- Options that are "repeatable" are given once a value: `--split train --split test`.

Exit codes:

"""
    codes = table(
        ["code", "meaning"],
        [
            ["0", "done"],
            ["1", "the data is wrong or missing, or a check failed"],
            ["2", "the call is wrong: an unknown name, or options that do not go together"],
            ["130", "interrupted; run the same command again to go on"],
        ],
    )
    parts = [_command(name, function) for name, function in commands().items()]
    return head + codes + "\n" + "\n".join(parts)


# ------------------------------------------------------------------------------------- tables


def sources_table() -> str:
    """The sources, their access and whether rows made of them may be passed on."""
    known = sources()
    rows = []
    for key, source in known.items():
        strict, card = terms(key, known), source.card
        needs = ", ".join(f"`{parent}`" for parent in card.requires)
        rows.append(
            [
                f"`{key}`",
                f"[{card.name}]({card.home})",
                strict.license,
                strict.redistribution,
                needs,
            ]
        )
    head = ["key", "source", "access", "rows may be passed on", "needs beside it"]
    return table(head, rows)


def tasks_table(lock: Lock) -> str:
    """The tasks, what a study needs for them, and the sources that feed them in the demo."""
    feeding: dict[str, set[str]] = {}
    for line in lock.ledger:
        if line.rows:
            feeding.setdefault(line.task, set()).add(line.source)
    rows = [
        [
            f"`{task.key}`",
            FAMILIES[task.family],
            "; ".join(NEEDS[need].what for need in task.needs),
            ", ".join(f"`{source}`" for source in sorted(feeding.get(task.key, ()))),
        ]
        for task in tasks().values()
    ]
    return table(["task", "family", "a study carries", "fed by"], rows)


def _between(text: str, mark: str, content: str) -> str:
    """The text with what stands between two marks replaced."""
    begin, end = f"<!-- {mark}: written by docs/generate.py -->\n", f"<!-- end of {mark} -->\n"
    before, found, rest = text.partition(begin)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise ValueError(f"README.md lacks the marks of {mark!r}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def pages(lock: Lock) -> dict[Path, str]:
    """What each generated file should hold.

    Args:
        lock: of the demo corpus, which has every source and every task.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = _between(readme, "sources", sources_table())
    readme = _between(readme, "tasks", tasks_table(lock))
    return {ROOT / "README.md": readme, ROOT / "docs" / "cli.md": cli_page()}


def main() -> None:
    """Write all generated pages."""
    with tempfile.TemporaryDirectory() as folder:
        lock = demo(Path(folder)).lock
    for path, content in pages(lock).items():
        path.write_text(content, encoding="utf-8")
        typer.echo(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
