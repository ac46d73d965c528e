"""MIMIC-III: chest notes out of a table of notes of all kinds."""

from __future__ import annotations

import gzip
import tracemalloc
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from sample_releases import read_release

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.sources.mimic_iii import loader, sample
from chexinstruct.sources.mimic_iii.texts import DUPLICATE, NOTES

read = partial(read_release, "mimic_iii")

CT_NAMES = {
    "CT CHEST W/CONTRAST",
    "CHEST CTA WITH CONTRAST",
    "CT CHEST W/CONT+RECONSTRUCTION",
    "CT CHEST W&W/O C",
    "CTA CHEST W&W/O C &RECONS",
    "CT STEREOTAXIS CHEST W/ CONTRAST",
    "CTA CHEST W&W/O C&RECONS, NON-CORONARY",
    "CT CHEST W/CONTRAST W/ONC TABLE",
    "CT CHEST W/O CONTRAST W/ONC TABLES",
    "P CTA CHEST W&W/O C&RECONS, NON-CORONARY PORT",
    "CT CHEST AND ABDOMEN W/O CONTRAST",
}
NOTE = "FINAL REPORT\n FINDINGS:  Clear lungs.\n IMPRESSION:  Normal."


def row(number: int, text: str = NOTE, **cells: str) -> str:
    """A line of the table, as ``sample.HEADER`` names its cells."""
    given = {
        "subject": "7",
        "date": "2150-01-01",
        "time": "2150-01-01 08:00:00",
        "category": "Radiology",
        "description": "CHEST (PORTABLE AP)",
        "error": "",
    } | cells
    quoted = text.replace('"', '""')
    return (
        f'{number},{given["subject"]},,"{given["date"]}","{given["time"]}",,"{given["category"]}",'
        f'"{given["description"]}",,{given["error"]},"{quoted}"\n'
    )


def write(folder: Path, *rows: str) -> Path:
    path = folder / "NOTEEVENTS.csv"
    path.write_text(sample.HEADER + "\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("variant", sample.VARIANTS)
def test_every_layout_gives_the_same_notes(tmp_path: Path, variant: str) -> None:
    sample.write(tmp_path / "first")
    sample.write(tmp_path / "other", variant)
    first, _ = read(tmp_path / "first")
    other, release = read(tmp_path / "other")
    assert [(s.id, s.order, s.people, s.selection) for s in other.values()] == [
        (s.id, s.order, s.people, s.selection) for s in first.values()
    ]
    assert [s.report.sections for s in other.values() if s.report] == [
        s.report.sections for s in first.values() if s.report
    ]
    assert release.reject_counts == {
        ("not_radiology", True): 2,
        ("other_examination", True): 2,
        ("other_chest_examination", True): 2,
        ("withdrawn", True): 1,
        ("duplicate_note", True): 1,
        ("no_final_report", True): 1,
        ("unpaired_page_break", True): 1,
        ("several_impressions", True): 1,
        ("several_findings", True): 1,
        ("no_findings_or_impression", True): 1,
        ("bad_time", False): 1,
    }
    # All rows are told: a study or a reject. The date that cannot be read costs no study.
    assert len(other) + sum(release.reject_counts.values()) - 1 == len(NOTES)


def test_studies_are_texts_of_a_person_with_a_place_in_time(tmp_path: Path) -> None:
    sample.write(tmp_path)
    studies, _ = read(tmp_path)
    assert not any(s.images or s.split or s.labels for s in studies.values())
    later, earlier = studies["700001"], studies["700002"]
    assert earlier.people == later.people == ("mimic_iii:101",)
    assert earlier.order and later.order and earlier.order < later.order
    timeless = studies["700007"]
    assert timeless.order == "2188-01-15 00:00:00 00700007"
    assert studies["700033"].order is None
    # The same words in two persons are two notes; in one they are one.
    assert {"700017", "700018"} <= studies.keys()
    assert str(sample.FIRST_ROW_ID + NOTES.index(DUPLICATE)) not in studies


def test_sections_and_the_whole_note_are_kept(tmp_path: Path) -> None:
    sample.write(tmp_path)
    report = read(tmp_path)[0]["700008"].report
    assert report is not None
    assert report.modality == "CT"
    assert "partly thrombosed. There is a small left pleural" in report.sections["findings"]
    assert report.raw is not None and "(Over)" in report.raw and "[**2145-09-30**]" in report.raw
    noted = read(tmp_path)[0]["700012"].report
    assert noted is not None and 'with a "tail" to the pleura' in noted.sections["findings"]


def test_rules_of_selection_are_named(tmp_path: Path) -> None:
    sample.write(tmp_path)
    studies, _ = read(tmp_path)
    kinds = Counter((s.selection, s.report.modality) for s in studies.values() if s.report)
    assert kinds == {
        ("mimic_rrs_ct_chest", "CT"): 6,
        ("chest_radiograph_by_name", "radiograph"): 14,
    }


def test_the_ct_group_is_that_of_mimic_rrs() -> None:
    assert loader.CT_CHEST == CT_NAMES
    assert {loader.examined(name) for name in CT_NAMES} == {"CT"}


@pytest.mark.parametrize(
    "name",
    [
        "CHEST (PORTABLE AP)",
        "CHEST (PA & LAT)",
        "CHEST (PA & LAT) PORT",
        "P CHEST (PORTABLE AP) PORT",
        "CHEST PORT. LINE PLACEMENT",
        "CHEST (PRE-OP PA & LAT)",
        "CHEST (SINGLE VIEW) IN O.R.",
        "CHEST (APICAL LORDOTIC ONLY)",
        "CHEST (LAT DECUB ONLY)",
        "CHEST, PA, LAT & OBLIQUES",
        "CHEST SGL VIEW/LINE PLACEMENT",
        "TRAUMA #3 (PORT CHEST ONLY)",
        "BABYGRAM (CHEST ONLY)",
        "Portable Chest",
    ],
)
def test_names_of_chest_radiographs(name: str) -> None:
    assert loader.examined(name) == "radiograph"


@pytest.mark.parametrize(
    "name",
    [
        "CT CHEST W/O CONTRAST",  # not in the group
        "CT CHEST W/CONTRAST ",
        "ct chest w/contrast",
        "CHEST U.S.",
        "CHEST FLUORO WITHOUT RADIOLOGIST",
        "BABYGRAM (CHEST & ABD)",
        "TRAUMA #2 (AP CXR & PELVIS PORT)",
        "RIB BILAT, W/AP CHEST",
        "MR CHEST W/O CONTRAST",
        "PORTABLE ABDOMEN",
        "PORTABLE AP",
        "CT HEAD W/O CONTRAST",
        "",
    ],
)
def test_names_of_other_examinations(name: str) -> None:
    assert loader.examined(name) is None


def test_white_space_around_a_cell_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path, row(1, category="Radiology ", description="CT CHEST W/CONTRAST "))
    assert list(read(tmp_path)[0]) == ["1"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"category": "Nursing"}, ("not_radiology", True)),
        ({"description": "CT HEAD W/O CONTRAST"}, ("other_examination", True)),
        ({"description": "CHEST U.S."}, ("other_chest_examination", True)),
        ({"error": "1"}, ("withdrawn", True)),
        ({"subject": "x7"}, ("bad_id", False)),
    ],
)
def test_rows_are_set_aside_under_a_reason(
    tmp_path: Path, cells: dict[str, str], reason: tuple[str, bool]
) -> None:
    write(tmp_path, row(1, **cells), row(2))
    studies, release = read(tmp_path)
    assert list(studies) == ["2"]
    assert release.reject_counts == {reason: 1}


