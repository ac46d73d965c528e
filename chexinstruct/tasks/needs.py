"""What a study must carry for a task, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chexinstruct.schema import Image, LabelSet, Question, Region, Study
from chexinstruct.vocabulary import FRONTAL, LATERAL

Sets = Sequence[LabelSet]


@dataclass(frozen=True)
class Need:
    """A named property of a study, seen in its label sets or in all the rest of it."""

    what: str
    """Completes "the study carries ..."."""
    in_study: Callable[[Study], bool] | None = None
    in_sets: Callable[[Sets], bool] | None = None
    """Of its label sets that may be asked about (:func:`asked_sets`); many studies share them."""

    def holds(self, study: Study, sets: Sets) -> bool:
        """Whether a study of these label sets has the property."""
        return (self.in_study is None or self.in_study(study)) and (
            self.in_sets is None or self.in_sets(sets)
        )


def asked_sets(names: Sequence[str], sets: Mapping[str, LabelSet]) -> tuple[LabelSet, ...]:
    """Of the label sets of these names those that may be asked about."""
    return tuple(sets[name] for name in names if sets[name].role == "asked")


def _drawn(sets: Sets, shape: str | None = None, finding: str | None = None) -> bool:
    return any(
        s.drawn != "none"
        and shape in (None, s.shape)
        and (finding is None or finding in s.findings)
        for s in sets
    )


def own_sections(study: Study) -> Mapping[str, str]:
    """Report sections of the study's own source; a report taken over from a parent has none."""
    if study.report is None or study.report.release is not None:
        return {}
    return study.report.sections


def states_view(image: Image) -> bool:
    """Whether the source itself says how the picture was taken.

    Pictures taken over from a parent are asked about there; an inferred projection is no answer.
    """
    return image.view is not None and image.view_source != "inferred" and image.release is None


def own_pair(study: Study) -> bool:
    """Whether the study has a frontal and a lateral picture, none of them taken over from a parent.

    The parent's pictures are matched there.
    """
    front = side = False
    for image in study.images:
        if image.release is not None:
            return False
        if image.role == "current":
            front = front or image.view in FRONTAL
            side = side or image.view in LATERAL
    return front and side


def _views(study: Study) -> Iterator[bool]:
    return (states_view(image) for image in study.images if image.role == "current")


def _section(name: str) -> Callable[[Study], bool]:
    return lambda study: name in own_sections(study)


QuestionTest = Callable[[Question], bool]


def open_question(question: Question) -> bool:
    """Whether it can be asked without options, and is about current pictures alone."""
    return question.form != "closed" and bool(question.images) and not question.prior


def closed_question(question: Question) -> bool:
    """Whether its answer is one of few, and it is about current pictures alone."""
    return question.form != "open" and bool(question.images) and not question.prior


def difference_question(question: Question) -> bool:
    """Whether it compares current with earlier pictures."""
    return bool(question.images and question.prior)


def _question(test: QuestionTest) -> Callable[[Study], bool]:
    return lambda study: any(map(test, study.questions))


def _masks(finding: str) -> Need:
    return Need(
        f"masks of {finding}, or the word that none was found",
        in_sets=lambda sets: _drawn(sets, "mask", finding),
    )


def _region(test: Callable[[Region], bool]) -> Callable[[Study], bool]:
    return lambda study: any(map(test, study.regions))


NEEDS: dict[str, Need] = {
    "images": Need(
        "a current picture", lambda s: any(image.role == "current" for image in s.images)
    ),
    "view": Need("a picture of stated projection", lambda s: any(_views(s))),
    "frontal_and_lateral": Need(
        "a frontal and a lateral picture of its own",
        own_pair,
    ),
    "labels": Need(
        "labels of a label set that was applied to it",
        in_sets=bool,
    ),
    "boxes": Need(
        "boxes of the findings that were looked for",
        in_sets=lambda sets: _drawn(sets, "box"),
    ),
    "all_boxes": Need(
        "boxes of every present finding that was looked for",
        in_sets=lambda sets: any(
            x.drawn == "all" and x.shape == "box" and x.kind == "multi" for x in sets
        ),
    ),
    "labelled_regions": Need(
        "a box with a finding",
        _region(lambda region: region.label is not None and region.shape == "box"),
    ),
    "phrases": Need("a region with a phrase", _region(lambda region: region.phrase is not None)),
    "pneumothorax_masks": _masks("pneumothorax"),
    "rib_fracture_masks": _masks("rib fracture"),
    "chest_tube_masks": _masks("chest tube"),
    "foreign_objects": Need(
        "regions of foreign objects, or the word that none was found",
        in_sets=lambda sets: _drawn(sets, finding="foreign object"),
    ),
    "report": Need(
        "a report, its own or one taken over from a parent",
        lambda s: s.report is not None and bool(s.report.sections),
    ),
    "findings": Need("a findings section", _section("findings")),
    "impression": Need("an impression", _section("impression")),
    "indication": Need(
        "an indication or history",
        lambda s: not own_sections(s).keys().isdisjoint(("indication", "history")),
    ),
    "report_or_caption": Need(
        "findings, an impression or a caption",
        lambda s: (
            not own_sections(s).keys().isdisjoint(("findings", "impression"))
            or any(t.role == "caption" for t in s.texts)
        ),
    ),
    "caption": Need("a caption", lambda s: any(t.role == "caption" for t in s.texts)),
    "order": Need("a place in time among its person's studies", lambda s: bool(s.order)),
    "open_questions": Need("an open question about a picture", _question(open_question)),
    "closed_questions": Need("a closed question about a picture", _question(closed_question)),
    "difference_questions": Need(
        "a question that compares a prior and a current picture",
        _question(difference_question),
    ),
    "text_questions": Need(
        "a question about a passage",
        lambda s: any(q.context is not None and not q.images for q in s.questions),
    ),
    "comparisons": Need(
        "a finding compared between a prior and a current picture",
        lambda s: bool(s.comparisons),
    ),
    "similarity_pairs": Need(
        "two sentences on a change",
        lambda s: any(p.kind == "similarity" for p in s.pairs),
    ),
    "explanations": Need(
        "a sentence that explains a diagnosis",
        lambda s: bool(s.explanations),
    ),
    "error_counts": Need(
        "errors that raters counted in a candidate report",
        lambda s: bool(s.error_counts),
    ),
    "entities": Need(
        "a text with its entities marked",
        lambda s: bool(s.entities),
    ),
    "inference_pairs": Need(
        "a premise and a hypothesis",
        lambda s: any(p.kind == "inference" for p in s.pairs),
    ),
}


def lacks(name: str) -> str:
    """The reason under which a study without this need is counted."""
    return f"no_{name}"
