"""The documentation says what the program does: generated parts, fields, columns, links, calls."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.testing import CliRunner

from chexinstruct import __version__
from chexinstruct.access import commands
from chexinstruct.build.asked import asked_tasks, check_names
from chexinstruct.cli import app
from chexinstruct.demo import Demo, demo
from chexinstruct.manifest import (
    Leaks,
    Manifest,
    Mixture,
    OptionStyles,
    Pictures,
    Sampling,
    Shares,
    load_manifest,
)
from chexinstruct.regions import BOX_DIALECTS, CONSENSUS_SCHEMES, format_boxes
from chexinstruct.schema import (
    Example,
    Line,
    Lock,
    MixtureShare,
    Shard,
    SourceAccount,
    arrow_schema,
)
from chexinstruct.schema.lock import Link, SharedPersons, StoredFile
from chexinstruct.shared.anatomy import PLACES
from chexinstruct.source import registry as sources
from chexinstruct.tasks import registry as tasks
from chexinstruct.vocabulary import FINDINGS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return [content for found, content in BLOCK.findall(text) if found == kind]


def table(text: str, heading: str) -> dict[str, list[str]]:
    """The first table under a heading: word in backticks, or first cell -> the other cells."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, heading
    (first, *_) = re.findall(r"(?:^\|.*\n)+", rest.split("\n#")[0] + "\n", re.MULTILINE)
    lines = first.splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    assert rows, heading
    return {first.strip("`").partition("`")[0]: others for first, *others in rows}


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return demo(tmp_path_factory.mktemp("demo"))


# Generated parts


def test_generated_parts_are_current(generate: ModuleType, made: Demo) -> None:
    for path, content in generate.pages(made.lock, Path(made.corpus)).items():
        assert path.read_text(encoding="utf-8") == content, "run python docs/generate.py"


def test_every_finding_place_and_label_set_is_listed() -> None:
    text = page("docs/findings.md")
    assert list(table(text, "## Findings")) == list(FINDINGS)
    assert list(table(text, "## Places")) == list(PLACES)
    listed = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    cards = [(key, name) for key, source in sources().items() for name in source.card.label_sets]
    assert listed == cards


def test_readme_lists_every_source_and_task() -> None:
    text = page("README.md")
    assert table(text, "## Sources").keys() == sources().keys()
    listed = table(text, "## Tasks")
    assert list(listed) == list(tasks())
    assert all(cells[-1] for cells in listed.values()), "a task that nothing feeds"


def test_every_source_has_a_part_with_its_steps_and_commands() -> None:
    text = page("docs/sources.md")
    for key, source in sources().items():
        _, found, rest = text.partition(f"\n## {key}\n")
        part = rest.partition("\n## ")[0]
        assert found, key
        assert all(step in part for step in source.card.access)
        assert all(command in part for _, command in commands(source.card))
        assert all(item.pattern in part for item in source.card.files)
        assert source.card.citation.split()[0] in part


def test_every_task_has_a_part_with_a_row() -> None:
    parts = re.split(r"^### ", page("docs/tasks.md"), flags=re.MULTILINE)[1:]
    assert sorted(part.partition("\n")[0] for part in parts) == sorted(tasks())
    assert all("\nQ: " in part and "\nA: " in part for part in parts)


def test_picture_is_small() -> None:
    assert 10_000 < (DOCS / "examples.jpg").stat().st_size < 300_000


# Commands


def test_every_command_has_help_with_an_example_and_stands_in_its_page(
    generate: ModuleType,
) -> None:
    text = page("docs/cli.md")
    for name, function in generate.commands().items():
        (example,) = generate.EXAMPLE.findall(inspect.getdoc(function))
        words = name.split()
        assert example.split()[1 : 1 + len(words)] == words
        assert f"\n## {name}\n" in text and f"\n{example}\n" in text
        shown = CliRunner().invoke(app, [*words, "--help"])
        assert shown.exit_code == 0
        assert f"Example: {example}" in " ".join(shown.output.split())
        for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", shown.output):
            assert option == "--help" or option in text


def calls() -> list[tuple[str, str]]:
    """Every call of the program in a page's shell blocks."""
    found = []
    for path in PAGES:
        for block in blocks(path.read_text(encoding="utf-8"), "bash"):
            found += [(path.name, line) for line in block.replace("\\\n", " ").splitlines()]
    return [(name, line) for name, line in found if line.startswith("chexinstruct ")]


def test_shown_calls_name_known_commands_and_options(generate: ModuleType) -> None:
    shown = calls()
    assert len(shown) > 15
    known = generate.commands()
    help_texts = {name: CliRunner().invoke(app, [*name.split(), "--help"]).output for name in known}
    for where, line in shown:
        _, verb, *rest = shlex.split(line, comments=True)
        if verb == "--help":
            continue
        if f"{verb} {' '.join(rest[:1])}" in known:  # a verb of a group
            verb = f"{verb} {rest.pop(0)}"
        assert verb in known, (where, line)
        for word in rest:
            if word.startswith("-"):
                assert re.search(rf"(?<![\w-]){word}\b", help_texts[verb]), (where, line)


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    named = {
        line.split()[1]
        for path in PAGES
        for block in blocks(path.read_text(encoding="utf-8"), "bash")
        for line in block.splitlines()
        if line.startswith("make ")
    }
    assert {"demo", "test"} <= named <= targets


