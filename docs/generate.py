"""Write the parts of the documentation that follow from the code.

    .venv/bin/python docs/generate.py

writes ``docs/cli.md`` from the command line's own declarations, ``docs/findings.md`` from the
vocabulary and the cards of sources, ``docs/sources.md`` from all of the cards, ``docs/coverage.md``
and ``docs/tasks.md`` from a corpus of the synthetic releases, and the tables of sources and tasks
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

from chexinstruct.access import bytes_told, sizes_told
from chexinstruct.access import commands as access_commands
from chexinstruct.cli import app
from chexinstruct.corpus import open_corpus
from chexinstruct.coverage import UPSTREAM, PairCoverage, coverage, render_grid
from chexinstruct.demo import demo
from chexinstruct.markdown import table
from chexinstruct.schema import LabelSet, Lock
from chexinstruct.shared.anatomy import PLACES
from chexinstruct.source import permits, terms
from chexinstruct.source import registry as sources
from chexinstruct.tasks import FAMILIES
from chexinstruct.tasks import registry as tasks
from chexinstruct.tasks.needs import NEEDS
from chexinstruct.vocabulary import FINDINGS

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = re.compile(r"^Example: (chexinstruct .+)$", re.MULTILINE)
WORDS = {Path: "PATH", int: "N", str: "TEXT", float: "X"}


# ------------------------------------------------------------------------------- command line


def commands() -> dict[str, Callable[..., Any]]:
    """The function of each command, by the name that a user types: ``build``, ``bench run``."""
    groups = [("", app), *((f"{g.name} ", g.typer_instance) for g in app.registered_groups)]
    return {
        f"{group}{c.name or c.callback.__name__}": c.callback
        for group, one in groups
        if one is not None
        for c in one.registered_commands
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

- Every command works offline, unless the data root is a URL; `fetch` downloads, and `push` sends a
  corpus where you say. Nothing else is sent anywhere.
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


# ------------------------------------------------------------------------- findings and places

METHODS = {
    "reader": "people",
    "report_labeller": "a program, from the report",
    "test": "another test",
    "inferred": "a rule of ours",
}
KINDS = {"multi": "any number", "exclusive": "exactly one", "binary": "one, or not"}


def findings_page() -> str:
    """The content of ``docs/findings.md``."""
    known = sources()
    askers: dict[str, list[str]] = {}
    for key, source in known.items():
        for name in dict.fromkeys(f for s in source.card.label_sets.values() for f in s.findings):
            askers.setdefault(name, []).append(f"`{key}`")
    findings = [
        [
            f.name,
            ", ".join(f.spellings),
            ", ".join(f.broader),
            ", ".join(sorted(f.near, key=str.casefold)),
            ", ".join(word for word in ("plural", "vague") if getattr(f, word)),
            ", ".join(askers.get(f.name, ())),
        ]
        for f in FINDINGS.values()
    ]
    places = [
        [p.name, ", ".join(p.spellings), ", ".join(p.broader), "vague" if p.vague else ""]
        for p in PLACES.values()
    ]
    label_sets = [
        [
            f"`{key}`",
            f"`{name}`",
            len(label_set.findings),
            KINDS[label_set.kind],
            METHODS[label_set.method],
            label_set.blank.replace("_", " "),
            _uncertain(label_set),
            label_set.drawn,
        ]
        for key, source in known.items()
        for name, label_set in source.card.label_sets.items()
    ]
    return f"""# Findings and places

This page is written by `docs/generate.py` from the vocabulary and from the cards of the sources.
[Labels](labels.md) explains how the states of findings are told.

## Label sets

What each source looked for together, who looked, and what it means when a finding of an applied set
has no label. "Uncertain" is what an uncertain label counts as unless the manifest says otherwise;
`ignore` means that the finding is not asked about. "Drawn" says which present findings have boxes
or masks.

{
        table(
            ["source", "set", "findings", "present", "by", "blank means", "uncertain", "drawn"],
            label_sets,
        )
    }
