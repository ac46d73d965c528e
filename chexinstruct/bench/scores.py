"""The scores of a run, as they stand in ``scores.json``. All metrics are in 0..1."""

from __future__ import annotations

import msgspec

from chexinstruct.bench.gaps import PartCount
from chexinstruct.bench.predictions import RunLock
from chexinstruct.chexbench.recipe import Form

SCORES = "scores.json"
SMALLEST_GROUP = 20
"""Groups of fewer items are told by their number only, and cells of fewer are not judged."""
FEWEST_CLUSTERS = 10
"""So too cells of fewer patients: so few make no interval."""


class Estimate(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A number and how far it can be trusted."""

    value: float
    low: float | None = None
    """Ends of the 95 % interval, clusters resampled; None where the metric has none."""
    high: float | None = None
    item_low: float | None = None
    """The same with items resampled, as papers do: too narrow where items share a patient."""
    item_high: float | None = None
    wilson_low: float | None = None
    """Of a share of fewer than 30 items."""
    wilson_high: float | None = None


class Classes(msgspec.Struct, kw_only=True):
    """Answers against what is right, where all items offer the same options."""

    names: list[str]
    confusion: list[list[int]]
    """Row: what is right; column: what was answered, the last one for no option."""


class Group(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One group of a slice, such as all women."""

    value: str
    n: int
    estimate: Estimate | None = None
    """Of the headline metric; None below the smallest size."""
    gap: Estimate | None = None
    """To all others; below 0: worse than they."""


class Slice(msgspec.Struct, kw_only=True):
    """A task broken down by one property."""

    name: str
    groups: list[Group]
    worst: str | None
    """Of the groups that are large enough."""


class SharedItems(msgspec.Struct, kw_only=True):
    """Those items of a cell that the train split of a corpus shares something with."""

    found: dict[str, int]
    """How many, by persons, studies, pictures, and bytes of pictures, as far as was looked at."""
    items: int
    """In all; an item may be found in several ways."""
    among: Estimate | None
    """Headline metric of them; None where there are none."""
    without: Estimate | None
    """Headline metric of the others; None where there are none."""


class Contamination(msgspec.Struct, kw_only=True):
    """The corpus that a run was held against."""

    corpus: str
    """Name and version."""
    not_checked: dict[str, str]
    """What could not be looked at, and why."""


class Cell(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The scores of a task, of a task in one source, or of a subtask in one source."""

    task: str
    source: str | None = None
    """None: all sources."""
    subtask: str | None = None
    form: Form
    n: int
    clusters: int
    headline: str | None
    """Name of the metric that stands for the cell."""
    metrics: dict[str, Estimate]
    counts: dict[str, int]
    """Answers by status; ``missing`` ones count as errors too."""
    baselines: dict[str, float]
    """Without the picture, by the headline metric."""
    best_baseline: str | None = None
    gain: Estimate | None = None
    """Headline metric less that of the best baseline, the same items drawn for both."""
    classes: Classes | None = None
    rotations: int | None = None
    """Of the options; ``permuted_accuracy`` and ``consistent`` are over all of them."""
    legacy: dict[str, float] = {}
    """Accuracy by the published scorer, and the share of its answers that are guesses."""
    signatures: dict[str, str] = {}
    not_computed: dict[str, str] = {}
    slices: list[Slice] = []
    shared: SharedItems | None = None
    """None where no corpus was named."""


class Scores(msgspec.Struct, kw_only=True):
    """All of them."""

    run: RunLock
    """Without the place of the bench, which is that of one machine."""
    resamples: int
    seed: int
    cells: list[Cell]
    overall: Estimate | None
    """Mean accuracy over the choice cells of a task and source, each with the same weight."""
    overall_cells: list[str]
    """Which these are."""
    parts: list[PartCount]
    """The items of the bench by part, asked here or not."""
    contamination: Contamination | None = None
    """None where no corpus was named."""
    dropped: list[str]
    """Ids of items without a reference text."""
