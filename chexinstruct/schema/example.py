"""A row of the corpus."""

from typing import Literal

from chexinstruct.schema.common import Record
from chexinstruct.schema.question import Turn

# No postponed annotations here: the field called bytes would hide the type of that name.


class Picture(Record, frozen=True, kw_only=True):
    """A picture as Hugging Face datasets stores it."""

    bytes: bytes | None
    """Encoded JPEG or PNG; None where the corpus is built without pictures or stores them apart."""
    path: str
    """File name, never a path of the building machine."""


class Option(Record, frozen=True, kw_only=True):
    """An option as shown in the instruction; ``label`` is empty where options carry none."""

    label: str
    text: str


class RegionRow(Record, frozen=True, kw_only=True):
    """A place in one of the row's pictures; x and y in 0..1 of the picture, exact."""

    image: int
    """Index into the row's pictures."""
    role: Literal["question", "answer"]
    label: str | None
    phrase: str | None
    x1: float
    y1: float
    x2: float
    y2: float
    rings: tuple[tuple[float, ...], ...]
    """Outline as rings of flat x, y, x, y, ...; empty for boxes."""


class Metadata(Record, frozen=True, kw_only=True):
    """What else is known of the row; null where it is not."""

    age: float | None = None
    sex: str | None = None
    race: str | None = None
    views: tuple[str | None, ...] = ()
    """Projection of each picture of the row."""
    split_origin: str | None = None
    collection: str | None = None
    """Of the collections that the source was compiled from, the row's."""
    report_form: str | None = None
    """``plain`` or ``structured``, where the row has report text."""
    label_set: str | None = None
    finding: str | None = None
    """The finding asked about, where there is one."""
    balance: str | None = None
    """Stratum by which the row may be balanced (for example present / absent)."""
    dropped_sentences: str | None = None
    """Leak classes that took sentences out of the text, with counts: ``prior:2 deidentified:1``."""
    attributes: str | None = None
    """What else is told of a native question, label or annotation, as JSON."""


class Example(Record, frozen=True, kw_only=True):
    """One instruction and its response."""

    id: str
    """Unique in the corpus: ``task/source/study/key``."""
    task: str
    family: str
    form: str
    """Which form of the task, e.g. ``list``, ``set_choice``, ``yes_no``."""
    source: str
    study_id: str
    patient: str | None
    """Keyed digest of the person: a grouping key, not an anonymisation."""
    images: tuple[Picture, ...]
    image_ids: tuple[str, ...]
    instruction: str
    response: str
    options: tuple[Option, ...]
    answers: tuple[str, ...]
    """The right options, or the accepted answers, without any dressing."""
    history: tuple[Turn, ...]
    regions: tuple[RegionRow, ...]
    template: str
    """``task@version/form/phrasing``."""
    language: str
    license: str
    redistribution: str
    metadata: Metadata
    origin: str | None
    """``file:row`` in the release."""
