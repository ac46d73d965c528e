"""Listing, search and bytes of a release, on disk, in zip archives and on other file systems."""

import gzip
import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Limits, Release, UnsafePath


def put(folder: Path, **files: bytes | str) -> None:
    write(folder, files)


def write(folder: Path, files: Mapping[str, bytes | str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def zipped(files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def opened(folder: Path, **limits: int) -> Release:
    return Release.open(folder, source="demo", limits=Limits(**limits))


def test_lists_sorted_paths_and_members_of_zips_without_junk(tmp_path: Path) -> None:
    members = {"files/p10/s1.txt": "a", "__MACOSX/files/._s1.txt": "x", "files/.DS_Store": "x"}
    write(
        tmp_path,
        {
            "b/2.png": "22",
            "a.csv": "1",
            "index.html": "x",
            "b/index.html?C=N;O=D": "x",
            ".cache/huggingface/a.csv": "x",
            "b/Thumbs.db": "x",
            "c_.gstmp": "x",
            "reports.zip": zipped(members),
            "scans.tar.gz": "not opened when listing",
        },
    )
    release = opened(tmp_path)
    assert list(release.files) == [
        "a.csv",
        "b/2.png",
        "reports.zip/files/p10/s1.txt",
        "scans.tar.gz",
    ]
    assert release.files["b/2.png"].size == 2
    assert release.read("reports.zip/files/p10/s1.txt") == b"a"


def test_missing_folder_and_file_in_its_place_say_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, a="x")
    with pytest.raises(ReleaseError, match=r"demo: .*gone is not there; give the folder"):
        opened(tmp_path / "gone")
    with pytest.raises(ReleaseError, match="is a file"):
        opened(tmp_path / "a")
    with pytest.raises(ReleaseError, match="demo: cannot open nosuch://u"):
        Release.open("nosuch://u", source="demo")


def test_credentials_in_a_url_stay_out_of_messages() -> None:
    with pytest.raises(ReleaseError) as caught:
        Release.open("nosuch://me:secret@host/x", source="demo")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_broken_zip_is_named(tmp_path: Path, damage: str) -> None:
    whole = zipped({"a.txt": "x" * 500, "b.txt": "y" * 500}, zipfile.ZIP_STORED)
    content = {"empty": b"", "cut": whole[:600], "text": b"<html>sign in</html>"}[damage]
    write(tmp_path, {"sub/reports.zip": content})
    with pytest.raises(ReleaseError, match=r"demo: sub/reports\.zip: .*download it again"):
        _ = opened(tmp_path).files


def test_member_with_a_wrong_checksum_is_an_error(tmp_path: Path) -> None:
    whole = zipped({"a.txt": b"HEALTHY"}, zipfile.ZIP_STORED)
    write(tmp_path, {"r.zip": whole.replace(b"HEALTHY", b"CHANGED", 1)})
    with pytest.raises(ReleaseError, match=r"r\.zip/a\.txt: .*damaged"):
        opened(tmp_path).read("r.zip/a.txt")


def test_zip_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    write(tmp_path, {"bomb.zip": zipped({"a.json": b"0" * 3_000_000, "small.txt": b"0" * 1000})})
    release = opened(tmp_path, ratio=100, ratio_from=1_000_000)
    with pytest.raises(ReleaseError, match="grows over 100 times"):
        release.read("bomb.zip/a.json")
    assert release.read("bomb.zip/small.txt") == b"0" * 1000


def test_climbing_members_and_links_in_a_zip_are_refused_and_counted(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../up.txt", "x")
        archive.writestr("./ok..txt", "x")
        archive.writestr(link, "/etc/passwd")
    release = opened(tmp_path)
    assert list(release.files) == ["x.zip/ok..txt"]
    assert release.reject_counts == {("unsafe_member", False): 2}
    assert release.read("x.zip/ok..txt") == b"x"
    for path in ("x.zip/../../up.txt", "x.zip/link.txt"):
        with pytest.raises(ReleaseError):
            release.read(path)


def test_a_folder_may_be_called_zip(tmp_path: Path) -> None:
    write(tmp_path, {"data.zip/a.csv": "x", "data.zip/in.zip": zipped({"b.txt": "y"})})
    release = opened(tmp_path)
    assert list(release.files) == ["data.zip/a.csv", "data.zip/in.zip/b.txt"]
    assert [release.read(path) for path in release.files] == [b"x", b"y"]


def test_reading_does_not_scan_and_survives_pickling(tmp_path: Path) -> None:
    write(tmp_path, {"p.zip": zipped({"1.png": "pixels"}), "broken.zip": b""})
    release = pickle.loads(pickle.dumps(opened(tmp_path)))
    assert release.read("p.zip/1.png") == b"pixels"  # although the listing would fail
    release.close()
    assert release.read("p.zip/1.png") == b"pixels"
    with pytest.raises(ReleaseError):
        _ = release.files


def test_reading_is_bounded_and_names_what_is_missing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"a.bin": b"x" * 11, "b.zip": zipped({"a": "x" * 11}), "c.gz": gzip.compress(b"x" * 11)},
    )
    release = opened(tmp_path, file=10)
    for path in ("a.bin", "b.zip/a"):
        with pytest.raises(ReleaseError, match="more than the 10 bytes"):
            release.read(path)
    with pytest.raises(ReleaseError, match="more than the 10 bytes"):
        release.text("c.gz")
    for path in ("nowhere.png", "b.zip/nowhere", "a.bin/x"):
        with pytest.raises(ReleaseError, match=f"demo: {path}: no such file"):
            release.read(path)
    with release.open_binary("b.zip/a") as stream:
        assert stream.read(3) == b"xxx"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_linked_folders_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    inner, outer = tmp_path / "release", tmp_path / "elsewhere"
    write(inner, {"b/1.png": "x"})
    write(outer, {"2.png": "x"})
    (inner / "a").symlink_to(inner / "b")  # sorts before what it points to
    (inner / "b" / "up").symlink_to(inner)
    (inner / "far").symlink_to(outer)
    (outer / "back").symlink_to(inner)
    (inner / "3.png").symlink_to(outer / "2.png")
    (inner / "dangling.png").symlink_to(outer / "gone.png")
    assert list(opened(inner).files) == ["3.png", "b/1.png", "far/2.png"]


def test_any_fsspec_file_system(tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    content: dict[str, bytes | str] = {
        "t/a.csv": "id,x\n1,2\n",
        "r.zip": zipped({"d/1.txt": "one"}),
        ".hidden": "x",
    }
    for name, data in content.items():
        files.pipe(f"/nih/{name}", data.encode() if isinstance(data, str) else data)
    write(tmp_path, content)
    local = opened(tmp_path)
    try:
        with Release.open("memory://nih", source="demo") as remote:
            assert list(remote.files) == list(local.files) == ["r.zip/d/1.txt", "t/a.csv"]
            assert remote.read("r.zip/d/1.txt") == b"one"
            assert list(remote.table("t/a.csv", {"x": "x"})) == [{"x": "2"}]
            with pytest.raises(ReleaseError, match="no such file"):
                remote.read("t/b.csv")
        with pytest.raises(ReleaseError, match="is not there"):
            Release.open("memory://padchest", source="demo")
    finally:
        files.rm("/nih", recursive=True)


def test_digest_follows_content_time_and_pattern(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "1", "b.png": "1"})

    def digests() -> tuple[str, str]:
        release = opened(tmp_path)
        return release.digest(), release.digest(["*.csv"])

    first = digests()
    assert digests() == first
    os.utime(tmp_path / "b.png", ns=(1, 1))
    second = digests()
    assert second[0] != first[0]
    assert second[1] == first[1]
    put(tmp_path, **{"a.csv": "22"})
    assert digests()[1] != first[1]


def test_find_takes_the_first_pattern_the_shallowest_and_the_newest(tmp_path: Path) -> None:
    write(
        tmp_path,
        dict.fromkeys(
            (
                "physionet.org/files/x/2.0.0/split.csv.gz",
                "physionet.org/files/x/2.1.0/split.csv.gz",
                "MS_CXR_v1.9.0.csv",
                "MS_CXR_v1.10.0.csv.gz",
                "copy/MS_CXR_v2.0.0.csv",
                "copy/derivatives/labels/l.tsv",
                "labels/Train.csv",
                "both.csv",
                "both.csv.gz",
            ),
            "x",
        ),
    )
    release = opened(tmp_path)
    assert release.find("split.csv") == "physionet.org/files/x/2.1.0/split.csv.gz"
    assert release.find("MS_CXR_v*.csv") == "MS_CXR_v1.10.0.csv.gz"
    assert release.find("absent.csv", "*_v2*.csv") == "copy/MS_CXR_v2.0.0.csv"
    assert release.find("labels/l.tsv") == "copy/derivatives/labels/l.tsv"
    assert release.find("both.csv") == "both.csv"
    assert release.find_all("both.csv") == ["both.csv"]
    assert release.find("abels/l.tsv", "train.csv", required=False) is None
    with pytest.raises(ReleaseError, match=r"demo: no a\*\.csv or b\.csv found under .*; "):
        release.find("a*.csv", "b.csv")


def test_pictures_by_name_and_stem(tmp_path: Path) -> None:
    uid = "1.2.276.0.7230010.3.1.4.8323329.10032"
    write(
        tmp_path,
        {
            f"deep/{uid}.dcm": "x",
            "a/1.png": "x",
            "b/1.png": "x",
            "b/1.JPG": "x",
            "b/labels.csv": "x",
            "images_01.zip": zipped({"images/2.png": "x"}),
        },
    )
    index = opened(tmp_path).pictures()
    assert index.get(uid) == index.get(f"{uid}.dcm") == f"deep/{uid}.dcm"
    assert index.get(f"{uid}.png") == f"deep/{uid}.dcm"  # converted since the table was written
    assert index.get(uid.rpartition(".")[0]) is None
    assert index.get("1") == index.get("1.png") == index.get("x/1.png") == "a/1.png"
    assert index.get("1.JPG") == "b/1.JPG"
    assert index.get("2") == "images_01.zip/images/2.png"
    assert index.get("labels") is None
    assert (index.ambiguous, len(index)) == (1, 4)


def test_pictures_without_suffix_and_by_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        dict.fromkeys(
            ("d/1.2.3", "d/table.csv", "i/xmlab1/source.jpg", "i/xmlab2/source.jpg"), "x"
        ),
    )
    release = opened(tmp_path)
    bare = release.pictures(("", ".dcm"))
    assert bare.get("1.2.3") == "d/1.2.3"
    assert bare.get("table.csv") is None
    slake = release.pictures(parts=2)
    assert slake.get("xmlab2/source.jpg") == "i/xmlab2/source.jpg"
    assert slake.ambiguous == 0
    assert slake.get("source.jpg") is None


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "../x", "a/../../x", "a\\..\\x", "C:\\x", "c:x", "s3://bucket/x", "a/.. /x",
     "file:/x", "a\0b", "a/.../b", "//"],
)  # fmt: skip
def test_paths_that_leave_the_release_are_refused(tmp_path: Path, path: str) -> None:
    release = opened(tmp_path)
    with pytest.raises(UnsafePath):
        release.inside(path)
    with pytest.raises(ValueError, match="demo"):
        release.read(path)


