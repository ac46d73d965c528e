"""Releases and corpora in an object store: the same bytes as on a disk, whatever the weather."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from build_support import contents, copied, recipe, without_keys
from s3_server import S3

from chexinstruct.build import BuildOptions, Part, build, build_part, lease
from chexinstruct.build.lease import LEASES
from chexinstruct.build.remote import Bucket
from chexinstruct.corpus import open_corpus
from chexinstruct.errors import CallError, ChexinstructError, ReleaseError
from chexinstruct.release import Release, streams
from chexinstruct.schema import LOCK
from chexinstruct.transient import StorageError, is_transient

NIH = "nih_chestxray14"
SECRET = "a-key-that-nobody-may-read"
TASKS = ["abnormality_grounding", "view_classification"]


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as patch, S3() as s3:
        patch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "tester")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")  # ours are looked at, not those of botocore
        patch.setattr("chexinstruct.transient.FIRST_WAIT", 0.01)
        yield s3
        fsspec.filesystem("s3").clear_instance_cache()


@pytest.fixture
def s3(server: S3) -> S3:
    server.fail_every = 0
    server.forget()
    return server


@pytest.fixture(scope="module")
def releases(server: S3, data_root: Path) -> str:
    """NIH ChestX-ray14 in a bucket, as the data root of a build."""
    fs = fsspec.filesystem("s3")
    fs.mkdir("releases")
    fs.put(f"{data_root / NIH}/", f"releases/all/{NIH}/", recursive=True)
    return "s3://releases/all"


@pytest.fixture(scope="module")
def here(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The corpus of a build from disk to disk."""
    folder = tmp_path_factory.mktemp("here")
    made(data_root, folder / "corpus", folder / "cache")
    return contents(folder / "corpus")


@pytest.fixture
def bucket(s3: S3, request: pytest.FixtureRequest) -> str:
    """A bucket of its own for each test, as URL of a corpus."""
    name = f"corpora-{abs(hash(request.node.name))}"
    fsspec.filesystem("s3").mkdir(name)
    s3.forget()
    return f"s3://{name}/corpus"


def made(root: str | Path, out: str | Path, cache: Path, **options: Any) -> None:
    manifest = recipe(sources=[NIH], tasks=options.pop("tasks", TASKS))
    run = build_part if options.get("part") else build
    run(manifest, root, out, BuildOptions(cache=cache, on_missing_image="skip", **options))


def stored(url: str) -> dict[str, bytes]:
    """Every file of a remote corpus, markers and leases too."""
    fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    fs.invalidate_cache()
    return {path.removeprefix(root).lstrip("/"): fs.cat_file(path) for path in fs.find(root)}


