"""A tiny VQA-Med 2019 with every quirk of the files; questions are invented, pictures phantoms."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("zips", "unpacked")

FILM = "xr - plain film"
LUNG = "lung, mediastinum, pleura"
HEART = "heart and great vessels"
GUT = "gastrointestinal"


class Picture(NamedTuple):
    """A picture of the train or validation list with its answers by category."""

    number: int
    modality: str
    plane: str
    organ: str
    abnormality: str = ""


TRAIN = (
    Picture(90001, FILM, "pa", LUNG, "pneumonia, round"),
    Picture(90002, "no", "axial", LUNG, "empyema"),  # asked whether it is an MRI
    Picture(90003, "ct with iv contrast", "axial", LUNG, "pulmonary  embolism"),
    Picture(90004, FILM, "lateral", LUNG),  # three questions only
    Picture(90005, FILM, "ap", HEART, "yes"),
    Picture(90006, FILM, "frontal", GUT, "bowel obstruction"),
    Picture(90007, FILM, "pa", LUNG, "fat-laden hernia – morgagni."),
    Picture(90008, FILM, "pa", HEART, "coarctation of the aorta"),
    Picture(90010, FILM, "pa", LUNG, "pneumothorax"),  # a test picture of VQA-RAD
)
VALIDATION = (
    Picture(91001, FILM, "pa", LUNG, "no"),
    Picture(91002, "mr - t2 weighted", "sagittal", "skull and contents", "meningioma"),
)
TEST = (
    "synpic92001|modality|what modality is shown?|xr - plain film",
    "synpic92002|plane|in what plane is this x-ray taken?|pa",
    f"synpic92003|organ|which organ does this x-ray show?|{LUNG}",
    f"synpic92004|organ|which organ system is on this x-ray?|{HEART}#{LUNG}",
    f"synpic92005|organ|which organ system is on this x-ray?|{GUT}#{LUNG}",
    f"synpic92006|organ|which organ system is shown?|{LUNG}",  # nothing tells a film
    "synpic92007|abnormality|what is abnormal in the x-ray?|(old) fracture of a rib#callus",
)
MISSING = 90008
"""Its picture is not there."""

ASKED = {
    "modality": "which imaging method is this?",
    "plane": "in what plane was it taken",
    "organ": "which organ system do we see?",
    "abnormality": "what is wrong in this image?",
}
POLAR = {"modality": "is this an mri?", "abnormality": "does this image look normal?"}
FILES = {
    "modality": ("C1_Modality", "\n\n"),  # an empty last line
    "plane": ("C2_Plane", "\n"),
    "organ": ("C3_Organ", ""),  # no newline at the end
    "abnormality": ("C4_Abnormality", "\n"),
}


def write(folder: Path, variant: str = "zips") -> None:
    """``zips``: the publisher's, an archive a list; ``unpacked``: all of it as files."""
    lists = {
        "Training": _list(TRAIN, "train", "Train_images"),
        "Validation": _list(VALIDATION, "val", "Val_images"),
    }
    for name, files in lists.items():
        home = f"ImageClef-2019-VQA-Med-{name}"
        if variant == "zips":
            save(folder, {f"{home}.zip": _zipped({f"{home}/{f}": files[f] for f in files})})
        else:
            save(folder, {f"{home}/{f}": files[f] for f in files})
    _write_test(folder, variant)


def _write_test(folder: Path, variant: str) -> None:
    home = "VQAMed2019Test"
    questions = [
        "|".join((image, question)) for image, _, question, _ in (q.split("|") for q in TEST)
    ]
    pictures = {
        f"VQAMed2019_Test_Images/{image}.jpg": _picture(int(image.removeprefix("synpic")))
        for image in (q.split("|")[0] for q in TEST)
    }
    save(
        folder,
        {
            f"{home}/VQAMed2019_Test_Questions.txt": "\n".join(questions) + "\n",
            f"{home}/VQAMed2019_Test_Questions_w_Ref_Answers.txt": "\n".join(TEST) + "\n",
        },
    )
    if variant == "zips":
        save(folder, {f"{home}/VQAMed2019_Test_Images.zip": _zipped(pictures)})
    else:
        save(folder, {f"{home}/{name}": pictures[name] for name in pictures})


def _list(pictures: tuple[Picture, ...], name: str, images: str) -> dict[str, bytes]:
    """The files of a list by path."""
    lines: dict[str, list[str]] = {category: [] for category in FILES}
    for picture in pictures:
        for category in FILES:
            if answer := str(getattr(picture, category)):
                question = POLAR[category] if answer in ("yes", "no") else ASKED[category]
                lines[category].append(f"synpic{picture.number}|{question}|{answer}")
    files = {
        f"QAPairsByCategory/{stem}_{name}.txt": ("\n".join(lines[category]) + end).encode()
        for category, (stem, end) in FILES.items()
    }
    every = [line for category in FILES for line in lines[category]]
    files[f"All_QA_Pairs_{name}.txt"] = "\n".join(every).encode()
    files[f"{name}_ImageIDs.txt"] = "\n".join(f"synpic{p.number}" for p in pictures).encode()
    for picture in pictures:
        if picture.number != MISSING:
            files[f"{images}/synpic{picture.number}.jpg"] = _picture(picture.number)
    return files


def _picture(number: int) -> bytes:
    return encode(radiograph(72 + number % 5, 80, number, lateral=number == 90004), ".jpg")


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda name: PurePosixPath(name).parts):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return buffer.getvalue()
