"""Who is shown by pictures of the RSNA challenge: the RSNA's list, and the match by pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Release
from chexinstruct.shared.rsna_nih import MAPPINGS, MATCHES, is_id, read_matches

ONE, TWO, THREE, FOUR = (f"{n:08x}-1111-4222-8333-{n:012x}" for n in range(1, 5))


def release(folder: Path) -> Release:
    return Release.open(folder, source="any")


def table(folder: Path, *rows: str, header: str = "patientId,nih_image,mse") -> Release:
    (folder / MATCHES).write_text("\n".join([header, *rows]) + "\n")
    return release(folder)


def mapped(folder: Path, *entries: dict[str, Any]) -> Release:
    (folder / MAPPINGS).write_text(json.dumps(entries))
    return release(folder)


def entry(picture: str, nih: str, uid: str) -> dict[str, Any]:
    return {"subset_img_id": picture, "img_id": nih, "SOPInstanceUID": uid, "orig_labels": ["Mass"]}


def test_nothing_is_known_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    assert read_matches(release(tmp_path)).people(ONE) == (f"rsna_pneumonia:{ONE}",)


def test_persons_are_those_of_chestxray14_without_leading_zeros(tmp_path: Path) -> None:
    found = read_matches(
        table(tmp_path, f"{ONE},00000012_003.png,0.5", f"{TWO},00030805_000.png,9")
    )
    assert found.people(ONE) == (f"rsna_pneumonia:{ONE}", "nih_chestxray14:12")
    assert found.people(TWO)[1:] == ("nih_chestxray14:30805",)
    assert found.people(THREE) == (f"rsna_pneumonia:{THREE}",)


@pytest.mark.parametrize(
    ("error", "trusted"), [("10", True), ("10.001", False), ("102.776", False)]
)
def test_matches_of_other_pictures_are_no_links_and_known_of(
    tmp_path: Path, error: str, trusted: bool
) -> None:
    opened = table(tmp_path, f"{ONE},00000012_003.png,{error}", f"{TWO},00000012_003.png,1")
    found = read_matches(opened)
    assert (ONE in found.persons) is trusted and TWO in found.persons
    assert opened.reject_counts == ({} if trusted else {("doubtful_match", True): 1})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{ONE},,0.5", "bad_match"),
        (f"{ONE},12_3.png,0.5", "bad_match"),
        (f"{ONE},00000012_003.png,", "bad_match"),
        (f"{ONE},00000012_003.png,nan", "bad_match"),
        (f"{ONE},00000012_003.png,-1", "bad_match"),
        (f"{TWO},00000099_000.png,0.5", "repeated_match"),
    ],
)
def test_rows_that_say_nothing_are_rejected_by_line(tmp_path: Path, row: str, reason: str) -> None:
    opened = table(tmp_path, f"{TWO},00000012_003.png,1", row)
    found = read_matches(opened)
    assert found.persons == {TWO: "nih_chestxray14:12"}
    assert [(r.reason, r.row, r.expected) for r in opened.rejects] == [(reason, 3, False)]


def test_the_column_may_be_called_as_torchxrayvision_does(tmp_path: Path) -> None:
    opened = table(tmp_path, f"{ONE},00000012_003.png,1", header="patientId,cxr_match,mse")
    assert ONE in read_matches(opened).persons


def test_the_list_of_the_rsna_goes_before_the_match_by_pixels(tmp_path: Path) -> None:
    table(tmp_path, f"{ONE},00000012_003.png,1", f"{TWO},00000013_000.png,1")
    opened = mapped(
        tmp_path, entry(ONE, "00000077_001.png", "1.2.3"), entry(THREE, "00000078_000.png", "1.2.4")
    )
    found = read_matches(opened)
    assert found.persons == {ONE: "nih_chestxray14:77", THREE: "nih_chestxray14:78"}
    assert found.uids == {ONE: "1.2.3", THREE: "1.2.4"}


def test_entries_that_say_nothing_are_rejected(tmp_path: Path) -> None:
    opened = mapped(
        tmp_path,
        entry(ONE, "00000077_001.png", "1.2.3"),
        entry(ONE, "00000078_001.png", "1.2.5"),
        entry(FOUR, "chest.png", "1.2.6"),
    )
    assert read_matches(opened).persons == {ONE: "nih_chestxray14:77"}
    assert [(r.reason, r.expected) for r in opened.rejects] == [
        ("repeated_match", False),
        ("bad_match", False),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"a": "b"}',
        json.dumps([{"subset_img_id": ONE, "img_id": "00000001_000.png"}]),
        json.dumps([{"subset_img_id": ONE, "nih": "00000001_000.png", "SOPInstanceUID": "1.2"}]),
        "not json",
    ],
)
def test_a_list_of_another_form_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / MAPPINGS).write_text(content)
    with pytest.raises(ReleaseError, match=rf"^any: {MAPPINGS}[^\n]*$"):
        read_matches(release(tmp_path))


def test_a_table_of_another_form_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"rsna_nih_matches\.csv, row 1: no column 'mse'"):
        read_matches(table(tmp_path, f"{ONE},00000001_000.png", header="patientId,nih_image"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [(ONE, True), (ONE.upper().replace("1", "A"), False), ("1.2.3.4", False), ("", False)],
)
def test_ids_of_the_challenge_are_told_by_their_form(text: str, expected: bool) -> None:
    assert is_id(text) is expected
