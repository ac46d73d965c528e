"""Asking a model all questions of a bench, so that a run can be stopped and gone on with."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout
from tqdm import tqdm

from chexinstruct import __version__
from chexinstruct.bench.asking import Ask, Asker, Pictures
from chexinstruct.bench.item import BenchItem
from chexinstruct.bench.models import (
    Likelihood,
    Model,
    ModelDownError,
    ModelUnusableError,
    Question,
    Reply,
    baselines,
)
from chexinstruct.bench.opening import Bench, item_digest, open_bench
from chexinstruct.bench.predictions import (
    PREDICTIONS,
    RUN_LOCK,
    Mode,
    Prediction,
    RunLock,
    append,
    appending,
    read_lock,
    read_predictions,
)
from chexinstruct.bench.prompts import load_style
from chexinstruct.build.cache import default_cache, digest, private_folder, read_json, write_json
from chexinstruct.corpus.files import open_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.regions import BOX_DIALECTS, format_boxes

GIVEN_UP_AFTER = 25
"""Questions in a row for which the model was down."""


@dataclass(frozen=True)
class RunOptions:
    """What is asked, and how."""

    style: str = "letters"
    mode: Mode = "generate"
    dialect: str = "chexagent2"
    """Of boxes, in the prompt and in the answer."""
    pictures: Pictures = "shown"
    rotations: int = 1
    """Of the options of each choice item, at most as many as it has options."""
    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    limit: int | None = None
    """Items of each task and source."""
    seed: int = 0
    approved: str | None = None
    """Why a host may be sent credentialed items, in the user's words."""
    corpus: Path | None = None
    """That the model was trained on; scores are told without the items that it shares."""
    cache: Path | None = None
    """Folder; default: the user's own."""
    progress: bool = False


@dataclass(frozen=True)
class Ended:
    """What a run did."""

    lock: RunLock
    asked: int
    """Questions asked now; those of earlier starts are not asked again unless they failed."""
    failed: int
    """Questions without an answer, in the whole run."""


def run(bench: Path, model: Model | str, out: Path, options: RunOptions | None = None) -> Ended:
    """Ask a model all questions of a bench, or go on with a run that was stopped.

    Args:
        bench: folder of the bench.
        model: or the name of a baseline.
        out: folder of the run; only its owner may read it, for answers may tell of credentialed
            items.
        options: how.

    Raises:
        CallError: an option is wrong, or ``out`` holds another run.
        ChexinstructError: there is no corpus, the bench is damaged, or the model does not answer.
    """
    chosen = options or RunOptions()
    if chosen.dialect not in BOX_DIALECTS:
        raise CallError(
            f"unknown box dialect {chosen.dialect!r}; there are {', '.join(BOX_DIALECTS)}"
        )
    if chosen.corpus is not None:
        open_corpus(chosen.corpus)  # one that is not there is told before hours of questions
    part = open_bench(bench).part(
        tasks=chosen.tasks, sources=chosen.sources, limit=chosen.limit, seed=chosen.seed
    )
    if isinstance(model, str):
        part = _of_form(part, [baselines.FORMS[model]], model)
        identity: dict[str, Any] = {"kind": "baseline", "name": model}
        style = None
    else:
        identity, style = dict(model.identity), load_style(chosen.style)
        if chosen.mode == "likelihood":
            part = _of_form(part, ["choice"], "likelihood mode")
        if chosen.rotations > 1 and (chosen.mode != "generate" or identity["kind"] == "answers"):
            raise CallError(
                "options are permuted for models that generate, and are asked each time"
            )
        _guard(part.items, model, chosen.approved)
    # Answers that were made elsewhere were asked for in words that nobody tells us.
    told = style if identity["kind"] != "answers" else None
    lock = RunLock(
        chexinstruct=__version__,
        python=platform.python_version(),
        bench=str(bench.resolve()),
        bench_digest=part.digest,
        items=len(part.items),
        tasks=chosen.tasks,
        sources=chosen.sources,
        limit=chosen.limit,
        model=identity,
        mode=chosen.mode,
        style=told.name if told else "",
        style_version=told.content.version if told else "",
        style_digest=told.digest if told else "",
        dialect=chosen.dialect,
        pictures=chosen.pictures,
        rotations=chosen.rotations,
        seed=chosen.seed,
        corpus=str(chosen.corpus.resolve()) if chosen.corpus else None,
        approved=chosen.approved,
    )
    private_folder(out)
    try:
        with FileLock(out / ".run.lock", timeout=0):
            lock = _agreed(out, lock)
            if isinstance(model, str):
                work = _earned(part.items, model, lock)
            else:
                assert style is not None
                asker = Asker(
                    part,
                    style,
                    dialect=lock.dialect,
                    pictures=chosen.pictures,
                    rotations=lock.rotations,
                    seed=lock.seed,
                )
                # Whatever is wrong with the style is told before the first question is asked.
                asks = list(asker.asks())
                held = read_predictions(out)
                done = {key for key, line in held.items() if line.status == "answered"}
                left = [ask for ask in asks if (ask.item.id, ask.rotation) not in done]
                store = None
                if model.repeatable:
                    store = private_folder(chosen.cache or default_cache()) / "bench"
                one = _Questioner(model, asker, lock.mode, store)
                work = _asked(left, one, model.workers, held.keys() - done, chosen.progress)
            asked = 0
            with appending(out) as file:
                for prediction in work:
                    append(file, prediction)
                    asked += 1
    except Timeout:
        raise CallError(f"another process is writing the run {out}") from None
    failed = sum(p.status == "error" for p in read_predictions(out).values())
    return Ended(lock, asked, failed)


