"""What a build says and leaves behind when its input, its recipe or the machine is at fault."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pydicom
import pytest
from build_support import contents, copied, recipe
from datasets import load_dataset

from chexinstruct.build import BuildOptions, MissingPictures, build
from chexinstruct.build.inputs import MissingInputs
from chexinstruct.check import check
from chexinstruct.config import ConfigError, shipped
from chexinstruct.errors import CallError, ChexinstructError, ReleaseError
from chexinstruct.schema import LOCK, Lock, SourceAccount
from chexinstruct.source import registry
from chexinstruct.sources.nih_chestxray14 import sample as nih
from chexinstruct.sources.siim_pneumothorax import sample as siim
from chexinstruct.synthetic import encode, radiograph, save

NIH = "nih_chestxray14"
ALL_VIEWS = {"view_classification": {"balance": False}}
VIEWS = {"sources": [NIH], "tasks": ["view_classification"], "sampling": ALL_VIEWS}
SEVERAL = {
    "sources": [NIH],
    "tasks": ["abnormality_grounding", "view_classification"],
    "sampling": ALL_VIEWS,
}


@pytest.fixture
def data(data_root: Path, tmp_path: Path) -> Path:
    """A data root with NIH ChestX-ray14, to be damaged."""
    return copied(data_root, tmp_path / "data", NIH)


def made(data: Path, tmp_path: Path, manifest: dict[str, Any] = VIEWS, **options: Any) -> Lock:
    options = {"on_missing_image": "skip", "cache": tmp_path / "cache", **options}
    return build(recipe(**manifest), data, tmp_path / "out", BuildOptions(**options))


def refused(
    kind: type[ChexinstructError], data: Path, tmp_path: Path, *args: Any, **options: Any
) -> str:
    """The message of a build that fails and leaves no corpus."""
    with pytest.raises(kind) as caught:
        made(data, tmp_path, *args, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert not (tmp_path / "out" / LOCK).exists()
    assert not list((tmp_path / "out").rglob("*.parquet"))
    return message


def account(lock: Lock, source: str) -> SourceAccount:
    return next(account for account in lock.sources if account.source == source)


def rejects(tmp_path: Path, source: str) -> list[dict[str, Any]]:
    lines = (tmp_path / "out" / "rejects" / f"{source}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def table_of(data: Path) -> Path:
    return data / NIH / "Data_Entry_2017_v2020.csv"


def picture(data: Path, name: str) -> Path:
    return next((data / NIH).rglob(name))


def many(data: Path, count: int, findings: str = "Hernia", good: bool = True) -> None:
    """Let the release hold that many patients of one picture each."""
    rows = [
        f"{n:08d}_000.png,{findings},0,{n},50,F,PA,64,64,0.1,0.1" for n in range(100, 100 + count)
    ]
    table_of(data).write_text("\n".join([nih.HEADER, *rows]) + "\n")
    (data / NIH / "train_val_list.txt").unlink()
    content = encode(radiograph(64, 64, 1), ".png") if good else b"no picture"
    save(data / NIH, {f"images/{row.split(',')[0]}": content for row in rows})


# Pictures


def test_missing_pictures_stop_the_build_unless_they_may_be_skipped(
    data: Path, tmp_path: Path
) -> None:
    message = refused(MissingPictures, data, tmp_path, on_missing_image="fail")
    assert f"{NIH}: 1 of 9 pictures" in message
    assert nih.MISSING in message
    lock = made(data, tmp_path)
    assert account(lock, NIH).missing_pictures == 1
    (line,) = [entry for entry in lock.ledger if entry.split == "test"]
    assert line.study_reasons == {"no_images": 1}


def test_a_corpus_without_pictures_misses_none(data: Path, tmp_path: Path) -> None:
    manifest = {**VIEWS, "images": {"mode": "none"}}
    for path in (data / NIH).rglob("*.png"):
        path.unlink()
    lock = made(data, tmp_path, manifest, on_missing_image="fail")
    assert sum(shard.rows for shard in lock.shards) > 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated_image"),
        (lambda data: b"<html>404 Not Found</html>", "not_an_image"),
        (lambda data: b"", "empty_file"),
    ],
    ids=["truncated", "text", "empty"],
)
def test_a_bad_picture_is_counted_and_the_build_goes_on(
    data: Path, tmp_path: Path, content: Any, reason: str
) -> None:
    path = picture(data, "00000001_001.png")
    path.write_bytes(content(path.read_bytes()))
    lock = made(data, tmp_path)
    assert account(lock, NIH).bad_pictures == {reason: 1}
    lost = [r for line in lock.ledger for r in line.candidate_reasons.items()]
    assert lost == [(reason, 1)]
    told = [r for r in rejects(tmp_path, NIH) if r["reason"] == reason]
    assert [r["file"] for r in told] == [path.relative_to(data / NIH).as_posix()]
    studies = [
        study
        for file in (tmp_path / "out" / "data").rglob("*.parquet")
        for study in pq.read_table(file, columns=["study_id"])["study_id"].to_pylist()
    ]
    assert "00000001_000" in studies
    assert "00000001_001" not in studies


def test_a_split_that_loses_all_its_rows_does_not_hide_the_others(
    data: Path, tmp_path: Path
) -> None:
    picture(data, "00000005_000.png").write_bytes(b"no picture")
    lock = made(data, tmp_path)
    rows = {shard.name.partition("/")[2].partition("-")[0]: shard.rows for shard in lock.shards}
    assert rows["test"] == 0
    loaded = load_dataset(str(tmp_path / "out"), "view_classification")
    assert {split: len(part) for split, part in loaded.items()} == {
        split: n for split, n in rows.items() if n
    }


def test_a_dicom_file_without_pixels_is_counted(data_root: Path, tmp_path: Path) -> None:
    data = copied(data_root, tmp_path / "data", "siim_pneumothorax")
    path = next(data.rglob(f"{siim.image_id('rectangle')}.dcm"))
    file = pydicom.dcmread(path)
    del file.PixelData
    buffer = io.BytesIO()
    file.save_as(buffer)
    path.write_bytes(buffer.getvalue())
    manifest = {"sources": ["siim_pneumothorax"], "tasks": ["pneumothorax_segmentation"]}
    lock = made(data, tmp_path, manifest)
    assert account(lock, "siim_pneumothorax").bad_pictures == {"no_pixel_data": 1}
    assert sum(shard.rows for shard in lock.shards) > 0


def test_too_many_bad_pictures_stop_the_build(data: Path, tmp_path: Path) -> None:
    many(data, 21, good=False)
    message = refused(ChexinstructError, data, tmp_path)
    assert f"{NIH}: 21 of 21 pictures cannot be read, more than the 20 allowed" in message
    assert "00000100_000.png: not_an_image" in message


def test_twenty_bad_pictures_are_counted(data: Path, tmp_path: Path) -> None:
    many(data, 20, good=False)
    assert account(made(data, tmp_path), NIH).bad_pictures == {"not_an_image": 20}


def test_a_file_that_cannot_be_read_is_tried_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its permissions may have been mended, and the file's time stamp tells nothing of them."""
    from chexinstruct.release import Release

    read = Release.read

    def failing(self: Release, path: str) -> bytes:
        if path.endswith("00000001_001.png"):
            raise PermissionError(13, "Permission denied")
        return read(self, path)

    monkeypatch.setattr(Release, "read", failing)
    lock = made(data, tmp_path)
    assert account(lock, NIH).bad_pictures == {"unreadable_file": 1}
    rows = sum(shard.rows for shard in lock.shards)
    monkeypatch.undo()
    lock = made(data, tmp_path)
    assert account(lock, NIH).bad_pictures == {}
    assert sum(shard.rows for shard in lock.shards) == rows + 1
    undisturbed = tmp_path / "undisturbed"
    made(data, undisturbed)
    assert contents(tmp_path / "out") == contents(undisturbed / "out")


