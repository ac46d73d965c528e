"""A data set repository on the Hub, as far as a push looks at it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._validators import validate_repo_id

from chexinstruct.errors import CallError, ChexinstructError


@dataclass(frozen=True)
class LocalFile:
    """A file that is to stand on the Hub."""

    name: str
    """Path inside the repository, POSIX separators."""
    path: Path
    size: int
    sha256: str


def local_file(folder: Path, name: str) -> LocalFile:
    """A file as it is on disk."""
    path = folder / name
    with path.open("rb") as content:
        return LocalFile(
            name, path, path.stat().st_size, hashlib.file_digest(content, "sha256").hexdigest()
        )


@dataclass(frozen=True)
class Repository:
    """A data set repository; every question goes to the Hub anew."""

    api: HfApi
    id: str
    """``namespace/name``."""

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self.api.endpoint}/datasets/{self.id}"

    def is_private(self) -> bool | None:
        """Whether only some can see it; None: there is none.

        Raises:
            ChexinstructError: the Hub does not say.
        """
        with told(self.id):
            try:
                info = self.api.dataset_info(self.id)
            except RepositoryNotFoundError:
                return None
        if info.private is None:
            raise ChexinstructError(f"{self.id}: the Hub does not tell whether it is private")
        return bool(info.private)

    def create(self, *, private: bool) -> None:
        """Make it, if it is not there."""
        with told(self.id):
            self.api.create_repo(self.id, repo_type="dataset", private=private, exist_ok=True)

    def tagged(self, tag: str) -> str | None:
        """The commit of a tag."""
        with told(self.id):
            refs = self.api.list_repo_refs(self.id, repo_type="dataset")
        return next((ref.target_commit for ref in refs.tags if ref.name == tag), None)

    def tag(self, tag: str, commit: str) -> None:
        """Give a commit a tag."""
        with told(self.id):
            self.api.create_tag(self.id, repo_type="dataset", tag=tag, revision=commit)

    def upload(
        self, folder: Path, names: Sequence[str], *, message: str, delete: Sequence[str] = ()
    ) -> str:
        """Upload files of a folder, and delete files that match a pattern and are not among them.

        Files that stand there already are not sent again, so running again goes on.

        Returns:
            The commit.
        """
        with told(self.id):
            made = self.api.upload_folder(
                repo_id=self.id,
                repo_type="dataset",
                folder_path=folder,
                allow_patterns=list(names),
                delete_patterns=list(delete) or None,
                commit_message=message,
            )
        return str(made.oid)

    def differences(
        self, files: Sequence[LocalFile], commit: str, patterns: Sequence[str]
    ) -> list[str]:
        """What differs at a commit from what it should hold, one line a file.

        Args:
            files: that should be there, with their digests.
            commit: or another revision.
            patterns: endings of folders in which no other file should be: ``data/``.
        """
        with told(self.id):
            tree = self.api.list_repo_tree(
                self.id, repo_type="dataset", revision=commit, recursive=True
            )
            there = {item.path: item for item in tree if isinstance(item, RepoFile)}
        faults = []
        for file in files:
            remote = there.pop(file.name, None)
            if remote is None:
                faults.append(f"{file.name} is not there")
            elif remote.size != file.size:
                faults.append(f"{file.name} has {remote.size:,} bytes instead of {file.size:,}")
            elif not _is_same(file, remote):
                faults.append(f"{file.name} has another digest")
        faults += [
            f"{name} is no part of the corpus"
            for name in sorted(there)
            if name.startswith(tuple(patterns)) and name.endswith(".parquet")
        ]
        return faults


def _is_same(file: LocalFile, remote: RepoFile) -> bool:
    """By the SHA-256 of what is stored apart, or by the name that git gives the content."""
    if remote.lfs is not None:
        return remote.lfs.sha256 == file.sha256
    content = file.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return False
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest() == remote.blob_id


def own_repository(api: HfApi, repo: str, organisation: str | None) -> Repository:
    """The repository of that name, if it is the user's own or that of the named organisation.

    Raises:
        CallError: it is another's, or the name is none.
        ChexinstructError: nobody is logged in, or the Hub cannot be asked.
    """
    namespace, mark, name = repo.partition("/")
    try:
        validate_repo_id(repo)
    except HFValidationError:
        mark = ""
    if not (namespace and mark and name):
        raise CallError(f"{repo!r} is no repository; write NAMESPACE/NAME, as in alice/my-corpus")
    with told(repo):
        who = api.whoami()
    if organisation is None:
        if namespace != who["name"]:
            raise CallError(
                f"{repo} is not in your own namespace ({who['name']}); if all of {namespace} may "
                f"have the corpus, name it: --organisation {namespace}"
            )
    else:
        known = sorted(org["name"] for org in who.get("orgs", ()))
        if organisation != namespace or namespace not in known:
            raise CallError(
                f"--organisation {organisation}: must be the namespace of {repo} and an "
                f"organisation of yours ({', '.join(known) or 'you have none'})"
            )
    return Repository(api, repo)


@contextmanager
def told(repo: str) -> Iterator[None]:
    """Failures of the Hub as errors of one line, without addresses, which may hold signatures."""
    try:
        yield
    except LocalTokenNotFoundError:
        raise ChexinstructError("you are not logged in to the Hub: run `hf auth login`") from None
    except OfflineModeIsEnabled:
        raise ChexinstructError("the Hub is off limits: unset HF_HUB_OFFLINE") from None
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else "no answer"
        raise ChexinstructError(f"{repo}: {_WHAT.get(code, _AGAIN).format(code=code)}") from None
    except Exception as error:
        # huggingface_hub lets the errors of its HTTP library through, whichever it is, wraps what
        # breaks an upload off in RuntimeError, and tells answers that it does not understand, or a
        # card that is refused, by ValueError.
        if isinstance(error, ValueError):
            raise ChexinstructError(
                f"{repo}: huggingface_hub and the Hub did not understand each other "
                f"({type(error).__name__}); is the newest huggingface_hub installed?"
            ) from error
        if not (isinstance(error, OSError | RuntimeError) or _is_of_http(error)):
            raise
        raise ChexinstructError(
            f"{repo}: the Hub could not be reached to the end ({type(error).__name__}); "
            "run the same command again, what arrived is not sent twice"
        ) from error


def _is_of_http(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "requests")


_AGAIN = "the Hub answered {code}; run the same command again, what arrived is not sent twice"
_WHAT: dict[int | str, str] = {
    401: "the Hub does not know your token ({code}); run `hf auth login`",
    403: "your token may not do this ({code}); it needs the right to write to this repository",
    404: "not found on the Hub ({code}), or not yours to see",
}
