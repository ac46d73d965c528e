"""The quality report: each planted defect at its count, plots that are the same bytes, the card."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_support import TASKS, build_small, copy, rows_of, write_table
from typer.testing import CliRunner

from chexinstruct.build.quality import Kept
from chexinstruct.cli import app
from chexinstruct.corpus import filter_corpus, open_corpus, render_stats, stats, verify
from chexinstruct.errors import ChexinstructError
from chexinstruct.quality import Quality, jobs, measure
from chexinstruct.quality.plots import draw
from chexinstruct.quality.report import TITLES
from chexinstruct.quality.spool import Spool, starts
from chexinstruct.vocabulary import FINDINGS

VQA = "data/close_ended_vqa/{}-slake-00000-of-00001.parquet"
NLI = "data/natural_language_inference/{}-radnli-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quality")


@pytest.fixture(scope="module")
def small(folder: Path) -> Path:
    return build_small(folder, "none")


@pytest.fixture(scope="module")
def found(small: Path) -> Quality:
    return stats(small)


def replace_rows(corpus: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Other rows in a data file; what is not given is as in its first row."""
    table = pq.read_table(corpus / name)
    plain = {**table.to_pylist()[0], "options": [], "answers": [], "history": [], "form": "yes_no"}
    plain |= {"metadata": {**plain["metadata"], "finding": None, "balance": None}}
    told = [{**plain, "id": f"{name}/{number}", **row} for number, row in enumerate(rows)]
    write_table(corpus, name, pa.Table.from_pylist(told, schema=table.schema))


def said(picture: str, instruction: str, response: str, **more: Any) -> dict[str, Any]:
    return {"image_ids": [picture], "instruction": instruction, "response": response, **more}


def chosen(picture: str, order: str, right: str) -> dict[str, Any]:
    """A question with options, single letters in this order; the response is the label."""
    options = [{"label": str(place), "text": text} for place, text in enumerate(order, 1)]
    shown = "\n".join(f"{option['label']}. {option['text']}" for option in options)
    more = {"options": options, "answers": [right], "form": "choice"}
    return said(picture, f"Which?\n{shown}", str(order.index(right) + 1), **more)


# Planted defects


@pytest.fixture(scope="module")
def planted(small: Path, folder: Path) -> Path:
    corpus = copy(small, folder / "planted")
    twice = said("a", "Is it?", "Yes")
    train = [
        *[twice] * 3,  # two beyond the first
        said("b", "Is it?", "Yes"),  # another picture
        said("c", "Is it?", "Yes"),  # two answers, and one of them again
        said("c", "Is it?", "No"),
        said("c", "Is it?", "yes", answers=["Yes"]),
        chosen("d", "xyz", "y"),  # the same options in another order: no contradiction
        chosen("d", "zyx", "y"),
        chosen("d", "yxz", "z"),  # and one that is
        said("e", "Again?", "No", history=[{"question": "Is it?", "answer": "No"}]),
        said("e", "Again?", "Yes", history=[{"question": "Is it?", "answer": "Yes"}]),
        said("f", "1", ""),
        said("f", "2", " \n"),
        said("f", "3", "..."),
        said("f", "4", "no no  no"),
        said("f", "Same.", "Same."),
        said("f", "6", "The {{ finding }} is seen."),
        said("f", "{% if a %}7", "Fine."),
        said("f", "8", "Seen by ___."),
        said("f", "9", "XXXX"),
        said("f", "___ is masked in the question alone.", "Nothing: 0"),
    ]
    people = [{**row, "patient": f"p{number // 2}"} for number, row in enumerate(train)]
    replace_rows(corpus, VQA.format("train"), people)
    test = [{**twice, "patient": "p3"}, said("g", "Is it?", "No", patient="p4")]
    replace_rows(corpus, VQA.format("test"), test)
    replace_rows(corpus, VQA.format("validation"), [said("h", "Is it?", "No", patient="q")])
    constant = [
        {**said("", f"Premise {number}", "neutral", form="free"), "image_ids": []}
        for number in range(42)
    ]
    replace_rows(corpus, NLI.format("test"), constant[2:])
    for place, split in enumerate(("train", "validation")):
        replace_rows(corpus, NLI.format(split), constant[place : place + 1])
    return corpus


