"""A whole build of the demo manifest, as a user of the corpus sees it."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from build_support import contents, recipe
from datasets import Image as ImageFeature
from datasets import get_dataset_config_names, load_dataset
from PIL import Image

from chexinstruct.build import BuildOptions, build
from chexinstruct.images import ImageSettings, normalise
from chexinstruct.regions import BOX_DIALECTS, parse_boxes
from chexinstruct.schema import LOCK, SPLITS, Example, Lock, arrow_schema
from chexinstruct.source import registry
from chexinstruct.sources.chexpert.sample import FINDINGS
from chexinstruct.synthetic import encode, radiograph, save
from chexinstruct.tasks import registry as tasks

BOX = ("x1", "y1", "x2", "y2")


@pytest.fixture(scope="module")
def corpus(demo: Path) -> Path:
    return demo / "corpus"


@pytest.fixture(scope="module")
def lock(corpus: Path) -> Lock:
    return msgspec.json.decode((corpus / LOCK).read_bytes(), type=Lock)


@pytest.fixture(scope="module")
def rows(corpus: Path) -> pa.Table:
    """Every row, without its pictures, with the split and task that its file's name tells."""
    tables = []
    for path in sorted((corpus / "data").rglob("*.parquet")):
        read = pq.read_table(
            path, columns=[n for n in arrow_schema(Example).names if n != "images"]
        )
        for name, value in (("split", path.name.partition("-")[0]), ("folder", path.parent.name)):
            read = read.append_column(name, pa.array([value] * len(read), pa.string()))
        tables.append(read.replace_schema_metadata())
    return pa.concat_tables(tables)


def test_every_task_gets_rows(rows: pa.Table) -> None:
    assert set(rows["task"].to_pylist()) == set(tasks())
    assert set(rows["source"].to_pylist()) <= set(registry())
    assert rows["task"].to_pylist() == rows["folder"].to_pylist()
    assert set(rows["split"].to_pylist()) == set(SPLITS)


def test_boxes_in_the_text_are_those_of_the_columns(rows: pa.Table) -> None:
    dialect = BOX_DIALECTS[recipe().box_dialect]
    boxed: Counter[str] = Counter()
    for row in rows.select(["task", "instruction", "response", "regions"]).to_pylist():
        for role, text in (("question", row["instruction"]), ("answer", row["response"])):
            exact = [[r[side] for side in BOX] for r in row["regions"] if r["role"] == role]
            told = [tuple(dialect.grid(v) / dialect.scale for v in box) for box in exact]
            assert sorted(parse_boxes(text, recipe().box_dialect)) == sorted(told)
            boxed[row["task"]] += len(told)
    grounded = {key for key, task in tasks().items() if task.family == "fine"}
    assert {task for task, n in boxed.items() if n} == grounded


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
def test_hugging_face_datasets_reads_it(corpus: Path, streaming: bool) -> None:
    loaded = load_dataset(str(corpus), "view_classification", streaming=streaming)
    assert set(loaded) <= set(SPLITS)
    train = loaded["train"]
    assert train.features["images"].feature == ImageFeature()
    assert list(train.features) == arrow_schema(Example).names
    row = next(iter(train))
    assert row["task"] == "view_classification"
    assert min(row["images"][0].size) <= 256
    assert row["metadata"]["views"] in (["PA"], ["AP"], ["LATERAL"], ["LL"])
    assert isinstance(row["options"], list)
    if not streaming:
        assert train[0]["images"][0].size == row["images"][0].size


def test_the_card_names_a_configuration_for_every_task(corpus: Path) -> None:
    assert set(get_dataset_config_names(str(corpus))) == set(tasks())


def test_pictures_carry_bytes_and_no_path_of_this_machine(corpus: Path) -> None:
    seen = 0
    for path in sorted((corpus / "data").rglob("*.parquet")):
        for row in pq.read_table(path, columns=["images", "image_ids"]).to_pylist():
            assert [i["path"] for i in row["images"]] == [f"{id}.jpg" for id in row["image_ids"]]
            for picture in row["images"]:
                opened = Image.open(io.BytesIO(picture["bytes"]))
                assert opened.mode == "L"
                assert min(opened.size) <= 256
                seen += 1
    assert seen > 100


def test_every_row_shows_the_pictures_that_it_names(corpus: Path, data_root: Path) -> None:
    settings = ImageSettings(size=256)
    release = data_root / "nih_chestxray14"
    expected = {
        path.name: normalise(path.read_bytes(), settings).data for path in release.rglob("*.png")
    }
    shown = 0
    for path in sorted((corpus / "data").glob("*/*-nih_chestxray14-*.parquet")):
        for row in pq.read_table(path, columns=["images", "image_ids"]).to_pylist():
            for key, picture in zip(row["image_ids"], row["images"], strict=True):
                assert picture["bytes"] == expected[key]
                shown += 1
    assert shown > 10
    assert len(set(expected.values())) == len(expected)


def test_ids_are_unique_in_the_whole_corpus(rows: pa.Table) -> None:
    (repeated, times), *_ = Counter(rows["id"].to_pylist()).most_common(1)
    assert times == 1, repeated


def test_no_person_stands_in_two_splits(rows: pa.Table) -> None:
    sides = defaultdict(set)
    for patient, split in zip(rows["patient"].to_pylist(), rows["split"].to_pylist(), strict=True):
        if patient is not None:
            sides[patient].add(split)
    assert len(sides) > 20
    assert [patient for patient, splits in sides.items() if len(splits) > 1] == []