# Tables


def test_a_table_without_a_column_is_told(data: Path, tmp_path: Path) -> None:
    table = table_of(data)
    table.write_text(table.read_text().replace("Finding Labels", "Labels"))
    message = refused(ReleaseError, data, tmp_path)
    assert message.startswith(f"{NIH}: Data_Entry_2017_v2020.csv")
    assert "Finding Labels" in message


def test_too_many_rejected_rows_stop_the_build(data: Path, tmp_path: Path) -> None:
    many(data, 21, findings="Sunburn")
    message = refused(ReleaseError, data, tmp_path)
    assert message.startswith(f"{NIH}: Data_Entry_2017_v2020.csv, row 2: 21 rows rejected")
    assert "more than the 20 allowed (21 unknown_finding" in message
    assert refused(ReleaseError, data, tmp_path) == message, "told again, from the cache"


def test_rejected_rows_are_counted_and_listed(data: Path, tmp_path: Path) -> None:
    table = table_of(data)
    table.write_text(table.read_text().replace(",Hernia,", ",Sunburn,"))
    lock = made(data, tmp_path)
    assert account(lock, NIH).rejects == {"unknown_finding": 1}
    assert {"file": table.name, "row": 9, "reason": "unknown_finding"}.items() <= next(
        r.items() for r in rejects(tmp_path, NIH) if r["reason"] == "unknown_finding"
    )