# Fields and columns


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (Manifest, "## Fields"),
        (Sampling, "### sampling"),
        (Mixture, "### mixture"),
        (OptionStyles, "### options"),
        (Leaks, "### leaks"),
        (Pictures, "### images"),
        (Shares, "### shares"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_manifest_field_is_documented(model: type[BaseModel], heading: str) -> None:
    rows = table(page("docs/manifest.md"), heading)
    assert rows.keys() == model.model_fields.keys()
    for name, field in model.model_fields.items():
        if field.default is PydanticUndefined:
            assert rows[name][0] == "required"
        elif not isinstance(field.default, BaseModel):
            default = list(field.default) if isinstance(field.default, tuple) else field.default
            assert rows[name][0].strip("`") == json.dumps(default), name


def test_named_schemes_are_documented() -> None:
    text = page("docs/manifest.md")
    for name in (*BOX_DIALECTS, *CONSENSUS_SCHEMES):
        assert f"`{name}`" in text
    assert table(page("docs/labels.md"), "## Several readers").keys() >= set(CONSENSUS_SCHEMES)


def test_manifests_that_are_shown_name_what_there_is(tmp_path: Path) -> None:
    shown = blocks(page("docs/manifest.md"), "yaml")
    assert len(shown) > 3
    for text in shown:
        (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
        manifest = load_manifest(tmp_path / "shown.yaml")
        check_names(manifest, tasks(), sources())
        assert asked_tasks(manifest, tasks())


def test_shipped_manifests_are_listed() -> None:
    text = page("docs/manifest.md")
    shipped = {path.stem for path in (ROOT / "manifests").glob("*.yaml")}
    assert table(text, "## Shipped manifests").keys() == shipped


def spelled(kind: pa.DataType) -> str:
    """A type in the words of the page."""
    if pa.types.is_list(kind):
        return f"list of {spelled(kind.value_type)}"
    if pa.types.is_struct(kind):
        names = ", ".join(kind.field(i).name for i in range(kind.num_fields))
        return f"{{{names}}}"
    return {"string": "text", "double": "number", "int64": "whole number"}[str(kind)]


def test_every_column_is_documented_with_its_type() -> None:
    text = page("docs/corpus.md")
    schema = arrow_schema(Example)
    parts: list[tuple[str, Any]] = [
        ("## Columns", schema),
        ("### regions", schema.field("regions").type.value_type),
        ("### metadata", schema.field("metadata").type),
    ]
    for heading, fields in parts:
        rows = table(text, heading)
        expected = {field.name: spelled(field.type) for field in fields}
        assert {name: cells[0] for name, cells in rows.items()} == expected
        assert list(rows) == list(expected)


def test_every_entry_of_the_lock_is_documented() -> None:
    rows = table(page("docs/corpus.md"), "## The lock")

    def names(model: type[msgspec.Struct]) -> list[str]:
        return [field.name for field in msgspec.structs.fields(model)]

    assert list(rows) == names(Lock)
    parts: dict[str, type[msgspec.Struct]] = {
        "sources": SourceAccount,
        "ledger": Line,
        "shards": Shard,
        "pictures": StoredFile,
        "shared": SharedPersons,
        "links": Link,
        "mixture": MixtureShare,
    }
    for entry, model in parts.items():
        assert re.findall(r"`(\w+)`", rows[entry][0]) == names(model)


def test_dialects_are_shown_as_they_are_written() -> None:
    rows = table(page("docs/regions.md"), "## Dialects")
    box = (0.1234, 0.25, 0.4567, 0.9996)
    assert rows.keys() >= BOX_DIALECTS.keys()
    for name in BOX_DIALECTS:
        written = rows[name][-1].strip("`").replace("\\|", "|")
        assert written == format_boxes([box], name, label="pleural effusion")


# Pages


def anchors(text: str) -> set[str]:
    """What the Hub and GitHub make of the headings."""
    plain = BLOCK.sub("", text)
    headings = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        assert other.is_file(), target
        if anchor:
            assert anchor in anchors(other.read_text(encoding="utf-8")), target


def test_readme_leads_to_every_page() -> None:
    text = page("README.md")
    for path in PAGES:
        name = path.relative_to(ROOT).as_posix()
        assert name == "README.md" or f"({name})" in text


def test_files_that_pages_name_exist() -> None:
    folders = "chexinstruct|sources|templates|manifests|tests|docs|benchmarks"
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(rf"`((?:{folders})/[\w./]+\.(?:py|yaml|md))`", text):
            assert (ROOT / name).is_file(), (path.name, name)


def test_version_is_the_same_everywhere() -> None:
    assert f"\nversion: {__version__}\n" in page("CITATION.cff")
    assert f"\n## {__version__}\n" in page("CHANGELOG.md")


def test_license_is_the_whole_apache_license() -> None:
    text = page("LICENSE")
    assert "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
    assert all(f"\n   {n}. " in text for n in range(1, 10))
