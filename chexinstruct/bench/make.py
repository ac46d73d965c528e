"""From candidates to items: the order of options, boxes in 0..1, pictures of the bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chexinstruct.bench.folder import picture_name
from chexinstruct.bench.item import BenchBox, BenchImage, BenchItem, Construction
from chexinstruct.build.boxes import Lost, placed
from chexinstruct.build.cache import whole_file
from chexinstruct.build.people import patient_digest
from chexinstruct.build.pictures import Shelf, Stored
from chexinstruct.chexbench.candidates import Candidate, view_of
from chexinstruct.chexbench.choosing import Chosen
from chexinstruct.images import ImageSettings, output_size
from chexinstruct.schema import Frame, Image
from chexinstruct.source import Terms, terms_of


@dataclass(frozen=True)
class Maker:
    """Makes the items of one part."""

    chosen: Chosen
    terms: Terms
    persons: Mapping[str, int]
    """Number of the person by study id; no entry: the release tells no person."""
    folder: Path
    shelf: Shelf | None
    """The normalised pictures; None: the bench has none."""
    settings: ImageSettings
    written: set[str]
    """Names of the pictures that stand in the bench."""

    def make(self, candidate: Candidate) -> BenchItem:
        """The item; its pictures are written, unless they stand already.

        Raises:
            Lost: a picture cannot be read, or a box does not lie in it.
        """
        asking, study = self.chosen.asking, candidate.study
        part = asking.part
        images, sizes = self._images(candidate.images)
        right = candidate.options[0] if candidate.options else None
        options = tuple(asking.draw(study, candidate.key, "order").shuffled(candidate.options))
        person = self.persons.get(study.id)
        patient = None if person is None else patient_digest(person, asking.seed)
        terms = terms_of(study, self.terms)
        return BenchItem(
            id=self.chosen.id(candidate),
            task=part.task,
            subtask=part.subtask,
            source=part.source,
            form=candidate.form,
            split=study.split or "test",
            study_id=study.id,
            patient=patient,
            cluster=patient or f"{part.source}/{study.id}",
            images=images,
            question=candidate.question,
            phrase=candidate.phrase,
            context=candidate.context,
            options=options,
            answer=None if right is None else options.index(right),
            reference=candidate.reference,
            boxes=_boxes(candidate, sizes),
            slices=self._slices(candidate),
            sex=study.sex,
            age=study.age,
            race=study.race,
            license=terms.license,
            redistribution=terms.redistribution,
            construction=Construction(
                rule=self.chosen.line.rule,
                seed=asking.seed,
                candidates=self.chosen.eligible,
                note=candidate.note,
            ),
        )

    def _images(self, images: Sequence[Image]) -> tuple[tuple[BenchImage, ...], dict[str, Frame]]:
        """The pictures of an item, and the released size of each."""
        made, sizes = [], {}
        for image in images:
            release = image.release or self.chosen.asking.part.source
            if self.shelf is None:
                made.append(
                    BenchImage(id=image.key, file="", sha256="", width=0, height=0, view=image.view)
                )
                continue
            stored = self.shelf.get(release, str(image.path))
            if not isinstance(stored, Stored):
                raise Lost(stored)
            sizes[image.key] = stored.source_size
            suffix = ".jpg" if self.settings.format == "jpeg" else ".png"
            file = picture_name(release, image.key, suffix)
            if file not in self.written:
                with whole_file(self.folder / file) as draft:
                    draft.write_bytes(stored.data)
                self.written.add(file)
            width, height = output_size(stored.source_size, self.settings.size)
            made.append(
                BenchImage(
                    id=image.key,
                    file=file,
                    sha256=stored.sha256,
                    width=width,
                    height=height,
                    view=image.view,
                )
            )
        return tuple(made), sizes

    def _slices(self, candidate: Candidate) -> tuple[tuple[str, str], ...]:
        slices = list(candidate.slices)
        if candidate.side:
            slices.append(("class", candidate.side))
        if candidate.images:
            views = ", ".join(dict.fromkeys(map(view_of, candidate.images)))
            slices.append(("view", views))
        return tuple(slices)


def _boxes(candidate: Candidate, sizes: Mapping[str, Frame]) -> tuple[BenchBox, ...]:
    keys = [image.key for image in candidate.images]
    boxes = []
    for region in candidate.regions:
        _, (x1, y1, x2, y2) = placed(region, sizes)
        boxes.append(BenchBox(image=keys.index(region.image), x1=x1, y1=y1, x2=x2, y2=y2))
    return tuple(boxes)
