"""A tiny PadChest with every quirk of its table; pictures are phantoms, reports are made up."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("zips", "folders", "flat")

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
HEADER = (
    *("", "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth"),
    *("PatientSex_DICOM", "ViewPosition_DICOM", "Projection", "MethodProjection", "Pediatric"),
    *("Modality_DICOM", "Manufacturer_DICOM", "PhotometricInterpretation_DICOM"),
    *("PixelRepresentation_DICOM", "PixelAspectRatio_DICOM", "SpatialResolution_DICOM"),
    *("BitsStored_DICOM", "WindowCenter_DICOM", "WindowWidth_DICOM", "Rows_DICOM"),
    *("Columns_DICOM", "XRayTubeCurrent_DICOM", "Exposure_DICOM", "ExposureInuAs_DICOM"),
    *("ExposureTime", "RelativeXRayExposure_DICOM", "ReportID", "Report", "MethodLabel", "Labels"),
    *("Localizations", "LabelsLocalizationsBySentence", "labelCUIS", "LocalizationsCUIS"),
)

_PLACE = r"'loc [^']*'"
PHYSICIAN, PROGRAM = "Physician", "RNN_model"
MANUAL, NETWORK = "Manual review of DICOM fields", "resnet-50.t7"

LONG = "216840111366964000000000000000000000"
"""Begins the ids of most studies; those of physicians are shorter, and some have a suffix."""


def patient(number: int) -> str:
    """A PatientID: 39 digits, more than any integer of a computer holds."""
    return f"1{number:038d}"


class Exam(NamedTuple):
    """A study and the report that it has."""

    study: str
    patient: str
    date: str
    report: str
    """ReportID."""
    text: str
    method: str
    labels: str
    sentences: str
    """As released: a list a sentence by physicians, one list by the program."""
    views: tuple[str, ...] = ("PA",)
    birth: str = "1950.0"
    sex: str = "F"
    view_method: str = MANUAL


EXAMS = {
    "normal": Exam(
        *("3000001", patient(1), "20150310", "501", " sin alter en el estudi .", PHYSICIAN),
        *("['normal']", "[['normal'], ['normal', 'loc cardiac']]"),
    ),
    "later": Exam(  # the same patient; the id of the study has a suffix
        *("3000001_2", patient(1), "20160402", "502"),
        *(" derram pleural izquierd . corazon aument taman .", PHYSICIAN),
        "['pleural effusion', 'cardiomegaly']",
        "[['pleural effusion left side', 'loc pleural', 'loc left'], ['cardiomegaly', "
        "'loc cardiac']]",
        views=("L", "PA", "COSTAL"),
    ),
    "denied": Exam(
        *("3000003", patient(3), "20150511", "503"),
        *(" neumoni lob inferior derech . mediastin corazon y sen normal .", PHYSICIAN),
        "['pneumonia', 'chronic changes', 'unchanged']",
        "[nan, ['pneumonia', 'loc right lower lobe'], ['chronic changes'], ['unchanged'], "
        "['normal', 'loc cardiac', 'loc mediastinum'], ['normal', 'loc costophrenic angle'], "
        "['normal', 'loc pleural'], []]",
        views=("PA", "L"),
    ),
    "shared_sentence": Exam(
        *("3000004", patient(4), "20150612", "504"),
        *(" cifosis y corazon gran . nodul apic .", PHYSICIAN),
        "['kyphosis', 'cardiomegaly', 'nodule', 'hypoexpansion basal']",
        "[['kyphosis', 'cardiomegaly', 'loc cardiac'], ['nodule', 'loc right', 'loc apical'], "
        "['hypoexpansion basal both sides', 'loc basal bilateral']]",
    ),
    "empty_label": Exam(
        *(LONG + "005", patient(5), "20110113", "505", " infiltr y neumoni basal .", PROGRAM),
        *("['pneumonia', ' infiltrates', '']", "['pneumonia', ' infiltrates', '', 'loc basal']"),
    ),
    "repeated": Exam(
        *(LONG + "006", patient(6), "20110214", "506", " nodul . granulom calcific .", PROGRAM),
        "['nodule', ' nodule', ' calcified granuloma']",
        "['nodule', 'loc left upper lobe', 'normal', ' nodule', 'loc left', "
        "' calcified granuloma', 'loc lobar', 'loc right']",
    ),
    "unchanged": Exam(
        *(LONG + "007", patient(7), "20110315", "507", " sin cambi desd el previ .", PROGRAM),
        *("['unchanged']", "['unchanged']"),
    ),
    "normal_unchanged": Exam(
        *(LONG + "008", patient(8), "20110416", "508", " normal y sin cambi .", PROGRAM),
        *("['normal', ' unchanged']", "['normal', ' unchanged']"),
    ),
    "exclude": Exam(
        *(LONG + "009", patient(9), "20110517", "509", " informad con otro estudi .", PROGRAM),
        *("['exclude']", "['exclude']"),
        views=("EXCLUDE", "PA"),
    ),
    "unknown_view": Exam(
        *(LONG + "010", patient(10), "20110618", "510", " no se ve la placa .", PROGRAM),
        *("['normal']", "['normal']"),
        views=("UNK",),
    ),
    "no_labels": Exam(
        *(LONG + "011", patient(11), "20110719", "511", "nan", PROGRAM, "nan", "nan"),
    ),
    "only_empty": Exam(
        *(LONG + "012", patient(12), "20110820", "512", " . . . .", PROGRAM, "['']", "['']"),
    ),
    "contradictory": Exam(
        *(LONG + "013", patient(13), "20110921", "513", " normal . marcap .", PROGRAM),
        *("['normal', ' pacemaker']", "['normal', ' pacemaker', 'loc hemithorax', 'loc left']"),
        views=("PA", "L"),
        birth="1930.0",
        sex="M",
    ),
    "suboptimal": Exam(
        *(LONG + "014", patient(14), "20111022", "514", " placa mal centrad .", PROGRAM),
        *("['normal', ' suboptimal study']", "['normal', ' suboptimal study']"),
    ),
    "missing_picture": Exam(
        *(LONG + "015", "1" + "5" * 29, "20111123", "515", " escoliosis .", PROGRAM),
        *("['scoliosis']", "['scoliosis']"),
        birth="1940.0",
        sex="M",
    ),
    "truncated_picture": Exam(
        *(LONG + "016", patient(16), "20111224", "516", " enfisem y bull .", PROGRAM),
        *("['emphysema', ' bullas']", "['emphysema', ' bullas', 'loc apical']"),
        birth="1935.0",
        sex="M",
    ),
    "child": Exam(
        *(LONG + "017", patient(17), "20120125", "517", " vi umbil y sond .", PROGRAM),
        "['central venous catheter via umbilical vein', ' NSG tube']",
        "['central venous catheter via umbilical vein', 'loc central', ' NSG tube', "
        "'loc infradiaphragm']",
        views=("AP_horizontal",),
        birth="2012.0",
        sex="O",
    ),
    "no_birth": Exam(
        *(LONG + "018", patient(18), "20120226", "518", " hern hiat .", PROGRAM),
        *("['hiatal hernia']", "['hiatal hernia', 'loc retrocardiac']"),
        views=("AP", "L"),
        birth="nan",
        sex="nan",
        view_method=NETWORK,
    ),
    "by_physician": Exam(  # this and the next: one exam, released twice
        *("3000019", patient(19), "20140527", "519", " atelect lamin izquierd .", PHYSICIAN),
        *("['laminar atelectasis']", "[['laminar atelectasis', 'loc left']]"),
        views=("PA", "L"),
        birth="1961.0",
        sex="M",
    ),
    "by_program": Exam(
        *(LONG + "019", patient(20), "20140527", "519", " atelect lamin izquierd .", PROGRAM),
        *("['atelectasis']", "['atelectasis', 'loc left']"),
        views=("PA", "L"),
        birth="1961.0",
        sex="M",
    ),
    "two_patients": Exam(
        *(LONG + "021", patient(21), "20100104", "521", " signos de epoc .", PROGRAM),
        *("['COPD signs']", "['COPD signs']"),
        birth="1922.0",
        sex="M",
    ),
    "two_patients_again": Exam(
        *(LONG + "021", patient(22), "20100104", "521", " signos de epoc .", PROGRAM),
        *("['COPD signs']", "['COPD signs']"),
        views=("L",),
        birth="1922.0",
        sex="M",
    ),
    "normal_program": Exam(
        *(LONG + "023", patient(23), "20120401", "523", " sin hallazg .", PROGRAM),
        *("['normal']", "['normal']"),
        views=("PA", "L"),
        birth="1990.0",
        sex="M",
    ),
}
MISSING, TRUNCATED, EIGHT_BITS = "missing_picture", "truncated_picture", "normal"
UNLISTED = "99_abc123.png"

TRANSLATED = {
    "later": "Small left pleural effusion with an enlarged heart.",
    "denied": "Right lower lobe pneumonia. The heart and mediastinum are normal.",
    "normal": "No abnormality of the chest is seen.",
}


def picture(name: str, number: int = 0) -> str:
    """The ImageID of a picture of a case."""
    return f"{EXAMS[name].study}_{[*EXAMS].index(name):02d}{number}xyz.png"


def write(folder: Path, variant: str = "zips") -> None:
    """``zips``: as released; ``folders``: unpacked, with translations by picture.

    ``flat``: packed table, all pictures in one folder, translations by study.
    """
    if variant == "flat":
        save(folder, {f"{TABLE}.gz": gzip.compress(_table().encode(), mtime=0)})
        rows = [[EXAMS[name].study, text] for name, text in TRANSLATED.items()]
        save(folder, {"translations.csv": _csv([["id", "english"], *rows])})
    else:
        save(folder, {TABLE: _table()})
    if variant == "folders":
        rows = [[picture(name), text] for name, text in TRANSLATED.items()]
        rows.append(["elsewhere.png", "Not in the table."])
        save(folder, {"translations.csv": _csv([["id", "english"], *rows])})
    files = _pictures()
    if variant == "zips":
        for archive in ("0", "54"):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as packed:
                for (where, name), data in files.items():
                    if where == archive:
                        packed.writestr(zipfile.ZipInfo(name), data)
            save(folder, {f"{archive}.zip": buffer.getvalue()})
    else:
        for (where, name), data in files.items():
            save(folder, {f"{'images' if variant == 'flat' else where}/{name}": data})


def _pictures() -> dict[tuple[str, str], bytes]:
    """PNG files by ImageDir and ImageID."""
    files = {("0", UNLISTED): _png(99)}
    for at, (name, exam) in enumerate(EXAMS.items()):
        for number, view in enumerate(exam.views):
            # The two releases of one exam are the same pictures.
            seed = 10 * ([*EXAMS].index("by_physician") if name == "by_program" else at) + number
            data = _png(seed, lateral=view == "L", deep=name != EIGHT_BITS)
            if name == TRUNCATED:
                data = data[: len(data) // 2]
            if name != MISSING:
                files[_folder(exam), picture(name, number)] = data
    return files


def _png(seed: int, *, lateral: bool = False, deep: bool = True) -> bytes:
    """A phantom of 12 bits in a PNG file of 16, or of 8 bits."""
    pixels = radiograph(64, 64, seed, lateral=lateral)
    if not deep:
        return encode(pixels, ".png")
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) << 4).save(buffer, "PNG")
    return buffer.getvalue()


def _folder(exam: Exam) -> str:
    return "0" if exam.method == PHYSICIAN else "54"


def _table() -> str:
    """The rows of a study lie apart, as they do in the release."""
    pictures = [
        (number, name, exam, view)
        for name, exam in EXAMS.items()
        for number, view in enumerate(exam.views)
    ]
    rows: list[list[str]] = []
    for number, name, exam, view in sorted(pictures, key=lambda item: item[0]):
        facts = {
            "": len(rows),
            "ImageID": picture(name, number),
            "ImageDir": _folder(exam),
            "StudyDate_DICOM": exam.date,
            "StudyID": exam.study,
            "PatientID": exam.patient,
            "PatientBirth": exam.birth,
            "PatientSex_DICOM": exam.sex,
            "ViewPosition_DICOM": "nan",
            "Projection": view,
            "MethodProjection": exam.view_method,
            "Pediatric": "PED" if exam.birth == "2012.0" else "No",
            "Modality_DICOM": "CR",
            "Manufacturer_DICOM": "ImagingDynamicsCompanyLtd",
            "PhotometricInterpretation_DICOM": "MONOCHROME2",
            "PixelRepresentation_DICOM": 0,
            "BitsStored_DICOM": 12,
            "WindowCenter_DICOM": "None" if name == "no_birth" else 2047.0,
            "WindowWidth_DICOM": "None" if name == "no_birth" else 4095.0,
            "Rows_DICOM": 64,
            "Columns_DICOM": 64,
            "ReportID": exam.report,
            "Report": exam.text,
            "MethodLabel": exam.method,
            "Labels": exam.labels,
            "Localizations": f"[{', '.join(re.findall(_PLACE, exam.sentences))}]",
            "LabelsLocalizationsBySentence": exam.sentences,
            "labelCUIS": "['C0032285' 'C0018800']",  # printed by NumPy: no commas
            "LocalizationsCUIS": "[]",
        }
        rows.append([str(facts.get(column, "None")) for column in HEADER])
    return _csv([list(HEADER), *rows])


def _csv(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
