"""The same picture in two sources, under another name and in another file, is one person's."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from build_support import contents, copied, recipe, source
from corpus_support import rows_of
from PIL import Image

from chexinstruct.build import BuildOptions, MissingPictures, build
from chexinstruct.build.link import pairs_to_compare
from chexinstruct.corpus import audit
from chexinstruct.corpus.auditing import COPIES
from chexinstruct.manifest import Manifest
from chexinstruct.schema import Lock
from chexinstruct.schema.lock import Link, SharedPersons
from chexinstruct.synthetic import Pixels, dicom, encode, radiograph

NIH, SIIM = "nih_chestxray14", "siim_pneumothorax"
TASK = "view_classification"
IN_TEST = "00000005_000.png"
"""Of ChestX-ray14's test list."""
STUDY = IN_TEST.removesuffix(".png")


@pytest.fixture
def root(data_root: Path, tmp_path: Path) -> Path:
    return copied(data_root, tmp_path / "data", NIH, SIIM)


def asking(**content: Any) -> Manifest:
    """One row for each picture whose projection is known."""
    content = {"sources": (NIH, SIIM), "link": "pixels", **content}
    return recipe(tasks=(TASK,), sampling={TASK: {"balance": False}}, **content)


def built(root: Path, out: str, link: str = "pixels", **options: Any) -> Lock:
    options = {"on_missing_image": "skip", "cache": root.parent / "cache", **options}
    manifest = asking(link=link)
    return build(manifest, root, root.parent / out, BuildOptions(**options))


def pixels(root: Path, name: str) -> Pixels:
    """A picture of ChestX-ray14."""
    (path,) = (root / NIH).rglob(name)
    return np.asarray(Image.open(path).convert("L"))


def saved_anew(picture: Pixels, size: int = 96, brightness: float = 1.1) -> Pixels:
    """As another source would have it: scaled, brighter, and once more through JPEG."""
    image = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.point(lambda grey: grey * brightness).save(buffer, "JPEG", quality=80)
    return np.asarray(Image.open(buffer))


def dicom_files(root: Path) -> list[Path]:
    """SIIM's labelled pictures, each a patient of its own: sorted by name."""
    found = sorted((root / SIIM).rglob("1.2.276.0.7230010.3.1.4.8323329.*.dcm"))
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in found]
    many = [header.PatientID for header in headers]
    return [p for p, h in zip(found, headers, strict=True) if many.count(h.PatientID) == 1]


def show(path: Path, picture: Pixels) -> str:
    """Put a picture into a DICOM file and keep whose it is; gives its name."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    tags = {"PatientID": header.PatientID, "ViewPosition": header.ViewPosition or "PA"}
    path.write_bytes(dicom(picture, header.SOPInstanceUID, compression="jpeg", **tags))
    return path.name.removesuffix(".dcm")


def sides(corpus: Path) -> dict[str, str]:
    """Split of each study that has rows."""
    return {row["study_id"]: row["split"] for row in rows_of(corpus, ["study_id"])}


def listed(corpus: Path) -> set[tuple[str, str]]:
    """Pairs of pictures in the corpus's list of links."""
    with (corpus / "links" / f"{NIH}-{SIIM}.csv").open(newline="") as file:
        return {(row["picture"], row["other_picture"]) for row in csv.DictReader(file)}


def in_train(root: Path) -> Path:
    """A picture of SIIM that stands in train when nothing is known of whose it is."""
    built(root, "unlinked", link="none")
    split = sides(root.parent / "unlinked")
    return next(p for p in dicom_files(root) if split.get(p.stem) == "train")


def failed(corpus: Path) -> set[str]:
    return {finding.check for finding in audit(corpus).findings if finding.level == "failed"}


def test_a_copy_is_found_and_put_on_the_side_of_its_original(root: Path) -> None:
    path = in_train(root)
    name = show(path, saved_anew(pixels(root, IN_TEST)))
    built(root, "without", link="none")
    without = sides(root.parent / "without")
    assert (without[STUDY], without[name]) == ("test", "train")
    assert failed(root.parent / "without") == {COPIES}

    lock = built(root, "with")
    split = sides(root.parent / "with")
    assert (split[STUDY], split[name]) == ("test", "test")
    assert failed(root.parent / "with") == set()
    assert listed(root.parent / "with") == {(IN_TEST, name)}
    others = without.keys() - {name}
    assert {study: split[study] for study in others} == {s: without[s] for s in others}
    assert lock.shared == [
        SharedPersons(
            sources=[NIH, SIIM],
            persons=1,
            by_pixels=1,
            studies=[1, 1],
            left_out=[{}, {}],
            on_several_sides=0,
        )
    ]
    rows = rows_of(root.parent / "with", ["study_id", "patient"])
    assert len({r["patient"] for r in rows if r["study_id"] in (STUDY, name)}) == 1


def test_pictures_of_other_people_are_not_linked(root: Path) -> None:
    """The samples show 8 and 17 chests, all of them alike and no two the same."""
    lock = built(root, "out")
    assert lock.links == [
        Link(
            sources=[NIH, SIIM],
            compared=[8, 17],
            not_compared=[{"missing_file": 1}, {"missing_file": 1}],
            matches=0,
            equal=0,
        )
    ]
    assert lock.shared == []
    assert listed(root.parent / "out") == set()


