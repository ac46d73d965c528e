"""Build a corpus from its recipe, and tell whether it is the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from huggingface_hub import HfApi

from chexinstruct.build import BuildOptions, build
from chexinstruct.corpus import filter_corpus
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub.comparing import Comparison, compare
from chexinstruct.hub.recipe import RECIPE_FILES, RECIPE_MANIFEST, Recipe, read_recipe
from chexinstruct.hub.remote import told
from chexinstruct.manifest import Manifest, load_manifest
from chexinstruct.schema import Lock


def rebuild(
    recipe: str | Path,
    data_root: str | Path,
    out: str | Path,
    options: BuildOptions | None = None,
    *,
    revision: str | None = None,
    templates: Path | None = None,
    keys: Mapping[str, str] | None = None,
    api: HfApi | None = None,
) -> Comparison:
    """Build a corpus from a recipe, and compare it with the one that the recipe was made of.

    Args:
        recipe: its folder, or ``NAMESPACE/NAME`` of a repository on the Hub.
        data_root: folder or URL that holds one folder a source key.
        out: folder of the corpus; a build that was interrupted goes on.
        options: how to run. Pictures that the release lacks are skipped where the recipe's build
            skipped some.
        revision: of the repository, such as ``v1.2.0``; None: the newest.
        templates: folder of the manifest's own templates, which are not part of a recipe.
        keys: of :func:`chexinstruct.hub.recipe_keys`, from the recipe's author.
        api: of huggingface_hub; None: with the token and the endpoint of the environment.

    Raises:
        CallError: the recipe needs templates that were not given.
        ChexinstructError: there is no recipe, or it cannot be built here.
    """
    options = options or BuildOptions()
    with _fetched(recipe, revision, api) as read:
        manifest = _manifest(read, templates)
        if any(account.missing_pictures for account in read.lock.sources):
            options = replace(options, on_missing_image="skip")
        held = read.lock.manifest.get("holdout_bench", {})
        if read.lock.skipped_sources or held.get("skipped_sources"):
            options = replace(options, available=True)
        if read.lock.filtered:
            _build_filtered(read.lock, manifest, data_root, Path(out), options)
        else:
            build(manifest, data_root, out, options)
        return compare(read.folder, out, keys=keys)


@contextmanager
def _fetched(recipe: str | Path, revision: str | None, api: HfApi | None) -> Iterator[Recipe]:
    """The recipe, from a folder or from the Hub."""
    if Path(recipe).is_dir():
        if revision is not None:
            raise CallError(f"{recipe} is a folder; a revision is of a repository on the Hub")
        yield read_recipe(recipe)
        return
    name = str(recipe)
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise CallError(f"{name} is neither a folder nor NAMESPACE/NAME of a repository")
    with tempfile.TemporaryDirectory(prefix="chexinstruct-") as folder:
        with told(name):
            (api or HfApi()).snapshot_download(
                name,
                repo_type="dataset",
                revision=revision,
                local_dir=folder,
                allow_patterns=list(RECIPE_FILES),
            )
        yield read_recipe(folder)


def _manifest(recipe: Recipe, templates: Path | None) -> Manifest:
    manifest = load_manifest(recipe.folder / RECIPE_MANIFEST)
    has_own = "templates" in recipe.lock.manifest
    if has_own and templates is None:
        raise CallError(
            "the corpus was built with templates of its own, which are not part of a recipe: ask "
            "its author for the folder, and name it with --templates"
        )
    if "recipe" not in recipe.lock.manifest.get("holdout_bench", {"recipe": None}):
        raise CallError(
            "the corpus was built without the people of a bench, which is not part of a recipe: "
            "build its manifest with --set holdout_bench=FOLDER of that bench"
        )
    if templates is not None and not has_own:
        raise CallError("the corpus was built without templates of its own; leave --templates out")
    return manifest.model_copy(update={"templates": templates}) if templates else manifest


def _build_filtered(
    lock: Lock, manifest: Manifest, data_root: str | Path, out: Path, options: BuildOptions
) -> None:
    """Build the whole corpus beside ``out``, and filter it as the recipe's was."""
    if any(step.withdrawn for step in lock.filtered):
        raise ChexinstructError(
            "rows were withdrawn from this corpus by a list that its recipe does not hold; ask its "
            "author for the list, build the manifest, and use `chexinstruct filter --exclude-ids`"
        )
    whole = out.with_name(f".{out.name}.whole")
    build(manifest, data_root, whole, options)
    places: Sequence[Path] = [
        out.with_name(f".{out.name}.{number}") for number in range(1, len(lock.filtered))
    ]
    parent = whole
    for step, place in zip(lock.filtered, [*places, out], strict=True):
        if place != out:
            shutil.rmtree(place, ignore_errors=True)  # of a run that was killed
        filter_corpus(
            parent,
            place,
            tasks=step.tasks,
            sources=step.sources,
            splits=step.splits,
            redistributable=step.redistributable,
            licenses=step.licenses,
            languages=step.languages,
            views=step.views,
            findings=step.findings,
            where=step.where,
        )
        parent = place
    for place in (whole, *places):
        shutil.rmtree(place)
