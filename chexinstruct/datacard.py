"""The dataset card: YAML that the Hub and ``datasets`` read, and tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chexinstruct.datasheet import datasheet
from chexinstruct.frontmatter import front_matter
from chexinstruct.licenses import LICENSES, license_table
from chexinstruct.lineage import filters, mixtures
from chexinstruct.markdown import table
from chexinstruct.quality import TITLES, Quality
from chexinstruct.schema import SPLITS, Line, Lock, SourceAccount
from chexinstruct.source import Source
from chexinstruct.tasks import FAMILIES, Task

CARD = "README.md"
"""Its file in the corpus."""


def card(
    lock: Lock,
    sources: Mapping[str, Source],
    tasks: Mapping[str, Task],
    quality: Quality,
    plots: Sequence[str],
) -> str:
    """The whole card of a corpus.

    Args:
        lock: what stands in the corpus, and how it came about.
        sources: the registry.
        tasks: the registry, or those of the manifest.
        quality: the report of the corpus.
        plots: paths of its plots in the corpus, in the order in which they are read.
    """
    used = sorted({line.source for line in lock.ledger if line.rows})
    name = lock.manifest["name"]
    parts = [
        f"---\n{front_matter(lock, tasks)}---\n",
        f"# {name} {lock.manifest['version']}\n",
        f"{lock.manifest['description']}\n",
        "An instruction corpus of chest radiographs, built by chexinstruct "
        f"{lock.chexinstruct} from the raw releases of {len(used)} sources.\n",
        "```python\nfrom datasets import load_dataset\n\n"
        f'rows = load_dataset("path/of/this/folder", "{_first_task(lock)}", split="train")\n```\n',
        "## Rows\n",
        _rows_table(lock, tasks),
        "## Quality\n",
        _quality(quality, plots),
        "## Sources and terms\n",
        license_table(used, sources),
        f"[{LICENSES}]({LICENSES}) says what the words mean, and the terms in a sentence each. "
        "The strictest terms of a source and of all the sources it builds on stand in the columns "
        "`license` and `redistribution` of every row. The `patient` column is a digest: a key to "
        "group rows by, not an anonymisation.\n",
        "## From releases to studies\n",
        _funnel_table(lock),
        "## From studies to rows\n",
        "Studies = used + the reasons for which a study was not used; candidates = examples + the "
        "reasons for which a candidate became none.\n",
        _ledger_table(lock.ledger),
        "## How it was made\n",
        _choices(lock),
        _left_out(lock),
        _mixture(lock),
        filters(lock),
        mixtures(lock),
        "## People in several sources\n",
        "A person has one side in all sources, unless the split policy is `official`. Studies "
        "that a release puts on another side are left out, and counted here: `held_out` where a "
        "benchmark decided, otherwise `split_conflict`.\n",
        _shared_table(lock),
        _links_table(lock),
        _overlaps(lock, used, sources),
        *(f"## {title}\n\n{text}\n" for title, text in datasheet(lock, used, sources).items()),
        "## Citations\n",
        "\n".join(f"- {sources[key].card.name}: {sources[key].card.citation}" for key in used)
        + "\n",
    ]
    return "\n".join(parts)


def _first_task(lock: Lock) -> str:
    return next((shard.name.partition("/")[0] for shard in lock.shards if shard.rows), "task")


def _rows_table(lock: Lock, tasks: Mapping[str, Task]) -> str:
    sums: dict[str, dict[str, int]] = {}
    feeding: dict[str, set[str]] = {}
    for entry in lock.ledger:
        by_split = sums.setdefault(entry.task, dict.fromkeys(SPLITS, 0))
        by_split[entry.split] += entry.rows
        if entry.rows:
            feeding.setdefault(entry.task, set()).add(entry.source)
    rows: list[list[object]] = [
        [
            task,
            FAMILIES[tasks[task].family],
            *(sums[task][split] for split in SPLITS),
            ", ".join(sorted(feeding.get(task, ()))),
        ]
        for task in sums
        if any(sums[task].values())
    ]
    total = [sum(by[split] for by in sums.values()) for split in SPLITS]
    return table(["task", "family", *SPLITS, "sources"], [*rows, ["total", "", *total, ""]])


CONCERNS = 12
"""Concerns that the card spells out; the report has all."""


def _quality(quality: Quality, plots: Sequence[str]) -> str:
    """Figures, what to look at, and plots. No answer is quoted: a card may travel without rows."""
    faulty = sum(sum(item.kinds.values()) for item in quality.faulty)
    shown = ", ".join(f"{item.tasks}: {item.pictures:,}" for item in quality.reuse)
    figures = table(
        ["what", "how many"],
        [
            ["people in several splits", sum(item.patients for item in quality.shared_patients)],
            ["rows that repeat another", sum(item.rows for item in quality.repeats)],
            [
                "rows whose question has another answer for the same pictures too",
                sum(item.contradicting_rows for item in quality.repeats),
            ],
            ["faults of answers (empty, masked and the like)", faulty],
            ["pictures, by the number of tasks that show them", shown or "none"],
        ],
    )
    more = len(quality.concerns) - CONCERNS
    lines = [f"- {concern.message}" for concern in quality.concerns[:CONCERNS]]
    if more > 0:
        lines.append(f"- and {more:,} more, told by `chexinstruct stats`")
    concerns = "To look at:\n\n" + "\n".join(lines) + "\n" if lines else ""
    pictures = [f"![{_title(path)}]({path})\n" for path in plots]
    return "\n".join([figures, *filter(None, [concerns]), *pictures])


def _title(path: str) -> str:
    name = path.rpartition("/")[2].removesuffix(".svg")
    return TITLES[name]


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {n:,}" for reason, n in counts.items())


def _funnel_table(lock: Lock) -> str:
    def row(account: SourceAccount) -> list[object]:
        pictures = f"{account.pictures:,} named, {account.missing_pictures:,} missing"
        if account.bad_pictures:
            pictures += f", bad: {_reasons(account.bad_pictures)}"
        published = ", ".join(f"{e['what']} {e['published']:,}" for e in account.expected)
        return [
            account.source,
            published,
            account.studies,
            _reasons({name: account.splits.get(name, 0) for name in SPLITS}),
            _reasons(account.left_out),
            pictures,
            _reasons(account.rejects),
            _reasons(account.expected_rejects),
        ]

    head = [
        "source",
        "published",
        "studies",
        "by split",
        "left out",
        "pictures",
        "rejects",
        "expected rejects",
    ]
    skipped = "".join(
        f"\n{key} was left out: {reason}.\n" for key, reason in lock.skipped_sources.items()
    )
    return table(head, map(row, lock.sources)) + skipped


def _ledger_table(ledger: Sequence[Line]) -> str:
    head = ["task", "source", "split", "studies", "used", "why not", "candidates", "examples"]
    rows = [
        [
            entry.task,
            entry.source,
            entry.split,
            entry.studies,
            entry.used,
            _reasons(entry.study_reasons),
            entry.candidates,
            entry.examples,
            _reasons(entry.candidate_reasons),
        ]
        for entry in ledger
        if entry.used
    ]
    return table([*head, "why not"], rows)


def _choices(lock: Lock) -> str:
    manifest = lock.manifest
    return table(
        ["choice", "value"],
        [
            ["seed", str(manifest["seed"])],
            ["split policy", manifest["split_policy"]],
            *_held(manifest),
            ["readers are merged by", manifest["consensus"]],
            ["uncertain labels", manifest["uncertain"]],
            ["report text", _text(manifest)],
            ["options", "; ".join(f"{k} {', '.join(v)}" for k, v in manifest["options"].items())],
            ["box dialect", manifest["box_dialect"]],
            ["pictures", ", ".join(f"{k} {v}" for k, v in manifest["images"].items())],
            ["libraries", ", ".join(f"{k} {v}" for k, v in lock.libraries.items())],
        ],
    )


def _held(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Whom the corpus does without in train: a row, or none."""
    held = manifest.get("holdout_bench")
    if held is None:
        return []
    if "recipe" not in held:
        return [["kept out of train", f"{held['persons']:,} numbers of persons of a bench"]]
    recipe = f"{held['recipe']} {held['version']}, edition {held['edition']}"
    text = f"the persons of {held['items']:,} items of CheXbench ({recipe})"
    if missing := ", ".join(held["skipped_sources"]):
        text += f", without {missing}"
    return [["kept out of train", text]]


