"""What stands beside the data of a corpus, to be read by people and machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chexinstruct.croissant import CROISSANT, croissant
from chexinstruct.datacard import CARD, card
from chexinstruct.licenses import LICENSES, licenses
from chexinstruct.quality import Quality
from chexinstruct.schema import Lock
from chexinstruct.source import Source
from chexinstruct.tasks import Task

PAPERS = (CARD, LICENSES, CROISSANT)
"""Their files."""

__all__ = ["CARD", "CROISSANT", "LICENSES", "PAPERS", "licenses", "papers"]


def papers(
    lock: Lock,
    sources: Mapping[str, Source],
    tasks: Mapping[str, Task],
    quality: Quality,
    plots: Sequence[str],
) -> dict[str, str]:
    """The card, the table of licences and the Croissant description, by file.

    The arguments are those of :func:`chexinstruct.datacard.card`.
    """
    used = sorted({line.source for line in lock.ledger if line.rows})
    return {
        CARD: card(lock, sources, tasks, quality, plots),
        LICENSES: licenses(used, sources),
        CROISSANT: croissant(lock, sources, tasks),
    }