def _of_form(bench: Bench, forms: Iterable[str], who: str) -> Bench:
    items = tuple(item for item in bench.items if item.form in forms)
    if not items:
        raise CallError(f"{who} is for {' and '.join(forms)} items, and there are none")
    return replace(bench, items=items)


def _guard(items: Iterable[BenchItem], model: Model, approved: str | None) -> None:
    """Data use agreements forbid sending their data to a third party that is not approved."""
    kept = sorted(
        {
            item.source
            for item in items
            if item.license == "credentialed"
            or (item.license == "registered" and item.redistribution == "no")
        }
    )
    if model.remote is not None and kept and not (approved or "").strip():
        raise CallError(
            f"items of {', '.join(kept)} may not be sent to {model.remote}: their terms forbid it "
            "for third parties; leave them out with --source, use a server on this machine, or say "
            "with --approved why this host is allowed"
        )


def _agreed(out: Path, lock: RunLock) -> RunLock:
    """The lock of the folder, written if it is new."""
    if not (out / RUN_LOCK).exists():
        if (out / PREDICTIONS).exists():
            raise CallError(f"{out} holds predictions without a {RUN_LOCK}; choose another folder")
        write_json(out / RUN_LOCK, lock)
        return lock
    held = read_lock(out)
    if different := held.differs(lock):
        raise CallError(f"{out} holds another run: it differs in {', '.join(different)}")
    if lock.corpus not in (None, held.corpus):
        held = msgspec.structs.replace(held, corpus=lock.corpus)
        write_json(out / RUN_LOCK, held)
    return held


def _earned(items: tuple[BenchItem, ...], name: str, lock: RunLock) -> Iterator[Prediction]:
    """The lines of a baseline. They are made again at each start: nothing is asked."""
    credits: list[float | None] = [None] * len(items)
    answers: list[str | None] = [None] * len(items)
    if name in baselines.CHOICE:
        credits = list(baselines.CHOICE[name](items))
    elif baselines.FORMS[name] == "text":
        answers = list(baselines.other_references(items, seed=lock.seed))
    else:
        answers = [format_boxes([baselines.WHOLE_PICTURE], lock.dialect)] * len(items)
    for item, credit, answer in zip(items, credits, answers, strict=True):
        yield Prediction(
            id=item.id,
            item=item_digest(item),
            prompt="",
            status="answered",
            answer=answer,
            credit=credit,
        )


