"""Fine-grained image understanding: where in a picture something is, and what it is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import msgspec

from chexinstruct.regions import Consensus, consensus, iou, visible_box
from chexinstruct.schema import VARIED, Facts, Image, LabelSet, Region, Study
from chexinstruct.tasks.company import companions
from chexinstruct.tasks.contract import Context, Drop, Task, task
from chexinstruct.tasks.labels import readers, specific, states
from chexinstruct.tasks.phrases import by_phrase, digest, folded, phrase_leak, quoted
from chexinstruct.tasks.pictures import shown
from chexinstruct.tasks.targets import dropped_sentences
from chexinstruct.tasks.wording import named

AMBIGUOUS_IOU = 0.7
"""Boxes of two findings with a higher IoU mark one place: the box alone does not tell which."""
ASKED_BOXES = 2
"""Boxes of one diagnosis question at most."""
WRONG_FINDINGS = 3


def _box_sets(context: Context, *, every: bool = False) -> list[LabelSet]:
    """Applied label sets of which boxes were drawn; with ``every``, of each present finding."""
    return [
        s
        for s in context.label_sets()
        if s.shape == "box" and (s.drawn == "all" or (s.drawn == "some" and not every))
    ]


def _agreed(study: Study, image: Image, findings: Collection[str], context: Context) -> Consensus:
    """What the readers agree on among the boxes of these findings in one picture."""
    return consensus(
        [
            r
            for r in study.regions
            if r.image == image.key and r.shape == "box" and r.label in findings
        ],
        context.policies.consensus,
        readers=len(readers(study, image.key)),
    )


def _by_finding(regions: Sequence[Region]) -> dict[str, list[Region]]:
    found: dict[str, list[Region]] = {}
    for region in regions:
        if region.label is not None:
            found.setdefault(region.label, []).append(region)
    return found


def _misplaced(regions: Sequence[Region]) -> str | None:
    """Why some region has no place in its picture, or None when all have."""
    for region in regions:
        if region.frame is None:
            return "no_image_size"
        if visible_box(region) is None:
            return "box_outside_picture"
    return None


class _Known(msgspec.Struct):
    """The findings of several label sets in one picture."""

    present: list[str]
    absent: list[str]
    doubtful: list[str]


def _known(study: Study, image: Image, sets: Sequence[LabelSet], context: Context) -> _Known:
    known = _Known([], [], [])
    for label_set in sets:
        found = states(study, label_set, context.policies, image=image.key)
        known.present += found.present
        known.absent += found.absent
        known.doubtful += found.disputed + found.uncertain
    known.present = list(dict.fromkeys(known.present))
    shut = {*known.present, *known.doubtful}
    known.absent = [f for f in dict.fromkeys(known.absent) if f not in shut]
    return known


@task(
    "abnormality_detection",
    "fine",
    "Abnormality detection",
    needs=("images", "all_boxes"),
)
def abnormality_detection(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Box and name every abnormality of one picture, or say that there is none."""
    sets = _box_sets(context, every=True)
    findings = {f for s in sets for f in s.findings}
    for image in shown(study):
        agreed = _agreed(study, image, findings, context)
        boxed = {r.label for r in agreed.regions}
        known = _known(study, image, context.label_sets(), context)
        missing = [f for f in known.present if f not in boxed and (f in findings or not boxed)]
        if any(f in agreed.disputed for f in missing):
            yield Drop(reason="no_consensus")
        elif missing:
            yield Drop(reason="not_drawn")
        elif not boxed and (agreed.left_out or known.doubtful):
            yield Drop(reason="no_consensus")
        elif reason := _misplaced(agreed.regions):
            yield Drop(reason=reason)
        else:
            yield Facts(
                key=image.key,
                form="detect",
                images=(image,),
                found=agreed.regions,
                named="label",
                balance=f"picture/{VARIED if agreed.regions else 'none'}",
            )


