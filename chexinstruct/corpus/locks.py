"""What differs between two locks besides the files: versions, choices, and the releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chexinstruct.schema import Lock


def lock_changes(one: Lock, two: Lock, *, was: str, now: str) -> list[str]:
    """One line a difference.

    Args:
        one: the lock before.
        two: the lock after.
        was: how the first is called in the lines, such as ``in the recipe``.
        now: how the second is called.
    """
    lines = [
        f"{name}: {before} {was}, {after} {now}"
        for name, before, after in [
            ("chexinstruct", one.chexinstruct, two.chexinstruct),
            ("Python", one.python, two.python),
            *(
                (name, one.libraries.get(name), two.libraries.get(name))
                for name in sorted(one.libraries.keys() | two.libraries.keys())
            ),
            *(
                (f"manifest {name}", before, after)
                for name, before, after in _entries(one.manifest, two.manifest)
            ),
        ]
        if before != after
    ]
    accounts = {account.source: account for account in two.sources}
    for before_ in one.sources:
        after_ = accounts.pop(before_.source, None)
        if after_ is None:
            lines.append(f"{before_.source}: {was}, not {now}")
            continue
        for name in ("studies", "pictures", "missing_pictures", "rejects", "left_out"):
            before, after = getattr(before_, name), getattr(after_, name)
            if before != after:
                lines.append(
                    f"{before_.source}: {name.replace('_', ' ')}: {_count(before)} {was}, "
                    f"{_count(after)} {now}; is it the same version of the release?"
                )
    lines += [f"{source}: {now}, not {was}" for source in accounts]
    if [step.parent for step in one.filtered] != [step.parent for step in two.filtered]:
        lines.append(f"filters: {len(one.filtered)} {was}, {len(two.filtered)} {now}, or others")
    return lines


def _entries(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Entries of the two manifests, those of their sections by dotted names."""
    for name in sorted(one.keys() | two.keys()):
        before, after = one.get(name), two.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            for inner, a, b in _entries(before, after):
                yield f"{name}.{inner}", a, b
        else:
            yield name, _short(before), _short(after)


def _short(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _count(value: int | Mapping[str, int]) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(f"{reason} {n:,}" for reason, n in value.items()) or "none"
