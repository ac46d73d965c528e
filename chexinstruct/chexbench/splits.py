"""The 70/15/15 split by pictures that papers on RSNA and SIIM-ACR share; no release has one.

It is two calls of scikit-learn's ``train_test_split`` with ``random_state=0``: 30 % are set aside,
then halved, and the first half is test. The order of the rows matters and was never pinned: here
rows are pictures, sorted by id. What is set aside follows from NumPy's legacy generator alone, and
its streams do not change (NEP 19), so scikit-learn is not needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from math import ceil

import numpy as np

SEED = 0
ASIDE = 0.3


def test_ids(ids: Iterable[str]) -> list[str]:
    """The ids of the test part, sorted.

    Args:
        ids: of all pictures, in any order.
    """
    ordered = sorted(ids)
    aside = _shuffled(len(ordered))[: ceil(ASIDE * len(ordered))]
    half = _shuffled(len(aside))[ceil(0.5 * len(aside)) :]
    return sorted(ordered[int(n)] for n in aside[half])


def _shuffled(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.random.RandomState(SEED).permutation(n)


def digest_of(ids: Iterable[str]) -> str:
    """SHA-256 of ids, one a line in sorted order."""
    return hashlib.sha256("".join(f"{id}\n" for id in sorted(ids)).encode()).hexdigest()
