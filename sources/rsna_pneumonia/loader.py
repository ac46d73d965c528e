"""RSNA Pneumonia Detection Challenge (Shih et al. 2019): boxes and classes by radiologists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chexinstruct.release import PictureIndex, Release
from chexinstruct.schema import Label, Region, Study
from chexinstruct.shared import dicom_pictures
from chexinstruct.shared.patients import age, sex
from chexinstruct.shared.rsna_nih import is_id, read_matches
from chexinstruct.source import Parent
from chexinstruct.vocabulary import NO_FINDING, canonical

from .readings import NORMAL, OPACITY, OTHER, Reading, read

PNEUMONIA = canonical("Pneumonia")
LUNG_OPACITY = canonical(OPACITY)
CLASS_FINDINGS = {
    NORMAL: NO_FINDING,
    OTHER: canonical("Abnormality without pneumonia"),
    OPACITY: PNEUMONIA,
}
"""The opacity of the classes is one suspicious for pneumonia, and no other."""

DICOM = ".dcm"
PICTURES = (DICOM, ".png", ".jpg", ".jpeg")
TAGS = ("PatientID", "PatientSex", "PatientAge", *dicom_pictures.TAGS)


def studies(release: Release, parents: Mapping[str, Parent]) -> Iterator[Study]:
    """One study a labelled picture, in the order of their names in the table."""
    matches = read_matches(release)
    # Kaggle names files by id, the RSNA by UID; tables of one may lie with pictures of the other.
    other_names = {**matches.uids, **{uid: picture for picture, uid in matches.uids.items()}}
    files = [path for path in release.files if path.lower().endswith(PICTURES)]
    pictures = PictureIndex(files, PICTURES)
    labelled: set[str] = set()
    for reading in read(release):
        names = [reading.image, other_names.get(reading.image, reading.image)]
        path = next(filter(None, map(pictures.get, names)), None)
        header = _header(release, path)
        # The header has the id where a patient's should be.
        ids = [*filter(is_id, [*names, header["PatientID"]]), reading.image]
        labelled |= set(names)
        yield _study(release, reading, ids[0], path, header, matches.people(ids[0]))
    for path in files:
        # UIDs have dots: only the last one of a file's name ends them
        if path.rpartition("/")[2].rpartition(".")[0] not in labelled:
            release.reject(path, None, "unlabelled_picture", expected=True)


def _study(
    release: Release,
    reading: Reading,
    picture: str,
    path: str | None,
    header: Mapping[str, str],
    people: tuple[str, ...],
) -> Study:
    label_sets, labels = _labels(reading)
    return Study(
        source=release.source,
        id=picture,
        people=people,
        age=age(release, path or "", None, header["PatientAge"]),
        sex=sex(header["PatientSex"]),
        images=(dicom_pictures.described(picture, path, header),),
        label_sets=label_sets,
        labels=labels,
        regions=tuple(
            Region(
                image=picture,
                shape="box",
                box=box,
                frame=reading.frame,
                label=LUNG_OPACITY,
                name=OPACITY,
            )
            for box in reading.boxes or ()
        ),
        origin=reading.origin,
    )


def _header(release: Release, path: str | None) -> dict[str, str]:
    """The attributes of the DICOM file; all blank where there is none."""
    return release.dicom_text(path if path and path.lower().endswith(DICOM) else None, TAGS)


def _labels(reading: Reading) -> tuple[tuple[str, ...], tuple[Label, ...]]:
    """The label sets that hold of a picture, and its labels in them.

    No opacity suspicious for pneumonia does not mean no opacity: it may be a nodule, edema or a
    collapsed lobe. So lung opacity is absent where the picture is normal, and else unknown.
    """
    if reading.opacity is None:
        return (), ()
    sets = ["pneumonia"]
    labels = [Label(finding=PNEUMONIA, state="present" if reading.opacity else "absent")]
    if reading.opacity and reading.boxes is not None:
        sets.append("opacities")
        labels.append(Label(finding=LUNG_OPACITY, name=OPACITY))
    elif reading.category == NORMAL:
        sets.append("opacities")
        labels.append(Label(finding=LUNG_OPACITY, state="absent"))
    if reading.category is not None:
        sets.append("classes")
        if not reading.opacity:
            finding = CLASS_FINDINGS[reading.category]
            labels.append(Label(finding=finding, name=reading.category))
    return tuple(sets), tuple(labels)