@pytest.fixture(scope="module")
def defects(planted: Path) -> Quality:
    return stats(planted)


def of(records: Sequence[Any], task: str) -> Any:
    (record,) = (item for item in records if item.task == task)
    return record


def test_repeats_and_contradictions_are_counted(planted: Path, defects: Quality) -> None:
    vqa = of(defects.repeats, "close_ended_vqa")
    assert vqa.rows == 3  # two of train, one more in test
    assert (vqa.contradictions, vqa.contradicting_rows) == (2, 6)
    responses = [r["response"] for r in rows_of(planted) if r["task"] == "close_ended_vqa"]
    assert vqa.responses == len(responses) - len(set(responses))
    nli = of(defects.repeats, "natural_language_inference")
    assert (nli.rows, nli.responses, nli.contradictions) == (0, 41, 0)


def test_faulty_answers_are_counted(defects: Quality) -> None:
    assert [(item.task, item.source) for item in defects.faulty] == [("close_ended_vqa", "slake")]
    assert defects.faulty[0].kinds == {
        "empty": 1,
        "blank": 1,
        "punctuation": 1,
        "one_word_again": 1,
        "question": 1,
        "template_marks": 2,
        "masked": 2,
    }


def test_what_stands_in_several_splits_is_counted(defects: Quality) -> None:
    vqa = of(defects.across_splits, "close_ended_vqa")
    assert (vqa.patients, vqa.rows) == (2, 1)
    assert len(defects.across_splits) == 1
    assert [(item.splits, item.patients) for item in defects.shared_patients] == [
        (["train", "test"], 2)
    ]


def test_a_constant_answer_is_seen(defects: Quality) -> None:
    guess = of(defects.guesses, "natural_language_inference")
    assert (guess.answers, guess.majority, guess.majority_rows) == (1, "neutral", 42)


def test_concerns_name_what_was_planted_and_nothing_else(defects: Quality) -> None:
    told = [(concern.what, concern.task, concern.source) for concern in defects.concerns]
    vqa = ("close_ended_vqa", "slake")
    assert told == [
        ("people_across_splits", *vqa),
        ("rows_across_splits", *vqa),
        ("template_marks", *vqa),
        ("empty", *vqa),
        ("empty", *vqa),
        *[("faulty", *vqa)] * 4,
        ("constant", "natural_language_inference", "radnli"),
        ("contradictions", *vqa),
        ("repeats", *vqa),
    ]
    text = render_stats(defects)
    places = [text.index(concern.message) for concern in defects.concerns]
    assert places == sorted(places) and places[-1] < text.index("Rows\n")
    assert "2 in train and test" in text


def test_a_clean_corpus_has_no_concern(found: Quality) -> None:
    assert found.concerns == []
    assert "nothing is past its threshold" in render_stats(found)
    assert (found.faulty, found.across_splits, found.shared_patients) == ([], [], [])