## Findings

- **Also called**: what releases write for it, other than the name itself. Case, hyphens, slashes
  and underscores play no part. A study keeps the spelling of its source.
- **Broader**: findings that hold wherever this one does. They are never called absent beside it. No
  label is added for them.
- **Near**: findings that overlap with this one in meaning, so that neither is called absent where
  the other is present.
- **Plural**: the name takes "are". **Vague**: it means "something else", or its release does not
  define it. Vague findings are neither asked for nor offered.
- **Looked for by**: the sources with a label set that holds it.

{
        table(
            ["finding", "also called", "broader", "near", "marks", "looked for by"],
            findings,
        )
    }
## Places

Where a source says where a finding is, the label carries these names. A place **lies in** another
only if everything in it is in the other too, so the upper lobes do not lie in the upper zones, and
the hilum lies in nothing. **Vague** words point at no place by themselves, and no label carries
them.

{table(["place", "also called", "lies in", "marks"], places)}"""


def _uncertain(label_set: LabelSet) -> str:
    """The default policy, and the findings for which another holds."""
    by_policy: dict[str, list[str]] = {}
    for finding, policy in label_set.uncertain_by_finding.items():
        by_policy.setdefault(policy, []).append(finding)
    exceptions = [f"{policy}: {', '.join(names)}" for policy, names in by_policy.items()]
    return "; ".join([label_set.uncertain, *exceptions])


# ------------------------------------------------------------------------------------ sources


def sources_page() -> str:
    """The content of ``docs/sources.md``: every card, for people."""
    known = sources()
    parts = "\n".join(_source(key) for key in known)
    return f"""# Sources

This page is written by `docs/generate.py` from the cards of the sources.
`chexinstruct sources KEY` prints the same. [Getting started](getting-started.md) shows how to go
from these steps to a corpus.

`DATA_ROOT` is the folder of your releases, `NAME` your user name at PhysioNet, `PROJECT` your
project at Google Cloud. Sizes are in powers of ten and only as good as whoever told them; where
nothing stands, nobody did. A command takes up where it broke off when it is typed again, except
`git clone` and `kaggle`.

