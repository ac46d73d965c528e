"""Items that are answered with boxes."""

from __future__ import annotations

from collections.abc import Iterator

from chexinstruct.chexbench.candidates import Asking, Candidate, Refused
from chexinstruct.schema import Region, Study


def grounding(study: Study, asking: Asking) -> Iterator[Candidate | Refused]:
    """One item a phrase of a picture, with all boxes that were drawn for it."""
    pictures = {image.key: image for image in study.images}
    phrases: dict[tuple[str, str], list[Region]] = {}
    for region in study.regions:
        if region.phrase is None:
            yield Refused("no_phrase")
        else:
            phrases.setdefault((region.image, region.phrase), []).append(region)
    numbers: dict[str, int] = {}
    for (image, phrase), regions in phrases.items():
        number = numbers[image] = numbers.get(image, 0) + 1
        if not asking.at_hand((pictures[image],)):
            yield Refused("missing_image")
            continue
        found = tuple(dict.fromkeys(region.label or "unknown" for region in regions))
        yield Candidate(
            study=study,
            key=f"{image}-{number}",
            form="boxes",
            images=(pictures[image],),
            question=(asking.part.question or "").format(phrase=phrase),
            phrase=phrase,
            regions=tuple(regions),
            slices=(
                ("finding", ", ".join(found)),
                ("boxes", "one" if len(regions) == 1 else "several"),
            ),
        )
