"""Items on the pictures alone: their projection, and how a finding changed between two."""

from __future__ import annotations

from collections.abc import Iterator

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.schema import Image, Study


def others(right: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The options with the right one first."""
    return (right, *(option for option in options if option != right))


def view(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """One picture of each projection that the study has, the first of each."""
    worded = asking.part.sides
    options = tuple(dict.fromkeys(worded.values()))
    images = asking.at_hand(study.images)
    if len(images) < len(study.images):
        yield Refused("missing_image")
    seen: set[str] = set()
    for image in images:
        side = worded.get(image.view or "")
        if side is None:
            yield Refused("other_projection" if image.view else "projection_not_known")
        elif side in seen:
            yield Refused("projection_asked_before")
        else:
            seen.add(side)
            yield Candidate(
                study=study,
                key=image.key,
                side=side,
                images=(image,),
                question=asking.part.question,
                options=others(side, options),
            )


def temporal(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """One item a finding whose change is told; the earlier picture comes first."""
    if not study.comparisons:
        yield Refused("no_comparison")
    pictures = {image.key: image for image in study.images}
    worded = asking.part.sides
    for comparison in study.comparisons:
        keys = (*comparison.prior, *comparison.current)
        images: tuple[Image, ...] = tuple(pictures[key] for key in keys)
        if len(asking.at_hand(images)) < len(keys):
            yield Refused("missing_image")
            continue
        side = worded[comparison.change]
        yield Candidate(
            study=study,
            key=comparison.id,
            side=side,
            images=images,
            question=(asking.part.question or "").format(finding=comparison.finding),
            options=others(side, tuple(worded.values())),
            slices=(("finding", comparison.finding),),
        )