@pytest.mark.parametrize(
    ("date", "time", "order"),
    [
        ("2150-01-02", "2150-01-02 09:30:00", "2150-01-02 09:30:00 00000001"),
        ("2150-01-02T00:00:00", "2150-01-02T09:30:00", "2150-01-02 09:30:00 00000001"),
        ("2150-01-02 00:00:00", "", "2150-01-02 00:00:00 00000001"),
        ("1/2/2150", "", None),
        ("2150-01-02", "9.30", None),
        ("", "", None),
    ],
)
def test_dates_are_read_as_databases_write_them(
    tmp_path: Path, date: str, time: str, order: str | None
) -> None:
    write(tmp_path, row(1, date=date, time=time))
    studies, release = read(tmp_path)
    assert studies["1"].order == order
    assert release.reject_counts == ({} if order else {("bad_time", False): 1})


def test_rejects_quote_no_note(tmp_path: Path) -> None:
    secret = "FINAL REPORT\n FINDINGS:  SECRET.\n IMPRESSION:  A.\n IMPRESSION:  SECRET."
    write(tmp_path, row(1, secret), row(2, "SECRET"), row(3, NOTE + " SECRET", error="1"))
    _, release = read(tmp_path)
    assert len(release.rejects) == 3
    assert not any("SECRET" in reject.detail for reject in release.rejects)


def test_a_table_that_ends_inside_a_note_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, row(1), row(2))
    path.write_bytes(path.read_bytes()[:-4])
    studies, release = read(tmp_path)
    assert list(studies) == ["1"]
    assert release.reject_counts == {("unclosed_quote", False): 1}


def test_a_download_cut_short_is_one_line(tmp_path: Path) -> None:
    sample.write(tmp_path)
    packed = next(tmp_path.rglob("NOTEEVENTS.csv.gz"))
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ReleaseError, match=r"NOTEEVENTS\.csv\.gz: empty, damaged or cut short"):
        read(tmp_path)


def test_a_table_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "NOTEEVENTS.csv").write_text("ROW_ID,SUBJECT_ID,TEXT\n1,2,x\n")
    with pytest.raises(ReleaseError, match="no column 'CHARTDATE' or 'chartdate'"):
        read(tmp_path)


def test_memory_does_not_grow_with_the_notes(tmp_path: Path) -> None:
    """What is kept of a note is a number."""
    words = "The lungs are clear and the heart is of normal size. " * 80
    with gzip.open(tmp_path / "NOTEEVENTS.csv.gz", "wt", compresslevel=1) as table:
        table.write(sample.HEADER + "\n")
        for i in range(2_000):
            table.write(row(i, f"{NOTE} {i}\n {words}", subject=str(i // 3)))
    tracemalloc.start()
    with Release.open(tmp_path, source="mimic_iii") as release:
        count = sum(1 for _ in loader.studies(release, {}))
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 2_500_000, "the notes have 8 MB"
