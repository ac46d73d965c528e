"""The sections of a card that answer the questions of Datasheets for Datasets (Gebru et al. 2021).

Everything is told from the lock and the cards of the sources; nothing is written by hand a corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chexinstruct.schema import Lock
from chexinstruct.source import Card, Source, permits, strictest, terms

METHODS = {
    "reader": "by people who looked at the picture or the report",
    "report_labeller": "by a program, from the report",
    "inferred": "by rules, from other annotations",
}
"""Where labels come from, in words."""


def datasheet(lock: Lock, used: Sequence[str], sources: Mapping[str, Source]) -> dict[str, str]:
    """Title -> text of each section.

    Args:
        lock: of the corpus.
        used: sources of its rows.
        sources: the registry.
    """
    cards = [sources[key].card for key in used]
    return {
        "Motivation": motivation(),
        "Composition": composition(lock, used),
        "Collection": collection(cards),
        "Preprocessing": preprocessing(lock),
        "Uses": uses(used, sources),
        "Limits": limits(cards),
        "Distribution": distribution(used, sources),
        "Maintenance": maintenance(),
    }


def motivation() -> str:
    """What the corpus is for."""
    return (
        "To train and evaluate models that read chest radiographs and answer instructions, on one "
        "corpus that anyone who holds the releases can build again."
    )


def composition(lock: Lock, used: Sequence[str]) -> str:
    """What rows are."""
    rows = sum(shard.rows for shard in lock.shards)
    held = {shard.name.partition("/")[0] for shard in lock.shards if shard.rows}
    pictures = {
        "embed": "The pictures stand in the rows.",
        "store": "The pictures stand once each in `images/`.",
        "none": "The rows name their pictures and do not hold them.",
    }[lock.manifest["images"]["mode"]]
    return (
        f"{rows:,} rows of {len(held)} tasks from {len(used)} sources. A row is "
        f"one instruction and its response, made from one study. {pictures} Rows tell, where it is "
        "known, age, sex, race and projection. People are not named; `patient` groups the rows of "
        "a person and is a digest, not an anonymisation. The splits are by person, unless the "
        "split policy is `official`."
    )


def collection(cards: Sequence[Card]) -> str:
    """Where the sources come from."""
    lines = ["All data come from public releases; none was collected for this corpus.", ""]
    for card in cards:
        methods = sorted({label_set.method for label_set in card.label_sets.values()})
        labels = "; labels ".join(["", *(METHODS.get(method, method) for method in methods)])
        lines.append(f"- {card.name}: {card.summary.rstrip('.')}{labels}.")
    return "\n".join(lines)


def preprocessing(lock: Lock) -> str:
    """What was done to pictures and texts."""
    manifest = lock.manifest
    pictures = manifest["images"]
    text = {
        "raw": "Report text stands as released.",
        "clean": "Sentences of reports that the pictures cannot show were left out of responses; "
        "each row tells which kinds and how many (`metadata.dropped_sentences`).",
    }[manifest["text"]]
    seen = (
        "The corpus was built without pictures."
        if pictures["mode"] == "none"
        else "Pictures became 8-bit gray and were scaled to a shorter side of at most "
        f"{pictures['size']} pixels, never cropped, padded, turned or mirrored."
    )
    return (
        f"{seen} {text} Where readers differ, the scheme `{manifest['consensus']}` decided. "
        "Instructions are phrasings of templates. The releases stay as they are; every row says "
        "where in them it comes from (`origin`)."
    )


def uses(used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """What the rows are good for, and what not."""
    allowed = {key: permits(key, sources) for key in used}
    lines = [
        "For research on models of chest radiographs. The rows are not fit for decisions on "
        "patients, and nothing trained on them is a medical device. Do not try to find out who "
        "the people are.",
        "",
    ]
    for what, name in (
        ("Commercial use", "commercial"),
        ("Sending rows to online services", "online_services"),
    ):
        clear = [key for key in used if getattr(allowed[key], name) == "yes"]
        told = ", ".join(clear) if clear else "none of the sources"
        lines.append(f"- {what}: the terms clearly allow it for {told}.")
    return "\n".join(lines)


def limits(cards: Sequence[Card]) -> str:
    """What is known to be wrong or missing, from the cards."""
    lines = [
        "Known of the sources (`chexinstruct sources KEY` has their cards):",
        "",
        *(f"- {card.name}: {note}" for card in cards for note in card.notes),
    ]
    if len(lines) == 2:
        return "Nothing beside what the tables above count is known."
    return "\n".join(lines)


def distribution(used: Sequence[str], sources: Mapping[str, Source]) -> str:
    """Who may have the rows."""
    if not used:
        return "There are no rows."
    words = {key: terms(key, sources) for key in used}
    strict = strictest(list(words.values()))
    if strict.redistribution == "yes":
        return "All rows may be passed on under the terms of their sources, with credit to them."
    held = [key for key in used if words[key].redistribution != "yes"]
    return (
        f"Do not pass this corpus on. Rows of {', '.join(held)} may not be given to others, or "
        "nothing says that they may. To let others have the corpus, publish its recipe: "
        "`chexinstruct push CORPUS REPO --recipe`."
    )


def maintenance() -> str:
    """What a version means."""
    return (
        "The version is that of the manifest. The first number changes when rows change, go or "
        "move between splits, the second when some are added, the third for other packaging. The "
        "lock has what is needed to build the same bytes again. When a source withdraws data, "
        "build a new version without it."
    )