{
        table(
            ["source", "access", "download", "pictures"],
            [
                [
                    f"[`{key}`](#{key})",
                    terms(key, known).license,
                    sizes_told(source.card) or "",
                    _pictures_of(key),
                ]
                for key, source in known.items()
            ],
        )
    }
{parts}"""


def _pictures_of(key: str) -> str:
    """How pictures can be had: file by file, with the release, or from another source."""
    card = sources()[key].card
    if any(project.pictures for project in card.physionet):
        return "one by one, see `files`"
    if card.requires:
        return "of " + ", ".join(f"`{parent}`" for parent in card.requires)
    return "with the release" if any("picture" in item.what for item in card.files) else ""


def _source(key: str) -> str:
    known = sources()
    card = known[key].card
    may = permits(key, known)
    out = [f"## {key}\n", f"[{card.name}]({card.home}). {card.summary}\n"]
    out.append(
        f"**Terms**: {card.license} ({card.license_name}). {card.terms} Rows may be passed on: "
        f"{terms(key, known).redistribution}; commercial use: {may.commercial}; changed copies: "
        f"{may.derivatives}; online services: {may.online_services}.\n"
    )
    out.append(f"**Versions**: {'; '.join(card.versions)}\n")
    out.append("**Getting it**:\n")
    out += [f"{number}. {step}" for number, step in enumerate(card.access, 1)]
    out.append("")
    typed = list(access_commands(card))
    if typed:
        lines = [f"# {what}\n{command}" if what else command for what, command in typed]
        out += ["```bash", *lines, "```\n"]
    if card.downloads:
        rows = [
            [f"`{item.file}`", item.what, bytes_told(item.size) if item.size else ""]
            for item in card.downloads
        ]
        out.append(table(["`fetch` downloads", "what it is", "size"], rows))
    rows = [[f"`{f.pattern}`", "" if f.needed else "optional", f.what] for f in card.files]
    out.append(table(["file in the release", "", "what it holds"], rows))
    for parent in card.requires:
        out.append(f"Needs [`{parent}`](#{parent}) beside it.\n")
    for used, lost in card.uses.items():
        out.append(f"Reads [`{used}`](#{used}) too, where it is there; else lost: {lost}.\n")
    if card.counts:
        rows = [[c.what, f"{c.n:,}", c.origin] for c in card.counts]
        out.append(table(["count", "published", "who says so"], rows))
    if card.label_sets:
        rows = [
            [f"`{name}`", len(s.findings), METHODS[s.method], s.blank.replace("_", " ")]
            for name, s in card.label_sets.items()
        ]
        out.append(table(["label set", "findings", "present by", "blank means"], rows))
    out.append(f"**Split**: {card.split}\n")
    if card.overlaps:
        out.append("**Overlaps**:\n")
        out += [
            f"- [`{o.source}`](#{o.source}): {o.how}" if o.source in known
            else f"- {o.source}: {o.how}"
            for o in card.overlaps
        ]  # fmt: skip
        out.append("")
    if card.notes:
        out.append("**Notes**:\n")
        out += [f"- {' '.join(note.split())}" for note in card.notes]
        out.append("")
    out.append(f"**Cite**: {' '.join(card.citation.split())}\n")
    return "\n".join(out)


# ----------------------------------------------------------------------------------- coverage


def coverage_page(pairs: list[PairCoverage]) -> str:
    """The content of ``docs/coverage.md``."""

    def marked(mark: str, **of: str) -> str:
        """The other half of the pairs of a task or source that have a mark."""
        ((field, name),) = of.items()
        other = "source" if field == "task" else "task"
        found = [p for p in pairs if getattr(p, field) == name and p.mark == mark]
        return ", ".join(f"`{getattr(p, other)}`" for p in found)

    known = sources()
    by_task = [
        [
            f"`{name}`",
            "; ".join(NEEDS[need].what for need in task.needs),
            marked("U", task=name),
            marked("+", task=name),
        ]
        for name, task in tasks().items()
    ]
    by_source = [
        [
            f"`{key}`",
            terms(key, known).license,
            ", ".join(f"`{parent}`" for parent in source.card.requires),
            marked("U", source=key),
            marked("+", source=key),
        ]
        for key, source in known.items()
    ]
    left_out = [[f"`{p.task}`", f"`{p.source}`", p.left_out] for p in pairs if p.left_out]
    lacking = [[f"`{p.task}`", f"`{p.source}`"] for p in pairs if p.mark == "?"]
    made = [pair for pair in pairs if pair.rows]
    upstream = [pair for pair in pairs if pair.upstream]
    kept = [pair for pair in made if pair.upstream]
    return f"""# Coverage

This page is written by `docs/generate.py`. `chexinstruct tasks --matrix` prints the grid anew, and
with `--json` all that is here.

A task is asked wherever a study carries what it needs. The synthetic releases show how that turns
out: of them the manifest [`full`](manifest.md#shipped-manifests) makes {
        len(made)
    } pairs of task and
source. The builder of the original CheXinstruct makes {len(upstream)} pairs (manifest
`{UPSTREAM}`); {len(kept)} of these are made here from releases as they are published.

```text
{render_grid(pairs)}
```

## By task

{
        table(
            ["task", "a study carries", "as in the original builder", "here alone"],
            by_task,
        )
    }
## By source

{
        table(
            ["source", "access", "needs beside it", "as in the original builder", "here alone"],
            by_source,
        )
    }
## Left out

Pairs whose studies carry what the task needs, and in which there is nothing to ask all the same:

{table(["task", "source", "why"], left_out)}
## Not from the releases as published

Pairs of the original builder for which the synthetic releases, in the layout of their publishers,
give no row. `chexinstruct sources KEY` says what is missing: the impressions of PadChest need a
table of English translations, which the release has not.

