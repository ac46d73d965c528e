"""Text generation: what a radiologist writes about pictures, and the summary of what is written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from chexinstruct.reports import (
    Filtered,
    LeakClass,
    by_organ,
    classes_of,
    clauses,
    filter_text,
    find_leaks,
    has_change_cue,
    organ_lines,
    sentences,
    structured,
)
from chexinstruct.reports.cues import MASK
from chexinstruct.schema import Facts, Image, Modality, Report, Study
from chexinstruct.tasks.contract import Context, Drop, Policies, Task, task
from chexinstruct.tasks.needs import own_sections
from chexinstruct.tasks.pictures import frontal, shown
from chexinstruct.tasks.targets import dropped_sentences, filtered, target

LANGUAGES = {
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "zh": "Chinese",
}
"""Languages other than English in which a report may be asked for."""

EXAMINATIONS: dict[Modality, str] = {"radiograph": "chest X-ray", "CT": "chest CT"}
"""What a report is on, as a question names it."""

NO_LEXICON = "no_lexicon_of_organs"
"""The reason of reports in languages whose words for organs are not known here."""

_SAYS_NOTHING = re.compile(
    r"\W*(?:none|nil|n/?a|unknown|unavailable|not\s+(?:available|applicable|given|provided|stated)"
    r"|no\s+(?:indication|history|clinical\s+(?:history|information|indication|data|details))"
    r"(?:\s+(?:is\s+|was\s+)?(?:available|given|provided|stated))?)"
    r"(?:\s+(?:available|given|provided|stated))?\W*",
    re.IGNORECASE,
)
# A mask before "year old", "y/o" or M and F stands for an age alone, so it can go by itself.
_MASKED_AGE = re.compile(
    rf"{MASK}(?:[\s-]*(?:[Yy]ears?|[Yy]rs?)[\s-]*(?:[Oo]ld|of\s+age)\b"
    r"|[\s-]*[Yy]\s?[./]?\s?[Oo]\b\.?|[\s-]*[Yy][Oo](?=[MF]\b)|(?=\s?[MF]\b))"
)
# What a masked age leaves behind: "___ with hypertension".
_AGELESS = re.compile(r"^(?:[,;:\s-]|(?:with|who\s+has|presents?\s+with|presenting\s+with)\s)+")
_NO_COMPARISON = re.compile(
    r"\W*(?:(?:there\s+(?:is|are)\s+)?no\b(?!\s+(?:\w+\s+)?change)|none\b|nil\b|n/?a\b"
    r"|unavailable\b|not\s+(?:available|applicable)\b"
    r"|(?:this\s+is\s+(?:the\s+|a\s+)?)?(?:first|baseline)\s+(?:\w+\s+)?"
    r"(?:study|exam\w*|film|radiograph\w*|x-?ray)"
    r"|(?:priors?|(?:prior|previous|comparison)\s+\w+)\s+(?:is\s+|are\s+|was\s+|were\s+)?"
    r"(?:not\s+available|unavailable)\b)",
    re.IGNORECASE,
)
_PRIOR: tuple[LeakClass, ...] = ("prior",)
_INDICATION_LEAKS: tuple[LeakClass, ...] = ("deidentified", "time", "communication")


def _report(study: Study) -> Report:
    assert study.report is not None, "the task needs a section of the study's own report"
    return study.report


def indication(study: Study, policies: Policies) -> str | Drop:
    """Why the study was done: its indication, else the history.

    Under ``clean`` a masked age goes and the words about it stay ("___ year old woman with
    dyspnea"); other sentences with masks, dates and calls go. Reasons of a drop: ``no_indication``
    for words that say there is none, ``masked_indication`` and ``empty_indication``.
    """
    sections = own_sections(study)
    told = [sections[name] for name in ("indication", "history") if name in sections]
    text = next((" ".join(t.split()) for t in told if not _SAYS_NOTHING.fullmatch(t)), None)
    if text is None:
        return Drop(reason="no_indication")
    if not any(map(str.isalpha, re.sub(MASK, "", text))):
        return Drop(reason="masked_indication")
    if policies.text == "raw":
        return text
    classes = tuple(name for name in _INDICATION_LEAKS if name in policies.leaks)
    ageless = " ".join(_MASKED_AGE.sub("", text).split())
    if ageless != text and "deidentified" in classes:
        text = _AGELESS.sub("", ageless)
        text = text[:1].upper() + text[1:]
    kept = filter_text(text, classes, language=_report(study).language)
    if kept.text:
        return kept.text
    masked = "deidentified" in kept.dropped
    return Drop(reason="masked_indication" if masked else "empty_indication")


def _named_language(report: Report) -> dict[str, str] | Drop:
    """The slot ``language``, where the answer is in another one than English."""
    if report.language == "en":
        return {}
    if report.language not in LANGUAGES:
        return Drop(reason="unnamed_language")
    return {"language": LANGUAGES[report.language]}


def generation(key: str, section: str, title: str, *, with_indication: bool = False) -> Task:
    """A task that writes one section of the report from the pictures of the study.

    Reports in another language than English are asked for in the form ``in_language``, which names
    the language.
    """
    needs = ("images", section, "indication") if with_indication else ("images", section)

    @task(key, "text", title, needs=needs)
    def facts(study: Study, context: Context) -> Iterator[Facts | Drop]:
        """Write one section of the report from the pictures of the study."""
        report, images = _report(study), shown(study)
        slots = _named_language(report)
        if isinstance(slots, Drop):
            yield slots
            return
        if with_indication:
            reason = indication(study, context.policies)
            if isinstance(reason, Drop):
                yield reason
                return
            slots["indication"] = reason
        kept = target(
            report.sections[section],
            "image_target",
            context.policies,
            images=images,
            language=report.language,
        )
        if isinstance(kept, Drop):
            yield kept
            return
        yield Facts(
            key=section,
            form="in_language" if "language" in slots else "write",
            images=images,
            slots=slots | {"answer": kept.text},
            answers=(kept.text,),
            language=report.language,
            report_form=report.form,
            dropped_sentences=dropped_sentences(kept),
        )
        if section == "findings" and report.form == "plain":
            yield _structured(report, kept, images, slots, context.policies)

    return facts


def _structured(
    report: Report,
    kept: Filtered,
    images: tuple[Image, ...],
    slots: dict[str, str],
    policies: Policies,
) -> Facts | Drop:
    """The findings as one line an organ: as the release has them, else by the lexicon.

    Args:
        report: of the study.
        kept: its findings, filtered.
        images: the pictures shown.
        slots: of the fact, besides the answer.
        policies: the named schemes of the manifest.
    """
    text: str | None
    if told := _told(report, "findings"):
        parts = {
            organ: filtered(text, "image_target", policies, images=images, language=report.language)
            for organ, text in told.items()
        }
        dropped = sum((Counter(part.dropped) for part in parts.values()), Counter[str]())
        text = organ_lines({organ: part.text for organ, part in parts.items() if part.text})
        kept = Filtered(text, dropped)
    elif report.language != "en":
        return Drop(reason=NO_LEXICON)
    else:
        text = structured(clauses(kept.text))
    if text is None:
        return Drop(reason="clause_of_no_organ")
    if "\n" not in text:
        return Drop(reason="one_organ")
    return Facts(
        key="findings/structured",
        form="structured",
        images=images,
        slots=slots | {"answer": text},
        answers=(text,),
        report_form="structured",
        dropped_sentences=dropped_sentences(kept),
    )


findings_generation = generation("findings_generation", "findings", "Findings generation")
findings_generation_with_indication = generation(
    "findings_generation_with_indication",
    "findings",
    "Findings generation with indication",
    with_indication=True,
)
impression_generation = generation("impression_generation", "impression", "Impression generation")
impression_generation_with_indication = generation(
    "impression_generation_with_indication",
    "impression",
    "Impression generation with indication",
    with_indication=True,
)


def matching_frontals(prior: Study, current: Study) -> tuple[Image, Image] | None:
    """A frontal picture of each study: of the best projection that both have, else of any."""
    before, now = frontal(prior), frontal(current)
    for image in now:
        for other in before:
            if other.view == image.view:
                return other, image
    return (before[0], now[0]) if before and now else None


def _compared(study: Study, context: Context) -> tuple[Image, Image] | Drop:
    """A prior and a current picture, where the report can compare them."""
    prior = context.prior()
    if prior is None:
        return Drop(reason="no_prior")
    if _NO_COMPARISON.match(_report(study).sections.get("comparison", "")):
        return Drop(reason="no_comparison")
    return matching_frontals(prior, study) or Drop(reason="no_common_view")


def _progress(text: str, language: str, context: Context) -> Filtered | Drop:
    """A text that tells of a change, as a target."""
    if not has_change_cue(text, language):
        return Drop(reason="no_change_cue")
    kept = target(text, "progression", context.policies, language=language)
    if isinstance(kept, Filtered) and not has_change_cue(kept.text, language):
        return Drop(reason="change_cue_filtered")
    return kept


def progression(key: str, section: str, title: str) -> Task:
    """A task that writes a section with its comparisons, from a prior and a current picture."""

    @task(key, "text", title, needs=("images", section, "order"))
    def facts(study: Study, context: Context) -> Iterator[Facts | Drop]:
        """Write a section with its comparisons, from a prior and a current picture."""
        report = _report(study)
        slots = _named_language(report)
        if isinstance(slots, Drop):
            yield slots
            return
        images = _compared(study, context)
        if isinstance(images, Drop):
            yield images
            return
        kept = _progress(report.sections[section], report.language, context)
        if isinstance(kept, Drop):
            yield kept
            return
        yield Facts(
            key=section,
            form="compare_in_language" if "language" in slots else "compare",
            images=images,
            slots=slots | {"answer": kept.text},
            answers=(kept.text,),
            language=report.language,
            report_form=report.form,
            dropped_sentences=dropped_sentences(kept),
        )

    return facts


progression_findings_generation = progression(
    "progression_findings_generation", "findings", "Progression findings generation"
)
progression_impression_generation = progression(
    "progression_impression_generation", "impression", "Progression impression generation"
)


def _told(report: Report, section: str) -> dict[str, str]:
    """What a section says of each organ, where the release has it."""
    return {item.organ: item.text for item in report.organs if item.section == section}


def _by_organ(study: Study, section: str) -> dict[str, str]:
    """What a section says of each organ: as the release has it, else by the lexicon."""
    report = _report(study)
    told = _told(report, section)
    if told or report.language != "en":
        return told
    found = by_organ(clauses(report.sections[section]))
    return {organ: " ".join(texts) for organ, texts in found.items()}


def local(key: str, section: str, title: str, *, compared: bool = False) -> Task:
    """A task that writes what a section says of one organ.

    Args:
        key: of the task.
        section: of the report.
        title: of the task.
        compared: with a prior picture, and its comparisons.
    """
    needs = ("images", section, "order") if compared else ("images", section)

    @task(key, "text", title, needs=needs)
    def facts(study: Study, context: Context) -> Iterator[Facts | Drop]:
        """Write what a section of the report says of one organ."""
        images: tuple[Image, ...] | Drop
        images = _compared(study, context) if compared else shown(study)
        if isinstance(images, Drop):
            yield images
            return
        told, language = _by_organ(study, section), _report(study).language
        if not told:
            yield Drop(reason="no_known_organ" if language == "en" else NO_LEXICON)
        for organ, text in told.items():
            kept = (
                _progress(text, language, context)
                if compared
                else target(
                    text, "image_target", context.policies, images=images, language=language
                )
            )
            if isinstance(kept, Drop):
                yield kept
                continue
            yield Facts(
                key=f"{section}/{organ}",
                form="compare" if compared else "write",
                images=images,
                slots={"organ": organ, "answer": kept.text},
                answers=(kept.text,),
                language=language,
                report_form="structured",
                dropped_sentences=dropped_sentences(kept),
            )

    return facts


local_findings_generation = local(
    "local_findings_generation", "findings", "Local findings generation"
)
local_impression_generation = local(
    "local_impression_generation", "impression", "Local impression generation"
)
local_progression_findings_generation = local(
    "local_progression_findings_generation",
    "findings",
    "Local progression findings generation",
    compared=True,
)
local_progression_impression_generation = local(
    "local_progression_impression_generation",
    "impression",
    "Local progression impression generation",
    compared=True,
)


@task(
    "findings_summarization",
    "text",
    "Findings summarization",
    needs=("findings", "impression"),
)
def findings_summarization(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Summarize findings in an impression; no picture is shown.

    The impressions of reports in another language than English are asked for in that language.
    """
    report = _report(study)
    slots = _named_language(report)
    if isinstance(slots, Drop):
        yield slots
        return
    impression = report.sections["impression"]
    policies = context.policies
    classes = classes_of("summarization", policies.leaks)
    if policies.text == "clean" and (
        leaks := find_leaks(impression, classes, language=report.language)
    ):
        yield Drop(reason=f"leak_{leaks[0]}")
        return
    language = report.language
    findings = target(
        report.sections["findings"], "summarization", context.policies, language=language
    )
    if isinstance(findings, Drop):
        yield findings
        return
    summary = target(impression, "summarization", context.policies, language=language)
    if isinstance(summary, Drop):
        yield summary
    elif _sentence_set(findings.text) <= _sentence_set(summary.text):
        yield Drop(reason="repeats_findings")
    elif (
        policies.text == "clean"
        and "prior" in policies.leaks
        and has_change_cue(summary.text, language)
        and not find_leaks(findings.text, _PRIOR, language=language)
    ):
        # Nothing in the findings tells of the change that the impression speaks of.
        yield Drop(reason="leak_prior")
    else:
        yield Facts(
            key="impression",
            form="summarize_in_language" if slots else "summarize",
            slots=slots
            | {
                "examination": EXAMINATIONS[report.modality],
                "findings": findings.text,
                "answer": summary.text,
            },
            answers=(summary.text,),
            language=language,
            report_form=report.form,
            dropped_sentences=dropped_sentences(findings),
        )


def _sentence_set(text: str) -> set[str]:
    return {sentence.casefold() for sentence in sentences(text)}


@task("caption_generation", "text", "Caption generation", needs=("images", "caption"))
def caption_generation(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Write the caption of a figure from its pictures."""
    images = shown(study)
    for text in study.texts:
        if text.role != "caption":
            continue
        if text.language != "en":
            yield Drop(reason="not_english")
            continue
        kept = target(text.text, "caption", context.policies, images=images)
        if isinstance(kept, Drop):
            yield kept
            continue
        yield Facts(
            key=text.id,
            form="write",
            images=images,
            slots={"answer": kept.text},
            answers=(kept.text,),
            dropped_sentences=dropped_sentences(kept),
        )
