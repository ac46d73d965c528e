"""What verbs print: JSON, tables, and the sum of a lock."""

from __future__ import annotations

import sys
from typing import Any


def print_json(value: Any) -> None:
    """Write any value of the API as indented JSON."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def size(count: int) -> str:
    """Bytes as a person reads them."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def table(rows: list[list[object]]) -> str:
    """Columns side by side, numbers to the right."""
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    right = [all(isinstance(row[i], int) for row in rows[1:]) for i in range(len(rows[0]))]
    lines = []
    for row in cells:
        parts = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def rows_table(lock: Any) -> str:
    """Rows by task and split."""
    splits = ("train", "validation", "test")
    sums: dict[str, dict[str, int]] = {}
    for entry in lock.ledger:
        sums.setdefault(entry.task, dict.fromkeys(splits, 0))[entry.split] += entry.rows
    rows: list[list[object]] = [["task", *splits, "rows"]]
    for name, by_split in sums.items():
        if total := sum(by_split.values()):
            rows.append([name, *by_split.values(), total])
    rows.append(["all", *(sum(s[k] for s in sums.values()) for k in splits), _rows(lock)])
    return table(rows)


def summary(lock: Any) -> str:
    """Rows by task and split, and what the build did not find in the releases."""
    lines = [rows_table(lock)]
    for account in lock.sources:
        if account.missing_pictures and lock.manifest["images"]["mode"] != "none":
            lines.append(
                f"{account.source}: {account.missing_pictures:,} of {account.pictures:,} pictures "
                "are not in the release; what needs them was left out"
            )
        if account.rejects or account.bad_pictures:
            counts = {**account.rejects, **account.bad_pictures}
            told = ", ".join(f"{reason} {n:,}" for reason, n in counts.items())
            lines.append(f"{account.source}: rejected: {told} (see rejects/)")
    lines += [f"{key}: {reason}" for key, reason in lock.skipped_sources.items()]
    return "\n".join(lines)


def _rows(lock: Any) -> int:
    return sum(shard.rows for shard in lock.shards)