def test_copies_tie_persons_through_one_another(root: Path) -> None:
    """Two pictures of one NIH patient make two SIIM patients one."""
    first, second = dicom_files(root)[:2]
    names = [
        show(first, saved_anew(pixels(root, "00000001_000.png"), 128, 0.9)),
        show(second, saved_anew(pixels(root, "00000001_002.png"), 80, 1.0)),
    ]
    lock = built(root, "out")
    (shared,) = lock.shared
    assert (shared.persons, shared.by_pixels, shared.studies) == (1, 1, [3, 2])
    rows = rows_of(root.parent / "out", ["study_id", "patient"])
    assert len({row["patient"] for row in rows if row["study_id"] in names}) == 1


def test_equal_pixels_are_counted_apart(root: Path) -> None:
    """A PNG that holds the same pixels in other bytes becomes the same normalised picture."""
    path = dicom_files(root)[0]
    show(path, pixels(root, IN_TEST))
    again = Image.fromarray(pixels(root, IN_TEST))
    (original,) = (root / NIH).rglob(IN_TEST)
    again.save(original, compress_level=9)
    uncompressed = pydicom.dcmread(path)
    data = dicom(pixels(root, IN_TEST), uncompressed.SOPInstanceUID, PatientID="x")
    path.write_bytes(data)
    (link,) = built(root, "out").links
    assert (link.matches, link.equal) == (1, 1)


def test_a_changed_picture_is_looked_at_anew(root: Path) -> None:
    path = dicom_files(root)[0]
    name = show(path, saved_anew(pixels(root, IN_TEST)))
    built(root, "out")
    assert listed(root.parent / "out") == {(IN_TEST, name)}
    show(path, radiograph(96, 96, 4711))
    lock = built(root, "out")
    assert listed(root.parent / "out") == set()
    assert lock.shared == []
    show(path, saved_anew(pixels(root, "00000002_000.png")))
    built(root, "out")
    assert listed(root.parent / "out") == {("00000002_000.png", name)}


def test_workers_and_a_warm_cache_change_nothing(root: Path) -> None:
    show(dicom_files(root)[0], saved_anew(pixels(root, IN_TEST)))
    built(root, "one")
    built(root, "two", workers=2, cache=root.parent / "other")
    built(root, "warm")
    assert contents(root.parent / "one") == contents(root.parent / "two")
    assert contents(root.parent / "one") == contents(root.parent / "warm")


def test_what_cannot_be_compared_is_counted(root: Path) -> None:
    first, second = dicom_files(root)[:2]
    show(first, np.full((96, 96), 128, dtype=np.uint8))
    second.write_bytes(second.read_bytes()[:600])
    (original,) = (root / NIH).rglob(IN_TEST)
    original.write_bytes(encode(np.zeros((64, 64), np.uint8), ".png"))
    (link,) = built(root, "out").links
    one, other = link.not_compared
    assert one == {"missing_file": 1, "plain_picture": 1}
    assert other.pop("missing_file") == 1
    assert other.pop("plain_picture") == 1
    assert sum(other.values()) == 1  # the file that was cut off, under its own reason
    assert link.matches == 0  # two pictures of nothing are no copies
    (open_,) = [f for f in audit(root.parent / "out").findings if f.check == "overlaps_by_pixels"]
    assert open_.level == "not checked"
    assert f"1 pictures of {NIH} were not compared (plain_picture)" in open_.message


def test_missing_pictures_stop_the_build_before_any_is_decoded(root: Path) -> None:
    with pytest.raises(MissingPictures, match="1 of 9 pictures"):
        built(root, "out", on_missing_image="fail")
    assert not (root.parent / "cache" / "pictures").exists()


def test_pictures_are_decoded_once_for_both_stages(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures stage finds what the link stage made."""
    from chexinstruct.build import pictures

    decoded: list[bytes] = []
    original = pictures.normalise
    monkeypatch.setattr(
        pictures, "normalise", lambda data, *rest: decoded.append(data) or original(data, *rest)
    )
    built(root, "out")
    assert len(decoded) == len(set(decoded)) > 20


def test_without_pictures_the_sources_are_still_linked(root: Path) -> None:
    path = in_train(root)
    name = show(path, saved_anew(pixels(root, IN_TEST)))
    manifest = asking(images={"mode": "none"})
    out = root.parent / "none"
    build(manifest, root, out, BuildOptions(cache=root.parent / "cache"))
    assert sides(out)[name] == "test"
    assert not rows_of(out, ["images"])[0]["images"]


def linked_sources(lock: Lock) -> Sequence[list[str]]:
    return [link.sources for link in lock.links]


def test_only_pairs_whose_cards_say_so_are_compared(data_root: Path, tmp_path: Path) -> None:
    keys = (NIH, SIIM, "slake", "vindr_cxr")
    manifest = asking(sources=keys)
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    lock = build(manifest, data_root, tmp_path / "out", options)
    assert linked_sources(lock) == [[NIH, SIIM], [NIH, "slake"], [SIIM, "slake"]]


def test_pairs_that_ids_should_bring_together_and_do_not_are_compared_too() -> None:
    """A list that joins them may be missing in a release."""
    overlaps = [
        {"source": "joined", "how": "", "by": "people"},
        {"source": "no_list", "how": "", "by": "people"},
        {"source": "copies", "how": "", "by": "pixels"},
        {"source": "absent", "how": "", "by": "pixels"},
        {"source": "words", "how": "", "by": "text"},
        {"source": "same_town", "how": "", "by": "nothing"},
    ]
    persons = {"parent": [1, 2], "joined": [2, 3], "no_list": [4], "copies": [5], "words": [6]}
    persons["same_town"] = [7]
    known = {name: source(name) for name in persons}
    known["parent"] = source("parent", overlaps=overlaps)
    ids = {name: np.array(numbers, dtype=np.uint64) for name, numbers in persons.items()}
    assert pairs_to_compare(ids, known) == [("copies", "parent"), ("no_list", "parent")]
