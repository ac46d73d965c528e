"""The recipe of a corpus: a YAML file as a checked model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from chexinstruct.chexbench.recipe import RECIPES, RecipeName
from chexinstruct.config import (
    ConfigError,
    Layer,
    assignment,
    read_layer,
    shipped,
    validate,
)
from chexinstruct.errors import CallError
from chexinstruct.images import ImageSettings
from chexinstruct.regions import BOX_DIALECTS, CONSENSUS_SCHEMES
from chexinstruct.reports import LEAK_CLASSES, LeakClass
from chexinstruct.schema import Split
from chexinstruct.templating import OptionStyles

Share = Annotated[float, Field(ge=0, le=1)]
Phrasings = Annotated[int, Field(ge=1, le=10)]
PairName = Annotated[str, Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pictures(ImageSettings):
    """How pictures go into the corpus, and where."""

    mode: Literal["embed", "store", "none"] = "embed"
    """``embed``: bytes in every row; ``store``: each picture once, in ``images/``; ``none``."""

    @property
    def suffix(self) -> str:
        """Of the pictures' file names."""
        return ".jpg" if self.format == "jpeg" else ".png"


class Shares(_Model):
    """Shares of the persons of releases without an official split; they add up to 1."""

    train: Share = 0.8
    validation: Share = 0.1
    test: Share = 0.1

    @model_validator(mode="after")
    def _whole(self) -> Shares:
        if abs(self.train + self.validation + self.test - 1) > 1e-9:
            raise ValueError("the three shares must add up to 1")
        return self


class Sampling(_Model):
    """What is kept of a (task, source) pair; draws are keyed, so they do not depend on order."""

    cap: Annotated[int, Field(ge=0)] | None = None
    """Most examples kept per split."""
    keep: Share = 1.0
    """Probability that an example is kept, before balance and cap."""
    balance: bool = True
    """Keep as many examples of each side where the task names sides (yes / no of a finding)."""
    phrasings: Phrasings | None = None
    """Rows per example; None: as the manifest has it for all."""


