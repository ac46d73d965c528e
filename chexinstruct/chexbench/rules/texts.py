"""Items that are answered with text: the findings of pictures, and the summary of findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.reports import DEFAULT_LEAKS, classes_of, filter_text
from chexinstruct.schema import Image, Study
from chexinstruct.tasks.pictures import shown
from chexinstruct.vocabulary import LATERAL

SHOWN = 2
"""Most pictures of findings generation."""
NO_INDICATION = "None"
"""Stands for an indication that is not there."""
MASKED_OR_TIMED = re.compile(r"___|\b[ap]\.m\.", re.IGNORECASE)
"""Impressions with one of these are left out, as CheXinstruct has it."""


def findings(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """The findings section as released; under ``clean`` without what the pictures cannot show."""
    sections = study.report.sections if study.report else {}
    images: tuple[Image, ...] = asking.at_hand(shown(study))[:SHOWN]
    if "findings" not in sections:
        yield Refused("no_findings_section" if study.report else "no_report")
        return
    if not images:
        yield Refused("missing_image" if study.images else "no_image")
        return
    text = " ".join(sections["findings"].split())
    if asking.strict:
        lateral = any(image.view in LATERAL for image in images)
        kept = filter_text(
            text, classes_of("image_target", DEFAULT_LEAKS), lateral_in_sample=lateral
        )
        if not kept.usable:
            yield Refused("emptied_by_cleaning")
            return
        text = kept.text
    yield Candidate(
        study=study,
        key="findings",
        form="text",
        images=images,
        context=(("indication", " ".join(sections.get("indication", NO_INDICATION).split())),),
        reference=text,
        note="text: clean" if asking.strict else "text: raw",
    )


def summary(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """The impression as the summary of the findings section, both as released."""
    sections = study.report.sections if study.report else {}
    if missing := [name for name in ("findings", "impression") if name not in sections]:
        yield Refused(f"no_{missing[0]}_section" if study.report else "no_report")
    elif MASKED_OR_TIMED.search(sections["impression"]):
        yield Refused("masked_or_timed_impression")
    else:
        yield Candidate(
            study=study,
            key="impression",
            form="text",
            context=(("findings", " ".join(sections["findings"].split())),),
            reference=" ".join(sections["impression"].split()),
            note="text: raw",
        )
