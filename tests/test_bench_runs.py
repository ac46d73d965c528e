"""Runs on a small bench: asked, killed, gone on with, scored, compared and reported."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from bench_support import seeing, write_bench

from chexinstruct.bench import running
from chexinstruct.bench.asking import Asker
from chexinstruct.bench.comparing import compare, render_comparison
from chexinstruct.bench.markdown import markdown, overview
from chexinstruct.bench.models import (
    Likelihood,
    Model,
    ModelDownError,
    ModelError,
    ModelUnusableError,
    Question,
    Reply,
)
from chexinstruct.bench.opening import open_bench
from chexinstruct.bench.page import page
from chexinstruct.bench.predictions import PREDICTIONS, RUN_LOCK, read_predictions
from chexinstruct.bench.prompts import load_style, style_names
from chexinstruct.bench.reporting import read_scored
from chexinstruct.bench.running import RunOptions, run
from chexinstruct.bench.scores import SCORES, Cell, Scores
from chexinstruct.bench.scoring import score
from chexinstruct.cli import main
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.regions import BOX_DIALECTS

VQA, FINE = "visual_question_answering", "fine_grained_reasoning"


class Scripted(Model):
    """A model by a function, which counts what it is asked."""

    def __init__(
        self, answer: Callable[[Question], str | Reply], *, repeatable: bool = False
    ) -> None:
        self.identity = {"kind": "scripted", "name": "scripted"}
        self.repeatable = repeatable
        self.asked: list[str] = []
        self._answer = answer

    def answer(self, question: Question) -> Reply:
        self.asked.append(question.id)
        said = self._answer(question)
        return said if isinstance(said, Reply) else Reply(said)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def seen(bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the model that looks, under both rotations."""
    out = tmp_path_factory.mktemp("runs") / "seen"
    run(bench, Scripted(seeing), out, RunOptions(rotations=2))
    score(out, resamples=200)
    return out


def cell(scores: Scores, task: str, source: str | None = None) -> Cell:
    (found,) = [c for c in scores.cells if (c.task, c.source, c.subtask) == (task, source, None)]
    return found


def read_scores(out: Path) -> Scores:
    return msgspec.json.decode((out / SCORES).read_bytes(), type=Scores)


def test_scores_of_a_model_that_looks(seen: Path) -> None:
    scores = read_scores(seen)
    vqa = cell(scores, VQA)
    assert vqa.metrics["accuracy"].value == vqa.metrics["consistent"].value == 1
    assert (vqa.n, vqa.clusters, vqa.rotations) == (24, 12, 2)
    assert vqa.best_baseline is not None and vqa.gain is not None
    assert vqa.gain.value == pytest.approx(1 - vqa.baselines[vqa.best_baseline])
    assert vqa.classes is not None and vqa.classes.confusion == [[16, 0, 0], [0, 8, 0]]
    assert {"random", "majority", "question-prior", "longest-option"} <= vqa.baselines.keys()
    boxes = cell(scores, "phrase_grounding")
    assert boxes.metrics["acc@0.7"].value == 0.75 and boxes.best_baseline == "whole-picture"
    text = cell(scores, "findings_summarization", "mimic_cxr")
    assert (text.n, scores.dropped) == (7, ["findings_summarization/mimic_cxr/7/a"])
    assert text.not_computed.keys() == {"f1_chexbert", "radgraph_f1"}
    assert scores.overall is not None and scores.overall.value == 1
    assert scores.overall_cells == [f"{FINE}/openi", f"{VQA}/slake"]


def test_groups_below_twenty_are_told_by_number_only(seen: Path) -> None:
    (sex,) = [s for s in cell(read_scores(seen), VQA).slices if s.name == "sex"]
    assert [(g.value, g.n, g.estimate) for g in sex.groups] == [
        ("female", 12, None),
        ("male", 12, None),
    ]
    assert sex.worst is None


def test_what_cannot_be_read_stays_in_the_denominator(bench: Path, tmp_path: Path) -> None:
    def half(question: Question) -> str:
        number = int(question.id.split("/")[2])
        if question.form != "choice" or number % 4 == 0:
            return "I cannot interpret medical images"
        if number % 4 == 1:
            raise ModelError("broken")
        return str(seeing(question))

    ended = run(bench, Scripted(half), tmp_path / "r")
    assert ended.failed == 10  # 6 of VQA and 4 of reasoning
    scores = score(tmp_path / "r", resamples=100)
    vqa = cell(scores, VQA)
    assert vqa.metrics["accuracy"].value == 0.5
    assert vqa.metrics["accuracy_parsed"].value == 1
    assert vqa.counts == {"letter": 12, "refused": 6, "error": 6}
    assert vqa.legacy["guessed"] == 0.5
    assert 0.5 < vqa.legacy["accuracy"] <= 1
    assert vqa.metrics["accuracy"].wilson_low == pytest.approx(0.3143, abs=1e-4)
    boxes = cell(scores, "phrase_grounding")
    assert (boxes.metrics["miou_union"].value, boxes.counts["without a box"]) == (0, 8)


