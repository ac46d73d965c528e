"""Corpora made of corpora: filtered by rows, mixed, and held against one another."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from corpus_support import build_small, copy, edit_lock, edit_rows, rows_of, write_table

from chexinstruct.corpus import (
    diff,
    filter_corpus,
    make_plan,
    mix_corpora,
    open_corpus,
    read_plan,
    render_difference,
    verify,
)
from chexinstruct.corpus.conditions import Condition
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub import make_recipe
from chexinstruct.schema import LOCK

VQA = "data/close_ended_vqa/{}-slake-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for mode in ("embed", "store"):
        build_small(folder, mode)
    return folder


@pytest.fixture
def embed(built: Path) -> Path:
    return built / "embed"


def faults(corpus: Path) -> list[str]:
    return [f"{f.check}: {f.message}" for f in verify(corpus) if f.level == "failed"]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["id"] for row in rows)


def contents(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Rows kept by their columns

FILTERS = {
    "licence": ({"licenses": ["open"]}, lambda r: r["license"] == "open"),
    "finding": (
        {"findings": ["cardiomegaly"]},
        lambda r: r["metadata"]["finding"] == "cardiomegaly",
    ),
    "view": (
        {"views": ["PA"]},
        lambda r: r["metadata"]["views"] and set(r["metadata"]["views"]) == {"PA"},
    ),
    "condition": (
        {"where": "metadata.age BETWEEN 40 AND 70 AND NOT response ILIKE '%no%'"},
        lambda r: 40 <= (r["metadata"]["age"] or 0) <= 70 and "no" not in r["response"].lower(),
    ),
    "several": (
        {"where": "len(image_ids) = 1", "languages": ["en"], "sources": ["slake"]},
        lambda r: len(r["image_ids"]) == 1 and r["language"] == "en" and r["source"] == "slake",
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filter_keeps_the_rows_that_are_asked_for(name: str, embed: Path, tmp_path: Path) -> None:
    asked, stays = FILTERS[name]
    every = rows_of(embed)
    expected = [row for row in every if stays(row)]
    assert 0 < len(expected) < len(every)
    lock = filter_corpus(embed, tmp_path / "out", **asked)
    assert rows_of(tmp_path / "out") == expected  # pictures and order included
    assert faults(tmp_path / "out") == []
    step = lock.filtered[-1]
    assert (step.where, step.views) == (asked.get("where"), asked.get("views", []))


def test_filter_by_language_keeps_rows_of_it_alone(embed: Path, tmp_path: Path) -> None:
    mixed = copy(embed, tmp_path / "corpus")
    german: list[str] = []

    def edit(rows: list[dict[str, Any]]) -> None:
        for row in rows[::2]:
            row["language"] = "de"
            german.append(row["id"])

    edit_rows(mixed, VQA.format("train"), edit)
    for language, expected in (("de", german), ("en", set(ids(rows_of(mixed))) - set(german))):
        filter_corpus(mixed, tmp_path / language, languages=[language])
        assert ids(rows_of(tmp_path / language)) == sorted(expected)


def test_files_of_which_all_rows_stay_are_linked_and_the_rest_is_the_same_every_time(
    embed: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        filter_corpus(embed, tmp_path / name, where="task <> 'close_ended_vqa' OR response = 'Yes'")
    names = {p.relative_to(embed) for p in (embed / "data").rglob("*.parquet")}
    out = tmp_path / "one"
    linked = {n for n in names if (out / n).is_file() and (out / n).samefile(embed / n)}
    assert {n.parts[1] for n in names - linked} == {"close_ended_vqa"}
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("len((SELECT 1)) > 1", "at character 5: subquery"),
        ("id = '1'; DROP TABLE rows", "at character 9"),
        ("id = '1') UNION SELECT 1 FROM (rows", "more than one condition"),
        ("true) LIMIT (1", "more than one condition"),
        ("read_text('/etc/passwd') IS NOT NULL", "at character 1: read_text"),
        ("id = 'a' OR getenv('HOME') = 'x'", "at character 13: getenv"),
        ("id = $1", "at character 6"),
        ("CAST(id AS INT) = 1", "at character 1: operator cast"),
        ("len([x FOR x IN answers IF x = 'a']) > 0", "list_filter|list_comp|list_apply"),
        ("images IS NULL", "no column 'images'; there are id"),
        ("metadata.height > 1", "no field metadata.height; there are age"),
        ("id = = 'a'", "at character 6"),
        ("response", "no condition"),
        ("response > 5", "Cannot compare"),
        (" ", "empty"),
    ],
)
def test_a_condition_holds_nothing_but_comparisons(condition: str, told: str) -> None:
    with pytest.raises(CallError, match=told):
        Condition(condition)


def test_a_condition_never_quotes_rows(embed: Path, tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match="fails on some row") as caught:
        filter_corpus(embed, tmp_path / "out", where="'Yes' = 1")
    assert "Yes" not in str(caught.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["embed", "store"])
def test_withdrawn_rows_studies_pictures_and_patients_go(
    mode: str, built: Path, tmp_path: Path
) -> None:
    every = rows_of(built / mode)
    one = next(r for r in every if r["task"] == "natural_language_inference")
    study = next(r for r in every if r["source"] == "slake")
    patient = next(r for r in every if r["source"] == "nih_chestxray14")
    shown = next(r for r in every if r["source"] == "ms_cxr")
    picture = shown["image_ids"][0]  # lies in the release of a parent
    listed = [
        one["id"],
        f"slake/{study['study_id']}",
        patient["patient"],
        f"mimic_cxr/{picture}",
        "slake/nobody",
    ]
    (tmp_path / "gone.txt").write_text("# withdrawn\n\n" + "\n".join(listed))
    told: list[str] = []
    lock = filter_corpus(
        built / mode, tmp_path / "out", exclude_ids=tmp_path / "gone.txt", tell=told.append
    )
    expected = [
        r
        for r in every
        if r["id"] != one["id"]
        and (r["source"], r["study_id"]) != ("slake", study["study_id"])
        and r["patient"] != patient["patient"]
        and not (r["source"] == "ms_cxr" and picture in r["image_ids"])
    ]
    assert ids(rows_of(tmp_path / "out")) == ids(expected)
    assert "1 of 5 names" in told[0] and "slake/nobody" in told[0]
    gone = lock.filtered[0].withdrawn
    assert gone is not None and gone.names == 5 and gone.unknown == 1
    assert gone.found == {"rows": 1, "studies": 1, "pictures": 1, "patients": 1}
    assert patient["patient"] not in (tmp_path / "out" / LOCK).read_text()
    for path in (tmp_path / "out" / "images").glob("mimic_cxr*"):
        assert picture not in pq.read_table(path)["image_id"].to_pylist()
    assert faults(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"views": ["PA", "NOWHERE"]}, "no rows of view 'NOWHERE'; it has .*PA"),
        ({"findings": ["gout"]}, "no rows of finding 'gout'"),
        ({"languages": ["xx"]}, "it has en"),
        ({"licenses": ["free"]}, "open, registered, credentialed"),
        ({"where": "id = 'none'"}, "nothing to write"),
        ({"exclude_ids": "nowhere.txt"}, "not there"),
        ({"exclude_ids": __file__}, "knows none of its names"),
    ],
)
def test_a_filter_that_leaves_nothing_or_asks_for_nothing_is_told(
    asked: dict[str, Any], told: str, embed: Path, tmp_path: Path
) -> None:
    with pytest.raises(CallError, match=told):
        filter_corpus(embed, tmp_path / "out", **asked)
    assert not list(tmp_path.iterdir())


# Mixing


@pytest.fixture
def halves(embed: Path, tmp_path: Path) -> list[Path]:
    for name, tasks in (("vqa", ["close_ended_vqa"]), ("rest", ["image_classification"])):
        filter_corpus(embed, tmp_path / name, tasks=tasks)
    return [tmp_path / "vqa", tmp_path / "rest"]


def train(corpus: Path) -> Counter[str]:
    return Counter(row["task"] for row in rows_of(corpus, ["task"]) if row["split"] == "train")


def test_mixture_has_the_shares_and_says_what_is_repeated(
    halves: list[Path], embed: Path, tmp_path: Path
) -> None:
    have = train(embed)
    wanted = have["close_ended_vqa"] * 2 + 3
    plan = make_plan(
        rows={"close_ended_vqa": wanted, "image_classification": 4},
        repeats={"close_ended_vqa": 3},
        seed=5,
    )
    lock = mix_corpora(halves, tmp_path / "mix", plan)
    assert train(tmp_path / "mix") == {"close_ended_vqa": wanted, "image_classification": 4}
    assert faults(tmp_path / "mix") == []
    originals = {row["id"]: row for row in rows_of(embed)}
    times: Counter[str] = Counter()
    for row in rows_of(tmp_path / "mix"):
        name, mark, number = row["id"].partition("#")
        assert {**row, "id": name} == originals[name]
        times[name] += 1
        assert not mark or 2 <= int(number) <= 3
    vqa = [n for id, n in times.items() if originals[id]["task"] == "close_ended_vqa"]
    assert Counter(vqa)[3] == 3 and max(times.values()) == 3
    held = [r for r in rows_of(tmp_path / "mix") if r["split"] != "train"]
    tasks = {"close_ended_vqa", "image_classification"}
    assert ids(held) == ids(
        [r for r in originals.values() if r["split"] != "train" and r["task"] in tasks]
    )
    share = next(s for s in lock.mixed[0].shares if s.name == "close_ended_vqa")
    assert (share.rows, share.repeated) == (wanted, wanted - have["close_ended_vqa"])
    assert share.share == pytest.approx(wanted / (wanted + 4))
    assert (
        f"{share.repeated:,} rows of train are repetitions"
        in (tmp_path / "mix" / "README.md").read_text()
    )
    parents = [hashlib.sha256((path / LOCK).read_bytes()).hexdigest() for path in halves]
    assert [parent.lock for parent in lock.mixed[0].parents] == parents
    # What is made of it is a corpus as well; a manifest that does not build it is not published.
    filter_corpus(tmp_path / "mix", tmp_path / "less", where="response <> 'Yes'")
    assert faults(tmp_path / "less") == []
    with pytest.raises(ChexinstructError, match="mixed from built corpora"):
        make_recipe(tmp_path / "mix", tmp_path / "recipe")


def test_mixture_is_drawn_by_seed_and_id_alone(halves: list[Path], tmp_path: Path) -> None:
    asked = {"weights": {"close_ended_vqa": 1, "image_classification": 1}, "total": 8}
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        mix_corpora(halves, tmp_path / name, make_plan(**asked, seed=seed))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    one, other = (ids(rows_of(tmp_path / name)) for name in ("one", "other"))
    assert len(one) == len(other) and one != other


def test_mixture_without_a_total_is_the_largest_that_repeats_nothing(
    halves: list[Path], embed: Path, tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_text(
        "weights: {close_ended_vqa/slake: 1, image_classification: 3}\nsplits: [test]\n"
    )
    mix_corpora(halves, tmp_path / "mix", read_plan(tmp_path / "plan.yaml"))
    have, got = train(embed), train(tmp_path / "mix")
    assert sum(got.values()) == min(
        have["close_ended_vqa"] * 4, have["image_classification"] * 4 // 3
    )
    assert got["image_classification"] == pytest.approx(3 * got["close_ended_vqa"], abs=3)
    assert open_corpus(tmp_path / "mix").splits() == ["train", "test"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"weights": {"close_ended_vqa": 1}}, "nothing is said of image_classification/nih"),
        ({"weights": {"close_ended_vqa": 1, "image_classification": 1, "vqa": 1}}, "train of vqa"),
        ({"rows": {"close_ended_vqa": 9999, "image_classification": 0}}, "repeated"),
        (
            {"weights": {"close_ended_vqa": 1, "image_classification": 1}, "total": 9999},
            r"repeated .*rows of train at most",
        ),
        ({"rows": {"close_ended_vqa": 0, "image_classification": 0}}, "no row"),
        ({}, "weights or rows"),
    ],
)
def test_a_plan_that_does_not_fit_is_told(
    asked: dict[str, Any], told: str, halves: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(CallError, match=told):
        mix_corpora(halves, tmp_path / "mix", make_plan(**asked))
    assert not (tmp_path / "mix").exists()


def test_corpora_that_contradict_one_another_are_not_mixed(
    halves: list[Path], embed: Path, tmp_path: Path
) -> None:
    weights = make_plan(weights={"close_ended_vqa": 1, "image_classification": 1})
    other = copy(halves[0], tmp_path / "other")
    edit_rows(other, VQA.format("train"), lambda rows: rows[0].update(response="Maybe"))
    with pytest.raises(ChexinstructError, match="different rows of close_ended_vqa/slake"):
        mix_corpora([halves[0], other], tmp_path / "mix", weights)

    # The test pictures of the one under other names in train of the other: only bytes tell.
    (name,) = [f.name for f in open_corpus(halves[1]).files if f.split == "test"][:1]
    stolen = pq.read_table(halves[1] / name, columns=["images"]).to_pylist()[0]["images"]
    leaky = copy(halves[0], tmp_path / "leaky")

    def leak(rows: list[dict[str, Any]]) -> None:
        shown = [{**stolen[0], "path": "other.jpg"}]
        rows[0].update(images=shown, image_ids=["other"], regions=[])

    edit_rows(leaky, VQA.format("train"), leak)
    with pytest.raises(ChexinstructError, match="cannot be mixed: pictures in several splits"):
        mix_corpora([leaky, halves[1]], tmp_path / "mix", weights)

    # The same digest of a person on two sides means something only under one seed.
    person = rows_of(halves[1], ["patient"])
    (patient,) = [r["patient"] for r in person if r["split"] == "test"][:1]
    shared = copy(halves[0], tmp_path / "shared")
    edit_rows(shared, VQA.format("train"), lambda rows: rows[0].update(patient=patient))
    with pytest.raises(ChexinstructError, match="cannot be mixed: patients in several splits"):
        mix_corpora([shared, halves[1]], tmp_path / "mix", weights)
    edit_lock(shared, lambda lock: lock["manifest"].update(seed=7))
    mix_corpora([shared, halves[1]], tmp_path / "mix", weights)


# Comparing


def test_equal_corpora_need_no_version_and_are_not_read(embed: Path, tmp_path: Path) -> None:
    other = copy(embed, tmp_path / "other")
    for corpus in (other,):
        for path in (corpus / "data").rglob("*.parquet"):
            path.write_bytes(b"")
    found = diff(embed, other)
    assert (found.release, found.version, found.locks) == ("none", "1.2.0", [])
    assert found.same == len(rows_of(embed, ["id"]))


def test_every_kind_of_change_is_counted(embed: Path, tmp_path: Path) -> None:
    other = copy(embed, tmp_path / "other")
    a, b = (pq.read_table(other / VQA.format(s)) for s in ("train", "test"))
    moved = a.slice(0, 2)
    kept = a.slice(5).to_pylist()  # rows 2, 3 and 4 are removed
    kept[0]["response"] = "Maybe"
    kept[1]["answers"] = ["Maybe"]
    kept[2]["images"][0]["bytes"] = b"other"
    kept[3]["origin"] = "elsewhere:1"
    kept[3]["instruction"] += " Now?"
    kept[3]["template"] = "close_ended_vqa@99/x/0"
    new = {**kept[5], "id": "close_ended_vqa/slake/new/0"}
    write_table(other, VQA.format("train"), a.from_pylist([*kept, new], schema=a.schema))
    fresh = b.from_pylist([*b.to_pylist(), *moved.to_pylist()], schema=b.schema)
    write_table(other, VQA.format("test"), fresh)
    edit_lock(other, lambda lock: lock["manifest"].update(seed=9))
    found = diff(embed, other, rows=tmp_path / "rows.csv")
    assert (found.added, found.removed, found.moved, found.changed) == (1, 3, 2, 4)
    assert found.same == len(rows_of(embed, ["id"])) - 9
    assert found.changed_parts == {"text": 2, "options": 1, "pictures": 1, "other": 1}
    assert found.moves == {"train to test": 2}
    ((place),) = found.places
    assert (place.task, place.source, place.added, place.moved) == (
        "close_ended_vqa",
        "slake",
        1,
        2,
    )
    assert (found.release, found.version) == ("major", "2.0.0")
    assert "manifest seed: 0 before, 9 after" in found.locks
    assert any("close_ended_vqa@99 now, in 1 rows" in line for line in found.templates)
    with (tmp_path / "rows.csv").open() as file:
        written = list(csv.DictReader(file))
    assert Counter(row["what"] for row in written) == {
        "added": 1,
        "removed": 3,
        "moved": 2,
        "changed": 4,
    }
    parts = {row["id"]: row["parts"] for row in written}
    assert parts[kept[3]["id"]] == "text other" and parts[kept[2]["id"]] == "pictures"
    assert "2.0.0 or higher; the second corpus says 1.2.0" in render_difference(found)


def test_added_rows_are_minor_and_other_packaging_is_a_patch(embed: Path, tmp_path: Path) -> None:
    filter_corpus(embed, tmp_path / "less", sources=["slake"])
    found = diff(tmp_path / "less", embed)
    assert (found.release, found.version, found.removed) == ("minor", "1.3.0", 0)
    assert found.added == sum(r["source"] != "slake" for r in rows_of(embed, ["source"]))
    assert diff(embed, tmp_path / "less").release == "major"
    other = copy(embed, tmp_path / "other")
    table = pq.read_table(other / VQA.format("train"))
    write_table(other, VQA.format("train"), table.take(list(range(len(table)))[::-1]))
    found = diff(embed, other)
    assert (found.release, found.version, found.changed) == ("patch", "1.2.1", 0)


def test_a_column_that_only_one_has_is_told(embed: Path, tmp_path: Path) -> None:
    other = copy(embed, tmp_path / "other")
    for file in open_corpus(other).files:
        table = pq.read_table(file.path)
        write_table(other, file.name, table.append_column("note", table["id"]))
    found = diff(embed, other)
    assert (found.release, found.columns_added) == ("minor", ["note"])
    assert diff(other, embed).release == "major"


def test_a_stored_picture_that_changed_changes_the_rows_that_show_it(
    built: Path, tmp_path: Path
) -> None:
    other = copy(built / "store", tmp_path / "other")
    name = "images/slake-00000-of-00001.parquet"
    rows = pq.read_table(other / name)
    changed = rows.to_pylist()
    changed[0]["image"]["bytes"] = b"other"
    write_table(other, name, rows.from_pylist(changed, schema=rows.schema))
    picture = changed[0]["image_id"]
    found = diff(built / "store", other)
    showing = [r for r in rows_of(other) if picture in r["image_ids"] and r["source"] == "slake"]
    assert found.changed == found.changed_parts["pictures"] == len(showing) > 0
    found = diff(built / "store", built / "embed")
    assert (found.changed, found.release) == (0, "patch")
    assert "store" in found.not_compared[0]
