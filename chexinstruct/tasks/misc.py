"""Miscellaneous: whether texts belong to pictures, and how texts relate to one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from statistics import median_low
from typing import Literal, NamedTuple

import msgspec

from chexinstruct.reports import Filtered
from chexinstruct.schema import (
    Entities,
    EntityType,
    ErrorCounts,
    ErrorKind,
    Explanation,
    Facts,
    Image,
    Study,
)
from chexinstruct.tasks.company import companions
from chexinstruct.tasks.contract import Context, Drop, Policies, Task, task
from chexinstruct.tasks.labels import specific
from chexinstruct.tasks.mismatch import Spoken, exclude_each_other
from chexinstruct.tasks.needs import own_sections
from chexinstruct.tasks.pictures import shown
from chexinstruct.tasks.targets import dropped_sentences, target, whole_target

Kind = Literal["findings", "impression", "caption"]
KINDS: dict[Kind, str] = {
    "findings": "findings section",
    "impression": "impression",
    "caption": "caption",
}
"""Texts that belong to pictures, and what they are called; also the names of the pools."""
_SECTIONS: tuple[Kind, ...] = ("findings", "impression")

COMPANY = 8
"""Texts of other studies among which a pair is looked for; twice as many give a quarter more."""

MATCHED, NOT_MATCHED = "Matched", "Not matched"


class _Told(NamedTuple):
    """A text of a study, as released."""

    name: str
    """Unique in the study."""
    kind: Kind
    text: str
    language: str
    form: str | None


def _told(study: Study) -> Iterator[_Told]:
    report, sections = study.report, own_sections(study)
    for kind in _SECTIONS:
        if report is not None and kind in sections:
            yield _Told(kind, kind, sections[kind], report.language, report.form)
    for text in study.texts:
        if text.role == "caption":
            yield _Told(f"caption/{text.id}", "caption", text.text, text.language, None)


def _shown_text(told: _Told, policies: Policies, images: Sequence[Image]) -> Filtered | Drop:
    """The text filtered as a target of the pictures."""
    use = "caption" if told.kind == "caption" else "image_target"
    return target(told.text, use, policies, images=images, language=told.language)


def _pools(study: Study) -> Sequence[str]:
    return tuple(dict.fromkeys(told.kind for told in _told(study)))


class _Compared(NamedTuple):
    """A text of the study beside one of another study; each is certainly wrong for the other."""

    told: _Told
    right: Filtered
    wrong: Filtered


def _compared(
    study: Study, context: Context, images: Sequence[Image]
) -> Iterator[_Compared | Drop]:
    for told in _told(study):
        right = _shown_text(told, context.policies, images)
        if isinstance(right, Drop):
            yield right
            continue
        others = [
            text
            for other in islice(context.negatives(told.kind), COMPANY)
            if (text := _like(told, other.study, context.policies, images))
        ]
        mine = Spoken(study, right, told.language)
        fit = partial(exclude_each_other, context=context)
        draw = context.draw(told.name, "other")
        if other := companions(mine, others, fit, 2, draw):
            yield _Compared(told, right, other[0].text)
        else:
            yield Drop(reason="no_negative")


def _like(told: _Told, other: Study, policies: Policies, images: Sequence[Image]) -> Spoken | None:
    """The first text of another study that is of the same kind and language."""
    for candidate in _told(other):
        if (candidate.kind, candidate.language) == (told.kind, told.language):
            text = _shown_text(candidate, policies, images)
            if not isinstance(text, Drop):
                return Spoken(other, text, candidate.language)
    return None


@task(
    "image_text_matching",
    "misc",
    "Image-text matching",
    needs=("images", "report_or_caption"),
    pools=_pools,
)
def image_text_matching(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Say whether a text describes the pictures: its own text, and one of another study."""
    images = shown(study)
    for item in _compared(study, context, images):
        if isinstance(item, Drop):
            yield item
            continue
        # Both or neither: what can be wrong of no study must not be asked where it is right.
        yield _match(item.told, item.right, MATCHED, images, context)
        yield _match(item.told, item.wrong, NOT_MATCHED, images, context)


