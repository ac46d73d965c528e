"""Coarse-grained image understanding: what a whole study or picture shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from chexinstruct.draw import Draw
from chexinstruct.schema import VARIED, Facts, Image, LabelSet, Study
from chexinstruct.tasks.company import companions
from chexinstruct.tasks.contract import Context, Drop, task
from chexinstruct.tasks.labels import States, specific, states
from chexinstruct.tasks.needs import own_pair, states_view
from chexinstruct.tasks.pictures import frontal, laterals, shown
from chexinstruct.tasks.wording import named

NONE_OF_THESE = "none of these"
NO_FINDING = "no finding"
LIST_LIMIT = 26
"""Options of a list at most: as many as there are letters."""
SET_LIMIT = 5
"""Findings of one option of a set choice at most."""
WRONG_SETS = 3
COMPANY = 9
"""Studies among which wrong sets are looked for."""
YES, NO = "Yes", "No"


def _showing(study: Study) -> Sequence[str]:
    """Studies with as many findings stand in one pool, for sets of equal size."""
    named = {label.finding for label in study.labels if label.state != "absent"}
    named.update(region.label for region in study.regions if region.label is not None)
    count = len(specific(tuple(named)))
    return (f"showing_{count}",) if count else ()


@task(
    "image_classification",
    "coarse",
    "Image classification",
    needs=("images", "labels"),
    pools=_showing,
)
def image_classification(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Say which findings of an applied label set a study shows.

    Label sets with several findings give a list (all that apply, among options or without), a
    choice between sets of equal size, and a yes/no question on a present and on an absent finding;
    sets of one finding a yes/no question; exclusive classes one choice.
    """
    images = shown(study)
    sets = context.label_sets()
    for label_set in sets:
        if len(sets) > 1 and _inside_another(label_set, sets):
            continue
        found = states(study, label_set, context.policies)
        if label_set.kind == "exclusive":
            yield _choice(images, label_set, found.present)
            continue
        # Normal studies have none of the findings; "no finding" would always be wrong as an option.
        present, absent = specific(found.present), specific(found.absent)
        if not (present or absent):
            yield Drop(reason="no_known_finding")
            continue
        draw = context.draw(label_set.name)
        if label_set.kind == "multi":
            if draw.chance(0.2) and found.complete and present == found.present:
                yield _free_list(images, label_set, present)
            else:
                yield _list(images, label_set, present, absent, draw)
            if present:
                yield _set_choice(study, label_set, _known(found), context)
        if present:
            yield _yes_no(images, label_set, draw.choice(present), True, draw)
        if absent:
            yield _yes_no(images, label_set, draw.choice(absent), False, draw)


def _inside_another(label_set: LabelSet, sets: Sequence[LabelSet]) -> bool:
    """Whether another set asks all that this one would ask, and more."""
    return label_set.kind == "multi" and any(
        other.kind == "multi" and set(label_set.findings) < set(other.findings) for other in sets
    )


def _free_list(images: tuple[Image, ...], label_set: LabelSet, present: tuple[str, ...]) -> Facts:
    answers = present or (NO_FINDING,)
    return Facts(
        key=f"{label_set.name}/list",
        form="free_list",
        images=images,
        slots={"answer": ", ".join(answers)},
        answers=answers,
        balance=_list_side("free_list", present),
        label_set=label_set.name,
    )


def _list(
    images: tuple[Image, ...],
    label_set: LabelSet,
    present: tuple[str, ...],
    absent: tuple[str, ...],
    draw: Draw,
) -> Facts | Drop:
    if len(present) + len(absent) < 2:
        return Drop(reason="too_few_known")
    if not absent:
        # With nothing false in it the list would give its answer away.
        return Drop(reason="too_few_absent")
    room = LIST_LIMIT - 1 - len(present)
    if room < 0:
        return Drop(reason="too_many_present")
    if len(absent) > room:
        absent = tuple(draw.sample(absent, room))
    return Facts(
        key=f"{label_set.name}/list",
        form="list",
        images=images,
        options=(*present, *absent, NONE_OF_THESE),
        answers=present or (NONE_OF_THESE,),
        balance=_list_side("list", present),
        label_set=label_set.name,
    )


def _list_side(form: str, present: tuple[str, ...]) -> str:
    """Lists without anything in them are kept as often as lists with something, at the most.

    All label sets are taken together: normal studies may have a set of their own.
    """
    return f"{form}/{VARIED if present else 'none'}"


def _set_choice(study: Study, label_set: LabelSet, mine: _Known, context: Context) -> Facts | Drop:
    """The true set against sets of equal size in which nothing is true; each is another study's."""
    if len(mine.present) > SET_LIMIT:
        return Drop(reason="too_many_present")
    if not mine.excludes_some:
        return Drop(reason="too_few_absent")

    def known(other: Study) -> _Known | None:
        if label_set.name not in other.label_sets:
            return None
        theirs = _known(states(other, label_set, context.policies))
        return theirs if theirs.excludes_some else None

    others = [
        theirs
        for pool in _showing(study)
        for other in islice(context.negatives(pool), COMPANY)
        if (theirs := other.told(label_set.name, known))
    ]
    draw = context.draw(label_set.name, "set_choice")
    wrong = companions(mine, others, _Known.excludes, WRONG_SETS + 1, draw)
    if not wrong:
        return Drop(reason="no_negative")
    right = ", ".join(mine.present)
    return Facts(
        key=f"{label_set.name}/set_choice",
        form="set_choice",
        images=shown(study),
        options=(right, *(", ".join(other.present) for other in wrong)),
        answers=(right,),
        label_set=label_set.name,
    )


