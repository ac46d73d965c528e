"""The contract of sources is kept by its checks: a source that breaks it fails one of them.

Each case is a sound source of another package with one thing changed, found by its entry point.
"""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import test_contract_sources as contract
from sample_releases import Samples

from chexinstruct.source import registry
from chexinstruct.synthetic import save

CARD = """
key: KEY
name: Toy
summary: Pictures of nobody.
home: https://example.org/toy
versions: ["1"]
license: open
license_name: none asked
terms: Free for all.
redistribution: "yes"
access: [Ask example.org.]
citation: Nobody. Toy pictures. 2024.
files:
  - {pattern: toy.csv, what: everything}
  - {pattern: "*.png", what: pictures, needed: false}
editions:
  - {name: "1", rows: {toy.csv: 5}, origin: made up}
label_sets:
  readers:
    findings: [pneumothorax, edema]
    kind: multi
    method: reader
    blank: absent
    drawn: some
    shape: box
split: none
"""

LOADER = '''
"""Toy."""

from chexinstruct.schema import Image, Label, Origin, Region, Report, Study

COLUMNS = {name: name for name in ("id", "patient", "finding", "text")}
RUNS = []


def studies(release, parents):
    table = release.find("toy.csv")
    pictures = release.pictures()
    rows = list(release.table(table, COLUMNS))
    for row in rows:
        if not row["patient"]:
            release.reject(table, row.line, "no_patient", "whose picture it is is not told")
            continue
        found = row["finding"]
        image, path = row["id"], pictures.get(row["id"])
        yield Study(
            source=release.source,
            id=row["id"],
            people=(f"{release.source}:{row['patient']}",),
            images=(Image(key=image, path=path, view="PA", view_source="table"),),
            report=Report(sections={"findings": row["text"]}),
            label_sets=("readers",),
            labels=(Label(finding=found),) if found else (),
            regions=(
                Region(image=image, shape="box", box=(1, 2, 9, 8), frame=(32, 32), label=found),
            ) if found else (),
            origin=Origin(file=table, row=row.line),
        )
'''

SAMPLE = '''
"""Toy."""

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("official", "flat")
TEXTS = ("There is a small left pneumothorax.", "The lungs are clear.", "Mild edema is seen.")
FINDINGS = ("pneumothorax", "", "edema")


def write(folder, variant="official"):
    rows = [f"s{n},p{n // 2},{FINDINGS[n % 3]},{TEXTS[n % 3]}" for n in range(6)]
    rows.append("s6,,,The heart is large.")
    save(folder, {"toy.csv": "\\\\n".join(["id,patient,finding,text", *rows])})
    place = "pictures/" if variant == "official" else ""
    for n in range(5):
        save(folder, {f"{place}s{n}.png": encode(radiograph(32, 32, n), ".png")})
'''.replace("\\\\", "\\")


@dataclass(frozen=True)
class Case:
    """One change of one file, and the checks that have to notice it."""

    file: str
    old: str
    new: str
    caught: frozenset[str]


def case(file: str, old: str, new: str, *caught: str) -> Case:
    return Case(file, old, new, frozenset(caught))


SAME_TABLE = "test_studies_fit_the_schema_and_survive_the_study_table"

