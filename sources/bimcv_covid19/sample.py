"""A tiny BIMCV-COVID19+ with every quirk of tree, sidecars and tables; all of it is made up."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from chexinstruct.synthetic import encode, radiograph, save

VARIANTS = ("unpacked", "head_package", "packed_tables", "packed_pictures", "iterations")

HEAD = "bimcv_covid19_posi_head_iter1"
DERIVATIVE, METADATA = "covid19_posi_derivative.tar.gz", "covid19_posi_metadata.tar.gz"
PIXELS = 96
"""Rows and columns of the pictures of this sample."""


class Picture(NamedTuple):
    """A file of a session; ``tags`` stand between the session and the kind."""

    tags: str
    kind: str = "dx"
    bits: int = 12
    inverted: bool = False
    """MONOCHROME1."""
    position: str = ""
    series: str = ""
    window: bool = True
    plain: bool = False
    """The sidecar holds plain values, not ``{"vr": .., "Value": [..]}``."""
    sidecar: bool = True
    lateral: bool = False
    """What the phantom shows, whatever is said of it."""
    there: bool = True


class Exam(NamedTuple):
    """A session: its pictures, and its rows (labels, report) in the table."""

    subject: str
    session: str
    date: str
    time: str
    pictures: tuple[Picture, ...]
    rows: tuple[tuple[tuple[str, ...] | None, str], ...] = ()
    age: str = ""
    sex: str = ""


PA = Picture("run-1_bp-chest_vp-pa", position="PA")
AP = Picture("run-1_bp-chest_vp-ap", "cr", position="AP")
CT = Picture("run-1_bp-chest", "ct")

EXAMS = (
    # the second acquisition is lateral, whatever ViewPosition and name say
    Exam(
        "S00001",
        "E00001",
        "20200305",
        "101530.250000",
        (
            PA._replace(tags="acq-1_run-1_bp-chest_vp-pa", inverted=True, series="W Torax PA"),
            PA._replace(tags="acq-2_run-1_bp-chest_vp-pa", series="W Tórax Lat.", lateral=True),
        ),
        (
            (
                (" pneumonia", "infiltrates", "COVID 19", " pneumonia", ""),
                " juicio clinico fiebre y tos . infiltrados bilaterales de predominio periferico "
                "compatibles con neumonia por covid . no se observa derrame pleural . comentado "
                "con nombrepropio .",
            ),
        ),
        "083Y",
        "F",
    ),
    # 8 bits, no sidecar
    Exam(
        "S00001",
        "E00002",
        "",
        "",
        (Picture("run-1_bp-chest_vp-ap", "cr", bits=8, sidecar=False),),
        ((("pleural effusion", "unchanged"), "derrame pleural derecho sin cambios ."),),
    ),
    Exam(
        "S00001",
        "E00003",
        "20200309",
        "081500",
        (PA._replace(inverted=True, plain=True),),
        (
            (
                ("infiltrates", "unchanged"),
                "se realiza radiografia portatil . infiltrados bilaterales . sin cambios "
                "significativos respecto a previo .",
            ),
        ),
        "083Y",
        "F",
    ),
    # a session with CT only, and its report
    Exam(
        "S00002",
        "E00004",
        "20200310",
        "120000",
        (CT, CT._replace(tags="run-2_bp-chest")),
        ((("ground glass pattern",), "opacidades en vidrio deslustrado en ambos pulmones ."),),
    ),
    Exam(
        "S00002",
        "E00005",
        "20200312",
        "",
        (AP._replace(inverted=True),),
        (
            (
                (" COVID 19 uncertain", "increased density"),
                "aumento de densidad basal derecho . conclusion sospecha de neumonia basal .",
            ),
        ),
        "057Y",
        "M",
    ),
    # two reports, and the first of them twice
    Exam(
        "S00003",
        "E00006",
        "20200315",
        "093000",
        (PA, Picture("run-2_bp-chest_vp-ll", position="LL", lateral=True)),
        (
            (("consolidation",), "consolidacion en lobulo inferior izquierdo ."),
            (("consolidation",), "consolidacion en lobulo inferior izquierdo ."),
            (("normal",), "no se aprecian hallazgos patologicos ."),
        ),
        "064Y",
        "M",
    ),
    Exam(
        "S00003",
        "E00007",
        "20200320",
        "093000",
        (PA,),
        ((("exclude",), "estudio no valorable ."),),
    ),
    # normal, and said again; no sidecar tells the age
    Exam(
        "S00004",
        "E00008",
        "20200318",
        "170000",
        (PA,),
        (
            (
                ("normal", "unchanged"),
                "motivo de consulta: disnea . silueta cardiaca normal . pulmones sin infiltrados . "
                "impresion diagnostica: pulmones y corazon sin alteraciones .",
            ),
        ),
    ),
    # a label list without an item, and a report of placeholders alone
    Exam(
        "S00005",
        "E00009",
        "20200321",
        "110000",
        (AP,),
        ((None, "nombrepropio . . nombrepropio ."),),
        "045Y",
        "F",
    ),
    # both pictures are called PA; nothing tells which of them is
    Exam(
        "S00006",
        "E00010",
        "20200322",
        "110000",
        (PA, PA._replace(tags="run-2_bp-chest_vp-pa", lateral=True)),
        (
            (
                ("suboptimal study", "NSG tube", "cardiomegaly"),
                "estudio de escasa calidad tecnica . cardiomegalia . sonda nasogastrica .",
            ),
        ),
        "071Y",
        "M",
    ),
    # radiograph and CT of one session: the report may be of either
    Exam(
        "S00007",
        "E00011",
        "20200323",
        "130000",
        (AP, CT),
        ((("pneumothorax",), "neumotorax apical derecho ."),),
        "038Y",
        "M",
    ),
    # stored inverted although its sidecar says MONOCHROME2; known by its name
    Exam(
        "S03936",
        "E08636",
        "20200324",
        "130000",
        (AP._replace(kind="dx"),),
        ((("cardiomegaly",), "cardiomegalia ."),),
    ),
    # this copy lacks its picture
    Exam(
        "S00008",
        "E00012",
        "20200325",
        "130000",
        (PA._replace(there=False),),
        ((("hiatal hernia",), "hernia de hiato ."),),
        "079Y",
        "F",
    ),
    # another body part; a frontal picture known by its series text alone; normal beside a finding
    Exam(
        "S00009",
        "E00013",
        "20200326",
        "140000",
        (
            Picture("run-1_bp-abdomen_vp-ap"),
            Picture("run-2_bp-chest", series="TORAX AP", window=False),
        ),
        (
            (
                ("normal", "scoliosis"),
                "escoliosis dorsal . no se observan infiltrados . nodulo descrito en tac previo .",
            ),
        ),
        "050Y",
        "O",
    ),
    # no row in the table
    Exam("S00009", "E00014", "20200326", "141000", (AP,), (), "050Y", "O"),
    Exam(
        "S00010",
        "E00015",
        "20200327",
        "100000",
        (PA,),
        (
            (
                ("normal",),
                "datos clinicos: contacto estrecho . estudio dentro de la normalidad . senos "
                "costofrenicos libres . conclusion: torax normal sin infiltrados .",
            ),
        ),
        "033Y",
        "F",
    ),
    Exam(
        "S00011",
        "E00016",
        "20200328",
        "100000",
        (PA._replace(position=""),),
        (
            (
                ("interstitial pattern", "pleural effusion"),
                "patron intersticial bilateral . derrame pleural izquierdo .",
            ),
        ),
        "068Y",
        "M",
    ),
)
UNKNOWN = ("sub-S00012", "ses-E00017", ("pneumonia",), "neumonia .")
"""A row of a session that this copy knows nothing else of."""
TRANSLATIONS = (
    ("ses-E00006", "Consolidation in the left lower lobe."),
    ("sub-S00011_ses-E00016", "Bilateral interstitial pattern. Left pleural effusion."),
    ("ses-E99999", "Clear lungs."),
    ("ses-E00008", ""),
)
LATER = ("S00007", "S00008", "S00009", "S00010", "S00011")
"""Subjects of the second iteration."""

PARTICIPANTS = (
    ("sub-S00001", "['DX']", "83", "F"),
    ("sub-S00002", "['CT', 'DX']", "57", "M"),
    ("sub-S00003", "['DX']", "64", "M"),
    ("sub-S00004", "['DX']", "[29]", "['F']"),
    ("sub-S00006", "['DX']", "[70, 71]", "M"),
)


def write(folder: Path, variant: str = "unpacked") -> None:
    """``unpacked``: one tree; ``head_package``: tables in the folder of the head package.

    ``packed_tables``: tables and sidecars still in their archives; ``packed_pictures``: some
    packages still packed, known by their lists; ``iterations``: two of them side by side.
    """
    if variant == "iterations":
        first = tuple(exam for exam in EXAMS if exam.subject not in LATER)
        again = next(exam for exam in EXAMS if exam.session == "E00003")
        save(folder, {f"iter1/{path}": data for path, data in _tables(first, "S").items()})
        save(folder, {f"iter2/{path}": data for path, data in _tables(EXAMS, "sub-S").items()})
        save(folder, {f"iter1/{path}": data for path, data in _tree(first).items()})
        later = (again, *(exam for exam in EXAMS if exam.subject in LATER))
        save(folder, {f"iter2/{path}": data for path, data in _tree(later).items()})
        return
    tables, tree = _tables(EXAMS, "sub-S"), _tree(EXAMS)
    if variant == "packed_tables":
        sidecars = {path: data for path, data in tree.items() if path.endswith(".json")}
        head = {path: data for path, data in tables.items() if "derivatives" not in path}
        save(folder, {METADATA: _packed({**head, **sidecars})})
        save(folder, {DERIVATIVE: _packed({p: d for p, d in tables.items() if p not in head})})
        save(folder, {path: data for path, data in tree.items() if path not in sidecars})
        return
    place = f"{HEAD}/" if variant == "head_package" else ""
    save(folder, {place + path: data for path, data in tables.items()})
    if variant == "packed_pictures":
        kept = {path: data for path, data in tree.items() if path.partition("/")[0][4:] in LATER}
        package = {path: data for path, data in tree.items() if path not in kept}
        save(folder, {"bimcv_covid19_posi_subjects_1.tgz": _packed(package)})
        save(folder, {"bimcv_covid19_posi_subjects_1.tar-tvf.txt": _listed(package)})
        save(folder, kept)
        return
    save(folder, tree)
    if variant == "unpacked":
        rows = [("id", "english"), *TRANSLATIONS]
        save(folder, {"translations.csv": _table(rows, ","), "sha1sum.txt": ""})


def stem(exam: Exam, picture: Picture) -> str:
    """The name of a file without its suffix."""
    return f"sub-{exam.subject}_ses-{exam.session}_{picture.tags}_{picture.kind}"


def _tree(exams: tuple[Exam, ...]) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for exam in exams:
        subject, session = f"sub-{exam.subject}", f"ses-{exam.session}"
        named = [f"mod-rx/{stem(exam, picture)}.png" for picture in exam.pictures]
        listed = _table([("filename",), *((name,) for name in named)], "\t")
        files[f"{subject}/{session}/{subject}_{session}_scans.tsv"] = listed
        for number, picture in enumerate(exam.pictures):
            place = f"{subject}/{session}/mod-rx/{stem(exam, picture)}"
            seed = int(exam.session[1:]) * 10 + number
            if picture.kind == "ct":
                files[f"{place}.nii.gz"] = gzip.compress(b"no volume", mtime=0)
            elif picture.there:
                files[f"{place}.png"] = _png(picture, seed)
            if picture.sidecar:
                files[f"{place}.json"] = json.dumps(_sidecar(exam, picture))
    return files


def _png(picture: Picture, seed: int) -> bytes:
    """More than 8 bits are stored in 16, from the lowest up, and look black undressed."""
    pixels = radiograph(PIXELS, PIXELS, seed, lateral=picture.lateral)
    if picture.bits == 8:
        return encode(pixels, ".png")
    stored = pixels.astype(np.uint16) << (picture.bits - 8)
    if picture.inverted:
        stored = (2**picture.bits - 1) - stored
    buffer = io.BytesIO()
    Image.fromarray(stored.astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def _sidecar(exam: Exam, picture: Picture) -> dict[str, Any]:
    tags: dict[str, tuple[str, Any]] = {
        "00080020": ("DA", exam.date),
        "00080030": ("TM", exam.time),
        "00080060": ("CS", picture.kind.upper()),
        "0008103E": ("LO", picture.series),
        "00101010": ("AS", exam.age),
        "00100040": ("CS", exam.sex),
        "00185101": ("CS", picture.position),
        "00280004": ("CS", "MONOCHROME1" if picture.inverted else "MONOCHROME2"),
        "00280101": ("US", picture.bits),
    }
    if picture.window:
        tags |= {"00281050": ("DS", 2000.0), "00281051": ("DS", 3600.0)}
    filled = {tag: (vr, value) for tag, (vr, value) in tags.items() if value != ""}
    if picture.plain:
        return {tag: value for tag, (_, value) in filled.items()}
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in filled.items()}


def _tables(exams: tuple[Exam, ...], prefix: str) -> dict[str, bytes | str]:
    subjects = {f"sub-{exam.subject}" for exam in exams}
    header = (
        "",
        "PatientID",
        "ReportID",
        "Report",
        "Labels",
        "Localizations",
        "LabelsLocalizationsBySentence",
        "labelCUIS",
        "LocalizationsCUIS",
    )
    told = [
        (exam.subject.replace("S", prefix, 1), f"ses-{exam.session}", labels, report)
        for exam in exams
        for labels, report in exam.rows
    ]
    rows: list[tuple[object, ...]] = [header]
    for number, (subject, session, labels, report) in enumerate([*told, UNKNOWN]):
        places = ("loc bilateral",) if labels and len(labels) > 1 else ()
        nested = "[" + "\t".join(_list((item,)) for item in labels or ()) + "]"
        cells = (_list(labels), _list(places), nested, "['C0032285' 'C0277877']", "[]")
        rows.append((number, subject, session, report, *cells))
    partitions = [("subject", "partition"), *((subject, "tr") for subject in sorted(subjects))]
    people = [row for row in PARTICIPANTS if row[0] in subjects]
    return {
        "participants.tsv": _table(
            [("participant", "modality_dicom", "age", "gender"), *people], "\t"
        ),
        "derivatives/labels/labels_covid19_posi.tsv": _table(rows, "\t"),
        "derivatives/partitions.tsv": _table(partitions, "\t"),
    }


def _list(items: tuple[str, ...] | None) -> str:
    """Quoted texts in brackets, with tabs between them."""
    return "" if items is None else "[" + "\t".join(f"'{item}'" for item in items) + "]"


def _table(rows: list[Any], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _packed(files: dict[str, bytes | str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def _listed(files: dict[str, bytes | str]) -> str:
    """As ``tar -tvf`` prints a package."""
    return "".join(
        f"-rw-r--r-- bimcv/bimcv {len(data):>9} 2020-06-08 10:22 {path}\n"
        for path, data in files.items()
    )
