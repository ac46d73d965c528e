"""Chance that depends on names alone, so that no order, worker or kill changes a draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from xxhash import xxh3_64_intdigest

T = TypeVar("T")

_MASK = (1 << 64) - 1


def key(*names: object) -> int:
    """A 64-bit number from names; the same names give the same number on every machine.

    Names are joined with a separator that stands in no key, so ("a", "bc") and ("ab", "c") differ.
    """
    return xxh3_64_intdigest("\x1f".join(map(str, names)).encode())


class Draw:
    """A stream of draws from one key, by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed

    def bits(self) -> int:
        """64 uniform bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """A whole number in 0..n-1, uniform to within n / 2**64."""
        return (self.bits() * n) >> 64

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self.bits() < p * 2.0**64

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
        pool = list(items)
        for i in range(k):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All items in random order."""
        return self.sample(items, len(items))
