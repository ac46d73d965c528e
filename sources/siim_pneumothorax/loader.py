"""SIIM-ACR Pneumothorax Segmentation (Filice et al. 2020): one table of run lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chexinstruct.release import Columns, PictureIndex, Release, Row
from chexinstruct.schema import Label, Origin, Region, Study
from chexinstruct.shared import dicom_pictures
from chexinstruct.shared.patients import age, sex
from chexinstruct.shared.siim_masks import NONE_DRAWN, siim_masks
from chexinstruct.source import Parent

FINDING = "pneumothorax"
COLUMNS: Columns = {"image": "ImageId", "mask": "EncodedPixels"}
NEGATIVE = (NONE_DRAWN, "")
GRID = (1024, 1024)
"""Masks live on the released 1024 x 1024 grid, whatever size the copy at hand has."""

DICOM = ".dcm"
PICTURES = (DICOM, ".png", ".jpg", ".jpeg")
TAGS = ("PatientID", "PatientSex", "PatientAge", *dicom_pictures.TAGS)
NOBODY = ("", "anonymous", "anonymized", "none", "unknown", "0")
"""Values of PatientID that name no patient."""


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a picture, in the order of the picture ids."""
    table = release.find("stage_2_train.csv", "train-rle.csv")
    files = [path for path in release.files if _is_picture(path)]
    pictures = PictureIndex(files, PICTURES)
    mirrored = _mirrored_names(release)
    labelled: set[str] = set()
    for (image,), rows in release.grouped(table, COLUMNS, by="image"):
        name = mirrored.get(image, image)
        labelled |= {image, name.removesuffix(".png")}
        path = pictures.get(image) or pictures.get(name)
        yield _study(release, table, image, path, rows)
    for path in files:
        # ids have dots: only the last one of a file's name ends them
        if path.rpartition("/")[2].rpartition(".")[0] not in labelled:
            release.reject(path, None, "unlabelled_picture", expected=True)


def _is_picture(path: str) -> bool:
    """Whether a file is a radiograph; mirrors also hold the masks as pictures of the same names."""
    folders, _, name = path.lower().rpartition("/")
    return name.endswith(PICTURES) and not folders.endswith(("mask", "masks"))


def _mirrored_names(release: Release) -> dict[str, str]:
    """File names by picture id, for the mirror that numbers its PNG pictures."""
    columns: Columns = {"file": "new_filename", "image": "ImageId"}
    return {
        row["image"]: row["file"]
        for path in release.find_all("stage_1_*_images.csv")
        for row in release.table(path, columns)
    }


def _study(release: Release, table: str, image: str, path: str | None, rows: list[Row]) -> Study:
    header = _header(release, path)
    patient = header["PatientID"]
    known = patient.lower() not in NOBODY and patient != image
    masks = siim_masks(
        release, table, rows, image=image, finding=FINDING, frame=GRID, none=NEGATIVE
    )
    return Study(
        source=release.source,
        id=image,
        people=(f"{release.source}:patient:{patient}" if known else f"{release.source}:{image}",),
        age=age(release, path or "", None, header["PatientAge"]),
        sex=sex(header["PatientSex"]),
        images=(dicom_pictures.described(image, path, header),),
        label_sets=() if masks is None else ("masks",),
        labels=() if masks is None else (_label(masks),),
        regions=masks or (),
        origin=Origin(file=table, row=rows[0].line),
    )


def _header(release: Release, path: str | None) -> dict[str, str]:
    """The attributes of the DICOM file; all blank where there is none."""
    return release.dicom_text(path if path and path.lower().endswith(DICOM) else None, TAGS)


def _label(masks: tuple[Region, ...]) -> Label:
    return Label(finding=FINDING, state="present" if masks else "absent")