class _Known(NamedTuple):
    """The findings of a label set in one study."""

    present: tuple[str, ...]
    absent: frozenset[str]

    @property
    def excludes_some(self) -> bool:
        """Whether it is known to lack enough to exclude any other."""
        return len(self.absent) >= len(self.present)

    def excludes(self, other: _Known) -> bool:
        """Whether each shows as many findings as the other, and none that the other may show."""
        return (
            len(self.present) == len(other.present)
            and self.absent.issuperset(other.present)
            and other.absent.issuperset(self.present)
        )


def _known(found: States) -> _Known:
    return _Known(specific(found.present), frozenset(specific(found.absent)))


def _yes_no(
    images: tuple[Image, ...], label_set: LabelSet, finding: str, present: bool, draw: Draw
) -> Facts:
    side, answer = ("present", YES) if present else ("absent", NO)
    listed = draw.chance(0.5)
    # What a test of the patient found need not be seen in the picture.
    form = "patient" if label_set.method == "test" else "yes_no"
    return Facts(
        key=f"{label_set.name}/{side}",
        form=f"{form}_options" if listed else form,
        images=images,
        slots=named(finding) | {"answer": answer},
        options=(YES, NO) if listed else (),
        answers=(answer,),
        balance=f"{finding}/{side}",
        finding=finding,
        label_set=label_set.name,
    )


def _choice(
    images: tuple[Image, ...], label_set: LabelSet, present: tuple[str, ...]
) -> Facts | Drop:
    if len(present) != 1:
        return Drop(reason="no_known_finding")
    return Facts(
        key=f"{label_set.name}/choice",
        form="choice",
        images=images,
        options=label_set.findings,
        answers=present,
        balance=f"{label_set.name}/{present[0]}",
        finding=present[0],
        label_set=label_set.name,
    )


VIEWS = {
    "AP": "anteroposterior (AP)",
    "PA": "posteroanterior (PA)",
    "LATERAL": "lateral",
    "LL": "lateral",
}
"""Projections asked for; others are too rare, or not told apart well enough by the releases."""
ABBREVIATIONS = {"AP": "AP", "PA": "PA", "LATERAL": "lateral", "LL": "lateral"}


@task("view_classification", "coarse", "View classification", needs=("images", "view"))
def view_classification(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Name the projection of one picture."""
    for image in shown(study):
        if image.view is None or not states_view(image):
            yield Drop(reason="no_view")
        elif image.view not in VIEWS:
            yield Drop(reason="other_view")
        else:
            yield _view(image, image.view, context.draw(image.key))


def _view(image: Image, view: str, draw: Draw) -> Facts:
    balance = f"view/{ABBREVIATIONS[view]}"
    if draw.below(3) == 0:
        answer = ABBREVIATIONS[view]
        return Facts(
            key=image.key,
            form="free",
            images=(image,),
            slots={"answer": answer},
            answers=(answer,),
            balance=balance,
        )
    return Facts(
        key=image.key,
        form="choice",
        images=(image,),
        options=tuple(dict.fromkeys(VIEWS.values())),
        answers=(VIEWS[view],),
        balance=balance,
    )


def _pools(study: Study) -> Sequence[str]:
    return ("lateral",) if own_pair(study) else ()


@task(
    "view_matching",
    "coarse",
    "View matching",
    needs=("images", "frontal_and_lateral"),
    pools=_pools,
)
def view_matching(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Say whether a frontal and a lateral picture were taken in one study."""
    draw = context.draw("pair")
    front, side = frontal(study), laterals(study)
    view = draw.choice(front)
    yield _match(view, draw.choice(side), True, draw)
    for other in context.negatives("lateral"):
        if candidates := laterals(other.study):
            yield _match(view, draw.choice(candidates), False, draw)
            return
    yield Drop(reason="no_negative")


def _match(view: Image, other: Image, same: bool, draw: Draw) -> Facts:
    side, answer = ("yes", YES) if same else ("no", NO)
    listed = draw.chance(0.5)
    return Facts(
        key=side,
        form="yes_no_options" if listed else "yes_no",
        images=(view, other) if draw.chance(0.5) else (other, view),
        slots={"answer": answer},
        options=(YES, NO) if listed else (),
        answers=(answer,),
        balance=f"match/{side}",
    )


CHANGES = ("improving", "stable", "worsening")


@task(
    "temporal_image_classification",
    "coarse",
    "Temporal image classification",
    needs=("images", "comparisons"),
)
def temporal_image_classification(study: Study, context: Context) -> Iterator[Facts | Drop]:
    """Say how a finding changed from a prior to a current picture."""
    images = {image.key: image for image in study.images}
    for comparison in study.comparisons:
        keys = (*comparison.prior, *comparison.current)
        if not images.keys() >= set(keys):
            yield Drop(reason="missing_picture")
            continue
        listed = context.draw(comparison.id).chance(0.5)
        quality = comparison.quality
        yield Facts(
            key=comparison.id,
            form="choice" if listed else "free",
            images=tuple(images[key] for key in keys),
            slots={"finding": comparison.finding, "answer": comparison.change},
            options=CHANGES if listed else (),
            answers=(comparison.change,),
            finding=comparison.finding,
            attributes=msgspec.json.encode({"label_quality": quality}).decode()
            if quality
            else None,
        )
