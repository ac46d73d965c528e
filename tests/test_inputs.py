"""Getting releases: what cards say of it, what check tells, which pictures to get."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from chexinstruct.access import bytes_told, commands, picture_url, sizes_told
from chexinstruct.build import BuildOptions, build, list_pictures
from chexinstruct.check import SourceCheck, check
from chexinstruct.cli import app
from chexinstruct.manifest import load_manifest, overridden
from chexinstruct.source import registry

FEW = ("mimic_cxr", "ms_cxr", "vindr_cxr", "nih_chestxray14")
PICTURES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")


def samples(root: Path, *keys: str) -> None:
    for key in keys:
        (root / key).mkdir(parents=True)
        registry()[key].sample.write(root / key)


def without_pictures(root: Path) -> None:
    for path in root.rglob("*"):
        if path.suffix.lower() in PICTURES:
            path.unlink()


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def recipe(*sources: str, **changes: object):  # type: ignore[no-untyped-def]
    return overridden(load_manifest("full"), sources=list(sources), **changes)  # type: ignore[arg-type]


# Cards


def test_every_card_tells_a_way_to_its_release() -> None:
    for key, source in registry().items():
        card = source.card
        assert card.access, key
        for item in card.downloads:
            assert item.url.startswith("https://"), item.url
        names = [item.file for item in card.downloads]
        assert len(set(names)) == len(names), key
        for project in card.physionet:
            assert card.license == "credentialed", key
            assert f"physionet.org/content/{project.slug}/" in " ".join([card.home, *card.access])


def test_downloads_ask_for_no_agreement() -> None:
    for key, source in registry().items():
        assert not source.card.downloads or source.card.license == "open", key


def test_commands_are_ready_to_type() -> None:
    for key, source in registry().items():
        for what, command in commands(source.card, "/data/my releases"):
            words = shlex.split(command)
            assert words[0] in {"wget", "gsutil", "kaggle", "git", "hf", "chexinstruct"}, (
                key,
                what,
            )
            assert "DATA_ROOT" not in command
            place = (
                "/data/my releases" if words[0] == "chexinstruct" else f"/data/my releases/{key}"
            )
            assert any(word == place or word.startswith(f"{place}/") for word in words), command


def test_physionet_tables_can_be_had_without_the_pictures() -> None:
    (first, *_) = commands(registry()["mimic_cxr"].card)
    assert "wget -N -c -x" in first[1]
    assert "files/mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-metadata.csv.gz" in first[1]


def test_sources_tells_steps_sizes_and_what_may_be_left_out() -> None:
    shown = call("sources", "brax").output
    assert "Size: tables about 21.7 MB, pictures about 130 GB (40,967 pictures)" in shown
    assert "https://physionet.org/files/brax/1.1.0/" in shown
    assert "Anonymized_DICOMs" in shown and "chexinstruct files full" in shown
    shown = call("sources", "slake").output
    assert "chexinstruct fetch slake" in shown and "imgs.zip: pictures" in shown


def test_sizes_are_told_in_powers_of_ten() -> None:
    assert [bytes_told(n) for n in (999, 1_500, 21_700_000, 570 * 10**9)] == [
        "999 bytes",
        "1.5 kB",
        "21.7 MB",
        "570 GB",
    ]
    assert sizes_told(registry()["radqa"].card) is None


# files


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("listed")
    samples(root / "whole", *FEW)
    shutil.copytree(root / "whole", root / "tables")
    without_pictures(root / "tables")
    return root


def stored_pictures(corpus: Path) -> set[str]:
    """The pictures that a build wrote, as ``source/key``."""
    found: set[str] = set()
    for file in corpus.glob("images/*.parquet"):
        for row in pq.read_table(file, columns=["source", "image_id"]).to_pylist():
            found.add(f"{row['source']}/{row['image_id']}")
    return found


def test_list_is_what_a_build_shows(listed: Path, tmp_path: Path) -> None:
    manifest = recipe("nih_chestxray14", "vindr_cxr", images="store")
    options = BuildOptions(cache=tmp_path / "cache", on_missing_image="skip")
    found = list_pictures(manifest, listed / "whole", options)
    lock = build(manifest, listed / "whole", tmp_path / "corpus", options)
    assert not any(account.bad_pictures for account in lock.sources)
    stored = {Path(name).stem for name in stored_pictures(tmp_path / "corpus")}
    here = {Path(picture.path).stem for picture in found.pictures if picture.size is not None}
    assert stored and stored == here
    missing = sum(account.missing_pictures for account in lock.sources)
    assert len(found.pictures) - len(here) == missing > 0


def test_tables_alone_give_the_same_list_as_the_whole_release(listed: Path, tmp_path: Path) -> None:
    manifest = recipe("mimic_cxr", "ms_cxr")
    options = BuildOptions(cache=tmp_path)
    whole = list_pictures(manifest, listed / "whole", options)
    tables = list_pictures(manifest, listed / "tables", options)
    assert {p.published for p in whole.pictures} == {p.published for p in tables.pictures}
    assert all(p.size is None and p.path == p.published for p in tables.pictures)
    here = [p for p in whole.pictures if p.size is not None]
    assert here and all(p.path.endswith(str(p.published)) for p in here)
    # What derived sources show lies in the release of their parent.
    assert {p.release for p in tables.pictures} == {"mimic_cxr"}


def test_samples_lie_where_their_publisher_puts_them(listed: Path, tmp_path: Path) -> None:
    manifest = recipe("vindr_cxr")
    found = list_pictures(manifest, listed / "whole", BuildOptions(cache=tmp_path))
    assert any(picture.size is not None for picture in found.pictures)
    for picture in found.pictures:
        assert picture.published in (picture.path, None) or picture.size is not None


def test_sampling_makes_the_list_shorter(listed: Path, tmp_path: Path) -> None:
    options = BuildOptions(cache=tmp_path)
    all_ = list_pictures(recipe("nih_chestxray14"), listed / "tables", options)
    few = list_pictures(recipe("nih_chestxray14", limit=2), listed / "tables", options)
    assert 0 < len(few.pictures) < len(all_.pictures)
    assert set(few.pictures) < set(all_.pictures)


def test_urls_lead_to_physionet_and_sums_go_to_the_error_stream(
    listed: Path, tmp_path: Path
) -> None:
    words = ["files", "full", "--data-root", listed / "tables", "--cache", tmp_path]
    words += ["--source", "mimic_cxr", "--source", "nih_chestxray14", "--missing"]
    result = call(*words, "--format", "urls")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    prefix = "https://physionet.org/files/mimic-cxr-jpg/2.1.0/files/p1"
    assert lines and all(x.startswith(prefix) and x.endswith(".jpg") for x in lines)
    assert len(set(lines)) == len(lines)
    assert "nih_chestxray14" in result.stderr and "no address of their own" in result.stderr
    assert "about" in result.stderr  # 570 GB over 377,110 pictures
    cloud = call(*words, "--format", "gs").stdout.splitlines()
    assert cloud[0] == lines[0].replace(
        "https://physionet.org/files/mimic-cxr-jpg/2.1.0",
        "gs://mimic-cxr-jpg-2.1.0.physionet.org",
    )


def test_missing_leaves_out_what_is_here(listed: Path, tmp_path: Path) -> None:
    words = ["files", "full", "--data-root", listed / "whole", "--cache", tmp_path]
    words += ["--source", "nih_chestxray14"]
    result = call(*words, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    missing = call(*words, "--missing").stdout.splitlines()
    assert missing == [row["path"] for row in rows if row["here"] == "no"]
    here = [row for row in rows if row["here"] == "yes"]
    assert here
    for row in here:
        assert (listed / "whole" / "nih_chestxray14" / row["path"]).stat().st_size == int(
            row["bytes"]
        )


def test_dicom_pictures_come_from_the_other_project() -> None:
    card = registry()["mimic_cxr"].card
    url = picture_url(card, "files/p10/p10000032/s50414267/a.dcm")
    assert url == "https://physionet.org/files/mimic-cxr/2.1.0/files/p10/p10000032/s50414267/a.dcm"
    assert picture_url(card, "files/p10/a.dcm", cloud=True) is None
    assert picture_url(registry()["slake"].card, "imgs/xmlab1/source.jpg") is None


# check


def told(checks: list[SourceCheck]) -> dict[str, str]:
    return {item.source: "\n".join(item.problems) for item in checks}


def test_pictures_that_are_missing_are_told_with_the_way_to_list_them(tmp_path: Path) -> None:
    samples(tmp_path, "nih_chestxray14")
    without_pictures(tmp_path)
    problems = told(check(str(tmp_path), registry()))["nih_chestxray14"]
    assert f"`chexinstruct files full --data-root {tmp_path} --source nih_chestxray14" in problems


def test_the_command_for_packed_pictures_unpacks_them(tmp_path: Path) -> None:
    root = tmp_path / "my releases"
    samples(root, "nih_chestxray14")
    release = root / "nih_chestxray14"
    pictures = list(release.rglob("*.png"))
    loose = tmp_path / "loose" / "images"
    loose.mkdir(parents=True)
    for path in pictures:
        path.rename(loose / path.name)
    (release / "archives").mkdir()
    archive = release / "archives" / "images_001.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", loose.parent, "images"], check=True)
    problems = told(check(str(root), registry()))["nih_chestxray14"]
    (line,) = [line for line in problems.splitlines() if "still packed" in line]
    subprocess.run(line.partition("run: ")[2], shell=True, check=True)
    assert {p.name for p in release.rglob("*.png")} == {p.name for p in pictures}


def test_releases_under_their_publishers_name_are_found(tmp_path: Path) -> None:
    samples(tmp_path, "ms_cxr", "vindr_cxr")
    (tmp_path / "vindr_cxr").rename(tmp_path / "vindr-cxr-1.0.0")
    mirrored = tmp_path / "physionet.org" / "files" / "mimic-cxr-jpg"
    mirrored.mkdir(parents=True)
    registry()["mimic_cxr"].sample.write(mirrored)
    problems = told(check(str(tmp_path), registry()))
    assert f"mv {mirrored} {tmp_path / 'mimic_cxr'}" in problems["mimic_cxr"]
    assert "cannot be built without it" not in problems["mimic_cxr"]
    (command,) = [x for x in problems["vindr_cxr"].split("; ") if x.startswith("run: ")]
    subprocess.run(command.removeprefix("run: "), shell=True, check=True)
    again = {item.source: item for item in check(str(tmp_path), registry())}
    assert again["vindr_cxr"].usable


def test_folders_in_folders_and_packed_zips_do_no_harm(tmp_path: Path) -> None:
    samples(tmp_path / "a", "slake")
    deep = tmp_path / "b" / "slake" / "slake-1.0" / "slake-1.0"
    deep.parent.mkdir(parents=True)
    shutil.move(tmp_path / "a" / "slake", deep)
    (nested,) = check(str(tmp_path / "b"), registry())
    assert nested.usable
    (tmp_path / "c" / "slake").mkdir(parents=True)
    shutil.make_archive(str(tmp_path / "c" / "slake" / "Slake1.0"), "zip", deep)
    (packed,) = check(str(tmp_path / "c"), registry())
    assert packed.usable and not [line for line in packed.problems if "still packed" in line]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    samples(tmp_path, "ms_cxr", "nih_chestxray14", "slake")
    table = next((tmp_path / "nih_chestxray14").rglob("Data_Entry*"))
    table.unlink()
    for path in (tmp_path / "slake").rglob("train.json"):
        path.write_bytes(b"")
    result = call("check", tmp_path, "--json")
    assert result.exit_code == 1
    problems = {item["source"]: " ".join(item["problems"]) for item in json.loads(result.stdout)}
    assert "Data_Entry" in problems["nih_chestxray14"]
    assert "train.json" in problems["slake"]
    assert "ms_cxr cannot be built without it" in problems["mimic_cxr"]


def test_folders_of_no_source_and_the_sum_are_told(tmp_path: Path) -> None:
    samples(tmp_path, "slake", "vindr_cxr")
    (tmp_path / "vindr_cxr").rename(tmp_path / "vindr-cxr-1.0.0")  # told how to rename it
    for name in ("nih_chestxray", "notes", ".cache"):
        (tmp_path / name).mkdir()
    *_, strange, last = call("check", tmp_path).stdout.splitlines()
    assert strange == "not read, since no source has this key: nih_chestxray, notes"
    assert last.startswith("1 of 2 can be built")


def test_unfinished_downloads_are_no_part_of_a_release(tmp_path: Path) -> None:
    samples(tmp_path, "slake")
    (tmp_path / "slake" / "imgs.zip.part").write_bytes(b"PK")
    (item,) = check(str(tmp_path), registry())
    assert item.usable and "imgs.zip" not in " ".join(item.problems)


def test_checksums_of_the_publisher_find_the_files_to_fetch_again(tmp_path: Path) -> None:
    samples(tmp_path, "ms_cxr_t")
    release = tmp_path / "ms_cxr_t" / "physionet.org" / "files" / "ms-cxr-t" / "1.0.0"
    release.mkdir(parents=True)
    tables = sorted((tmp_path / "ms_cxr_t").rglob("*.csv"))
    for path in tables:
        path.rename(release / path.name)
    lines = [
        f"{hashlib.sha256((release / path.name).read_bytes()).hexdigest()} {path.name}\n"
        for path in tables
    ]
    (release / "SHA256SUMS.txt").write_text("".join(lines) + "0" * 64 + " LICENSE.txt\n")
    words = ["check", tmp_path, "--source", "ms_cxr_t", "--sums"]
    assert f"{len(tables)} files match the publisher's checksums, 1 listed" in call(*words).output
    before = (release / tables[0].name).read_bytes()
    (release / tables[0].name).write_bytes(before[:-1] + b"!")
    result = call(*words, "--json")
    (item,) = [item for item in json.loads(result.stdout) if item["source"] == "ms_cxr_t"]
    assert result.exit_code == 1
    assert [Path(path).name for path in item["sums"]["wrong"]] == [tables[0].name]
    assert "1 files differ from the publisher's checksums" in " ".join(item["problems"])


def test_no_data_root(tmp_path: Path) -> None:
    assert call("check", tmp_path).exit_code == 1
    assert "named like a source" in call("check", tmp_path).output