{table(["task", "source"], lacking)}"""


# -------------------------------------------------------------------------------------- tasks

SHOWN = 3
"""Rows of a task that its part shows."""


def tasks_page(lock: Lock, corpus: Path) -> str:
    """The content of ``docs/tasks.md``."""
    parts = [
        """# Tasks

This page is written by `docs/generate.py`. The examples are rows of the demo: the releases are
synthetic, and their texts made up. Each question is one of many phrasings, which
`chexinstruct tasks KEY` counts. Boxes are in the default [dialect](regions.md#dialects).
"""
    ]
    feeding: dict[str, set[str]] = {}
    for line in lock.ledger:
        if line.rows:
            feeding.setdefault(line.task, set()).add(line.source)
    for family, title in FAMILIES.items():
        parts.append(f"## {title[0].upper()}{title[1:]}\n")
        for task in tasks().values():
            if task.family == family:
                fed = ", ".join(f"`{key}`" for key in sorted(feeding.get(task.key, ())))
                parts.append(
                    f"### {task.key}\n\n{inspect.getdoc(task.facts)}\n\n"
                    f"A study carries: {'; '.join(NEEDS[need].what for need in task.needs)}. "
                    f"Fed by {fed}.\n"
                )
                parts += [_example(row) for row in _examples(corpus, task.key)]
    return "\n".join(parts)


def _examples(corpus: Path, task: str) -> list[dict[str, Any]]:
    """Rows of a task: of different forms first, then of different sources."""
    columns = ["id", "source", "form", "image_ids", "instruction", "response"]
    opened = open_corpus(corpus)
    rows = [row for batch in opened.rows(columns, tasks=[task]) for row in batch.to_pylist()]
    found: dict[str, dict[str, Any]] = {}
    for kind in ("form", "source"):
        seen = {row[kind] for row in found.values()}
        for row in rows:
            if row[kind] not in seen and len(found) < SHOWN:
                seen.add(row[kind])
                found.setdefault(row["id"], row)
    return list(found.values())


def _example(row: dict[str, Any]) -> str:
    count = len(row["image_ids"])
    shown = "no picture" if not count else f"{count} picture{'s' * (count > 1)}"
    said = [*_said("Q: ", row["instruction"]), *_said("A: ", row["response"])]
    return "\n".join([f"`{row['source']}`, {shown}:\n", "```text", *said, "```\n"])


def _said(mark: str, text: str) -> list[str]:
    """The lines of a text, the first of them marked."""
    first, *rest = text.splitlines()
    return [mark + first, *(f"   {line}".rstrip() for line in rest)]


# ------------------------------------------------------------------------------------- tables


def sources_table() -> str:
    """The sources, their access and whether rows made of them may be passed on."""
    known = sources()
    rows = []
    for key, source in known.items():
        strict, card = terms(key, known), source.card
        needs = ", ".join(
            [*(f"`{key}`" for key in card.requires), *(f"(`{used}`)" for used in card.uses)]
        )
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


def pages(lock: Lock, corpus: Path) -> dict[Path, str]:
    """What each generated file should hold.

    Args:
        lock: of the demo corpus, which has every source, every task, and the pairs of ``full``.
        corpus: where it is.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = _between(readme, "sources", sources_table())
    readme = _between(readme, "tasks", tasks_table(lock))
    docs = ROOT / "docs"
    return {
        ROOT / "README.md": readme,
        docs / "cli.md": cli_page(),
        docs / "findings.md": findings_page(),
        docs / "sources.md": sources_page(),
        docs / "coverage.md": coverage_page(coverage(lock)),
        docs / "tasks.md": tasks_page(lock, corpus),
    }


def main() -> None:
    """Write all generated pages."""
    with tempfile.TemporaryDirectory() as folder:
        made = demo(Path(folder))
        written = pages(made.lock, Path(made.corpus))
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")
        typer.echo(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