def _text(manifest: Mapping[str, Any]) -> str:
    """How report text was treated, and which sentences were dropped."""
    dropped = ", ".join(name for name, is_dropped in manifest["leaks"].items() if is_dropped)
    if manifest["text"] == "raw" or not dropped:
        return str(manifest["text"])
    return f"{manifest['text']}, without sentences of {dropped}"


def _left_out(lock: Lock) -> str:
    """Pairs that the manifest keeps out, where their source was built."""
    built = {account.source for account in lock.sources}
    rows = [
        [*pair.split("/"), reason]
        for pair, reason in lock.manifest["leave_out"].items()
        if pair.partition("/")[2] in built
    ]
    if not rows:
        return ""
    return "Pairs that the manifest leaves out:\n\n" + table(["task", "source", "why"], rows)


def _mixture(lock: Lock) -> str:
    """How the examples of train were divided."""
    if not lock.mixture:
        return ""
    total = lock.manifest["mixture"]["total"]
    rows = [[s.name, f"{s.weight:g}", s.available, s.chosen] for s in lock.mixture]
    return f"Train was mixed to {total:,} examples or what there is:\n\n" + table(
        ["task, or pair", "weight", "available", "chosen"], rows
    )


def _shared_table(lock: Lock) -> str:
    """What the releases have in common, and what it cost."""
    if not lock.shared:
        return "No person is known to stand in two of these sources.\n"
    head = ["sources", "persons", "by pixels alone", "their studies", "left out", "on two sides"]
    rows = [
        [
            ", ".join(item.sources),
            item.persons,
            item.by_pixels,
            ", ".join(f"{n:,}" for n in item.studies),
            _of_each(item.sources, item.left_out),
            item.on_several_sides,
        ]
        for item in lock.shared
    ]
    return table(head, rows)


