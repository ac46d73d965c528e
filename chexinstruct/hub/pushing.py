"""Put a corpus on the Hub: checked before, resumable on the way, verified after."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from huggingface_hub import HfApi

from chexinstruct.build.quality import PLOTS, REPORT
from chexinstruct.corpus import Corpus, filter_corpus, open_corpus, standings
from chexinstruct.errors import CallError, ChexinstructError
from chexinstruct.hub.guard import guard
from chexinstruct.hub.recipe import RECIPE_FOLDER, RECIPE_PAPERS, write_recipe
from chexinstruct.hub.remote import LocalFile, Repository, local_file, own_repository
from chexinstruct.papers import PAPERS
from chexinstruct.schema import LOCK
from chexinstruct.source import registry

What = Literal["corpus", "open", "recipe"]

FOLDERS = ("data/", "images/", f"{RECIPE_FOLDER}/")
"""Ours in a repository: Parquet files in them that are no part of a push are deleted."""

OUR_PAPERS = (*PAPERS, REPORT, f"{PLOTS}/*.svg", LOCK, *RECIPE_PAPERS)
"""So are these: a recipe takes the place of a corpus, and the other way round."""


class Pushed(msgspec.Struct, kw_only=True, frozen=True):
    """What stands on the Hub now."""

    url: str
    commit: str
    tag: str
    private: bool
    files: int
    size: int
    """Bytes of all files."""
    rows: int
    """Rows that were passed on; none in a recipe."""


def push(
    path: str | Path,
    repo: str,
    *,
    what: What = "corpus",
    private: bool = False,
    words: str | None = None,
    organisation: str | None = None,
    api: HfApi | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Pushed:
    """Put a corpus, a part of it or its recipe on the Hub, under the tag of its version.

    A push that broke off goes on when it is run again. ``README.md`` and the lock are sent when all
    data stand. Afterwards names, sizes and digests of the remote files are held against the lock.

    Args:
        path: the corpus.
        repo: ``NAMESPACE/NAME`` of a data set repository; made if there is none.
        what: ``corpus``: all rows; ``open``: those that everyone may have; ``recipe``: how to build
            it, with digests and without any of its content.
        private: only those whom the owner lets in can see the repository.
        words: :func:`chexinstruct.hub.promise`, to push rows privately that may not be passed on.
        organisation: the namespace, where it is not the user's own.
        api: of huggingface_hub; None: with the token and the endpoint of the environment.
        say: is given lines on what happens.

    Raises:
        CallError: rows may not go there, the namespace is not the user's, the repository is not
            as private as asked, or the version stands there with other content.
        ChexinstructError: the Hub cannot be reached, or what stands there in the end is not the
            corpus.
    """
    corpus = open_corpus(path)
    if what == "corpus":
        guard(standings(corpus, registry()), repo, private=private, words=words)
    elif words is not None:
        raise CallError("--i-may-share is for a push of all rows; leave it out")
    remote = own_repository(api or HfApi(), repo, organisation)
    with _load(corpus, what) as load:
        return _push(remote, load, private=private, say=say)


@dataclass(frozen=True)
class _Load:
    """What is to stand in the repository."""

    folder: Path
    tag: str
    data: tuple[LocalFile, ...]
    papers: tuple[LocalFile, ...]
    """Sent last."""
    rows: int

    @property
    def files(self) -> tuple[LocalFile, ...]:
        return (*self.data, *self.papers)


@contextmanager
def _load(corpus: Corpus, what: What) -> Iterator[_Load]:
    """The files to send; those that are made for it lie beside the corpus, on the same disk."""
    tag = f"v{corpus.lock.manifest['version']}"
    if what == "corpus":
        yield _corpus_load(corpus, tag)
        return
    place = corpus.path.resolve()
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".push", dir=place.parent))
    except OSError as error:
        raise ChexinstructError(
            f"{place.parent}: no folder can be made here, which is needed to write what is sent "
            f"({error.strerror})"
        ) from None
    try:
        if what == "open":
            filter_corpus(corpus.path, draft / "corpus", redistributable=True)
            part = open_corpus(draft / "corpus")
            guard(standings(part, registry()), "", private=False, words=None)
            yield _corpus_load(part, tag)
        else:
            written = write_recipe(corpus, draft)
            data = [local_file(draft, name) for name in written.data]
            papers = [local_file(draft, name) for name in written.papers]
            yield _Load(draft, tag, tuple(data), tuple(papers), rows=0)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _corpus_load(corpus: Corpus, tag: str) -> _Load:
    data = [LocalFile(f.name, f.path, f.size, f.sha256) for f in (*corpus.files, *corpus.images)]
    for file in data:
        if not file.path.is_file() or file.path.stat().st_size != file.size:
            raise ChexinstructError(
                f"{file.path}: not there, or not as the lock says; `chexinstruct verify` tells more"
            )
    plots = sorted(f"{PLOTS}/{path.name}" for path in (corpus.path / PLOTS).glob("*.svg"))
    names = (*PAPERS, REPORT, *plots, LOCK)
    papers = [local_file(corpus.path, name) for name in names if (corpus.path / name).is_file()]
    return _Load(
        corpus.path, tag, tuple(data), tuple(papers), sum(f.shard.rows for f in corpus.files)
    )


def _push(remote: Repository, load: _Load, *, private: bool, say: Callable[[str], None]) -> Pushed:
    if remote.is_private() is None:
        remote.create(private=private)
        say(f"made {remote.url}")
    _check_private(remote, private, sent=False)
    if (commit := remote.tagged(load.tag)) is not None:
        _check_tag(remote, load, commit)
        say(f"{load.tag} stands there already, and is this corpus")
    else:
        message = f"Version {load.tag.removeprefix('v')}"
        say(f"sending {len(load.files):,} files, {sum(f.size for f in load.files):,} bytes")
        remote.upload(
            load.folder,
            [file.name for file in load.data],
            message=f"{message}: data",
            delete=[f"{folder}*.parquet" for folder in FOLDERS],
        )
        _check_private(remote, private, sent=True)
        papers = [file.name for file in load.papers]
        commit = remote.upload(load.folder, papers, message=message, delete=OUR_PAPERS)
        _check_private(remote, private, sent=True)
        faults = remote.differences(load.files, commit, FOLDERS)
        if faults:
            raise ChexinstructError(
                f"{remote.id} is not what was sent: {_some(faults)}; run the same command again, "
                f"and if that does not help, look at {remote.url}/commits/main"
            )
        remote.tag(load.tag, commit)
    is_private = _check_private(remote, private, sent=True)
    return Pushed(
        url=remote.url,
        commit=commit,
        tag=load.tag,
        private=is_private,
        files=len(load.files),
        size=sum(file.size for file in load.files),
        rows=load.rows,
    )


def _check_private(remote: Repository, private: bool, *, sent: bool) -> bool:
    """Whether the repository is private; it must be where that was asked for."""
    found = remote.is_private()
    if found is None:
        raise ChexinstructError(f"{remote.id}: it is not there any more; see {remote.url}")
    if private and not found:
        where = f"{remote.url}/settings"
        if sent:
            raise ChexinstructError(
                f"{remote.id} IS PUBLIC NOW, though it was private when the push began: make it "
                f"private at {where}, or delete it, and find out who changed it"
            )
        raise CallError(
            f"{remote.id} is public, and nothing was sent: make it private at {where}, or name "
            "another repository"
        )
    return found


def _check_tag(remote: Repository, load: _Load, commit: str) -> None:
    faults = remote.differences(load.files, commit, FOLDERS)
    if faults:
        raise CallError(
            f"{remote.id} has {load.tag} already, on commit {commit[:8]}, with other content "
            f"({_some(faults)}); give the corpus a new version in its manifest and build it again, "
            f"or delete the tag: hf repos tag delete {remote.id} {load.tag} --repo-type dataset"
        )


def _some(faults: Sequence[str]) -> str:
    more = f", and {len(faults) - 3:,} more" if len(faults) > 3 else ""
    return ", ".join(faults[:3]) + more