def _match(
    told: _Told, text: Filtered, answer: str, images: tuple[Image, ...], context: Context
) -> Facts:
    side = answer.lower().replace(" ", "_")
    key = f"{told.name}/{side}"
    listed = context.draw(key).chance(0.5)
    return Facts(
        key=key,
        form="choice" if listed else "free",
        images=images,
        slots={"text": text.text, "kind": KINDS[told.kind], "answer": answer},
        options=(MATCHED, NOT_MATCHED) if listed else (),
        answers=(answer,),
        language=told.language,
        balance=f"{told.kind}/{side}",
        report_form=told.form,
        dropped_sentences=dropped_sentences(text),
    )


@task(
    "image_text_selection",
    "misc",
    "Image-text selection",
    needs=("images", "report_or_caption"),
    pools=_pools,
)
def image_text_selection(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Choose the text that describes the pictures among it and one of another study."""
    images = shown(study)
    for item in _compared(study, context, images):
        if isinstance(item, Drop):
            yield item
        else:
            yield Facts(
                key=item.told.name,
                form="choice",
                images=images,
                slots={"kind": KINDS[item.told.kind]},
                options=(item.right.text, item.wrong.text),
                answers=(item.right.text,),
                language=item.told.language,
                report_form=item.told.form,
                dropped_sentences=dropped_sentences(item.right),
            )


def relation_task(
    key: str, kind: str, title: str, names: tuple[str, str], relations: tuple[str, ...], doc: str
) -> Task:
    """A task that names the relation of two texts.

    Args:
        key: of the task.
        kind: of the pairs.
        title: of the task.
        names: how the template calls the two texts.
        relations: all that may be the answer.
        doc: what is asked.
    """

    def facts(study: Study, context: Context) -> Iterator[Facts | Drop]:
        for pair in study.pairs:
            if pair.kind != kind:
                continue
            if pair.relation not in relations:
                yield Drop(reason="other_relation")
                continue
            listed = context.draw(pair.id).chance(0.5)
            texts = dict(zip(names, (pair.first, pair.second), strict=True))
            yield Facts(
                key=pair.id,
                form="choice" if listed else "free",
                slots={**texts, "answer": pair.relation},
                options=relations if listed else (),
                answers=(pair.relation,),
                language=study.language,
                attributes=_annotator(pair.annotator),
            )

    facts.__doc__ = doc
    return task(key, "misc", title, needs=(f"{kind}_pairs",))(facts)


def _annotator(name: str | None) -> str | None:
    return msgspec.json.encode({"annotator": name}).decode() if name else None


natural_language_inference = relation_task(
    "natural_language_inference",
    "inference",
    "Natural language inference",
    ("premise", "hypothesis"),
    ("entailment", "neutral", "contradiction"),
    "Say how a hypothesis follows from a premise: entailment, neutral or contradiction.",
)
temporal_sentence_similarity = relation_task(
    "temporal_sentence_similarity",
    "similarity",
    "Temporal sentence similarity",
    ("first", "second"),
    ("paraphrase", "contradiction"),
    "Say whether two sentences tell of the same change, or contradict each other.",
)


@task(
    "natural_language_explanation",
    "misc",
    "Natural language explanation",
    needs=("images", "explanations"),
)
def natural_language_explanation(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Explain diagnoses by what the pictures show, in the words of the report.

    A diagnosis that is only suspected is called possible. Of several explanations of the same
    diagnoses the first is the response; all of them are accepted.
    """
    images = shown(study)
    found: dict[str, list[tuple[Explanation, str]]] = {}
    for explanation in study.explanations:
        if not specific(explanation.diagnoses):
            yield Drop(reason="vague_diagnosis")
            continue
        kept = whole_target(explanation.text, "explanation", context.policies, images=images)
        if isinstance(kept, Drop):
            yield kept
        else:
            found.setdefault(_diagnosis(explanation), []).append((explanation, kept.text))
    for diagnosis, explanations in found.items():
        first, text = explanations[0]
        named = specific(first.diagnoses)
        yield Facts(
            key=first.id,
            form="explain",
            images=images,
            slots={"diagnosis": diagnosis, "answer": text},
            answers=tuple(dict.fromkeys(text for _, text in explanations)),
            language=study.language,
            finding=named[0] if len(named) == 1 else None,
            attributes=msgspec.json.encode({"evidence": first.evidence}).decode()
            if first.evidence
            else None,
        )


def _diagnosis(explanation: Explanation) -> str:
    """The diagnoses as a question names them: ``edema and possible pneumonia``."""
    named = [
        f"possible {finding}" if finding in explanation.suspected else finding
        for finding in specific(explanation.diagnoses)
    ]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


ERRORS: dict[ErrorKind, str] = {
    "false finding": "the candidate states a finding that the reference does not",
    "missing finding": "the candidate leaves out a finding of the reference",
    "wrong location": "the candidate puts a finding in another place or on another side",
    "wrong severity": "the candidate grades a finding as more or less severe",
    "unfounded comparison": "the candidate compares with an earlier study, the reference does not",
    "missing comparison": "the candidate leaves out a change from an earlier study",
}
NO_ERRORS = "No clinically significant errors."
MIN_RATERS = 3
"""With fewer there is no majority worth the name."""


@task("report_evaluation", "misc", "Report evaluation", needs=("error_counts",))
def report_evaluation(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Count the clinically significant errors of a candidate report by kind.

    As many errors of a kind stand as more than half of its raters counted at least. All kinds are
    listed, or those alone of which there are errors.
    """
    candidates: dict[str, list[ErrorCounts]] = {}
    for counts in study.error_counts:
        candidates.setdefault(counts.id, []).append(counts)
    for candidate, raters in candidates.items():
        rated = {
            kind: [r.significant[kind] for r in raters if kind in r.significant] for kind in ERRORS
        }
        if min(map(len, rated.values())) < MIN_RATERS:
            yield Drop(reason="too_few_raters")
            continue
        errors = {kind: median_low(counts) for kind, counts in rated.items()}
        listed = context.draw(candidate).chance(0.5)
        lines = [f"{kind.capitalize()}: {n}" for kind, n in errors.items() if n or listed]
        answer = "\n".join(lines) or NO_ERRORS
        yield Facts(
            key=candidate,
            form="all_kinds" if listed else "errors",
            slots={
                "reference": raters[0].reference,
                "candidate": raters[0].candidate,
                "kinds": "\n".join(f"- {kind.capitalize()}: {ERRORS[kind]}" for kind in ERRORS),
                "answer": answer,
            },
            answers=(answer,),
            language=study.language,
            attributes=msgspec.json.encode(
                {
                    "raters": [r.annotator for r in raters],
                    "significant": {
                        kind: [r.significant.get(kind) for r in raters] for kind in ERRORS
                    },
                }
            ).decode(),
        )


ENTITIES: dict[EntityType, str] = {
    "anatomy": "a part of the body, or a word that tells where in it",
    "observation (definitely present)": "a finding, diagnosis or device that the text affirms, or "
    "a word on its size, degree or kind",
    "observation (uncertain)": "an observation that the text only suspects",
    "observation (definitely absent)": "an observation that the text denies",
}


@task(
    "named_entity_recognition",
    "misc",
    "Named entity recognition",
    needs=("entities",),
)
def named_entity_recognition(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """List the anatomy and the observations in a report text, each with its type.

    Entities come in reading order, one to a line, or by type, one type to a line. Where several
    people marked a text, the first is the response and all of them are accepted.
    """
    texts: dict[str, list[Entities]] = {}
    for marked in study.entities:
        texts.setdefault(marked.id, []).append(marked)
    for name, marks in texts.items():
        marks = [marked for marked in marks if marked.items]
        if not marks:
            yield Drop(reason="no_entities")
            continue
        by_type = context.draw(name).chance(0.5)
        written = _by_type if by_type else _in_order
        answers = tuple(dict.fromkeys(map(written, marks)))
        spans = [
            {
                "annotator": marked.annotator,
                "entities": [[item.start, item.end, item.type] for item in marked.items],
            }
            for marked in marks
        ]
        yield Facts(
            key=name,
            form="by_type" if by_type else "in_order",
            slots={
                "text": marks[0].text,
                "types": "\n".join(f"- {kind}: {ENTITIES[kind]}" for kind in ENTITIES),
                "answer": answers[0],
            },
            answers=answers,
            language=study.language,
            attributes=msgspec.json.encode({"spans": spans}).decode(),
        )


def _in_order(marked: Entities) -> str:
    return "\n".join(f"{item.text}: {item.type}" for item in marked.items)


def _by_type(marked: Entities) -> str:
    lines = []
    for kind in ENTITIES:
        found = [item.text for item in marked.items if item.type == kind]
        if found:
            lines.append(f"{kind}: {'; '.join(found)}")
    return "\n".join(lines)