def test_two_studies_of_one_id_are_told(data: Path, tmp_path: Path) -> None:
    table = table_of(data)
    lines = table.read_text().splitlines()
    # The loader counts doubled rows itself, so the clash is made from names that share a stem.
    lines.append(lines[1].replace("00000001_000.png", "00000001_000"))
    table.write_text("\n".join(lines) + "\n")
    message = refused(ReleaseError, data, tmp_path)
    assert "00000001_000 stands there twice" in message


# Inputs


def test_a_source_without_its_parent_says_where_the_parent_is_to_be_had(
    data_root: Path, tmp_path: Path
) -> None:
    data = copied(data_root, tmp_path / "data", NIH, "ms_cxr")
    manifest = {"sources": [NIH, "ms_cxr"], "tasks": ["view_classification", "phrase_grounding"]}
    message = refused(MissingInputs, data, tmp_path, manifest)
    assert f"ms_cxr not found: mimic_cxr at {data}/mimic_cxr" in message
    assert "physionet" in message.lower()
    assert "mimic-cxr-*-metadata.csv" in message and "mimic-cxr-*-split.csv" in message
    assert f"--available builds {NIH}" in message
    lock = made(data, tmp_path, manifest, available=True)
    assert [account.source for account in lock.sources] == [NIH]
    assert set(lock.skipped_sources) == {"ms_cxr"}
    assert "ms_cxr was left out" in (tmp_path / "out" / "README.md").read_text()


def test_a_source_reads_what_it_uses_where_it_is_there(data_root: Path, tmp_path: Path) -> None:
    """RadNLI has train pairs beside MIMIC-CXR, which itself is not asked about."""
    manifest = {"sources": ["radnli"], "tasks": ["natural_language_inference"]}
    both = copied(data_root, tmp_path / "both", "radnli", "mimic_cxr")
    lock = made(both, tmp_path / "with", manifest)
    assert [account.source for account in lock.sources] == ["radnli"]
    assert account(lock, "radnli").splits["train"] > 0
    lost = "without_mimic_cxr"
    assert lost not in account(lock, "radnli").expected_rejects
    alone = copied(data_root, tmp_path / "alone", "radnli")
    lock = made(alone, tmp_path / "without", manifest)
    assert account(lock, "radnli").splits.get("train", 0) == 0
    assert account(lock, "radnli").expected_rejects[lost] > 0
    (found,) = check(str(alone), registry())
    assert found.usable
    assert any(
        "mimic_cxr is not there (optional): the train pairs" in told for told in found.problems
    )
    assert not any(
        "is not there" in told for c in check(str(both), registry()) for told in c.problems
    )


