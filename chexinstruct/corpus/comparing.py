"""Two corpora held against each other, row by row: what a new version brings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import duckdb
import msgspec
import pyarrow.parquet as pq

from chexinstruct.corpus.files import Corpus, CorpusFile, open_corpus
from chexinstruct.corpus.locks import lock_changes
from chexinstruct.errors import ChexinstructError

Release = Literal["none", "patch", "minor", "major"]
"""What kind of version the difference calls for."""

MEMORY = "1GB"
"""What the SQL engine may hold; more goes to disk."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "text": ("instruction", "response", "history"),
    "options": ("options", "answers"),
    "pictures": ("images", "image_ids"),
}
"""Parts of a row and their columns; all other columns are the part ``other``."""

_ALL_PARTS = (*PARTS, "other")
_KEYS = ("id", "task", "source")
_STATES = ("added", "removed", "moved", "changed")


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """Rows of one task and source."""

    task: str
    source: str
    same: int
    added: int
    removed: int
    moved: int
    """With the same id, in another split; whether changed or not."""
    changed: int
    """With the same id in the same split, and other content."""


class Difference(msgspec.Struct, kw_only=True, frozen=True):
    """What distinguishes a corpus from another one."""

    same: int
    """Rows. So for the next four; see :class:`Place`."""
    added: int
    removed: int
    moved: int
    changed: int
    changed_parts: dict[str, int]
    """Of the changed rows, those whose text, options, pictures or other columns differ."""
    moves: dict[str, int]
    """Of the moved rows, how many went ``train to test`` and so on."""
    places: list[Place]
    """Only those where something differs."""
    columns_added: list[str]
    columns_removed: list[str]
    templates: list[str]
    """Of rows that are no longer or newly worded by them: ``task@version``, before and after."""
    locks: list[str]
    """What differs between the locks: versions, manifests, and what the releases hold."""
    not_compared: list[str]
    release: Release
    """``major``: rows were changed, removed or moved; ``minor``: rows or columns were added;
    ``patch``: the same rows in other files; ``none``: the same files."""
    version: str
    """Which the second corpus should carry, from that of the first."""
    states: str
    """The version that it carries."""


def diff(before: str | Path, after: str | Path, *, rows: str | Path | None = None) -> Difference:
    """What distinguishes one corpus from another.

    Rows are paired by their ids. Files that both have with the same SHA-256 are not read; of the
    others every column is, bytes of pictures included, and none is decoded. Digests of rows are
    kept on disk, so memory does not grow with the corpora.

    Args:
        before: the one corpus.
        after: the other.
        rows: a CSV file to write: ``id``, ``task``, ``source``, ``what``, ``before`` and ``after``
            (splits), and ``parts`` that differ, of every row that is not the same.

    Raises:
        ChexinstructError: there is no corpus, or a file cannot be read.
    """
    one, two = open_corpus(before), open_corpus(after)
    shared = _shared(one, two)
    with tempfile.TemporaryDirectory(prefix="chexinstruct-") as folder:
        engine = duckdb.connect(
            str(Path(folder) / "rows.duckdb"),
            config={"memory_limit": MEMORY, "temp_directory": folder, "threads": "2"},
        )
        try:
            return _diff(engine, one, two, shared, rows)
        except duckdb.Error as error:  # its message may quote a row
            raise ChexinstructError(
                f"{before} and {after} cannot be compared ({type(error).__name__}); "
                "`chexinstruct verify` tells what is wrong with either"
            ) from None
        finally:
            engine.close()