class _Kept(msgspec.Struct):
    """An answer in the cache."""

    reply: Reply | None = None
    likelihoods: tuple[Likelihood, ...] = ()
    priors: tuple[Likelihood, ...] = ()


@dataclass(frozen=True)
class _Questioner:
    """Asks one question, or finds its answer in the cache."""

    model: Model
    asker: Asker
    mode: Mode
    store: Path | None

    def __call__(self, ask: Ask) -> tuple[Prediction, bool]:
        """The line of a question, and whether the model was down."""
        start = time.monotonic()
        line = Prediction(
            id=ask.item.id,
            rotation=ask.rotation,
            item=ask.digest,
            prompt=ask.prompt.digest,
            status="answered",
        )
        try:
            kept, cached = self._answer(self.asker.question(ask))
        except (CallError, ModelUnusableError):
            raise
        except ChexinstructError as error:
            failed = msgspec.structs.replace(line, status="error", error=str(error))
            return failed, isinstance(error, ModelDownError)
        except Exception as error:  # libraries of a model: one question's failure is not the run's
            told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            return msgspec.structs.replace(line, status="error", error=told), True
        reply = kept.reply or Reply("")
        return (
            msgspec.structs.replace(
                line,
                answer=reply.text if kept.reply else None,
                likelihoods=kept.likelihoods,
                priors=kept.priors,
                finish=reply.finish,
                seconds=round(time.monotonic() - start, 3),
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                cached=cached,
            ),
            False,
        )

    def _answer(self, question: Question) -> tuple[_Kept, bool]:
        if self.store is None:
            return self._fresh(question), False
        seen = [picture.sha256 for picture in question.pictures]
        options = question.options if self.mode == "likelihood" else ()
        name = digest(self.model.identity, self.mode, question.system, question.text, seen, options)
        path = self.store / name[:2] / f"{name}.json"
        try:
            kept = read_json(path, _Kept)
        except msgspec.MsgspecError:
            kept = None  # a damaged file is written anew
        if kept is not None:
            return kept, True
        kept = self._fresh(question)
        write_json(path, kept)
        return kept, False

    def _fresh(self, question: Question) -> _Kept:
        if self.mode == "generate":
            return _Kept(reply=self.model.answer(question))
        return _Kept(
            likelihoods=tuple(self.model.likelihoods(question)),
            priors=tuple(self.model.likelihoods(replace(question, pictures=()))),
        )


def _asked(
    asks: list[Ask],
    one: Callable[[Ask], tuple[Prediction, bool]],
    workers: int,
    failed: Set[tuple[str, int]],
    progress: bool,
) -> Iterator[Prediction]:
    """Lines as they come, a few questions at a time.

    Args:
        asks: what to ask.
        one: asks one question.
        workers: threads.
        failed: questions that failed at an earlier start; that they fail again tells nothing.
        progress: show a bar.

    Raises:
        ChexinstructError: the model was down for many questions in a row.
    """
    pool = ThreadPoolExecutor(workers)
    waiting: dict[Future[tuple[Prediction, bool]], int] = {}
    left, down = enumerate(asks), 0
    try:
        with tqdm(total=len(asks), unit="question", disable=not progress) as bar:
            while True:
                while len(waiting) < 2 * workers and (following := next(left, None)):
                    number, ask = following
                    waiting[pool.submit(one, ask)] = number
                if not waiting:
                    return
                ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
                # In the order asked, so that failures in a row are told from scattered ones.
                for future in sorted(ready, key=waiting.__getitem__):
                    del waiting[future]
                    prediction, was_down = future.result()
                    yield prediction
                    bar.update()
                    if (prediction.id, prediction.rotation) not in failed:
                        down = down + 1 if was_down else 0
                    if down >= GIVEN_UP_AFTER:
                        raise ChexinstructError(
                            f"{down} questions in a row got no answer, the last with: "
                            f"{prediction.error}; mend it, then run the same command again to go on"
                        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