def test_all_missing_releases_are_told_at_once(data: Path, tmp_path: Path) -> None:
    message = refused(MissingInputs, data, tmp_path, {"sources": ["openi", "radnli", NIH]})
    assert f"openi not found: openi at {data}/openi" in message
    assert f"radnli not found: radnli at {data}/radnli" in message


def test_an_empty_data_root_is_told(tmp_path: Path) -> None:
    message = refused(MissingInputs, tmp_path / "none", tmp_path, {"sources": "all"})
    assert f"no release to build from in {tmp_path / 'none'}" in message


def test_a_release_may_lie_elsewhere(data: Path, tmp_path: Path) -> None:
    (data / NIH).rename(tmp_path / "elsewhere")
    lock = made(data, tmp_path, source_dirs={NIH: str(tmp_path / "elsewhere")})
    assert account(lock, NIH).studies == 9


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"tasks": ["view_clasification"]}, "unknown task 'view_clasification'"),
        ({"sources": ["nih"]}, "unknown source 'nih'"),
        ({"sampling": {"view_clasification": {"cap": 1}}}, "'view_clasification' is no task"),
        ({"sampling": {"view_classification/nih": {"cap": 1}}}, "view_classification/nih"),
        ({"templates": "no/such/folder"}, "no/such/folder is not a folder"),
    ],
)
def test_unknown_names_are_told(
    data: Path, tmp_path: Path, manifest: dict[str, Any], words: str
) -> None:
    assert words in refused(CallError, data, tmp_path, {**VIEWS, **manifest})


# Templates


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ ''.__class__ }}",
        "{{ options.__class__.__mro__ }}",
        "{% for i in 'aaaaaaaaaa' %}{% for j in 'aaaaaaaaaa' %}x{% endfor %}{% endfor %}",
        "{{ range(10 ** 9) | list }}",
        "{{ 'x' * 10 ** 12 }}",
        "{% include '/etc/passwd' %}",
        "{{ options | attr('__class__') }}",
        "{{ unknown }}",
        "{{ options",
    ],
)
def test_a_hostile_or_wrong_template_is_told_before_anything_is_built(
    data: Path, tmp_path: Path, hostile: str
) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    text = (shipped("templates") / "view_classification.yaml").read_text(encoding="utf-8")
    head = text[: text.index("forms:")]
    (overlay / "view_classification.yaml").write_text(
        f"{head}forms:\n  choice:\n    options: true\n    phrasings:\n"
        f"      - |-\n        {{{{ options }}}} {hostile}\n"
    )
    message = refused(ConfigError, data, tmp_path, {**VIEWS, "templates": overlay})
    assert "view_classification" in message


# The machine

BUILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from chexinstruct.errors import ChexinstructError
from test_build_faults import SEVERAL, made
if __name__ == "__main__":
    data, folder, limit = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        made(data, folder, SEVERAL, workers=2)
    except ChexinstructError as error:
        sys.exit(f"told: {error}")
"""


def test_a_full_disk_leaves_no_half_file_and_the_build_resumes(data: Path, tmp_path: Path) -> None:
    made(data, tmp_path, SEVERAL)
    expected = contents(tmp_path / "out")
    sizes = sorted(len(content) for name, content in expected.items() if name.startswith("data/"))
    shutil.rmtree(tmp_path / "out")
    script = tmp_path / "script.py"
    script.write_text(BUILD)
    limit = str((sizes[0] + sizes[-1]) // 2)
    call = [sys.executable, script, Path(__file__).parent, data, tmp_path, limit]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "told: no room to write" in done.stderr, done.stderr
    left = contents(tmp_path / "out")
    assert LOCK not in left
    assert {name: expected[name] for name in left} == left
    made(data, tmp_path, SEVERAL)
    assert contents(tmp_path / "out") == expected