def test_persons_are_the_same_in_all_sources(rows: pa.Table) -> None:
    """MS-CXR shows patients of MIMIC-CXR."""
    patients = defaultdict(set)
    for source, patient in zip(
        rows["source"].to_pylist(), rows["patient"].to_pylist(), strict=True
    ):
        patients[source].add(patient)
    assert patients["ms_cxr"] & patients["mimic_cxr"]
    assert not patients["nih_chestxray14"] & patients["mimic_cxr"]


def test_the_ledger_adds_up_to_the_rows(rows: pa.Table, lock: Lock) -> None:
    keys = zip(*(rows[name].to_pylist() for name in ("task", "source", "split")), strict=True)
    studies: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    counted: Counter[tuple[str, str, str]] = Counter()
    for key, study in zip(keys, rows["study_id"].to_pylist(), strict=True):
        counted[key] += 1
        studies[key].add(study)
    lines = {(line.task, line.source, line.split): line for line in lock.ledger}
    assert len(lines) == len(lock.ledger)
    assert counted.keys() <= lines.keys()
    splits = {account.source: account.splits for account in lock.sources}
    for key, line in lines.items():
        assert line.rows == line.examples == counted[key]
        assert line.candidates == line.examples + sum(line.candidate_reasons.values())
        assert line.studies == line.used + sum(line.study_reasons.values())
        assert line.studies == splits[line.source][line.split]
        assert len(studies[key]) <= line.used
        for reasons in (line.study_reasons, line.candidate_reasons):
            assert all(n > 0 for n in reasons.values())
    assert sum(shard.rows for shard in lock.shards) == len(rows)


def test_studies_are_all_placed_or_left_out_under_a_reason(lock: Lock) -> None:
    for account in lock.sources:
        assert account.studies == sum(account.splits.values()) + sum(account.left_out.values())


def test_the_lock_names_every_file_with_its_digest(corpus: Path, lock: Lock) -> None:
    files = {path: data for path, data in contents(corpus).items() if path.startswith("data/")}
    assert {f"data/{shard.name}.parquet" for shard in lock.shards} == set(files)
    for shard in lock.shards:
        data = files[f"data/{shard.name}.parquet"]
        assert hashlib.sha256(data).hexdigest() == shard.sha256
        assert len(data) == shard.size
        assert pq.read_metadata(io.BytesIO(data)).num_rows == shard.rows


def test_no_file_tells_where_it_was_built(corpus: Path, demo: Path) -> None:
    marks = [str(demo.parent), tempfile.gettempdir() + "/", str(Path.cwd()), str(Path.home()) + "/"]
    for name, data in contents(corpus).items():
        assert [mark for mark in marks if mark.encode() in data] == [], name
    assert not list(corpus.rglob("*.tmp"))


def test_missing_pictures_are_counted(lock: Lock) -> None:
    account = next(a for a in lock.sources if a.source == "nih_chestxray14")
    assert (account.pictures, account.missing_pictures) == (9, 1)


def test_studies_without_a_picture_at_hand_are_no_rows_of_picture_tasks(rows: pa.Table) -> None:
    assert "00000006_000" not in rows["study_id"].to_pylist()


def picture_bytes(path: Path) -> tuple[int, int, pa.ChunkedArray]:
    """Bytes of pictures that a file holds, those of its distinct pictures, and its pictures."""
    meta = pq.read_metadata(path)
    stored = sum(
        meta.row_group(group).column(column).total_compressed_size
        for group in range(meta.num_row_groups)
        for column in range(meta.num_columns)
        if meta.row_group(group).column(column).path_in_schema.endswith("bytes")
    )
    pictures = pq.read_table(path, columns=["images"])["images"]
    return (
        stored,
        sum(map(len, {p["bytes"] for row in pictures.to_pylist() for p in row})),
        pictures,
    )


def test_a_picture_is_stored_once_in_a_row_group(data_root: Path, tmp_path: Path) -> None:
    manifest = recipe(sources=["nih_chestxray14"], tasks=["view_classification"], phrasings=7)
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    build(manifest, data_root, tmp_path / "out", options)
    for path in sorted((tmp_path / "out" / "data").rglob("*.parquet")):
        stored, unique, rows = picture_bytes(path)
        pictures = [p for row in rows.to_pylist() for p in row]
        assert len(pictures) == 7 * len({p["path"] for p in pictures})
        assert stored < unique * 1.02 + 200


def test_pictures_of_pairs_are_hardly_stored_twice(tmp_path: Path) -> None:
    """Of one study and of two people, over several row groups, at seven questions each."""
    header = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS])
    lines = [header]
    for patient in range(90001, 90161):
        for number, side in ((1, "Frontal"), (2, "Lateral")):
            folder = f"CheXpert-v1.0-small/train/patient{patient}/study1"
            name = f"{folder}/view{number}_{side.lower()}.jpg"
            pixels = radiograph(64, 64, 2 * patient + number, lateral=number == 2)
            save(tmp_path / "data" / "chexpert", {name: encode(pixels, ".jpg")})
            lines.append(f"{name},Male,50,{side},{'AP' if number == 1 else ''},1.0" + 13 * ",")
    tables = {"train": "\n".join(lines), "valid": header}
    names = {f"CheXpert-v1.0-small/{side}.csv": f"{text}\n" for side, text in tables.items()}
    save(tmp_path / "data" / "chexpert", names)
    manifest = recipe(sources=["chexpert"], tasks=["view_matching"], phrasings=7)
    lock = build(manifest, tmp_path / "data", tmp_path / "out", BuildOptions(cache=tmp_path / "c"))
    (shard,) = lock.shards
    path = tmp_path / "out" / "data" / f"{shard.name}.parquet"
    stored, unique, rows = picture_bytes(path)
    assert pq.read_metadata(path).num_row_groups > 1
    assert {len(row) for row in rows.to_pylist()} == {2}
    assert shard.rows == 7 * shard.pictures == 7 * 320
    assert stored < unique * 1.03
