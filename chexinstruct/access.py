"""How to get a release: addresses and commands, from its card alone."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from urllib.parse import quote as quote_url

from chexinstruct.source import Card, PhysioNet

PHYSIONET = "https://physionet.org/files"


def physionet_url(project: PhysioNet, path: str = "") -> str:
    """The address of a file of a project, or of the whole project; it asks for a login."""
    return f"{PHYSIONET}/{project.slug}/{project.version}/{quote_url(path)}"


def picture_url(card: Card, published: str, *, cloud: bool = False) -> str | None:
    """Where a single picture is to be had, by its path in the publisher's layout.

    Args:
        card: of the source that holds it.
        published: the path.
        cloud: take the bucket (``gs://``) instead of the web server.

    Returns:
        None where the publisher offers no picture by itself, or has no bucket.
    """
    for project in card.physionet:
        if project.pictures and published.lower().endswith(project.pictures):
            if not cloud:
                return physionet_url(project, published)
            return f"gs://{project.bucket}/{published}" if project.bucket else None
    return None


def commands(card: Card, data_root: str = "DATA_ROOT") -> Iterator[tuple[str, str]]:
    """What to type to get a release: (what it gets, the command), in the order to type them.

    ``NAME`` and ``PROJECT`` stand for the user's own. Downloads of PhysioNet go on where they broke
    off; they keep the publisher's folders, under which the release is found.
    """
    folder = f"{data_root.rstrip('/')}/{card.key}"
    place = folder if data_root == "DATA_ROOT" else quote(folder)
    if card.downloads:
        root = data_root if data_root == "DATA_ROOT" else quote(data_root)
        yield "what needs no account", f"chexinstruct fetch {card.key} --data-root {root}"
    login = "--user NAME --ask-password"
    for project in card.physionet:
        if project.files:
            urls = " ".join(physionet_url(project, file) for file in project.files)
            alone = bool(project.pictures) and project is card.physionet[0]
            what = f"{project.what}: the tables alone" if alone else project.what
            yield what, f"wget -N -c -x -P {place} {login} {urls}"
        if not project.files or (project.pictures and project is card.physionet[0]):
            what = f"{project.what}: all of it" if project.files else project.what
            url = physionet_url(project)
            yield what, f"wget -r -N -c -np -P {place} {login} {url}"
        if project.bucket:
            source = f"gs://{project.bucket}"
            yield (
                "the same from the cloud, billed to your project",
                f"gsutil -u PROJECT -m cp -r {source} {place}",
            )
    for command in card.commands:
        yield "", command.replace(f"DATA_ROOT/{card.key}", place)


def bytes_told(size: int) -> str:
    """A number of bytes for people, in powers of ten as disks are sold."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:,.1f} {unit}"


def sizes_told(card: Card) -> str | None:
    """How much there is to download, as far as anyone says."""
    parts = []
    if card.sizes.tables:
        parts.append(f"tables about {bytes_told(card.sizes.tables)}")
    if card.sizes.pictures:
        many = f" ({card.sizes.count:,} pictures)" if card.sizes.count else ""
        parts.append(f"pictures about {bytes_told(card.sizes.pictures)}{many}")
    return ", ".join(parts) or None