class Mixture(_Model):
    """How many examples of train each task may give."""

    total: Annotated[int, Field(ge=1)]
    """Most examples of train."""
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Shares of the total by ``task`` or ``task/source``, relative to one another; a task that is
    not named has 1. A pair that is named counts no longer as a part of its task."""


class Leaks(_Model):
    """Which sentences are dropped from targets: classes of :mod:`chexinstruct.reports`."""

    deidentified: bool = True
    prior: bool = True
    time: bool = True
    communication: bool = True
    other_image: bool = True
    cross_reference: bool = True
    view: bool = True
    recommendation: bool = False
    """Also where a use would keep them; captions lose them in any case."""
    history: bool = False
    """Also where a use would keep it; captions and explanations lose it in any case."""
    figure: bool = True
    course: bool = True

    @property
    def classes(self) -> tuple[LeakClass, ...]:
        """Those that are dropped."""
        return tuple(name for name in LEAK_CLASSES if getattr(self, name))


class Manifest(_Model):
    """The recipe of a corpus."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    """Of the corpus, as semantic versioning of data has it."""
    description: str = ""
    seed: int = 0
    sources: Literal["all"] | tuple[str, ...] = "all"
    """``all``: every source found in the data root, or every one that ``pairs`` names."""
    tasks: Literal["all"] | tuple[str, ...] = "all"
    """``all``: every task that a source can feed."""
    pairs: Literal["all"] | dict[str, tuple[str, ...]] = "all"
    """Task -> the sources that it is asked of; ``all``: whatever the annotations allow."""
    leave_out: dict[PairName, Annotated[str, Field(min_length=1)]] = {}
    """``task/source`` -> why it is not built."""
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = ("train", "validation", "test")
    limit: Annotated[int, Field(ge=1)] | None = None
    """Most studies of a source: the first in keyed order of their persons."""
    sampling: dict[str, Sampling] = {}
    """By ``task``, ``source`` or ``task/source``; the narrowest entry holds."""
    mixture: Mixture | None = None
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)
    phrasings: Phrasings = 1
    """Rows per example, each with a phrasing of its own."""
    options: OptionStyles = OptionStyles()
    """The styles in which options are shown and answered."""
    images: Pictures = Pictures()
    box_dialect: str = "chexagent2"
    split_policy: Literal["clean", "official"] = "clean"
    shares: Shares = Shares()
    holdout_bench: Annotated[RecipeName | Path | None, Field(union_mode="left_to_right")] = None
    """A bench whose persons are kept out of train: a recipe of CheXbench by name, or the folder of
    a built one."""
    link: Literal["none", "pixels"] = "none"
    """``pixels``: compare the pictures of sources that share some without saying which."""
    consensus: str = "majority"
    uncertain: Literal["source", "ignore", "present", "absent"] = "source"
    text: Literal["clean", "raw"] = "clean"
    leaks: Leaks = Leaks()
    """What ``text: clean`` drops."""
    templates: Path | None = None
    """Folder of template files that are laid over the shipped ones."""

    @field_validator("box_dialect", "consensus")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known = BOX_DIALECTS if info.field_name == "box_dialect" else CONSENSUS_SCHEMES
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return name

    def builds(self, task: str, source: str) -> bool:
        """Whether a pair is asked for and not left out."""
        asked = self.pairs == "all" or source in self.pairs.get(task, ())
        return asked and f"{task}/{source}" not in self.leave_out

    def sampling_of(self, task: str, source: str) -> Sampling:
        """The sampling of a pair."""
        for name in (f"{task}/{source}", task, source):
            if name in self.sampling:
                return self.sampling[name]
        return Sampling()

    def phrasings_of(self, task: str, source: str) -> int:
        """Rows per example of a pair."""
        return self.sampling_of(task, source).phrasings or self.phrasings


OWN = ("name", "version", "description")
"""What a manifest says for itself alone: who extends it has another name."""


def load_manifest(name: str | Path, assignments: Sequence[str] = ()) -> Manifest:
    """A manifest by path, or a shipped one by its bare name (``demo``, ``full``).

    Args:
        name: of the manifest. What it ``extends`` is loaded first, and it is laid over that.
        assignments: ``FIELD=VALUE``, laid over it in their order, as ``--set`` takes them.

    Raises:
        CallError: no such file, or an assignment that does not fit.
        ConfigError: the files do not fit the model; the lines are named.
    """
    layers = [*_layers(_file(str(name)), ()), *map(assignment, assignments)]
    return validate(layers, Manifest)


def _file(name: str) -> Path | Traversable:
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise CallError(f"no manifest at {name}")
        return Path(name)
    file = shipped("manifests") / f"{name}.yaml"
    if not file.is_file():
        known = sorted(
            path.name.removesuffix(".yaml")
            for path in shipped("manifests").iterdir()
            if path.name.endswith(".yaml")
        )
        raise CallError(
            f"no shipped manifest {name!r}; there are {', '.join(known)}, "
            "or give a path that ends in .yaml"
        )
    return file


def _layers(file: Path | Traversable, above: tuple[str, ...]) -> list[Layer]:
    """A manifest and all that it extends, the farthest first.

    Args:
        file: of the manifest.
        above: the files that led here, by the extension of one another.
    """
    place = str(file.resolve() if isinstance(file, Path) else file)
    layer = read_layer(file)
    if not isinstance(layer.content, dict):
        return [layer]
    content = dict(layer.content)
    for field in ("templates", "holdout_bench"):
        named = content.get(field)
        if isinstance(named, str) and not (field == "holdout_bench" and named in RECIPES):
            # beside the manifest, wherever it is built from
            content[field] = str(Path(place).parent / named)
    parent = content.pop("extends", None)
    own = replace(layer, content=content)
    if parent is None:
        return [own]
    if not isinstance(parent, str):
        raise _wrong_parent(layer, "give the name or the path of one manifest")
    if parent.endswith((".yaml", ".yml")):
        parent = str(Path(place).parent / parent)
    try:
        found = _file(parent)
    except CallError as error:
        raise _wrong_parent(layer, str(error)) from None
    circle = (*above, place)
    if str(found.resolve() if isinstance(found, Path) else found) in circle:
        names = " -> ".join(Path(name).name for name in (*circle, parent))
        raise _wrong_parent(layer, f"manifests extend one another in a circle: {names}")
    parents = _layers(found, circle)
    if not isinstance(parents[-1].content, dict):
        raise _wrong_parent(layer, f"{found} holds no fields")
    inherited = {k: v for k, v in parents[-1].content.items() if k not in OWN}
    return [*parents[:-1], replace(parents[-1], content=inherited), own]


def _wrong_parent(layer: Layer, problem: str) -> ConfigError:
    return ConfigError(f"{layer.name}: {layer.told(('extends',), problem)}")


def overridden(
    manifest: Manifest,
    *,
    sources: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    limit: int | None = None,
    images: str | None = None,
    link: str | None = None,
) -> Manifest:
    """The manifest with some of its entries changed; None leaves an entry as it is.

    Raises:
        CallError: a value does not fit.
    """
    changes: dict[str, object] = {
        name: value
        for name, value in (
            ("sources", sources),
            ("tasks", tasks),
            ("splits", splits),
            ("limit", limit),
            ("link", link),
        )
        if value is not None
    }
    content = manifest.model_dump() | changes
    if images is not None:
        content["images"] = manifest.images.model_dump() | {"mode": images}
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise CallError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
