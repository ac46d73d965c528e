"""What the labels of a study say of each finding of a label set."""

from __future__ import annotations

from functools import lru_cache

from chexinstruct.schema import Label, LabelSet, Record, Region, State, Study
from chexinstruct.tasks.contract import Policies
from chexinstruct.vocabulary import NO_FINDING, compatible_negatives, finding


class States(Record, frozen=True, kw_only=True):
    """The findings of a label set by state; each tuple in the order of the set.

    A finding that stands in none of them is unknown: it was not mentioned, or cannot be called
    absent beside what may be present (consolidation beside pneumonia).
    """

    present: tuple[str, ...]
    absent: tuple[str, ...]
    uncertain: tuple[str, ...]
    """The source is uncertain, and the policy takes that for neither yes nor no."""
    disputed: tuple[str, ...]
    """Some readers say yes, but not most of them; or a region stands against the labels."""
    complete: bool
    """True: ``present`` is all that the study is known to show, in this label set or any other. So
    it is not if nothing is present and the source does not take the study for normal."""


@lru_cache(maxsize=4096)
def specific(findings: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the findings that can be asked for: no names like "other lesion"."""
    return tuple(f for f in findings if f != NO_FINDING and not finding(f).vague)


def readers(study: Study, image: str | None = None) -> frozenset[str]:
    """Who read the study, or one picture of it; also those who found nothing."""
    items: tuple[Label | Region, ...] = (*study.labels, *study.regions)
    return frozenset(
        item.reader
        for item in items
        if item.reader is not None and (image is None or item.image in (None, image))
    )


def states(
    study: Study, label_set: LabelSet, policies: Policies, *, image: str | None = None
) -> States:
    """The state of each finding of a label set that was applied to the study.

    A label counts in every applied set that holds its finding. A region with a finding is a vote
    for it in the sets of which regions were drawn. A finding is absent when it is said to be, or
    left blank in a set whose blank means that; and only if nobody says otherwise and it can be
    absent beside everything that may be present.

    Several readers: under the consensus ``majority`` a finding is present when more than half of
    the study's readers say so, and disputed when fewer do; under other schemes one reader will do.

    Args:
        study: the study.
        label_set: a label set that was applied to it.
        policies: the schemes for readers and for uncertain labels.
        image: key of the picture asked about; labels and regions of others are left out. None: the
            whole study.
    """
    votes: dict[str, set[str | None]] = {}
    abnormal = False
    denied: set[str] = set()
    unsure: set[str] = set()
    for label in study.labels:
        if image is not None and label.image is not None and label.image != image:
            continue
        if label.finding == NO_FINDING and NO_FINDING not in label_set.findings:
            abnormal |= label.state != "present"
            continue
        state = label.state
        if state == "uncertain":
            state = _certain(label_set, label.finding, policies.uncertain)
        if state == "present":
            votes.setdefault(label.finding, set()).add(label.reader)
        elif state == "absent":
            denied.add(label.finding)
        else:
            unsure.add(label.finding)
    possible = votes.keys() | unsure
    for region in study.regions:
        if region.label is None or (image is not None and region.image != image):
            continue
        possible.add(region.label)
        if label_set.drawn != "none":
            votes.setdefault(region.label, set()).add(region.reader)
    agreed = frozenset(votes)
    named = any(None not in who for who in votes.values())
    if named and policies.consensus == "majority":
        voters = len(readers(study, image))
        agreed = frozenset(f for f, who in votes.items() if None in who or 2 * len(who) > voters)
    present, open_, deniable = _sorted(label_set.findings, agreed, frozenset(possible))
    blank_is_absent = label_set.blank == "absent" or (label_set.kind == "exclusive" and present)
    return States(
        present=present,
        absent=deniable if blank_is_absent else tuple([f for f in deniable if f in denied]),
        uncertain=tuple([f for f in open_ if f in unsure and f not in votes]),
        disputed=tuple([f for f in open_ if f not in unsure or f in votes]),
        complete=label_set.blank == "absent"
        and len(possible) == len(present)
        and bool(present or not abnormal),
    )


def _certain(label_set: LabelSet, finding: str, policy: str) -> State:
    """What the policy makes of an uncertain label."""
    if policy == "source":
        policy = label_set.uncertain_by_finding.get(finding, label_set.uncertain)
    match policy:
        case "present":
            return "present"
        case "absent":
            return "absent"
        case _:
            return "uncertain"


@lru_cache(maxsize=4096)
def _sorted(
    findings: tuple[str, ...], agreed: frozenset[str], possible: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The findings of a set that are present, that may be, and that could be absent."""
    present = tuple(f for f in findings if f in agreed)
    open_ = tuple(f for f in findings if f in possible and f not in agreed)
    deniable = compatible_negatives(tuple(f for f in findings if f not in possible), possible)
    return present, open_, deniable