def _links_table(lock: Lock) -> str:
    """The comparisons of pictures."""
    if not lock.links:
        return ""
    head = ["sources", "pictures compared", "not compared", "copies", "equal in every pixel"]
    rows = [
        [
            ", ".join(item.sources),
            ", ".join(f"{n:,}" for n in item.compared),
            _of_each(item.sources, item.not_compared),
            item.matches,
            item.equal,
        ]
        for item in lock.links
    ]
    return table(head, rows)


def _of_each(names: Sequence[str], counts: Sequence[Mapping[str, int]]) -> str:
    """Reasons of each of two sources; nothing of one without."""
    return "; ".join(
        f"{name}: {_reasons(reasons)}"
        for name, reasons in zip(names, counts, strict=True)
        if reasons
    )


def _overlaps(lock: Lock, used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """What the cards say, and what of it was not looked at."""
    compared = {frozenset(item.sources) for item in lock.links}
    shared = {frozenset(item.sources) for item in lock.shared}
    lines = []
    for key in used:
        for overlap in sources[key].card.overlaps:
            if overlap.source not in used:
                continue
            pair = frozenset((key, overlap.source))
            known = compared | shared if overlap.by == "people" else compared
            open_ = overlap.by in ("text", "nothing") or pair not in known
            lines.append(
                f"- {key} and {overlap.source}: {overlap.how}{' (not checked)' if open_ else ''}"
            )
    return "\n".join(lines) + "\n" if lines else ""
