"""A tiny Open-i with every quirk of the reports; texts are invented, pictures are phantoms."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from chexinstruct.synthetic import dicom, encode, radiograph, save

VARIANTS = ("png", "packed", "dicom", "kaggle")

TITLE = "Xray Chest PA and Lateral"
NORMAL = (
    "The heart is normal in size. The mediastinum is within normal limits. The lungs are clear. "
    "There is no pleural effusion or pneumothorax."
)


class Exam(NamedTuple):
    """One report; ``pictures`` are (name after ``CXR<number>_``, frontal or lateral)."""

    number: int
    indication: str
    comparison: str
    findings: str
    impression: str
    major: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...]
    title: str = TITLE


def _two(series: int, *, lateral_first: bool = False) -> tuple[tuple[str, str], ...]:
    first, second = ("L", "F") if lateral_first else ("F", "L")
    return ((f"IM-{series:04d}-1001", first), (f"IM-{series:04d}-2001", second))


EXAMS = (
    # the only report whose picture names repeat its number
    Exam(
        1,
        "Positive TB test",
        "None.",
        NORMAL,
        "No acute cardiopulmonary abnormality.",
        ("normal",),
        (("1_IM-0001-3001", "L"), ("1_IM-0001-4001", "F")),
    ),
    Exam(
        2,
        "Shortness of breath",
        "None",
        "The heart is mildly enlarged. There is a small left pleural effusion. The right lung is "
        "clear. No pneumothorax.",
        "Mild cardiomegaly with small left pleural effusion.",
        ("Cardiomegaly/mild", "Pleural Effusion/left/small"),
        _two(652),
    ),
    # impression only
    Exam(
        4,
        "Cough",
        "",
        "",
        "Streaky opacity at the left lung base, which may be atelectasis or early pneumonia.",
        ("Opacity/lung/base/left/streaky",),
        _two(2050),
    ),
    # findings only
    Exam(
        5,
        "Chest pain",
        "None.",
        "Heart size and mediastinal contours are normal. No focal airspace disease. No pleural "
        "effusion. The bony thorax is intact.",
        "",
        ("normal",),
        _two(2117),
    ),
    # no picture was released
    Exam(
        9,
        "Preoperative evaluation",
        "None.",
        "Lungs are hyperexpanded with flattened diaphragms. Heart size is normal.",
        "Hyperexpanded lungs without acute abnormality.",
        ("Lung/hyperdistention", "Diaphragm/flattened"),
        (),
    ),
    # one masked sentence among clean ones
    Exam(
        10,
        "XXXX-year-old male with dyspnea",
        "XXXX, XXXX.",
        "The cardiac silhouette is at the upper limits of normal. There are no XXXX of a pleural "
        "effusion. The lungs are clear. Degenerative changes are present in the thoracic spine.",
        "No acute cardiopulmonary disease.",
        ("Thoracic Vertebrae/degenerative/mild", "Aorta/tortuous"),
        _two(2, lateral_first=True),
    ),
    # nothing but masked sentences
    Exam(
        11,
        "XXXX",
        "XXXX",
        "The XXXX are clear. XXXX and XXXX are normal.",
        "Negative chest x-XXXX.",
        ("normal",),
        _two(67),
    ),
    # prior cues, a numbered impression, a character that XML must escape
    Exam(
        12,
        "Follow-up of lung nodule",
        "Two-view chest XXXX.",
        "A nodule of <5 mm in the right upper lobe is unchanged from the prior study. The heart "
        "is normal in size. No pleural effusion & no pneumothorax.",
        "1. Stable right upper lobe nodule. 2. No acute disease.",
        ("Nodule/lung/upper lobe/right/small",),
        _two(133),
    ),
    # a label inside its own section; one picture, whose name has a number group more
    Exam(
        13,
        "INDICATION: Fever and cough",
        "None available.",
        "There is airspace disease in the right lower lobe . No pleural effusion.. The heart is "
        "normal in size.",
        "Right lower lobe pneumonia.",
        ("Airspace Disease/lung/lower lobe/right",),
        (("IM-0198-1001-0001", "F"),),
        "Chest, 1 view",
    ),
    # another examination of the same visit; the title names only that one
    Exam(
        14,
        "Fall",
        "None.",
        "Chest: The lungs are clear. The heart is normal in size. No rib fracture is seen. Left "
        "knee: There is narrowing of the medial joint space.",
        "1. Chest. No acute disease. 2. Left knee. Degenerative joint disease.",
        ("Arthritis/knee/left",),
        _two(256),
        "KNEE 1-2 VIEWS XXXX, XXXX XXXX PM ",
    ),
    # three pictures
    Exam(
        15,
        "Dialysis catheter placement",
        "None.",
        "A right internal jugular catheter ends in the superior vena cava. The heart is severely "
        "enlarged. No pneumothorax is seen.",
        "Catheter in the superior vena cava without pneumothorax. Severe cardiomegaly.",
        ("Catheters, Indwelling/right", "Cardiomegaly/severe"),
        (("IM-0324-1001", "F"), ("IM-0324-2001", "L"), ("IM-0324-3001", "F")),
    ),
    # findings word for word those of report 1
    Exam(
        16,
        "Annual physical",
        "None.",
        NORMAL,
        "No acute cardiopulmonary abnormality.",
        ("normal",),
        _two(389),
    ),
    # both sections alike
    Exam(
        17,
        "Cough for two weeks",
        "None.",
        "Low lung volumes. No acute cardiopulmonary abnormality.",
        "Low lung volumes. No acute cardiopulmonary abnormality.",
        ("Lung/hypoinflation",),
        _two(460),
    ),
    # the whole report stands in the impression
    Exam(
        18,
        "Motor vehicle accident",
        "None.",
        "",
        "FINDINGS: There is a displaced fracture of the left fifth rib. IMPRESSION: Left rib "
        "fracture without pneumothorax.",
        ("Fractures, Bone/ribs/left",),
        _two(520),
    ),
    Exam(
        19,
        "Sudden chest pain",
        "None.",
        "There is a moderate right pneumothorax without mediastinal shift. The left lung is clear. "
        "The heart is normal in size.",
        "Moderate right pneumothorax.",
        ("Pneumothorax/right/moderate",),
        _two(583),
    ),
    # two majors that are no findings
    Exam(
        20,
        "Weakness",
        "None.",
        "Examination is limited by patient rotation. There is bandlike opacity in the right lower "
        "lobe. No large pleural effusion.",
        "Right lower lobe atelectasis.",
        ("Technical Quality of Image Unsatisfactory", "Pulmonary Atelectasis/lower lobe/right"),
        _two(653),
    ),
    # the last number there is; one picture is not in this copy
    Exam(
        3999,
        "Hypertension",
        "None.",
        "The aorta is tortuous and calcified. The lungs are clear without focal consolidation. "
        "Surgical clips are seen in the left breast.",
        "No acute findings. Atherosclerosis of the aorta.",
        ("No Indexing",),
        _two(2051),
    ),
)
MISSING = "CXR3999_IM-2051-2001"
"""Its picture is not there."""
NOT_PROJECTED = "CXR15_IM-0324-3001"
"""The projection table leaves it out, and with it the Kaggle copy its picture."""


REPORT_HEADER = (
    "uid",
    "MeSH",
    "Problems",
    "image",
    "indication",
    "comparison",
    "findings",
    "impression",
)
PACKED = "NLMCXR_reports.tgz"


def write(folder: Path, variant: str = "png") -> None:
    """``png``, ``dicom``: all unpacked; ``packed``: reports packed; ``kaggle``: two tables."""
    if variant == "kaggle":
        save(folder, {"indiana_reports.csv": _reports(), "indiana_projections.csv": _projections()})
    else:
        reports = {f"ecgen-radiology/{exam.number}.xml": _xml(exam) for exam in EXAMS}
        save(folder, {PACKED: _tgz(reports)} if variant == "packed" else {**reports})
    for exam in EXAMS:
        for name, side in exam.pictures:
            key = f"CXR{exam.number}_{name}"
            if key != MISSING and (variant, key) != ("kaggle", NOT_PROJECTED):
                save(folder, _picture(variant, exam.number, name, lateral=side == "L"))


def _picture(variant: str, number: int, name: str, *, lateral: bool) -> dict[str, bytes | str]:
    seed = 10 * number + int(lateral)
    pixels = radiograph(80, 64 if lateral else 72, seed, lateral=lateral)
    bare = f"{number}_{name.removeprefix('1_')}"
    if variant == "dicom":
        data = dicom(pixels, f"1.2.3.{seed}.{len(name)}", bits=12, monochrome1=number % 2 == 0)
        return {f"NLMCXR_dcm/{number}/{bare}.dcm": data}
    if variant == "kaggle":
        return {f"images/images_normalized/{bare}.dcm.png": encode(pixels, ".png")}
    place = "images" if variant == "packed" else "NLMCXR_png"
    return {f"{place}/CXR{number}_{name}.png": encode(pixels, ".png")}


def _xml(exam: Exam) -> str:
    sections = {
        "COMPARISON": exam.comparison,
        "INDICATION": exam.indication,
        "FINDINGS": exam.findings,
        "IMPRESSION": exam.impression,
    }
    abstract = "\n".join(
        f'            <AbstractText Label="{label}">{escape(text)}</AbstractText>'
        for label, text in sections.items()
    )
    codes = "\n".join(f"      <major>{escape(term)}</major>" for term in exam.major)
    pictures = "\n".join(
        f"   <parentImage id={quoteattr(f'CXR{exam.number}_{name}')}>\n"
        f"      <figureId>F{i}</figureId>\n"
        f"      <caption>{escape(exam.title)}</caption>\n"
        f'      <panel type="single">\n'
        f"         <url>/storage/radiology/CXR{exam.number}_{name}.jpg</url>\n"
        f"      </panel>\n"
        f"   </parentImage>"
        for i, (name, _) in enumerate(exam.pictures, start=1)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<eCitation>
   <meta type="rr"/>
   <uId id="CXR{exam.number}"/>
   <IUXRId id="{exam.number}"/>
   <licenseType>open-access</licenseType>
   <MedlineCitation Owner="Indiana University" Status="supplied by publisher">
      <Article PubModel="Electronic">
         <Abstract>
{abstract}
         </Abstract>
      </Article>
   </MedlineCitation>
   <MeSH>
{codes}
      <automatic>thorax</automatic>
   </MeSH>
{pictures}
</eCitation>
"""


def _reports() -> str:
    rows = [
        (
            exam.number,
            ";".join(exam.major),
            ";".join(term.partition("/")[0] for term in exam.major),
            exam.title,
            exam.indication,
            exam.comparison,
            exam.findings,
            exam.impression,
        )
        for exam in EXAMS
        if exam.pictures
    ]
    return _csv([REPORT_HEADER, *rows])


def _projections() -> str:
    sides = {"F": "Frontal", "L": "Lateral"}
    rows = [
        (exam.number, f"{exam.number}_{name.removeprefix('1_')}.dcm.png", sides[side])
        for exam in EXAMS
        for name, side in exam.pictures
        if f"CXR{exam.number}_{name}" != NOT_PROJECTED
    ]
    return _csv([("uid", "filename", "projection"), *rows])


def _csv(rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _tgz(files: dict[str, str]) -> bytes:
    raw, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as stream:
        stream.write(raw.getvalue())
    return packed.getvalue()
