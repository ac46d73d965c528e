"""Where the pictures of a release lie, by name."""

from __future__ import annotations

from collections.abc import Iterable


class PictureIndex:
    """Pictures by file name or stem, whatever folder or zip archive holds them.

    Args:
        paths: all files of the release, sorted.
        suffixes: what picture files end in, in lower case; the case of the file does not matter.
            ``""`` takes files without a suffix (a suffix begins with a letter, so that the
            numbers of a UID are none).
        parts: how many parts of the path, counted from the end, make the name. 1: the file name;
            2 where only the folder tells pictures apart (``xmlab1/source.jpg``).
    """

    def __init__(self, paths: Iterable[str], suffixes: tuple[str, ...], parts: int = 1) -> None:
        self._suffixes = tuple(suffix for suffix in suffixes if suffix)
        self._bare = "" in suffixes
        self._parts = parts
        self._first: dict[str, str] = {}  # by stem
        self._further: dict[str, str] = {}  # by name: same stem, other suffix
        self.ambiguous = 0
        """Pictures hidden behind another of the same name; the first in sorted order is taken."""
        for path in paths:
            name = self._name(path)
            stem = self._stem(name)
            if stem is None:
                continue
            first = self._first.setdefault(stem, path)
            if first is path:
                continue
            if self._name(first) == name or self._further.setdefault(name, path) is not path:
                self.ambiguous += 1

    def _name(self, path: str) -> str:
        if self._parts == 1:
            return path.rpartition("/")[2]
        return "/".join(path.split("/")[-self._parts :])

    def _stem(self, name: str) -> str | None:
        """The name without its suffix, or None if that is no suffix of a picture."""
        lower = name.lower()
        if lower.endswith(self._suffixes):
            return name[: -next(len(end) for end in self._suffixes if lower.endswith(end))]
        dot, suffix = lower.rpartition(".")[1:]
        return name if self._bare and not (dot and suffix[:1].isalpha()) else None

    def get(self, name: str) -> str | None:
        """The path of the picture of that name or stem, folders before it allowed.

        A name whose suffix differs from the file's finds the file by its stem: tables keep the
        names of pictures that were converted since.
        """
        name = self._name(name)
        if name in self._further:
            return self._further[name]
        stem = self._stem(name)
        return self._first.get(name if stem is None else stem)

    def __len__(self) -> int:
        return len(self._first) + len(self._further)
