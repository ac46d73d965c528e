"""An item of a bench: what is asked, and what counts as right. It holds no prompt."""

from __future__ import annotations

from chexinstruct.chexbench.recipe import Form
from chexinstruct.schema.common import LicenseClass, Record, Redistribution, Split


class BenchImage(Record, frozen=True, kw_only=True):
    """A picture of an item, as it is shown to a model."""

    id: str
    """Key of the picture in its release."""
    file: str
    """Path inside the bench folder, POSIX separators."""
    sha256: str
    width: int
    height: int
    view: str | None = None


class BenchBox(Record, frozen=True, kw_only=True):
    """A reference box; corners in 0..1 of picture ``image`` of the item."""

    image: int
    x1: float
    y1: float
    x2: float
    y2: float


class Construction(Record, frozen=True, kw_only=True):
    """How the item was made."""

    rule: str
    """Id of the rule, with its version."""
    seed: int
    candidates: int
    """How many were eligible where the item was drawn; the items drawn, if all were taken."""
    note: str | None = None


class BenchItem(Record, frozen=True, kw_only=True):
    """One question of a bench."""

    id: str
    """``task/source/study/key``, unique in the bench."""
    task: str
    """Key of the bench task, snake_case: ``view_classification``, ``phrase_grounding``, ..."""
    subtask: str | None = None
    """For example ``side``, ``region`` and ``severity`` of fine-grained reasoning."""
    source: str
    form: Form
    split: Split
    """Of the release, in the corpus's words."""
    study_id: str
    patient: str | None = None
    """Digest of the person, keyed by the bench's seed; None where the release tells no person."""
    cluster: str
    """Unit of resampling: patient, else study, else picture."""
    images: tuple[BenchImage, ...] = ()
    """In the order shown; of two studies, the earlier one first."""
    question: str | None = None
    """None where the prompt alone asks, as in findings generation."""
    phrase: str | None = None
    """What is to be found, in grounding."""
    context: tuple[tuple[str, str], ...] = ()
    """Text the model is given: (name, text), for example the indication or the findings."""
    options: tuple[str, ...] = ()
    answer: int | None = None
    """Index of the right option."""
    reference: str | None = None
    """Text that a free answer is compared with."""
    boxes: tuple[BenchBox, ...] = ()
    slices: tuple[tuple[str, str], ...] = ()
    """What results are broken down by: (name, value), for example ``finding`` or ``view``."""
    sex: str | None = None
    age: float | None = None
    race: str | None = None
    license: LicenseClass
    redistribution: Redistribution
    construction: Construction