@pytest.mark.parametrize("path", ["/p10/a.jpg", ".\\p10\\a.jpg", "p10//./a.jpg", "p10/a.jpg"])
def test_paths_of_tables_are_cleaned(tmp_path: Path, path: str) -> None:
    assert opened(tmp_path).inside(path) == "p10/a.jpg"


PARTS = st.sampled_from(["..", ".", "", "a", "C:", "~", " ..", "..\\", "\\", "x.zip", "é", "\0"])


@given(st.one_of(st.text(), st.lists(PARTS).map("/".join)))
def test_inside_never_yields_a_path_outside(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    root = tmp_path_factory.getbasetemp()
    release = Release.open(root, source="demo")
    try:
        clean = release.inside(path)
    except UnsafePath:
        return
    whole = os.path.normpath(os.path.join(root, clean))  # noqa: PTH118  Path would hide a //
    assert whole.startswith(f"{root}{os.sep}")
    assert release.inside(clean) == clean


def test_rejects_are_counted_past_what_is_kept(tmp_path: Path) -> None:
    release = opened(tmp_path)
    for row in range(10_005):
        release.reject("a.csv", row, "bad_box", "box has no area")
    release.reject("a.csv", None, "known", expected=True)
    assert len(release.rejects) == 10_000 + 1  # one reason does not crowd out another
    assert release.rejects[3].row == 3
    assert release.reject_counts == {("bad_box", False): 10_005, ("known", True): 1}
    with pytest.raises(ValueError, match="snake_case"):
        release.reject("a.csv", 1, "Bad Box")
