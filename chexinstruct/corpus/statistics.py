"""What rows a corpus has, and what a model could learn without looking: priors and repeats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from chexinstruct.corpus.files import Corpus, open_corpus
from chexinstruct.corpus.tables import Rows
from chexinstruct.corpus.text import columns_text, one_line
from chexinstruct.schema import SPLITS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Count(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of one (task, source, split)."""

    task: str
    source: str
    split: str
    rows: int


class Prior(msgspec.Struct, kw_only=True, frozen=True):
    """How far answers can be guessed, for a form that has options or asks yes or no."""

    task: str
    form: str
    rows: int
    answer: str
    """The most frequent answer; several right options joined by commas."""
    share: float
    """Of the rows with that answer."""
    positions: list[float]
    """Share of the right options that stand first, second, ...; empty without options."""
    labels: dict[str, float]
    """Share of the right options that carry a label (A, b, 3), by label; of labelled ones."""


class Lengths(msgspec.Struct, kw_only=True, frozen=True):
    """Words of a text of a task; words are what white space divides."""

    task: str
    text: str
    """``instruction`` or ``response``."""
    quantiles: list[int]
    """At :data:`QUANTILES`."""
    longest: int


class Repeats(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of a task that say the same: equal instruction, response and pictures."""

    task: str
    rows: int
    """Rows beyond the first of their kind."""
    across_splits: int
    """Kinds that stand in several splits."""


class Balance(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of each side of a question with sides, such as a finding present or absent."""

    task: str
    group: str
    sides: dict[str, int]


class Shared(msgspec.Struct, kw_only=True, frozen=True):
    """Patients that stand in all of these splits and in no other."""

    splits: list[str]
    patients: int


class Stats(msgspec.Struct, kw_only=True, frozen=True):
    """Figures of a corpus, counted in its rows."""

    name: str
    version: str
    rows: int
    counts: list[Count]
    priors: list[Prior]
    lengths: list[Lengths]
    repeats: list[Repeats]
    balance: list[Balance]
    patients: dict[str, int]
    """Distinct patients by split."""
    shared_patients: list[Shared]
    """Empty in a corpus whose splits are clean."""


def stats(path: str | Path) -> Stats:
    """Figures of a corpus; reads text columns, never a picture.

    Raises:
        ChexinstructError: there is no corpus, or a file of it cannot be read.
    """
    corpus = open_corpus(path)
    with Rows(corpus.files) as rows:
        counts = _counts(rows)
        return Stats(
            name=corpus.lock.manifest["name"],
            version=corpus.lock.manifest["version"],
            rows=sum(count.rows for count in counts),
            counts=counts,
            priors=_priors(rows),
            lengths=_lengths(rows),
            repeats=_repeats(corpus),
            balance=_balance(rows),
            patients=_patients(rows),
            shared_patients=_shared(rows),
        )


def _counts(rows: Rows) -> list[Count]:
    found = rows.ask(
        ["task", "source"],
        "SELECT task, source, split, count(*) FROM rows GROUP BY ALL",
    )
    found.sort(key=lambda row: (row[0], row[1], SPLITS.index(row[2])))
    return [Count(task=t, source=s, split=p, rows=n) for t, s, p, n in found]


_GUESSED = "len(options) > 0 OR starts_with(form, 'yes_no')"
_ANSWER = "CASE WHEN len(answers) > 0 THEN array_to_string(answers, ', ') ELSE response END"


def _priors(rows: Rows) -> list[Prior]:
    columns = ["task", "form", "options", "answers", "response"]
    # By key first and by text for the winners only: options may be whole reports.
    tops = rows.ask(
        columns,
        f"""
        SELECT task, form, sum(n)::BIGINT, first(key ORDER BY n DESC, key), max(n)
        FROM (
            SELECT task, form, md5_number({_ANSWER}) AS key, count(*) AS n
            FROM rows WHERE {_GUESSED} GROUP BY ALL
        )
        GROUP BY ALL ORDER BY ALL
        """,
    )
    keys = ", ".join(str(key) for key in sorted({row[3] for row in tops})) or "NULL"
    texts = dict(
        rows.ask(
            columns,
            f"""
            SELECT md5_number({_ANSWER}) AS key, any_value({_ANSWER})
            FROM rows WHERE ({_GUESSED}) AND key IN ({keys}) GROUP BY key
            """,
        )
    )
    places = rows.ask(
        columns,
        """
        SELECT task, form, place, options[place].label, count(*)
        FROM (
            SELECT task, form, options,
                list_position([option.text FOR option IN options], shown(answer)) AS place
            FROM (
                SELECT task, form, options, unnest(answers) AS answer
                FROM rows WHERE len(options) > 0
            )
        )
        WHERE place IS NOT NULL GROUP BY ALL ORDER BY ALL
        """,
    )
    priors = []
    for task, form, n, key, top in tops:
        own = [
            (place, label, count) for t, f, place, label, count in places if (t, f) == (task, form)
        ]
        positions: dict[int, int] = {}
        labels: dict[str, int] = {}
        for place, label, count in own:
            positions[place] = positions.get(place, 0) + count
            if label:
                labels[label] = labels.get(label, 0) + count
        right, labelled = sum(positions.values()), sum(labels.values())
        priors.append(
            Prior(
                task=task,
                form=form,
                rows=n,
                answer=texts[key],
                share=top / n,
                positions=[
                    positions.get(place, 0) / right
                    for place in range(1, max(positions, default=0) + 1)
                ],
                labels={label: count / labelled for label, count in sorted(labels.items())},
            )
        )
    return priors


def _lengths(rows: Rows) -> list[Lengths]:
    wanted = ", ".join(map(str, QUANTILES))
    found = []
    for text in ("instruction", "response"):
        found += [
            Lengths(task=task, text=text, quantiles=quantiles, longest=longest)
            for task, quantiles, longest in rows.ask(
                ["task", text],
                f"""
                SELECT task, quantile_disc(words, [{wanted}]), max(words)
                FROM (SELECT task, len(regexp_extract_all({text}, '\\S+')) AS words FROM rows)
                GROUP BY task
                """,
            )
        ]
    return sorted(found, key=lambda item: (item.task, item.text))


def _repeats(corpus: Corpus) -> list[Repeats]:
    found = []
    for task in corpus.tasks():
        with Rows(corpus.select(tasks=[task])) as rows:
            kinds = rows.kinds(
                ["instruction", "response", "image_ids"],
                "SELECT split, text_key(joined(instruction, response, image_ids)) AS key FROM rows",
            )
        repeated, across = len(kinds.repeated()), len(kinds.across_splits())
        found.append(Repeats(task=task, rows=repeated, across_splits=across))
    return found


def _balance(rows: Rows) -> list[Balance]:
    groups: dict[tuple[str, str], dict[str, int]] = {}
    for task, balance, n in rows.ask(
        ["task", "metadata"],
        "SELECT task, metadata.balance AS side, count(*) FROM rows WHERE side IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL",
    ):
        group, _, side = balance.rpartition("/")
        groups.setdefault((task, group), {})[side] = n
    return [Balance(task=t, group=g, sides=sides) for (t, g), sides in sorted(groups.items())]


def _patients(rows: Rows) -> dict[str, int]:
    found = dict(
        rows.ask(["patient"], "SELECT split, count(DISTINCT patient) FROM rows GROUP BY split")
    )
    return {split: found[split] for split in SPLITS if split in found}


def _shared(rows: Rows) -> list[Shared]:
    found = rows.ask(
        ["patient"],
        """
        SELECT splits, count(*)
        FROM (
            SELECT list_sort(list(DISTINCT split)) AS splits
            FROM rows WHERE patient IS NOT NULL GROUP BY patient
        )
        WHERE len(splits) > 1 GROUP BY splits ORDER BY splits
        """,
    )
    return [Shared(splits=sorted(splits, key=SPLITS.index), patients=n) for splits, n in found]


def render_stats(stats: Stats) -> str:
    """The figures as aligned tables for a terminal."""
    parts = [f"{stats.name} {stats.version}: {stats.rows:,} rows", _rows_text(stats)]
    if stats.priors:
        rows = [
            [
                prior.task,
                prior.form,
                f"{prior.rows:,}",
                one_line(prior.answer, 40),
                f"{prior.share:.0%}",
                _shares(prior.positions),
                ", ".join(f"{label} {share:.0%}" for label, share in prior.labels.items()),
            ]
            for prior in stats.priors
        ]
        head = ["task", "form", "rows", "most frequent answer", "share", "positions", "labels"]
        parts += ["What can be guessed", columns_text(head, rows, right=(2, 4))]
    quantiles = [f"{quantile:.0%}" for quantile in QUANTILES]
    rows = [
        [item.task, item.text, *(f"{n:,}" for n in item.quantiles), f"{item.longest:,}"]
        for item in stats.lengths
    ]
    head = ["task", "text", *quantiles, "longest"]
    parts += ["Words", columns_text(head, rows, right=range(2, len(head)))]
    if stats.balance:
        rows = [
            [
                item.task,
                item.group,
                ", ".join(f"{side} {n:,}" for side, n in sorted(item.sides.items())),
            ]
            for item in stats.balance
        ]
        parts += ["Sides", columns_text(["task", "group", "rows"], rows)]
    repeated = [
        [item.task, f"{item.rows:,}", f"{item.across_splits:,}"]
        for item in stats.repeats
        if item.rows
    ]
    parts.append("Repeated rows (same instruction, response and pictures)")
    head = ["task", "rows", "across splits"]
    parts.append(columns_text(head, repeated, right=(1, 2)) if repeated else "none")
    patients = ", ".join(f"{split} {n:,}" for split, n in stats.patients.items())
    shared = ", ".join(
        f"{item.patients:,} in {' and '.join(item.splits)}" for item in stats.shared_patients
    )
    parts.append(f"Patients: {patients}; in several splits: {shared or 'none'}")
    return "\n\n".join(parts)


def _rows_text(stats: Stats) -> str:
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for count in stats.counts:
        cells.setdefault((count.task, count.source), {})[count.split] = count.rows
    rows = [
        [task, source, *(f"{by.get(split, 0):,}" for split in SPLITS)]
        for (task, source), by in cells.items()
    ]
    return columns_text(["task", "source", *SPLITS], rows, right=(2, 3, 4))


def _shares(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.0%}" for share in shares)