@task(
    "abnormality_grounding",
    "fine",
    "Abnormality grounding",
    needs=("images", "boxes"),
)
def abnormality_grounding(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Box one named finding of one picture, or say that it is not there."""
    sets = _box_sets(context)
    findings = {f for s in sets for f in s.findings}
    for image in shown(study):
        agreed = _agreed(study, image, findings, context)
        boxes = _by_finding(agreed.regions)
        known = _known(study, image, sets, context)
        placed = 0
        for finding in dict.fromkeys((*boxes, *known.present, *sorted(agreed.disputed))):
            if not specific((finding,)):
                yield Drop(reason="unspecific_finding")
            elif finding in agreed.disputed:
                yield Drop(reason="no_consensus")
            elif finding not in boxes:
                yield Drop(reason="not_drawn")
            elif reason := _misplaced(boxes[finding]):
                yield Drop(reason=reason)
            else:
                placed += 1
                yield _grounding(image, finding, boxes[finding])
        absent = specific(tuple(known.absent))
        if not absent:
            yield Drop(reason="no_absent_finding")
        # Two for each present one: balance then takes from the absent ones, not from the boxes.
        count = min(max(1, 2 * placed), len(absent))
        drawn = context.draw(image.key, "absent").sample(absent, count)
        for finding in drawn:
            yield _grounding(image, finding, [])


def _grounding(image: Image, finding: str, boxes: Sequence[Region]) -> Facts:
    return Facts(
        key=f"{image.key}/{finding}",
        form="ground",
        images=(image,),
        slots=named(finding),
        found=tuple(boxes),
        named="label",
        balance=f"{finding}/{'present' if boxes else 'absent'}",
        finding=finding,
    )


def _boxed(study: Study) -> Sequence[str]:
    return ("boxed",) if any(r.shape == "box" and r.label for r in study.regions) else ()


@task(
    "grounded_diagnosis",
    "fine",
    "Grounded diagnosis",
    needs=("images", "labelled_regions"),
    pools=_boxed,
)
def grounded_diagnosis(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Name the finding that boxes mark in one picture."""
    for marked in _marked(study, context):
        yield marked if isinstance(marked, Drop) else _diagnosis(marked, context)


class _Marked(NamedTuple):
    """Boxes of one finding, and what else is certainly not in their picture."""

    image: Image
    finding: str
    boxes: list[Region]
    absent: frozenset[str]

    def excludes(self, other: _Marked) -> bool:
        """Whether the finding of each is certainly absent from the picture of the other."""
        return self.finding in other.absent and other.finding in self.absent


def _marked(study: Study, context: Context) -> Iterator[_Marked | Drop]:
    regions = [r for r in study.regions if r.shape == "box" and r.label is not None]
    findings = {r.label for r in regions if r.label is not None}
    sets = [s for s in context.label_sets() if s.name in study.label_sets]
    asked = False
    for image in shown(study):
        agreed = _agreed(study, image, findings, context)
        groups: dict[tuple[str, str], list[Region]] = {}
        for region in agreed.regions:
            if region.label is not None:
                group = (region.label, folded(region.phrase or ""))
                groups.setdefault(group, []).append(region)
        for _ in agreed.disputed:
            yield Drop(reason="no_consensus")
        asked |= bool(groups or agreed.disputed)
        if not groups:
            continue
        absent = frozenset(specific(tuple(_known(study, image, sets, context).absent)))
        for (finding, _), boxes in groups.items():
            reason = _unclear(finding, boxes, agreed.regions, sets)
            yield Drop(reason=reason) if reason else _Marked(image, finding, boxes, absent)
    if not asked:
        yield Drop(reason="no_picture_of_region")


def _unclear(
    finding: str, boxes: list[Region], others: Sequence[Region], sets: Sequence[LabelSet]
) -> str | None:
    """Why boxes do not tell which finding they mark, or None when they do."""
    if not any(finding in s.findings and len(s.findings) > 1 for s in sets):
        return "single_finding"
    if not specific((finding,)):
        return "unspecific_finding"
    if reason := _misplaced(boxes):
        return reason
    if len(boxes) > ASKED_BOXES:
        return "too_many_boxes"
    if any(
        other.label != finding and iou(box.box, other.box) > AMBIGUOUS_IOU
        for box in boxes
        for other in others
    ):
        return "ambiguous_box"
    return None


def _diagnosis(marked: _Marked, context: Context) -> Facts:
    image, finding, boxes, _ = marked
    name = f"{image.key}/{finding}"
    if boxes[0].phrase:
        name += f"/{digest(boxes[0].phrase)}"
    draw = context.draw(name)
    wrong: list[_Marked] = []
    if draw.chance(0.5) and marked.absent:
        others = [
            item
            for other in context.negatives("boxed")
            for item in _marked(other.study, context)
            if isinstance(item, _Marked)
        ]
        wrong = companions(marked, others, _Marked.excludes, WRONG_FINDINGS + 1, draw)
    return Facts(
        key=name,
        form="choice" if wrong else "free",
        images=(image,),
        slots={"answer": finding},
        options=(finding, *(other.finding for other in wrong)) if wrong else (),
        answers=(finding,),
        asked=tuple(boxes),
        finding=finding,
    )


def _every_region(
    key: str, finding: str, title: str, *, need: str, form: str, shape: str | None = None
) -> Task:
    """A task that boxes each drawn region of one finding, or says that there is none.

    Args:
        key: of the task.
        finding: canonical name.
        title: of the task.
        need: key of :data:`~chexinstruct.tasks.needs.NEEDS`.
        form: of the template.
        shape: what must have been drawn; None: anything.
    """

    @task(key, "fine", title, needs=("images", need))
    def facts(study: Study, context: Context) -> Iterator[Facts | Drop]:
        """Box each drawn region of the finding, or say that there is none."""
        sets = [
            s
            for s in context.label_sets()
            if s.drawn != "none" and finding in s.findings and shape in (None, s.shape)
        ]
        for image in shown(study):
            drawn = tuple(r for r in study.regions if r.image == image.key and r.label == finding)
            known = _known(study, image, sets, context)
            if finding in known.doubtful:
                yield Drop(reason="no_consensus")
            elif not drawn and finding in known.present:
                yield Drop(reason="not_drawn")
            elif not drawn and finding not in known.absent:
                yield Drop(reason="no_known_finding")
            elif reason := _misplaced(drawn):
                yield Drop(reason=reason)
            else:
                yield Facts(
                    key=image.key,
                    form=form,
                    images=(image,),
                    slots={"finding": finding},
                    found=drawn,
                    named="label",
                    balance=f"{finding}/{'present' if drawn else 'absent'}",
                    finding=finding,
                )

    return facts


def segmentation(key: str, finding: str, title: str) -> Task:
    """A task on the masks of one finding; its need is the finding's name with ``_masks``."""
    need = f"{finding.replace(' ', '_')}_masks"
    return _every_region(key, finding, title, need=need, form="segment", shape="mask")


pneumothorax_segmentation = segmentation(
    "pneumothorax_segmentation", "pneumothorax", "Pneumothorax segmentation"
)
rib_fracture_segmentation = segmentation(
    "rib_fracture_segmentation", "rib fracture", "Rib fracture segmentation"
)
chest_tube_segmentation = segmentation(
    "chest_tube_segmentation", "chest tube", "Chest tube segmentation"
)
foreign_object_detection = _every_region(
    "foreign_object_detection",
    "foreign object",
    "Foreign object detection",
    need="foreign_objects",
    form="detect",
)


def _phrases(study: Study) -> Iterator[tuple[Image, str, list[Region]]]:
    """Picture, phrase and boxes."""
    for image in shown(study):
        groups = by_phrase(r for r in study.regions if r.image == image.key)
        for phrase, regions in groups.items():
            yield image, phrase, regions


@task("phrase_grounding", "fine", "Phrase grounding", needs=("images", "phrases"))
def phrase_grounding(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Box what a phrase speaks of."""
    nothing = True
    for image, phrase, regions in _phrases(study):
        nothing = False
        if leak := phrase_leak(phrase, "summarization", context.policies, image):
            yield leak
        elif reason := _misplaced(regions):
            yield Drop(reason=reason)
        else:
            yield Facts(
                key=f"{image.key}/{digest(phrase)}",
                form="ground",
                images=(image,),
                slots={"phrase": phrase},
                found=tuple(regions),
                named="phrase",
            )
    if nothing:
        yield Drop(reason="no_picture_of_region")


@task("grounded_captioning", "fine", "Grounded captioning", needs=("images", "phrases"))
def grounded_captioning(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Word what boxes mark, as a report would."""
    nothing = True
    for image, phrase, regions in _phrases(study):
        nothing = False
        if leak := phrase_leak(phrase, "image_target", context.policies, image):
            yield leak
        elif reason := _misplaced(regions):
            yield Drop(reason=reason)
        else:
            yield Facts(
                key=f"{image.key}/{digest(phrase)}",
                form="describe",
                images=(image,),
                slots={"phrase": phrase},
                answers=(phrase,),
                asked=tuple(regions),
            )
    if nothing:
        yield Drop(reason="no_picture_of_region")


@task(
    "grounded_phrase_extraction",
    "fine",
    "Grounded phrase extraction",
    needs=("images", "phrases", "report"),
)
def grounded_phrase_extraction(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Quote the words of the report that speak of what boxes mark."""
    assert study.report is not None, "the task needs a report"
    nothing = True
    for image, phrase, regions in _phrases(study):
        nothing = False
        said = quoted(study.report, (phrase,), context.policies)
        if leak := phrase_leak(phrase, "summarization", context.policies, image):
            yield leak
        elif isinstance(said, Drop):
            yield said
        elif reason := _misplaced(regions):
            yield Drop(reason=reason)
        elif _marks_another_phrase(phrase, regions, study):
            yield Drop(reason="ambiguous_box")
        else:
            words = said.phrases[phrase]
            yield Facts(
                key=f"{image.key}/{digest(phrase)}",
                form="extract",
                images=(image,),
                slots={"report": said.section.text, "answer": words},
                answers=(words,),
                asked=tuple(regions),
                language=study.report.language,
                dropped_sentences=dropped_sentences(said.section),
            )
    if nothing:
        yield Drop(reason="no_picture_of_region")


def _marks_another_phrase(phrase: str, regions: Sequence[Region], study: Study) -> bool:
    """Whether some box marks the place of another phrase too, which would be as right."""
    return any(
        other.phrase is not None
        and folded(other.phrase) != folded(phrase)
        and other.image == region.image
        and iou(other.box, region.box) > AMBIGUOUS_IOU
        for region in regions
        for other in study.regions
    )


@task(
    "phrase_extraction_and_grounding",
    "fine",
    "Phrase extraction and grounding",
    needs=("images", "phrases", "report"),
)
def phrase_extraction_and_grounding(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Quote the words of the report that speak of a named finding, and box what they speak of."""
    nothing = True
    for image in shown(study):
        regions = [r for r in study.regions if r.image == image.key and r.phrase is not None]
        for finding, drawn in _by_finding(regions).items():
            nothing = False
            yield _extraction(image, finding, drawn, study, context)
    if nothing:
        yield Drop(reason="no_phrase_of_a_finding")


def _extraction(
    image: Image, finding: str, drawn: list[Region], study: Study, context: Context
) -> Facts | Drop:
    assert study.report is not None, "the task needs a report"
    if not specific((finding,)):
        return Drop(reason="unspecific_finding")
    boxes = by_phrase(drawn)
    for phrase in boxes:
        if leak := phrase_leak(phrase, "summarization", context.policies, image):
            return leak
    said = quoted(study.report, tuple(boxes), context.policies)
    if isinstance(said, Drop):
        return said
    if reason := _misplaced(drawn):
        return Drop(reason=reason)
    return Facts(
        key=f"{image.key}/{finding}",
        form="extract",
        images=(image,),
        slots=named(finding) | {"report": said.section.text},
        found=tuple(
            msgspec.structs.replace(region, phrase=words)
            for phrase, words in said.phrases.items()
            for region in boxes[phrase]
        ),
        named="phrase",
        language=study.report.language,
        finding=finding,
        dropped_sentences=dropped_sentences(said.section),
    )