def same(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    """The same corpus; keys follow from the stamps of the files of a release."""
    first, second = dict(first), dict(second)
    assert without_keys(first.pop(LOCK)) == without_keys(second.pop(LOCK))
    assert first == second


# Releases


def test_a_release_in_a_bucket_gives_the_bytes_of_one_on_disk(
    s3: S3, releases: str, here: dict[str, bytes], tmp_path: Path
) -> None:
    """The listing is asked for once a stage, a table once, a picture once."""
    made(releases, tmp_path / "out", tmp_path / "cache")
    same(contents(tmp_path / "out"), here)
    pictures = [path for _, path, _ in s3.asked("GET", ".png")]
    assert pictures
    assert len(pictures) == len(set(pictures))
    assert not s3.asked("HEAD", ".png")
    tables = [path for _, path, _ in s3.asked("GET", "Data_Entry")]
    assert len(tables) == 1
    assert all(SECRET.encode() not in content for content in contents(tmp_path / "out").values())
    assert all(b"127.0.0.1" not in content for content in contents(tmp_path / "out").values())


def test_members_of_an_archive_are_fetched_by_ranges(s3: S3, releases: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(64):
            archive.writestr(f"images/{number:02d}.png", os.urandom(100_000))
        archive.writestr("empty.png", b"")
    fsspec.filesystem("s3").pipe_file("releases/zipped/pictures.zip", packed.getvalue())
    s3.forget()
    with Release.open("s3://releases/zipped", source="zipped") as release:
        assert len(release.files) == 65
        path = "pictures.zip/images/40.png"
        assert release.read(path) == zipfile.ZipFile(packed).read("images/40.png")
        assert release.read("pictures.zip/empty.png") == b""
    assert s3.sent < len(packed.getvalue()) / 4
    assert len(s3.asked("GET", "pictures.zip")) <= 6


def test_empty_missing_and_whole_objects(s3: S3, releases: str) -> None:
    fs = fsspec.filesystem("s3")
    fs.pipe_file("releases/odd/empty.png", b"")
    fs.pipe_file("releases/odd/table.csv", b"id,n\n" + b"".join(b"%d,1\n" % n for n in range(9)))
    with Release.open("s3://releases/odd", source="odd") as release:
        assert release.read("empty.png") == b""
        assert [row["id"] for row in release.table("table.csv", None)] == [*"012345678"]
        with pytest.raises(ReleaseError, match=r"odd: none\.png: no such file"):
            release.read("none.png")


# Weather


@pytest.mark.slow
def test_a_store_that_fails_every_few_requests_gives_the_same_bytes(
    s3: S3, releases: str, bucket: str, here: dict[str, bytes], tmp_path: Path
) -> None:
    s3.fail_every = 4
    made(releases, bucket, tmp_path / "cache")
    s3.fail_every = 0
    assert s3.failed > 10
    same(stored(bucket), here)


def test_a_store_that_stays_away_is_told_and_nothing_is_counted(
    s3: S3, releases: str, tmp_path: Path
) -> None:
    made(releases, tmp_path / "out", tmp_path / "cache", tasks=["view_classification"])
    before = contents(tmp_path / "out")
    with Release.open(f"{releases}/{NIH}", source=NIH) as release:
        path = next(path for path in release.files if path.endswith(".png"))
        s3.fail_every = 1
        with pytest.raises(StorageError, match=rf"^{NIH}: {path}: the storage failed 5 times"):
            release.read(path)
    with pytest.raises(ChexinstructError) as caught:
        made(releases, tmp_path / "out", tmp_path / "cache")
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)
    assert contents(tmp_path / "out") == before


class Stale(io.FileIO):
    """Every second read fails, as of a file on NFS whose handle has become stale."""

    reads = 0

    def read(self, size: int = -1) -> bytes:
        Stale.reads += 1
        if Stale.reads % 2:
            raise OSError(116, "Stale file handle")
        return super().read(size)


def test_a_disk_that_fails_at_times_gives_the_same_bytes(
    data_root: Path, here: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chexinstruct.transient.FIRST_WAIT", 0.001)
    monkeypatch.setattr(streams.io, "FileIO", Stale)
    made(copied(data_root, tmp_path / "data", NIH), tmp_path / "out", tmp_path / "cache")
    assert Stale.reads > 10
    same(contents(tmp_path / "out"), here)


def test_a_disk_that_does_not_recover_stops_the_build(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chexinstruct.transient.FIRST_WAIT", 0.001)
    bad = "00000001_001.png"

    class Broken(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if str(self.name).endswith(bad):
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(streams.io, "FileIO", Broken)
    with pytest.raises(StorageError, match=rf"{NIH}: .*{bad}: the storage failed 5 times \(OSE"):
        made(data_root, tmp_path / "out", tmp_path / "cache")


def test_what_passes_and_what_does_not() -> None:
    refused = OSError(5, "what s3fs makes of a refusal that it has no name for")
    refused.__cause__ = Refused(403)
    busy = OSError(5, "the same")
    busy.__cause__ = Refused(503)
    passing = [TimeoutError(), ConnectionResetError(), OSError(5, ""), OSError(116, ""), busy]
    assert all(map(is_transient, passing))
    staying = [FileNotFoundError(2, ""), PermissionError(13, ""), ValueError(), refused]
    assert not any(map(is_transient, staying))


class Refused(Exception):
    """An error as botocore raises it."""

    def __init__(self, status: int) -> None:
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


# Corpora


@pytest.mark.slow
def test_a_corpus_in_a_bucket_is_the_one_on_disk_and_is_not_written_again(
    s3: S3, data_root: Path, bucket: str, here: dict[str, bytes], tmp_path: Path
) -> None:
    told = {"name": "test", "version": "1.0.0", "images": {"size": 64}}
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(json.dumps({**told, "sources": [NIH], "tasks": TASKS}))
    call = ["build", manifest, "--data-root", data_root, "--out", bucket, "--workers", "2"]
    call += ["--cache", tmp_path / "cache", "--on-missing-image", "skip"]
    script = "from chexinstruct.cli import main; main()"
    subprocess.run([sys.executable, "-c", script, *map(str, call)], check=True)
    assert stored(bucket) == here, "no marker and no lease is left"
    written = [path for _, path, _ in s3.asked("PUT", "")]
    assert written.index(f"/{bucket[5:]}/{LOCK}") > max(
        number for number, path in enumerate(written) if path.endswith((".parquet", ".md"))
    )
    s3.forget()
    made(data_root, bucket, tmp_path / "elsewhere")
    assert stored(bucket) == here
    written = [path for _, path, _ in s3.asked("PUT", "") if LEASES not in path]
    assert written == [f"/{bucket[5:]}/{LOCK}"], "another machine finds all of it made"
    made(data_root, bucket, tmp_path / "cache", tasks=["view_classification"])
    names = [name for name in stored(bucket) if name.startswith("data/")]
    assert names and all(name.startswith("data/view_classification/") for name in names)
    assert not list((tmp_path / "cache" / "uploads").iterdir())


def test_a_build_goes_on_on_another_machine(
    s3: S3,
    data_root: Path,
    bucket: str,
    here: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, shards = Bucket.put, []

    def failing(self: Bucket, file: Path, name: str) -> None:
        if name.endswith(".parquet"):
            if shards:
                raise KeyboardInterrupt
            shards.append(name)
        put(self, file, name)

    monkeypatch.setattr(Bucket, "put", failing)
    with pytest.raises(KeyboardInterrupt):
        made(data_root, bucket, tmp_path / "cache")
    monkeypatch.undo()
    assert {name for name in stored(bucket) if name.endswith(".parquet")} == set(shards)
    s3.forget()
    made(data_root, bucket, tmp_path / "another")
    assert stored(bucket) == here
    assert not [name for name in shards if s3.asked("PUT", name)], "what stands is kept"


@pytest.mark.slow
def test_parts_build_into_a_bucket(
    s3: S3, data_root: Path, bucket: str, here: dict[str, bytes], tmp_path: Path
) -> None:
    for number in (1, 2):
        made(data_root, bucket, tmp_path / "cache", part=Part(number, 2), wait=0.0)
    assert LOCK not in stored(bucket)
    s3.forget()
    made(data_root, bucket, tmp_path / "cache")
    assert not s3.asked("PUT", ".parquet")
    assert stored(bucket) == here


@pytest.mark.parametrize(
    ("held", "asked", "told"),
    [
        (None, None, "another build"),
        (None, Part(1, 2), "another build"),
        (Part(1, 2), None, "part 1/2 of a build"),
        (Part(1, 2), Part(1, 2), "part 1/2 of a build"),
    ],
)
def test_who_keeps_whom_out(
    held: Part | None, asked: Part | None, told: str, s3: S3, bucket: str
) -> None:
    place = Bucket.at(bucket)
    with lease.leased(place, held):
        with pytest.raises(CallError, match=told), lease.leased(place, asked):
            pass
        with (
            lease.leased(place, Part(2, 2)) if held else lease.leased(Bucket.at(f"{bucket}2"), None)
        ):
            pass
    with lease.leased(place, asked):
        pass
    assert stored(bucket) == {}


@pytest.mark.slow
def test_a_killed_build_lets_go(s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once on its own machine; elsewhere when it has given no sign of life for a while."""
    place = Bucket.at(bucket)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lost = lease.Lease(lease.socket.gethostname(), dead.pid, None)
    place.write(f"{LEASES}/lost.json", lease.msgspec.json.encode(lost))
    with lease.leased(place, None):
        pass
    far = lease.Lease("another", 1, None)
    place.write(f"{LEASES}/far.json", lease.msgspec.json.encode(far))
    with pytest.raises(CallError, match=r"\(another, process 1\)"), lease.leased(place, None):
        pass
    monkeypatch.setattr(lease, "GONE", -1.0)
    with lease.leased(place, None):
        pass
    assert stored(bucket) == {}


def test_an_upload_that_arrives_damaged_is_sent_again(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs, _ = Bucket.at(bucket)._place()
    sent, whole = [], fs.put_file

    def damaged(file: str, target: str) -> None:
        sent.append(target)
        if len(sent) == 1:
            fs.pipe_file(target, b"xyz")  # as many bytes, but others
        else:
            whole(file, target)

    monkeypatch.setattr(fs, "put_file", damaged)
    (tmp_path / "file").write_bytes(b"abc")
    Bucket.at(bucket).put(tmp_path / "file", "a/file")
    assert stored(bucket) == {"a/file": b"abc"}
    assert len(sent) == 2


@pytest.mark.slow
def test_a_store_without_whole_uploads_gets_a_draft_first(
    data_root: Path, here: dict[str, bytes], tmp_path: Path
) -> None:
    made(data_root, "memory://corpora/one", tmp_path / "cache")
    assert stored("memory://corpora/one") == here


# What is refused


def test_what_has_to_lie_on_this_machine_is_told(data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="s3://bucket/cache: the cache has to lie on this machine"):
        made(data_root, tmp_path / "out", Path("s3://bucket/cache"))
    with pytest.raises(CallError, match="s3://bucket/corpus: a corpus that is read has to lie"):
        open_corpus("s3://bucket/corpus")
    with pytest.raises(CallError, match="no library for it is installed"):
        made(data_root, "gs://bucket/corpus", tmp_path / "cache")


def test_a_bucket_that_is_not_there_is_told(s3: S3, data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(ChexinstructError, match=r"s3://nowhere/corpus/.*check that the bucket"):
        made(data_root, "s3://nowhere/corpus", tmp_path / "cache")