def _diff(
    engine: duckdb.DuckDBPyConnection,
    one: Corpus,
    two: Corpus,
    shared: set[str],
    rows: str | Path | None,
) -> Difference:
    left, right = _columns(one, shared), _columns(two, shared)
    both = [name for name in left if name in right] if left and right else left or right
    embed = all(c.lock.manifest["images"]["mode"] == "embed" for c in (one, two))
    _stored(engine, one, two)
    for table, corpus in (("a", one), ("b", two)):
        _load(engine, table, [f for f in corpus.files if f.name not in shared], both, embed)
    differs = ", ".join(f"a.{p} IS DISTINCT FROM b.{p} AS of_{p}" for p in _ALL_PARTS)
    any_part = " OR ".join(f"of_{part}" for part in _ALL_PARTS)
    engine.execute(
        f"""
        CREATE TABLE found AS
        SELECT *, CASE
            WHEN split_before IS NULL THEN 'added'
            WHEN split_after IS NULL THEN 'removed'
            WHEN split_before <> split_after THEN 'moved'
            WHEN {any_part} THEN 'changed'
            ELSE 'same' END AS what
        FROM (
            SELECT coalesce(a.id, b.id) AS id, coalesce(a.task, b.task) AS task,
                coalesce(a.source, b.source) AS source,
                a.split AS split_before, b.split AS split_after,
                a.template AS template_before, b.template AS template_after, {differs}
            FROM a FULL JOIN b ON a.id = b.id
        )
        """
    )
    places = _places(engine)
    kept_apart: dict[tuple[str, str], int] = {}
    for file in one.files:
        if file.name in shared:
            place = (file.task, file.source)
            kept_apart[place] = kept_apart.get(place, 0) + file.shard.rows
    sums = {state: sum(getattr(p, state) for p in places) for state in ("same", *_STATES)}
    sums["same"] += sum(kept_apart.values())
    added, removed = ([n for n in x if n not in y] for x, y in ((right, left), (left, right)))
    if not (left and right):
        added, removed = [], []
    release = _release(sums, bool(added), bool(removed), _files(one) == _files(two))
    if rows is not None:
        _write(engine, Path(rows))
    return Difference(
        **sums,
        changed_parts=_parts(engine),
        moves=dict(
            engine.execute(
                "SELECT concat(split_before, ' to ', split_after) AS way, count(*) FROM found "
                "WHERE what = 'moved' GROUP BY way ORDER BY way"
            ).fetchall()
        ),
        places=[
            msgspec.structs.replace(p, same=p.same + kept_apart.get((p.task, p.source), 0))
            for p in places
            if p.added or p.removed or p.moved or p.changed
        ],
        columns_added=added,
        columns_removed=removed,
        templates=_templates(engine),
        locks=lock_changes(one.lock, two.lock, was="before", now="after"),
        not_compared=_not_compared(one, two),
        release=release,
        version=_next(str(one.lock.manifest["version"]), release),
        states=str(two.lock.manifest["version"]),
    )


def _files(corpus: Corpus) -> set[tuple[str, str]]:
    return {(file.name, file.sha256) for file in (*corpus.files, *corpus.images)}


def _shared(one: Corpus, two: Corpus) -> set[str]:
    """Names of data files that both have, byte by byte.

    Where pictures are stored apart, a row can be the same and its picture another one, so files are
    shared only if all stored pictures are.
    """
    stored = [{(i.name, i.sha256) for i in corpus.images} for corpus in (one, two)]
    if stored[0] != stored[1]:
        return set()
    there = {file.name: file.sha256 for file in two.files}
    return {file.name for file in one.files if there.get(file.name) == file.sha256}


def _columns(corpus: Corpus, shared: set[str]) -> list[str]:
    """Columns of the files that are read."""
    for file in corpus.files:
        if file.name not in shared:
            if not file.path.is_file():
                raise ChexinstructError(f"{file.path} is missing")
            try:
                return list(pq.read_schema(file.path).names)
            except (OSError, ValueError) as error:
                raise ChexinstructError(
                    f"{file.path}: cannot be read ({type(error).__name__})"
                ) from None
    return []


def _stored(engine: duckdb.DuckDBPyConnection, one: Corpus, two: Corpus) -> None:
    """Names of stored pictures whose bytes are not those of the other corpus."""
    for table, corpus in (("pictures_a", one), ("pictures_b", two)):
        engine.execute(f"CREATE TABLE {table} (release VARCHAR, name VARCHAR, content UHUGEINT)")
        other = {item.sha256 for item in (two if corpus is one else one).images}
        for image in corpus.images:
            if image.sha256 not in other:
                engine.execute(
                    f"INSERT INTO {table} SELECT ?, image_id, md5_number(image.bytes) "
                    "FROM read_parquet(?)",
                    [image.release, str(image.path)],
                )
    engine.execute(
        "CREATE TABLE other_pictures AS SELECT DISTINCT a.name FROM pictures_a a JOIN pictures_b b "
        "ON a.release = b.release AND a.name = b.name AND a.content <> b.content"
    )


def _load(
    engine: duckdb.DuckDBPyConnection,
    table: str,
    files: list[CorpusFile],
    columns: list[str],
    embed: bool,
) -> None:
    """The digests of the rows of some files."""
    engine.execute(
        f"CREATE TABLE {table} (id VARCHAR, task VARCHAR, source VARCHAR, split VARCHAR, "
        f"template VARCHAR, {', '.join(f'{part} UHUGEINT' for part in _ALL_PARTS)})"
    )
    # A row of the one side that shows a picture stored with other bytes counts as another row.
    salt = "0" if table == "a" else "1"
    named = {**PARTS, "other": tuple(c for c in columns if c not in _in_parts() and c not in _KEYS)}
    digests = ", ".join(
        f"md5_number({_content(part, [c for c in names if c in columns], embed, salt)})"
        for part, names in named.items()
    )
    for file in files:
        engine.execute(
            f"INSERT INTO {table} SELECT id, ?, ?, ?, split_part(template, '/', 1), {digests} "
            "FROM read_parquet(?)",
            [file.task, file.source, file.split, str(file.path)],
        )


def _in_parts() -> set[str]:
    return {column for names in PARTS.values() for column in names}