BROKEN = {
    "a duplicate id": case(
        "loader.py",
        'id=row["id"],',
        'id=row["patient"],',
        "test_ids_and_picture_keys_are_unique",
        SAME_TABLE,  # the builder refuses it as well
    ),
    "a picture in two studies": case(
        "loader.py",
        'image, path = row["id"], pictures.get(row["id"])',
        'image, path = row["patient"], pictures.get(row["id"])',
        "test_ids_and_picture_keys_are_unique",
    ),
    "a region in a picture of another study": case(
        "loader.py",
        "Region(image=image,",
        'Region(image=rows[0]["id"],',
        "test_pictures_are_those_of_the_study",
    ),
    "a region without a size": case(
        "loader.py", "box=(1, 2, 9, 8)", "box=(9, 2, 9, 8)", "test_regions_are_what_they_say"
    ),
    "a text with blanks around it": case(
        "loader.py",
        '{"findings": row["text"]}',
        '{"findings": row["text"] + " "}',
        "test_texts_have_no_outer_blanks_and_are_never_empty",
    ),
    "an empty section": case(
        "loader.py",
        '{"findings": row["text"]}',
        '{"findings": row["text"], "impression": ""}',
        "test_texts_have_no_outer_blanks_and_are_never_empty",
    ),
    "a section of an unknown name": case(
        "loader.py",
        '{"findings": row["text"]}',
        '{"Findings": row["text"]}',
        "test_sections_are_known_and_hold_text",
    ),
    "an absent finding outside the label set": case(
        "loader.py",
        "(Label(finding=found),) if found else ()",
        '(Label(finding="fracture", state="absent"),)',
        "test_labels_belong_to_a_label_set_that_was_applied",
    ),
    "labels of a set that was not applied": case(
        "loader.py",
        'label_sets=("readers",),',
        "label_sets=(),",
        "test_labels_belong_to_a_label_set_that_was_applied",
        "test_every_label_set_is_applied_somewhere",
        "test_regions_are_what_they_say",
    ),
    "a sample that changes from run to run": case(
        "sample.py",
        "radiograph(32, 32, n)",
        'radiograph(32, 32, __import__("secrets").randbelow(10**9))',
        "test_sample_is_the_same_bytes_every_time",
        "test_sample_without_a_variant_is_the_publishers_layout",
    ),
    "a sample that lacks no picture": case(
        "sample.py", "range(5)", "range(6)", "test_sample_lacks_a_picture_and_holds_others"
    ),
    "a loader that opens pixels": case(
        "loader.py",
        'text"]}),',
        'text"]}),\n            codes=(str(sum(release.read(path)[33:])) if path else "0",),',
        "test_pixels_are_never_looked_at",
    ),
    "a loader that knows where the release lies": case(
        "loader.py",
        'text"]}),',
        'text"]}),\n            codes=(release.location,),',
        "test_other_place_gives_the_same_studies",
        "test_pixels_are_never_looked_at",  # which reads a copy elsewhere
    ),
    "a loader that keeps a state": case(
        "loader.py",
        'text"]}),',
        'text"]}),\n            codes=(str(RUNS.append(1) or len(RUNS)),),',
        "test_other_place_gives_the_same_studies",
        "test_pixels_are_never_looked_at",
        SAME_TABLE,
    ),
    "a path that is not in the release": case(
        "loader.py",
        'pictures.get(row["id"])',
        'pictures.get(row["id"]) and f"{row[\'id\']}.jpg"',
        "test_pictures_lie_in_the_release_that_is_named",
    ),
    "a person without a name space": case(
        "loader.py",
        "people=(f\"{release.source}:{row['patient']}\",)",
        'people=(row["patient"],)',
        "test_people_are_spaces_and_ids",
    ),
    "a picture of nobody": case(
        "loader.py",
        "people=(f\"{release.source}:{row['patient']}\",)",
        "people=()",
        "test_people_are_spaces_and_ids",
    ),
    "a split without an origin": case(
        "loader.py",
        'label_sets=("readers",),',
        'label_sets=("readers",), split="test",',
        "test_splits_say_where_they_come_from",
        "test_sample_has_every_split_of_the_release",
    ),
    "an order that does not compare as text": case(
        "loader.py",
        'label_sets=("readers",),',
        'label_sets=("readers",), order=str(9 + int(row["id"][1:]) % 2),',
        "test_order_compares_as_text",
    ),
    "an age of 200 years": case(
        "loader.py",
        'label_sets=("readers",),',
        'label_sets=("readers",), age=200,',
        "test_facts_of_the_patient_are_plausible",
    ),
    "a reject that quotes a report": case(
        "loader.py",
        '"whose picture it is is not told"',
        'rows[0]["text"]',
        "test_rejects_name_a_file_and_quote_no_report",
    ),
    "an origin outside the release": case(
        "loader.py",
        "origin=Origin(file=table,",
        'origin=Origin(file="table.csv",',
        "test_origin_is_a_file_of_the_release",
    ),
    "a release that is empty without a word": case(
        "loader.py",
        'release.find("toy.csv")\n',
        'release.find("toy.csv", required=False)\n    if table is None:\n        return\n',
        "test_empty_folder_is_one_clear_error",
    ),
    "a name that is not canonical": case(
        "card.yaml",
        "findings: [pneumothorax, edema]",
        "findings: [pneumothorax, edema, Effusion]",
        "test_label_sets_use_canonical_names",
    ),
    "a file that no layout has": case(
        "card.yaml",
        'pattern: "*.png"',
        'pattern: "*.jpg"',
        "test_files_of_the_card_are_those_of_the_releases",
    ),
    "a citation without a year": case(
        "card.yaml",
        "Toy pictures. 2024.",
        "Toy pictures.",
        "test_card_tells_all_that_a_user_needs",
    ),
}


def install(site: Path, name: str, change: Case | None) -> None:
    """A package with one source, which the registry finds once ``site`` is on the path."""
    texts = {"card.yaml": CARD.replace("KEY", name), "loader.py": LOADER, "sample.py": SAMPLE}
    if change:
        before = texts[change.file]
        assert before.count(change.old) >= 1, "the case changes nothing"
        texts[change.file] = before.replace(change.old, change.new)
    package = f"package_{name}"
    save(
        site,
        {
            f"{package}/__init__.py": "",
            f"{package}/{name}/__init__.py": "",
            **{f"{package}/{name}/{file}": text for file, text in texts.items()},
            f"{package}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {package}\n"
            "Version: 1.0\n",
            f"{package}-1.0.dist-info/entry_points.txt": "[chexinstruct.sources]\n"
            f"{name} = {package}.{name}\n",
        },
    )


def checks() -> dict[str, Callable[..., None]]:
    """All checks of the contract."""
    return {
        name: check
        for name, check in vars(contract).items()
        if name.startswith("test_") and inspect.isfunction(check)
    }


def failed(name: str, home: Path) -> set[str]:
    """The checks that a source fails, in any of its layouts."""
    source = registry()[name]
    samples = Samples(home / "samples")
    samples.home.mkdir()
    found = set()
    for title, check in checks().items():
        wanted = inspect.signature(check).parameters
        variants = source.sample.VARIANTS if "loaded" in wanted else ("official",)
        for number, variant in enumerate(variants):
            folder = home / f"{title}-{number}"
            folder.mkdir()
            try:
                given: dict[str, Any] = {
                    "source": source,
                    "samples": samples,
                    "loaded": samples.load(name, variant),
                    "official": samples.load(name),
                    "tmp_path": folder,
                }
                check(**{each: given[each] for each in wanted})
            except (Exception, pytest.fail.Exception):
                found.add(title)
            shutil.rmtree(folder)
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_a_sound_source_of_another_package_passes(site: Path, tmp_path: Path) -> None:
    install(site, "toy_sound", None)
    assert len(checks()) > 25
    assert failed("toy_sound", tmp_path) == set()


@pytest.mark.parametrize("title", BROKEN)
def test_a_broken_source_fails(title: str, site: Path, tmp_path: Path) -> None:
    name = "toy_" + title.replace(" ", "_")
    install(site, name, BROKEN[title])
    assert failed(name, tmp_path) == BROKEN[title].caught
