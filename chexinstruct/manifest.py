"""The recipe of a corpus: a YAML file as a checked model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chexinstruct.config import load_yaml, shipped
from chexinstruct.errors import CallError
from chexinstruct.images import ImageSettings
from chexinstruct.regions import BOX_DIALECTS, CONSENSUS_SCHEMES
from chexinstruct.schema import Split

Share = Annotated[float, Field(ge=0, le=1)]


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


class Manifest(_Model):
    """The recipe of a corpus."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    """Of the corpus, as semantic versioning of data has it."""
    description: str = ""
    seed: int = 0
    sources: Literal["all"] | tuple[str, ...] = "all"
    """``all``: every source found in the data root."""
    tasks: Literal["all"] | tuple[str, ...] = "all"
    """``all``: every task that a source can feed."""
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = ("train", "validation", "test")
    limit: Annotated[int, Field(ge=1)] | None = None
    """Most studies of a source: the first in keyed order of their persons."""
    sampling: dict[str, Sampling] = {}
    """By ``task``, ``source`` or ``task/source``; the narrowest entry holds."""
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)
    phrasings: Annotated[int, Field(ge=1, le=10)] = 1
    """Rows per example, each with a phrasing of its own."""
    images: Pictures = Pictures()
    box_dialect: str = "chexagent2"
    split_policy: Literal["clean", "official"] = "clean"
    shares: Shares = Shares()
    link: Literal["none", "pixels"] = "none"
    """``pixels``: compare the pictures of sources that share some without saying which."""
    consensus: str = "majority"
    uncertain: Literal["source", "ignore", "present", "absent"] = "source"
    text: Literal["clean", "raw"] = "clean"
    templates: Path | None = None
    """Folder of template files that are laid over the shipped ones."""

    @model_validator(mode="after")
    def _names(self) -> Manifest:
        for name, known in (
            (self.box_dialect, BOX_DIALECTS),
            (self.consensus, CONSENSUS_SCHEMES),
        ):
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return self

    def sampling_of(self, task: str, source: str) -> Sampling:
        """The sampling of a pair."""
        for name in (f"{task}/{source}", task, source):
            if name in self.sampling:
                return self.sampling[name]
        return Sampling()


def load_manifest(name: str | Path) -> Manifest:
    """A manifest by path, or a shipped one by its bare name (``demo``, ``full``).

    Raises:
        CallError: no such file.
        ConfigError: the file does not fit the model; the lines are named.
    """
    text = str(name)
    if not text.endswith((".yaml", ".yml")):
        file = shipped("manifests") / f"{text}.yaml"
        if not file.is_file():
            known = sorted(
                path.name.removesuffix(".yaml")
                for path in shipped("manifests").iterdir()
                if path.name.endswith(".yaml")
            )
            raise CallError(
                f"no shipped manifest {text!r}; there are {', '.join(known)}, "
                "or give a path that ends in .yaml"
            )
        return load_yaml(file, Manifest)
    if not Path(text).is_file():
        raise CallError(f"no manifest at {text}")
    manifest = load_yaml(Path(text), Manifest)
    if manifest.templates is not None:  # beside the manifest, wherever it is built from
        place = Path(text).resolve().parent / manifest.templates
        manifest = manifest.model_copy(update={"templates": place})
    return manifest


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
