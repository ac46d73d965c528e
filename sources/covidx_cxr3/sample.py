"""A tiny COVIDx with every quirk of its lists; the pictures are phantoms."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("cxr3", "cxr4", "covid_net", "three_classes", "version_1")

PIXELS = 32
"""Rows and columns of the pictures of this sample."""


class Case(NamedTuple):
    """A line of a list."""

    patient: str
    picture: str
    positive: bool
    collection: str
    pneumonia: bool = False
    normal: bool = False
    """Negative pictures that are neither are in no list of three classes."""

    @property
    def three(self) -> str | None:
        """The class in lists of three classes, which leave out what fits none."""
        if self.positive:
            return "COVID-19"
        return "pneumonia" if self.pneumonia else "normal" if self.normal else None


def rsna(number: int, offset: int = 0) -> str:
    """An id of the RSNA challenge; those of ``offset`` 0 are of the sample of that source."""
    return f"{0x0A10 + number + offset:08x}-5d3c-4f0b-9a77-{0xC0FFEE00 + number + offset:012x}"


TRAIN = (
    Case("210", "16745_2_1.PNG", False, "cohen"),
    Case(rsna(0), f"{rsna(0)}.png", False, "rsna", normal=True),
    Case(rsna(2), f"{rsna(2)}.png", False, "rnsa", pneumonia=True),
    Case(
        "A100001",
        "A100001-01-03-1901-NA-CHEST_AP_PORT-60204-2.000000-AP-93499-1-1.jpg",
        True,
        "stonybrook",
    ),
    Case("COVID 7", "COVID(7).png", True, "sirm"),
    Case("S00001", "sub-S00001_ses-E00001_run-1_bp-chest_vp-pa_dx-corrected.png", True, "bimcv"),
    Case("9173", "covid-9-prior.jpg", False, "cohen"),  # the same patient before the disease
    Case("9173", "covid-9-day-3.jpg", True, "cohen"),
    Case("ANON958", "CR.1.2.840.99999.1722810170.2020031720.png", False, "actmed"),
    Case("A100001", "A100001-not-downloaded.jpg", True, "stonybrook"),
    Case("9282", "000001.jpg", False, "cohen", pneumonia=True),
    Case("9410", "000001.png", False, "cohen"),  # another patient
    Case("COVID-90001", "COVID-90001.jpeg", True, "fig1"),
    Case("9210", "9210_jumbo.JPG", False, "cohen", pneumonia=True),
    Case(rsna(8), f"{rsna(8)}.png", False, "rsna"),  # whom the test list has too, as another id
)
VALIDATION = (
    Case("A100002", "A100002-2.000000-AP-1-1.jpg", True, "stonybrook"),
    Case(rsna(7), f"{rsna(7)}.png", False, "rsna", normal=True),
)
TEST = (
    Case("419639-900001", "MIDRC-RICORD-1C-419639-900001-46647-0.png", True, "ricord"),
    Case(rsna(5), f"{rsna(5)}.png", False, "rsna", pneumonia=True),
    Case(rsna(0, 99), f"{rsna(0, 99)}.png", False, "rsna", normal=True),
)
MISSING = "A100001-not-downloaded.jpg"
COLOUR = ("COVID(7).png", "covid-9-day-3.jpg")
"""Pictures of three channels."""

MATCHES = (
    (rsna(0), "00000002_000.png", "0.9"),
    (rsna(2), "00000001_001.png", "0.9"),
    (rsna(5), "00000005_000.png", "0.9"),
    (rsna(8), "00000005_003.png", "1.873"),
    (rsna(7), "00000007_000.png", "93.06"),
)


def write(folder: Path, variant: str = "cxr3") -> None:
    """``cxr3``: the page's lists and folders, with a match table; ``cxr4``: and a validation list.

    ``covid_net``: several lists of the repository, pictures under ``data``; ``three_classes``: one
    list of three classes; ``version_1``: three classes and no collection.
    """
    parts = {"train": TRAIN, "test": TEST}
    if variant == "cxr4":
        parts["val"] = VALIDATION
    for split, cases in parts.items():
        two = "".join(_line(case, "positive" if case.positive else "negative") for case in cases)
        three = "".join(_line(case, case.three) for case in cases if case.three)
        # Ids of the newer lists hold no blanks.
        newer = two.replace("COVID 7 ", "COVID_7 ")
        match variant:
            case "covid_net":
                lists = {
                    f"labels/{split}_COVIDx9A.txt": three.replace("COVID 7 ", "COVID_7 "),
                    f"labels/{split}_COVIDx9B.txt": newer,
                    f"labels/{split}_COVIDx8B.txt": two,
                    f"labels/{split}_COVIDxSev.txt": "9173 covid-9-day-3.jpg level2\n",
                }
            case "three_classes":
                lists = {f"labels/{split}_COVIDx8A.txt": three}
            case "version_1":
                lists = {
                    f"{split}_COVIDx.txt": "".join(
                        f"{case.patient} {case.picture} {case.three}\n"
                        for case in cases
                        if case.three and " " not in case.patient
                    )
                }
            case _:
                lists = {f"{split}.txt": two}
        save(folder, dict(lists))
        place = f"data/{split}" if variant in ("covid_net", "three_classes") else split
        for seed, case in enumerate(cases):
            if case.picture != MISSING:
                save(folder, {f"{place}/{case.picture}": _picture(case.picture, seed)})
    if variant == "cxr3":
        rows = [",".join(row) for row in MATCHES]
        save(folder, {"rsna_nih_matches.csv": "\n".join(["patientId,nih_image,mse", *rows]) + "\n"})
        save(folder, {"competition_test/0001.png": _picture("0001.png", 77)})
    if variant == "cxr4":
        save(folder, {"pneumonia-challenge-dataset-mappings_2018.json": _mappings()})


def _line(case: Case, label: str | None) -> str:
    return f"{case.patient} {case.picture} {label} {case.collection}\n"


def _mappings() -> str:
    entries = (
        f'{{"img_id": "{nih}", "subset_img_id": "{picture}", "SOPInstanceUID": "1.2.840.9.{n}"}}'
        for n, (picture, nih, _) in enumerate(MATCHES)
    )
    return f"[{', '.join(entries)}]"


def _picture(name: str, seed: int) -> bytes:
    suffix = ".png" if name.lower().endswith(".png") else ".jpg"
    mode = "RGB" if name in COLOUR else "L"
    return encode(radiograph(PIXELS, PIXELS, seed), suffix, mode=mode)
