"""XML, DICOM headers, and documents that are loose, zipped or in a tar archive."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from chexinstruct.errors import ReleaseError
from chexinstruct.release import Limits, Release


def tarred(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


def test_documents_loose_zipped_and_tarred_are_given_once(tmp_path: Path) -> None:
    (tmp_path / "ecgen").mkdir()
    (tmp_path / "ecgen" / "2.xml").write_bytes(b"loose")
    (tmp_path / "ecgen" / "4.xml.gz").write_bytes(gzip.compress(b"four"))
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("ecgen/2.xml", "zip")
        archive.writestr("ecgen/3.xml", "zip")
    members = {f"ecgen/{i}.xml": b"tar%d" % i for i in (30, 3, 2, 10)}
    members |= {"ecgen/._3.xml": b"junk", "readme.txt": b"no"}
    (tmp_path / "reports.tgz").write_bytes(tarred(members))
    release = Release.open(tmp_path, source="demo")
    assert dict(release.documents("*.xml", archives=("*.tgz",))) == {
        "ecgen/2.xml": b"loose",
        "ecgen/4.xml.gz": b"four",
        "old.zip/ecgen/3.xml": b"zip",
        "reports.tgz/ecgen/10.xml": b"tar10",
        "reports.tgz/ecgen/30.xml": b"tar30",
    }
    paths = [path for path, _ in release.documents("*.xml", archives=("*.tgz",))]
    assert paths == sorted(paths)
    assert release.reject_counts == {("duplicate_document", True): 2 * 3}


def test_same_name_in_two_archives_is_not_the_same_document(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / f"{part}.tar.gz").write_bytes(tarred({f"{part}/1.txt": part.encode()}))
    release = Release.open(tmp_path, source="demo")
    found = [data for _, data in release.documents("1.txt", archives=("*.tar.gz",))]
    assert found == [b"test", b"train"]


def test_hostile_members_of_a_tar_are_refused_and_counted(tmp_path: Path) -> None:
    members = {"../../up.xml": b"x", "/abs.xml": b"ok", "big.xml": b"x" * 2000}
    (tmp_path / "r.tgz").write_bytes(tarred(members, {"link.xml": "/etc/passwd"}))
    release = Release.open(tmp_path, source="demo", limits=Limits(file=1000))
    found = list(release.documents("*.xml", archives=("*.tgz",)))
    assert found == [("r.tgz/abs.xml", b"ok")]
    assert release.reject_counts == {("unsafe_member", False): 2, ("oversized_member", False): 1}


def test_tar_that_grows_too_much_is_refused(tmp_path: Path) -> None:
    members = {f"{i}.xml": b"\0" * 100_000 for i in range(20)}
    (tmp_path / "r.tgz").write_bytes(tarred(members))
    limits = Limits(ratio=50, ratio_from=100_000)
    release = Release.open(tmp_path, source="demo", limits=limits)
    with pytest.raises(ReleaseError, match=r"r\.tgz: grows over 50 times"):
        list(release.documents("*.xml", archives=("*.tgz",)))


@pytest.mark.parametrize("kept", [0, 30, 0.5])
def test_tar_cut_short_is_an_error_not_the_end(tmp_path: Path, kept: float) -> None:
    members = {f"{i}.xml": zlib.compress(str(i).encode() * 50) for i in range(200)}
    whole = tarred(members)
    (tmp_path / "r.tgz").write_bytes(whole[: int(kept * len(whole) if kept < 1 else kept)])
    release = Release.open(tmp_path, source="demo")
    with pytest.raises(ReleaseError, match=r"r\.tgz: .*download it again"):
        list(release.documents("*.xml", archives=("*.tgz",)))


LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (LAUGHS + "]><l>&i;</l>", "DTD or entities"),
        ("<!DOCTYPE l [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><l>&x;</l>", "DTD or entities"),
        ("<a>" * 101 + "</a>" * 101, "deeper than 100"),
        ("<a><b></a>", "not well-formed"),
        ("", "not well-formed"),
        ("<?xml version='1.0' encoding='nonsense'?><a/>", "not well-formed"),
        (f"<a>{' ' * 5000}</a>", "more than 4,000 bytes"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, data: str, problem: str) -> None:
    release = Release.open(tmp_path, source="demo", limits=Limits(xml=4000))
    with pytest.raises(ReleaseError, match=rf"demo: 1\.xml.*{problem}"):
        release.xml(data.encode(), "1.xml")


def test_xml_tree(tmp_path: Path) -> None:
    data = '<?xml version="1.0" encoding="utf-8"?>\n<e><uId id="CXR1"/>' + "<t>a</t>" * 300 + "</e>"
    root = Release.open(tmp_path, source="demo").xml(data.encode(), "1.xml")
    assert root.find("uId").get("id") == "CXR1"  # type: ignore[union-attr]
    assert len(root.findall("t")) == 300


def dicom(path: Path, syntax: UID = ExplicitVRLittleEndian, **tags: object) -> None:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    data.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    for name, value in tags.items():
        setattr(data, name, value)
    data.PatientName = "Somebody"
    data.PixelData = b"\1\2" * 50
    data["PixelData"].VR = "OW"
    dcmwrite(path, data, enforce_file_format=True)


def test_dicom_header_reads_only_what_is_asked_for(tmp_path: Path) -> None:
    dicom(tmp_path / "a.dcm", ViewPosition="PA", Rows=3000)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(tmp_path / "a.dcm", "a.dcm")
    release = Release.open(tmp_path, source="demo")
    for path in ("a.dcm", "z.zip/a.dcm"):
        header = release.dicom_header(path, ["ViewPosition", "Rows", "Columns"])
        assert header is not None
        assert (header.ViewPosition, header.Rows, header.get("Columns")) == ("PA", 3000, None)
        assert "PatientName" not in header
        assert "PixelData" not in header
    assert not release.rejects


def test_dicom_text_is_blank_where_nothing_is_said(tmp_path: Path) -> None:
    dicom(tmp_path / "a.dcm", ViewPosition=" PA ", Rows=3000)
    release = Release.open(tmp_path, source="demo")
    tags = ["ViewPosition", "Rows", "PatientAge"]
    assert release.dicom_text("a.dcm", tags) == {
        "ViewPosition": "PA",
        "Rows": "3000",
        "PatientAge": "",
    }
    assert release.dicom_text(None, tags) == dict.fromkeys(tags, "")
    assert not release.rejects


def test_picture_size_is_read_from_the_header_alone(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 91, 61)
    frame = struct.pack(">HBHHB", 8, 8, 61, 91, 0)
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0" + frame
    (tmp_path / "a.png").write_bytes(png)
    (tmp_path / "b.jpg").write_bytes(jpeg)
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.jpg", jpeg)
    (tmp_path / "d.jpg").write_bytes(jpeg[:8])
    (tmp_path / "e.png").write_bytes(b"")
    release = Release.open(tmp_path, source="demo")
    sizes = [release.picture_size(p) for p in ("a.png", "b.jpg", "z.zip/c.jpg", "d.jpg", "e.png")]
    assert sizes == [(91, 61)] * 3 + [None] * 2
    assert release.reject_counts == {("no_picture_size", False): 2}


def test_what_is_no_dicom_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"\x89PNG" + b"\0" * 200)
    (tmp_path / "b.dcm").write_bytes(b"")
    dicom(tmp_path / "c.dcm", DeflatedExplicitVRLittleEndian, Rows=9)  # may unpack without end
    release = Release.open(tmp_path, source="demo")
    assert [release.dicom_header(f"{n}.dcm", ["Rows"]) for n in "abc"] == [None] * 3
    assert release.reject_counts == {("bad_dicom", False): 3}


def test_a_dicom_value_that_cannot_be_converted_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    dicom(path, ViewPosition="AP", Rows=3000)
    path.write_bytes(path.read_bytes().replace(b"US\2\0\xb8\x0b", b"US\3\0\xb8\x0b\0"))
    release = Release.open(tmp_path, source="demo")
    header = release.dicom_header("a.dcm", ["ViewPosition", "Rows"])
    assert header is not None
    assert header.ViewPosition == "AP"
    assert "Rows" not in header
    assert [(r.reason, r.detail) for r in release.rejects] == [("bad_dicom_value", "Rows")]