def test_a_rerun_asks_only_what_failed(bench: Path, tmp_path: Path) -> None:
    broken = {"on": True}

    def answer(question: Question) -> str | Reply:
        if broken["on"] and question.source == "openi":
            raise ModelError("broken")
        return seeing(question)

    first, second = Scripted(answer), Scripted(answer)
    assert run(bench, first, tmp_path / "r").failed == 16
    broken["on"] = False
    ended = run(bench, second, tmp_path / "r")
    assert (ended.asked, ended.failed, len(second.asked)) == (16, 0, 16)
    assert cell(score(tmp_path / "r", resamples=100), FINE).metrics["accuracy"].value == 1
    assert run(bench, second, tmp_path / "r").asked == 0


def test_a_model_that_is_down_ends_the_run_and_nothing_is_lost(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GIVEN_UP_AFTER", 3)
    count = {"n": 0}

    def answer(question: Question) -> str | Reply:
        count["n"] += 1
        if count["n"] > 10:
            raise ModelDownError("HTTP 500, 6 times")
        return seeing(question)

    with pytest.raises(ChexinstructError, match=r"3 questions in a row .*HTTP 500"):
        run(bench, Scripted(answer), tmp_path / "r")
    assert sum(p.status == "answered" for p in read_predictions(tmp_path / "r").values()) == 10
    unfinished = score(tmp_path / "r", resamples=100)
    missing = sum(c.counts.get("missing", 0) for c in unfinished.cells if c.source is None)
    assert missing == 56 - 13 - 1  # all but the failed ones, and the one without a reference
    assert "not finished" in overview(read_scored([tmp_path / "r"]))
    assert run(bench, Scripted(seeing), tmp_path / "r").failed == 0


def test_a_wrong_key_ends_the_run_at_once(bench: Path, tmp_path: Path) -> None:
    def answer(question: Question) -> str:
        raise ModelUnusableError("HTTP 401: the key is not accepted")

    model = Scripted(answer)
    with pytest.raises(ModelUnusableError, match="401"):
        run(bench, model, tmp_path / "r")
    assert len(model.asked) <= 2


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from bench_support import seeing
from chexinstruct.bench.models.contract import Model, Reply
from chexinstruct.bench.running import RunOptions, run

class Slow(Model):
    identity = {{"kind": "scripted", "name": "scripted"}}
    workers = 3
    def answer(self, question):
        time.sleep(0.02)
        said = seeing(question)
        return said if isinstance(said, Reply) else Reply(said)

run(Path({bench!r}), Slow(), Path({out!r}), RunOptions(rotations=2))
"""


def test_killed_at_any_moment_and_gone_on_with_gives_the_same_scores(
    bench: Path, seen: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    code = KILLED.format(tests=str(Path(__file__).parent), bench=str(bench), out=str(out))
    held = [0]
    for more in (1, 9, 17, 26):  # lines of this start, whatever the load of the machine
        child = subprocess.Popen([sys.executable, "-c", code])
        while len(read_predictions(out)) < held[-1] + more and child.poll() is None:
            time.sleep(0.003)
        child.send_signal(signal.SIGKILL)
        child.wait()
        held.append(len(read_predictions(out)))
    assert 53 <= held[-1] < 96
    with (out / PREDICTIONS).open("ab") as file:
        file.write(b'{"id": "visual_question_answering/slake/23/a", "item": "cut o')
    ended = run(bench, Scripted(seeing), out, RunOptions(rotations=2))
    assert ended.asked == 96 - held[-1]
    assert score(out, resamples=200) == read_scores(seen)
    assert len((out / PREDICTIONS).read_bytes().splitlines()) == 96


def test_a_corpus_that_is_not_there_is_told_before_anything_is_asked(
    bench: Path, tmp_path: Path
) -> None:
    model = Scripted(seeing)
    with pytest.raises(ChexinstructError, match="no corpus"):
        run(bench, model, tmp_path / "r", RunOptions(corpus=tmp_path / "none"))
    assert model.asked == [] and not (tmp_path / "r").exists()


def test_two_processes_cannot_write_one_run(bench: Path, tmp_path: Path) -> None:
    def answer(question: Question) -> str:
        with pytest.raises(CallError, match="another process"):
            run(bench, Scripted(seeing), tmp_path / "r")
        return "(A)"

    run(bench, Scripted(answer), tmp_path / "r", RunOptions(limit=1, sources=("slake",)))


@pytest.mark.parametrize("other", [{"style": "json"}, {"rotations": 2}, {"seed": 1}, {"limit": 2}])
def test_another_run_is_not_mixed_in(bench: Path, tmp_path: Path, other: dict[str, object]) -> None:
    options = RunOptions(tasks=(VQA,))
    run(bench, Scripted(seeing), tmp_path / "r", options)
    with pytest.raises(CallError, match=f"another run: .*{next(iter(other))}"):
        run(bench, Scripted(seeing), tmp_path / "r", replace(options, **other))  # type: ignore[arg-type]


def test_the_lock_says_what_was_asked_and_the_folder_is_private(seen: Path) -> None:
    lock = json.loads((seen / RUN_LOCK).read_bytes())
    assert lock["style"] == "letters" and lock["style_digest"] == load_style("letters").digest
    assert lock["model"] == {"kind": "scripted", "name": "scripted"}
    assert stat.S_IMODE(seen.stat().st_mode) == 0o700
    assert stat.S_IMODE((seen / PREDICTIONS).stat().st_mode) == 0o600


def test_only_repeatable_answers_are_cached(bench: Path, tmp_path: Path) -> None:
    options = RunOptions(tasks=(VQA,), cache=tmp_path / "cache")
    first, again = Scripted(seeing, repeatable=True), Scripted(seeing, repeatable=True)
    run(bench, first, tmp_path / "a", options)
    run(bench, again, tmp_path / "b", options)
    assert (len(first.asked), again.asked) == (24, [])
    assert all(line.cached for line in read_predictions(tmp_path / "b").values())
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    blank = Scripted(seeing, repeatable=True)
    run(bench, blank, tmp_path / "c", replace(options, pictures="blank"))
    assert blank.asked  # other pictures are other questions
    chance = Scripted(seeing)
    run(bench, chance, tmp_path / "d", options)
    assert len(chance.asked) == 24


@pytest.mark.parametrize("pictures", ["blank", "shuffled", "none"])
def test_pictures_taken_away(bench: Path, tmp_path: Path, pictures: str) -> None:
    given = []

    def answer(question: Question) -> str:
        given.append((question.id, [picture.sha256 for picture in question.pictures]))
        return "(A)"

    options = RunOptions(pictures=pictures, tasks=(VQA, FINE))  # type: ignore[arg-type]
    run(bench, Scripted(answer), tmp_path / "r", options)
    real = {i.id: [image.sha256 for image in i.images] for i in open_bench(bench).items}
    owner = {digest: i for i, digests in real.items() for digest in digests}
    cluster = {i.id: (i.source, i.cluster) for i in open_bench(bench).items}
    assert len(given) == 40
    for name, shown in given:
        assert len(shown) == (pictures != "none")
        assert not set(shown) & set(real[name])
        if pictures == "shuffled":
            source, theirs = cluster[owner[shown[0]]]
            assert source == cluster[name][0] and theirs != cluster[name][1]


def test_changed_picture_is_an_error_of_its_item_alone(bench: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bench"
    shutil.copytree(bench, copy)
    (copy / "images" / "vqa3.png").write_bytes(b"other")
    (copy / "images" / "vqa5.png").unlink()
    assert run(copy, Scripted(seeing), tmp_path / "r").failed == 2
    errors = {p.id: p.error for p in read_predictions(tmp_path / "r").values() if p.error}
    assert "has changed" in (errors[f"{VQA}/slake/3/a"] or "")
    assert "no picture" in (errors[f"{VQA}/slake/5/a"] or "")


def test_credentialed_items_stay_here(bench: Path, tmp_path: Path) -> None:
    model = Scripted(seeing)
    model.remote = "api.example.org"
    with pytest.raises(CallError, match=r"mimic_cxr, ms_cxr .* api\.example\.org"):
        run(bench, model, tmp_path / "r")
    with pytest.raises(CallError, match="ms_cxr"):
        run(bench, model, tmp_path / "r", RunOptions(approved="  "))
    assert not (tmp_path / "r").exists() and model.asked == []
    run(bench, model, tmp_path / "open", RunOptions(sources=("slake", "openi")))
    run(bench, model, tmp_path / "r", RunOptions(approved="our own cloud, agreement 12"))
    lock = json.loads((tmp_path / "r" / RUN_LOCK).read_bytes())
    assert lock["approved"] == "our own cloud, agreement 12"


class Tells(Model):
    """Long options get a large sum and a poor mean; the prior of the second one is high."""

    def __init__(self) -> None:
        self.identity = {"kind": "scripted", "name": "tells"}

    def likelihoods(self, question: Question) -> list[Likelihood]:
        first = -2.0 if question.pictures else -4.0
        return [Likelihood(total=first, tokens=1), Likelihood(total=-3.0, tokens=3)]


def test_likelihoods_in_three_ways(bench: Path, tmp_path: Path) -> None:
    options = RunOptions(mode="likelihood", style="question_only")
    ended = run(bench, Tells(), tmp_path / "r", options)
    assert ended.lock.items == 40  # free answers have no options
    found = cell(score(tmp_path / "r", resamples=100), VQA)
    first = sum(item.answer == 0 for item in open_bench(bench).items if item.task == VQA) / 24
    assert found.metrics["accuracy_sum"].value == pytest.approx(first)
    assert found.metrics["accuracy_mean"].value == pytest.approx(1 - first)
    assert found.metrics["accuracy_prior"].value == pytest.approx(first)
    assert "accuracy" not in found.metrics
    told = overview(read_scored([tmp_path / "r"]))
    assert "## Likelihoods" in told and "## Answers" not in told
    drawn = page(read_scored([tmp_path / "r"]))
    assert "Likelihoods" in drawn and "<h2>Answers" not in drawn and 'class="dot"' in drawn
    with pytest.raises(CallError, match="tell no likelihoods"):
        run(bench, Scripted(seeing), tmp_path / "x", options)


def test_a_model_that_likes_the_first_letter_is_found_out(bench: Path, tmp_path: Path) -> None:
    run(bench, Scripted(lambda q: "A"), tmp_path / "r", RunOptions(rotations=26, tasks=(VQA,)))
    found = cell(score(tmp_path / "r", resamples=100), VQA)
    assert found.rotations == 2
    assert found.metrics["consistent"].value == 0
    assert found.metrics["permuted_accuracy"].value == 0.5


@pytest.mark.parametrize(
    "name", ["random", "majority", "question-prior", "whole-picture", "other-reference"]
)
def test_a_baseline_as_a_run_earns_what_it_earns_beside_others(
    bench: Path, seen: Path, tmp_path: Path, name: str
) -> None:
    run(bench, name, tmp_path / "r")
    for found in score(tmp_path / "r", resamples=100).cells:
        beside = [
            c.baselines[name]
            for c in read_scores(seen).cells
            if (c.task, c.source, c.subtask) == (found.task, found.source, found.subtask)
        ]
        assert found.headline is not None
        assert found.metrics[found.headline].value == pytest.approx(beside[0], abs=0.01)


def test_comparison_of_two_runs(bench: Path, seen: Path, tmp_path: Path) -> None:
    def worse(question: Question) -> str | Reply:
        wrong = question.source == "openi" and int(question.id.split("/")[2]) < 12
        return "(Z)" if wrong else seeing(question)

    run(bench, Scripted(worse), tmp_path / "r", RunOptions(tasks=(VQA, FINE)))
    found = compare(seen, tmp_path / "r", resamples=500)
    fine, vqa = found.differences
    assert (fine.task, fine.only_a, fine.only_b, fine.test) == (FINE, 12, 0, "McNemar")
    assert fine.difference == -0.75 and fine.clear and fine.p == pytest.approx(2 / 2**12)
    assert fine.holm == pytest.approx(2 * fine.p)
    assert (vqa.difference, vqa.p, vqa.clear) == (0, 1, False)
    assert (found.only_in_a, found.only_in_b) == (15, 0)
    told = render_comparison(found)
    assert "A is better" in told and "differs by less than its interval" in told


def test_runs_on_different_items_are_not_compared(bench: Path, seen: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bench"
    shutil.copytree(bench, copy)
    text = (copy / "items.jsonl").read_text()
    (copy / "items.jsonl").write_text(text.replace("Is finding 2", "Is another finding 2"))
    run(copy, Scripted(seeing), tmp_path / "r")
    with pytest.raises(CallError, match="6 of 55 items"):
        compare(seen, tmp_path / "r")
    with pytest.raises(CallError, match="not the bench of this run"):
        score(seen, copy)


def test_scores_do_not_need_the_place_of_the_bench(bench: Path, seen: Path, tmp_path: Path) -> None:
    copy, moved = tmp_path / "run", tmp_path / "bench"
    shutil.copytree(seen, copy)
    shutil.copytree(bench, moved)
    lock = json.loads((copy / RUN_LOCK).read_bytes())
    (copy / RUN_LOCK).write_text(json.dumps(lock | {"bench": "/nowhere"}))
    with pytest.raises(CallError, match="no bench at /nowhere"):
        score(copy)
    assert score(copy, moved, resamples=200) == read_scores(seen)


@pytest.mark.parametrize("name", style_names())
@pytest.mark.parametrize("dialect", sorted(BOX_DIALECTS))
def test_every_style_has_words_for_every_item(bench: Path, name: str, dialect: str) -> None:
    found = open_bench(bench)
    style = load_style(name)
    for ask in Asker(found, style, dialect=dialect).asks():
        text = ask.prompt.text
        assert "{{" not in text and "None" not in text
        if ask.item.form == "choice" and name not in ("question_only",):
            assert all(option in text for option in ask.item.options)
            assert str(ask.item.question) in text
        if ask.item.form == "text" and ask.item.task == "findings_summarization":
            assert dict(ask.item.context)["findings"] in text


@pytest.mark.parametrize("name", style_names())
def test_findings_are_asked_for_with_and_without_an_indication(bench: Path, name: str) -> None:
    summary = next(item for item in open_bench(bench).items if item.form == "text")
    bare = msgspec.structs.replace(summary, task="findings_generation", context=())
    told = msgspec.structs.replace(bare, context=(("indication", "Synthetic cough."),))
    style = load_style(name)
    text = style.prompt(bare, (), "unit").text
    assert "findings" in text.lower()
    assert ("None" in text) == (name == "chexbench_v2")  # as the published code has it
    if name != "question_only":
        assert "Synthetic cough." in style.prompt(told, (), "unit").text


def test_shape_of_the_published_prompt(bench: Path) -> None:
    ask = next(Asker(open_bench(bench), load_style("chexbench_v2"), dialect="unit").asks())
    first, second, third = ask.prompt.text.splitlines()
    assert (first, second) == ("Is finding 0 present?", "Options: (A) no, (B) yes")
    assert third.endswith("(A), (B).")


def test_own_style_by_path_and_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1.0.0\nabout: x\nchoice: '{{ no_such }}'\nboxes: b\ntext: {}\n")
    style = load_style(str(file))
    assert style.name == "mine"
    item = open_bench(write_bench(tmp_path)).items[0]
    with pytest.raises(ChexinstructError, match="no_such"):
        style.prompt(item, item.options, "unit")
    with pytest.raises(CallError, match="letters_cot"):
        load_style("no_such")


def test_reports(bench: Path, seen: Path, tmp_path: Path) -> None:
    run(bench, Scripted(lambda q: "<script>(A)"), tmp_path / "r")
    score(tmp_path / "r", resamples=100)
    scored = read_scored([seen, tmp_path / "r"])
    assert [one.label for one in scored] == ["scripted (seen)", "scripted (r)"]
    text = markdown(scored)
    assert "| right \\ answered | no | yes | no option |" in text
    assert "By the published scorer" in text and "| finding | finding 0 | 6 |" in text
    shown = page(scored)
    assert shown.count('class="dot"') == 2 * 6  # a run and row: sums of one source stand once
    assert "<script" not in shown and "http" not in shown


def test_verbs(
    bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["chexinstruct", "bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out

    support = Path(__file__).parent / "bench_support.py"
    model = f"callable:{support}:seeing"
    few = ("--resamples", 100)
    told = call("run", bench, "--model", model, "--out", tmp_path / "a", "--permute", "all", *few)
    assert "96 questions asked now." in told and "**100.0 (100.0 to 100.0)**" in told
    call("run", bench, "--model", "question-prior", "--out", tmp_path / "b", *few)
    found = json.loads(call("score", tmp_path / "a", "--json", *few))
    assert found["resamples"] == 100
    assert "B - A" in call("compare", tmp_path / "a", tmp_path / "b", *few)
    call("report", tmp_path / "a", tmp_path / "b", "--html", tmp_path / "r.html")
    assert 'class="track above"' in (tmp_path / "r.html").read_text()