def _content(part: str, columns: list[str], embed: bool, salt: str) -> str:
    """SQL of a text that is equal where the part of a row is."""
    texts = [f"to_json({name})::VARCHAR" for name in columns if name != "images"]
    if part == "pictures":
        if embed:
            texts.append("to_json([md5(i.bytes) FOR i IN images])::VARCHAR")
        other = "list_has_any(image_ids, (SELECT list(name) FROM other_pictures))"
        texts.append(f"CASE WHEN {other} THEN '{salt}' ELSE '' END")
    return f"concat_ws(chr(31), {', '.join(texts) or repr('')})"


def _places(engine: duckdb.DuckDBPyConnection) -> list[Place]:
    counted = ", ".join(
        f"count(*) FILTER (what = '{state}') AS {state}" for state in ("same", *_STATES)
    )
    answer = engine.execute(
        f"SELECT task, source, {counted} FROM found GROUP BY task, source ORDER BY task, source"
    ).fetchall()
    names = ("task", "source", "same", *_STATES)
    return [Place(**dict(zip(names, row, strict=True))) for row in answer]


def _parts(engine: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counted = ", ".join(f"count(*) FILTER (of_{part})" for part in _ALL_PARTS)
    ((*counts,),) = engine.execute(f"SELECT {counted} FROM found WHERE what = 'changed'").fetchall()
    return dict(zip(_ALL_PARTS, counts, strict=True))


def _templates(engine: duckdb.DuckDBPyConnection) -> list[str]:
    answer = engine.execute(
        "SELECT template_before, template_after, count(*) FROM found "
        "WHERE template_before <> template_after GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [f"{before} is {after} now, in {n:,} rows" for before, after, n in answer]


def _write(engine: duckdb.DuckDBPyConnection, path: Path) -> None:
    parts = ", ".join(f"CASE WHEN of_{part} THEN '{part}' END" for part in _ALL_PARTS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # ids tell what the rows say
    except OSError as error:
        raise ChexinstructError(f"{path}: cannot be written: {error.strerror}") from None
    quoted = str(path).replace("'", "''")
    engine.execute(
        "COPY (SELECT id, task, source, what, split_before AS before, split_after AS after, "
        f"CASE WHEN what IN ('changed', 'moved') THEN concat_ws(' ', {parts}) END AS parts "
        f"FROM found WHERE what <> 'same' ORDER BY id) TO '{quoted}' (HEADER, DELIMITER ',')"
    )


def _not_compared(one: Corpus, two: Corpus) -> list[str]:
    modes = [corpus.lock.manifest["images"]["mode"] for corpus in (one, two)]
    if modes[0] != modes[1]:
        return [
            f"bytes of pictures: the mode of the one corpus is {modes[0]}, of the other {modes[1]}"
        ]
    return ["bytes of pictures: neither corpus has any"] if modes[0] == "none" else []


def _release(sums: Mapping[str, int], added: bool, removed: bool, same_files: bool) -> Release:
    if sums["removed"] or sums["moved"] or sums["changed"] or removed:
        return "major"
    if sums["added"] or added:
        return "minor"
    return "none" if same_files else "patch"


def _next(version: str, release: Release) -> str:
    major, minor, patch = map(int, version.split("."))
    return {
        "none": version,
        "patch": f"{major}.{minor}.{patch + 1}",
        "minor": f"{major}.{minor + 1}.0",
        "major": f"{major + 1}.0.0",
    }[release]


def render_difference(found: Difference) -> str:
    """The difference, for a terminal."""
    return "\n".join(_lines(found))


def _lines(found: Difference) -> Iterator[str]:
    yield (
        f"Rows: {found.same:,} the same, {found.added:,} added, {found.removed:,} removed, "
        f"{found.moved:,} moved between splits, {found.changed:,} changed."
    )
    for place in found.places:
        told = ", ".join(f"{n:,} {s}" for s in _STATES if (n := getattr(place, s)))
        yield f"  {place.task}/{place.source}: {told}; {place.same:,} the same"
    if found.changed:
        parts = ", ".join(f"{part} {n:,}" for part, n in found.changed_parts.items() if n)
        yield f"What changed in them: {parts}."
    if found.moves:
        yield f"Moves: {', '.join(f'{way} {n:,}' for way, n in found.moves.items())}."
    for what, names in (
        ("Columns added", found.columns_added),
        ("Columns removed", found.columns_removed),
    ):
        if names:
            yield f"{what}: {', '.join(names)}."
    yield from (f"  {line}" for line in (*found.templates, *found.locks))
    yield from (f"Not compared: {line}." for line in found.not_compared)
    if found.release == "none":
        yield "The same files: no new version is needed."
    else:
        yield (
            f"A {found.release} release by the rule of data versions: {found.version} or higher; "
            f"the second corpus says {found.states}."
        )
