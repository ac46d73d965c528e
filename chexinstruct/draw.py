"""Chance that depends on names alone, so that no order, worker or kill changes a draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from xxhash import xxh3_64_intdigest

T = TypeVar("T")

_MASK = (1 << 64) - 1
_FACTOR = 6364136223846793005
_STEP = 1442695040888963407


def key(*names: object) -> int:
    """A 64-bit number from names; the same names give the same number on every machine.

    Names are joined with a separator that stands in no key, so ("a", "bc") and ("ab", "c") differ.
    """
    return xxh3_64_intdigest(stem(*names).encode())


def stem(*names: object) -> str:
    """Names that many keys begin with, joined once: ``key(stem(a, b), c)`` is ``key(a, b, c)``."""
    try:
        return "\x1f".join(names)  # type: ignore[arg-type]
    except TypeError:  # not all of them are texts
        return "\x1f".join(map(str, names))


def keys(names: tuple[object, ...], lasts: Iterable[object]) -> Iterator[int]:
    """``key(*names, last)`` of each ``last``, in half of the time."""
    front = stem(*names) + "\x1f"
    return (xxh3_64_intdigest(f"{front}{last}".encode()) for last in lasts)


class Draw:
    """A stream of draws from one key.

    A 64-bit linear congruential generator with Knuth's MMIX constants (The Art of Computer
    Programming, volume 2, section 3.3.4), of which the high 32 bits are used. The keys are hashes,
    so streams start at unrelated points.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, n: int) -> int:
        """A whole number in 0..n-1, uniform to within n / 2**32."""
        self._state = state = (self._state * _FACTOR + _STEP) & _MASK
        return ((state >> 32) * n) >> 32

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self.below(1 << 32) < p * 2.0**32

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """``k`` of the items without repetition, in random order.

        Raises:
            ValueError: fewer than ``k`` items.
        """
        if k > len(items):
            raise ValueError(f"cannot draw {k} of {len(items)} items")
        if k == 1 < len(items):
            return [items[self.below(len(items))]]
        pool = list(items)
        state, size = self._state, len(pool)
        for i in range(min(k, size - 1)):
            state = (state * _FACTOR + _STEP) & _MASK
            j = i + (((state >> 32) * (size - i)) >> 32)
            pool[i], pool[j] = pool[j], pool[i]
        self._state = state
        return pool[:k]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All items in random order."""
        return self.sample(items, len(items))