def test_the_report_does_not_depend_on_how_files_are_laid_out(
    planted: Path, defects: Quality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = copy(planted, tmp_path / "corpus")
    for path in (corpus / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table, path, row_group_size=5, use_dictionary=False)
    assert stats(corpus) == defects
    for path in (corpus / "data").rglob("*.parquet"):  # dictionaries that end half-way
        table = pq.read_table(path)
        pq.write_table(table, path, dictionary_pagesize_limit=64)
    assert stats(corpus) == defects
    monkeypatch.setattr(jobs, "JOB_ROWS", 1)  # each file a job
    assert stats(corpus) == defects


def test_records_beyond_memory_come_back_by_key(tmp_path: Path) -> None:
    keys = np.random.default_rng(0).integers(0, 2**64, 20_000, np.uint64)
    with Spool(tmp_path / "one", {"n": np.int64}) as spool:
        for turn in range(12):  # more than wait
            spool.add(keys, n=np.arange(len(keys)) * 16 + turn)
    with Spool(tmp_path / "two", {"n": np.int64}) as other:
        for turn in range(12, 16):
            other.add(keys, n=np.arange(len(keys)) * 16 + turn)
    spool.take(pickle.loads(pickle.dumps(other)))
    found = list(spool.sorted("n"))
    assert len(found) > 1
    assert sum(map(len, found)) == 320_000
    assert [sorted(records["key"]) for records in spool.sorted()] == [
        records["key"].tolist() for records in found
    ]
    for records in found:
        first = starts(records, "key")
        assert np.diff(np.append(first, len(records))).tolist() == [16] * len(first)
        assert (records["key"][first] == keys[records["n"][first] // 16]).all()
        assert (records["n"].reshape(-1, 16) % 16 == np.arange(16)).all()


# Figures against a plain count


def answer(row: Mapping[str, Any]) -> str:
    return (", ".join(sorted(row["answers"])) or row["response"]).strip().lower()


def question(row: Mapping[str, Any]) -> object:
    words = row["instruction"].split()
    shown = tuple(sorted(word.rstrip(".,;:") for word in words))
    return str(row["history"]), shown if row["options"] else row["instruction"]


def prior(rows: Sequence[Mapping[str, Any]], chance: Mapping[int, float]) -> float:
    """Each row guessed from all others, one by one."""
    right = 0.0
    for place, row in enumerate(rows):
        others = [r for r in rows if r is not row and question(r) == question(row)]
        if not others:
            right += chance[place]
            continue
        counts = Counter(map(answer, others))
        best = [text for text, n in counts.items() if n == max(counts.values())]
        right += (answer(row) in best) / len(best)
    return right / len(rows)


@pytest.mark.parametrize("name", ["small", "planted"])
def test_question_priors_are_those_of_a_plain_count(
    name: str, request: pytest.FixtureRequest
) -> None:
    corpus: Path = request.getfixturevalue(name)
    rows = rows_of(corpus)
    checked = 0
    for guess in stats(corpus).guesses:
        own = [r for r in rows if (r["task"], r["source"]) == (guess.task, guess.source)]
        forms: dict[str, list[str]] = {}
        for row in (r for r in rows if r["task"] == guess.task):
            if not row["options"] and answer(row) not in ("yes", "no"):
                forms.setdefault(row["form"], []).append(answer(row))
        chance = {}
        for place, row in enumerate(own):
            several = forms.get(row["form"], [])
            kinds = len(set(several))
            few = kinds if kinds <= 5 and len(several) >= 10 * kinds else 0
            among = len(row["options"]) or (
                2 if answer(row) in ("yes", "no") else few and max(few, 2)
            )
            chance[place] = 1 / among if among else 0.0
        assert guess.rows == len(own)
        assert guess.chance == pytest.approx(sum(chance.values()) / len(own))
        assert guess.question_prior == pytest.approx(prior(own, chance))
        counts = Counter(map(answer, own))
        assert (guess.answers, guess.majority_rows) == (len(counts), max(counts.values()))
        if guess.majority is not None:
            assert counts[guess.majority.lower()] == guess.majority_rows > 1
        checked += guess.question_prior != guess.chance
    assert checked


def test_rows_people_and_pictures_are_counted(small: Path, found: Quality) -> None:
    rows = rows_of(small)
    assert found.rows == len(rows)
    assert {(c.task, c.source, c.split): c.rows for c in found.counts} == Counter(
        (row["task"], row["source"], row["split"]) for row in rows
    )
    people = {(r["source"], r["split"], r["patient"]) for r in rows if r["patient"]}
    assert {(p.source, p.split): p.patients for p in found.people} == Counter(
        (source, split) for source, split, _ in people
    )
    for split, count in found.patients.items():
        assert count == len({patient for _, s, patient in people if s == split})
    shown: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        for name in row["image_ids"]:
            shown.setdefault((row["source"], name), set()).add(row["task"])
    assert {r.tasks: r.pictures for r in found.reuse} == Counter(map(len, shown.values()))


def test_lengths_are_those_of_the_texts(small: Path, found: Quality) -> None:
    rows = rows_of(small)
    wanted = product(TASKS, ("instruction", "response"), ("characters", "words"))
    assert {(i.task, i.text, i.unit) for i in found.lengths} == set(wanted)
    for item in found.lengths:
        texts = [row[item.text] for row in rows if row["task"] == item.task]
        sizes = sorted(len(t) if item.unit == "characters" else len(t.split()) for t in texts)
        assert (item.minimum, item.maximum) == (sizes[0], sizes[-1])
        for q, size in ((0.05, item.p5), (0.5, item.median), (0.95, item.p95)):
            assert sum(s <= size for s in sizes) >= q * len(sizes) > sum(s < size for s in sizes)
        assert item.histogram == [
            sum(2**power // 2 <= size < 2**power for size in sizes)
            for power in range(len(item.histogram))
        ]
        assert item.histogram[-1]


def test_places_sides_and_yes_are_counted(small: Path, found: Quality) -> None:
    rows = rows_of(small)
    for item in found.places:
        own = [r for r in rows if r["options"] and (r["task"], r["form"]) == (item.task, item.form)]
        right = [
            (place, option["label"])
            for row in own
            for place, option in enumerate(row["options"])
            if option["text"] in row["answers"]
        ]
        places = Counter(place for place, _ in right)
        assert item.positions == [places[place] for place in range(len(item.positions))]
        assert item.labels == Counter(label for _, label in right if label)
        assert item.expected == pytest.approx(
            [
                sum(len(r["answers"]) / len(r["options"]) for r in own if len(r["options"]) > place)
                for place in range(len(item.positions))
            ]
        )
        assert sum(item.expected) == pytest.approx(len(right))
    assert {(i.task, i.form) for i in found.places} == {
        (r["task"], r["form"]) for r in rows if r["options"]
    }
    yes = Counter(
        (row["task"], row["metadata"]["finding"], answer(row))
        for row in rows
        if answer(row) in ("yes", "no")
    )
    assert {
        (i.task, i.finding, word): n
        for i in found.yes_no
        for word, n in (("yes", i.yes), ("no", i.no))
        if n
    } == yes
    sides = Counter((r["task"], r["metadata"]["balance"]) for r in rows if r["metadata"]["balance"])
    assert sides == {
        (item.task, f"{item.group}/{side}"): n
        for item in found.balance
        for side, n in item.sides.items()
    }


# Faults of files


def test_a_damaged_file_is_named(small: Path, tmp_path: Path) -> None:
    corpus = copy(small, tmp_path / "corpus [1]")
    assert stats(corpus) == stats(small)  # a name that other tools take for a pattern
    path = corpus / VQA.format("validation")
    whole = path.read_bytes()
    path.write_bytes(b"PAR1")
    with pytest.raises(ChexinstructError, match=r"validation-slake.*cannot be read.*verify"):
        stats(corpus)
    start = len(b"PAR1")  # the footer stays whole, the pages do not
    path.write_bytes(whole[:start] + b"\xff" * 2000 + whole[start + 2000 :])
    with pytest.raises(ChexinstructError, match=r"validation-slake.*cannot be read.*verify"):
        stats(corpus)


def test_other_columns_are_told(small: Path, tmp_path: Path) -> None:
    corpus = copy(small, tmp_path / "corpus")
    table = pq.read_table(corpus / VQA.format("test")).drop_columns(["options"])
    write_table(corpus, VQA.format("test"), table)
    with pytest.raises(ChexinstructError, match=r"test-slake.*build the corpus again"):
        stats(corpus)


# Plots


DRAW = """
import sys, hashlib
from pathlib import Path
import msgspec
from chexinstruct.build.quality import Kept
from chexinstruct.quality.plots import draw
kept = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Kept)
for name, content in draw(kept.quality).items():
    print(name, hashlib.sha256(content).hexdigest())
"""


def test_plots_are_the_same_bytes_whatever_the_user_has_set(small: Path, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nsvg.fonttype: path\naxes.grid: True\n")
    told = subprocess.run(
        [sys.executable, "-c", DRAW, small / "quality.json"],
        env={
            **os.environ,
            "MPLCONFIGDIR": str(tmp_path),
            "PYTHONHASHSEED": "7",
            "TZ": "Asia/Tokyo",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    kept = msgspec.json.decode((small / "quality.json").read_bytes(), type=Kept)
    assert dict(line.split() for line in told.stdout.splitlines()) == kept.plots
    assert len(kept.plots) == len(TITLES)


def test_plots_name_the_tasks_on_white_and_quote_nothing(planted: Path, defects: Quality) -> None:
    drawn = draw(defects)
    texts = {}
    for name, content in drawn.items():
        tree = ElementTree.fromstring(content)
        texts[name] = [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]
        first = next(e for e in tree.iter("{http://www.w3.org/2000/svg}path"))
        assert "fill: #ffffff" in first.attrib["style"]
        assert float(tree.attrib["width"].removesuffix("pt")) == 620
    for name in ("rows.svg", "priors.svg", "lengths.svg"):
        assert set(TASKS) <= set(texts[name])
    quoted = {row["response"] for row in rows_of(planted)} - {"1", "2", "3"}
    assert not quoted & {text for told in texts.values() for text in told}


def test_a_task_that_can_be_guessed_stands_first(found: Quality) -> None:
    def with_priors(**priors: float) -> list[str]:
        guesses = [
            msgspec.structs.replace(found.guesses[0], task=task, question_prior=p, chance=0.5)
            for task, p in priors.items()
        ]
        content = draw(msgspec.structs.replace(found, guesses=guesses))["priors.svg"].decode()
        return re.findall(r">(task_\w)<", content)

    assert with_priors(task_a=0.5, task_b=0.9, task_c=0.6) == ["task_b", "task_c", "task_a"]


# In the corpus


def links(corpus: Path) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (corpus / "README.md").read_text(encoding="utf-8"))


def kept_of(corpus: Path) -> Kept:
    return msgspec.json.decode((corpus / "quality.json").read_bytes(), type=Kept)


def test_the_kept_report_quotes_nothing(planted: Path, defects: Quality) -> None:
    kept = msgspec.json.encode(defects.unquoted()).decode()
    assert '"neutral"' in msgspec.json.encode(defects).decode()
    texts = {row[name] for row in rows_of(planted) for name in ("instruction", "response")}
    # Names of findings head its counts, whoever answers with them.
    texts -= set(FINDINGS)
    assert not [text for text in texts if len(text) > 5 and text in kept]


def test_the_card_shows_plots_that_are_there(small: Path, found: Quality) -> None:
    kept = kept_of(small)
    assert links(small) == [f"plots/{name}.svg" for name in TITLES]
    assert {path.name for path in (small / "plots").iterdir()} == kept.plots.keys()
    for name, sha256 in kept.plots.items():
        assert hashlib.sha256((small / "plots" / name).read_bytes()).hexdigest() == sha256
    assert kept.quality == found.unquoted()
    assert all(finding.level != "failed" for finding in verify(small))


def test_a_filtered_corpus_has_plots_of_its_own(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    filter_corpus(small, out, tasks=["phrase_grounding"])
    assert links(out) == [f"plots/{name}.svg" for name in TITLES if name != "balance"]
    assert {f"plots/{path.name}" for path in (out / "plots").iterdir()} == set(links(out))
    assert {count.task for count in kept_of(out).quality.counts} == {"phrase_grounding"}
    assert kept_of(out).quality == stats(out).unquoted()


def test_an_unchanged_corpus_is_not_drawn_again(small: Path, folder: Path, tmp_path: Path) -> None:
    def times() -> dict[str, int]:
        paths = [small / "quality.json", *(small / "plots").iterdir()]
        return {path.name: path.stat().st_mtime_ns for path in paths}

    card, before = (small / "README.md").read_bytes(), times()
    build_small(folder, "none")
    assert times() == before
    assert (small / "README.md").read_bytes() == card
    whole = (small / "plots" / "rows.svg").read_bytes()
    (small / "plots" / "rows.svg").write_bytes(whole[:-1])
    (small / "plots" / "old.svg").write_bytes(whole)
    build_small(folder, "none")
    assert (small / "plots" / "rows.svg").read_bytes() == whole
    assert times().keys() == before.keys()


def test_stats_writes_plots_and_json(small: Path, found: Quality, tmp_path: Path) -> None:
    call = ["stats", str(small), "--json", "--plots", str(tmp_path / "p")]
    told = CliRunner().invoke(app, call)
    assert told.exit_code == 0
    assert msgspec.convert(json.loads(told.stdout), Quality) == found
    for name, sha256 in kept_of(small).plots.items():
        assert hashlib.sha256((tmp_path / "p" / name).read_bytes()).hexdigest() == sha256


def test_a_corpus_without_rows_has_an_empty_report(small: Path) -> None:
    lock = msgspec.structs.replace(open_corpus(small).lock, shards=[])
    empty = measure(small, lock, {})
    assert (empty.rows, empty.concerns, draw(empty)) == (0, [], {})
    assert "small 1.2.0: 0 rows" in render_stats(empty)
