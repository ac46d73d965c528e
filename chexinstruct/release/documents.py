"""Documents of a release: XML, DICOM headers, and many small files loose or packed."""

from __future__ import annotations

import tarfile
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from chexinstruct.release.listing import FileInfo
from chexinstruct.release.paths import UnsafePath, inside, is_junk, matches, matching
from chexinstruct.release.store import Store
from chexinstruct.transient import StorageError

if TYPE_CHECKING:
    from pydicom import Dataset


class _TooDeep(ValueError):
    pass


class _Tree(TreeBuilder):
    """Builds a tree up to a depth: a deep one costs far more memory than its text."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self._left = depth

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooDeep
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        self._left += 1
        return super().end(tag)


def xml(store: Store, data: bytes, path: str) -> Element:
    """See :meth:`chexinstruct.release.Release.xml`."""
    limits = store.limits
    if len(data) > limits.xml:
        raise store.error(f"more than {limits.xml:,} bytes of XML", path)
    parser = DefusedXMLParser(target=_Tree(limits.xml_depth), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise store.error("XML with a DTD or entities, which are refused", path) from error
    except _TooDeep:
        raise store.error(f"XML deeper than {limits.xml_depth} elements", path) from None
    except (ParseError, ValueError, LookupError) as error:
        where = getattr(error, "position", None)
        line = where[0] if where else None
        raise store.error("not well-formed XML", path, row=line) from error
    return root


class _Sized:
    """A stream of which no more than ``limit`` bytes are read at once, and never all of it."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, self._limit))


def dicom_header(store: Store, path: str, tags: Sequence[str]) -> Dataset | None:
    """See :meth:`chexinstruct.release.Release.dicom_header`."""
    import pydicom  # slow to import, and few sources need it

    with store.open(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of values that the loop below sorts out
        try:
            # _Sized refuses to read the rest in one go, as the deflated syntax would: a bomb.
            sized: Any = _Sized(stream, store.limits.file)
            header = pydicom.dcmread(sized, stop_before_pixels=True, specific_tags=list(tags))
        except StorageError:
            raise
        except Exception as error:  # hostile bytes bring pydicom to errors of any kind
            store.log.add(path, None, "bad_dicom", type(error).__name__)
            return None
        for tag in list(header.keys()):
            try:
                header[tag].value  # noqa: B018  pydicom converts a value when it is asked for
            except Exception:
                store.log.add(path, None, "bad_dicom_value", pydicom.datadict.keyword_for_tag(tag))
                del header[tag]
        return header


def documents(
    store: Store, files: Mapping[str, FileInfo], pattern: str, archives: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """See :meth:`chexinstruct.release.Release.documents`."""
    found = matching(files, pattern)
    packed = {path: parts for path in found if (parts := store.split(path))}
    once = _Once(store, {_name(path) for path in found if path not in packed})
    for path in found:
        if path not in packed or once.first(path, packed[path][1]):
            yield path, store.read_unpacked(path, store.limits.file)
    tars = {path for archive in archives for path in matching(files, archive)}
    for tar in sorted(tars):
        for member, data in _tar_members(store, files[tar], pattern):
            if once.first(f"{tar}/{member}", member):
                yield f"{tar}/{member}", data


class _Once:
    """Tells copies: a packed document is one if a loose file has its name, or another archive a
    member of its path."""

    def __init__(self, store: Store, loose: set[str]) -> None:
        self._store, self._loose = store, loose
        self._members: set[str] = set()

    def first(self, path: str, member: str) -> bool:
        if _name(member) in self._loose or member in self._members:
            self._store.log.add(path, None, "duplicate_document", expected=True)
            return False
        self._members.add(member)
        return True


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _tar_members(store: Store, file: FileInfo, pattern: str) -> Iterator[tuple[str, bytes]]:
    """The members that match, sorted by path; the archive is read once, from front to end.

    A packed tar cannot be read at random, so what matches waits in a temporary file for its turn.
    """
    places: dict[str, tuple[int, int]] = {}
    tar = file.path
    most = max(store.limits.ratio * file.size, store.limits.ratio_from)
    with tempfile.TemporaryFile(prefix="chexinstruct-") as spool:
        # gzip tells a file that was cut short; tarfile's own unpacking does not.
        with store.open_unpacked(tar) as stream, tarfile.open(fileobj=stream, mode="r|") as opened:
            for member in opened:
                name = _member_name(store, tar, member)
                if name is None or not matches(f"{tar}/{name}", pattern):
                    continue
                content = opened.extractfile(member)
                if member.size > store.limits.file or content is None:
                    store.log.add(f"{tar}/{name}", None, "oversized_member", f"{member.size} bytes")
                    continue
                places[name] = (spool.tell(), member.size)
                spool.write(content.read())
                if spool.tell() > most:
                    raise store.error(
                        f"grows over {store.limits.ratio} times when unpacked; refused", tar
                    )
        for name, (offset, length) in sorted(places.items()):
            spool.seek(offset)
            yield name, spool.read(length)


def _member_name(store: Store, tar: str, member: tarfile.TarInfo) -> str | None:
    """The cleaned path of a regular member; None for folders, junk and what is refused."""
    if member.isdir():
        return None
    try:
        name = inside(member.name, store.source)
    except UnsafePath:
        store.log.add(tar, None, "unsafe_member", "its path leaves the archive")
        return None
    if not member.isreg():
        store.log.add(f"{tar}/{name}", None, "unsafe_member", "a link or a device")
        return None
    return None if any(map(is_junk, name.split("/"))) else name
