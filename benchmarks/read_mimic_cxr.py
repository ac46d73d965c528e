"""Reports per second, and peak memory, of reading a MIMIC-CXR of full size.

The release is made up: as many reports as the real one (227,835, in the zip archive as it is
published), of about their length, and tables of 377,110 pictures. The reports are those of the
synthetic release, longer by sentences of their own, so that no two are the same.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from chexinstruct.sources.mimic_cxr.sample import FINDINGS
from chexinstruct.sources.mimic_cxr.texts import REPORTS

REPORT_COUNT, PICTURE_COUNT, SUBJECTS = 227_835, 377_110, 65_379
RUN = """
import json, resource, sys, time
from chexinstruct.release import Release
from chexinstruct.sources.mimic_cxr import loader

class Peak:
    anonymous = 0
    def look(self):
        status = open("/proc/self/status").read()
        now = int(status.partition("RssAnon:")[2].split()[0])
        self.anonymous = max(self.anonymous, now)

peak, begun, reports, sections, images, listed = Peak(), time.process_time(), 0, 0, 0, 0.0
with Release.open(sys.argv[1], source="mimic_cxr") as release:
    files = len(release.files)
    listed = time.process_time() - begun
    peak.look()
    for number, study in enumerate(loader.studies(release, {})):
        reports += study.report is not None
        sections += len(study.report.sections)
        images += len(study.images)
        if number % 1000 == 0:
            peak.look()
    rejects = sum(release.reject_counts.values())
print(json.dumps({
    "reports": reports, "sections": sections, "images": images, "files": files,
    "rejects": rejects, "listed": listed, "seconds": time.process_time() - begun,
    "anonymous": peak.anonymous // 1024,
    "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""
MORE = (
    "The {place} is clear.",
    "No focal abnormality of the {place} is identified, and its contour is sharply outlined.",
    "There is linear scarring in the {place}, measuring {n} mm.",
    "A calcified granuloma of {n} mm projects over the {place}.",
)
PLACES = ("right upper lobe", "left upper lobe", "right lower lobe", "left lower lobe", "lingula")

CODES = ("CHEST (PA AND LAT)", "postero-anterior", "Erect")
"""The code meanings that end a row of the metadata."""


def report(chance: random.Random, texts: list[str]) -> str:
    """A report in the release's layout: every line indented by one blank."""
    more = " ".join(
        chance.choice(MORE).format(place=chance.choice(PLACES), n=chance.randint(2, 9))
        for _ in range(chance.randint(0, 4))
    )
    text = chance.choice(texts).replace("FINDINGS:\n\n", f"FINDINGS:\n\n{more}\n")
    lines = "\n".join(f" {line}" for line in text.strip("\n").split("\n"))
    return f"{'FINAL REPORT':>45}\n{lines}\n"


def write(folder: Path, share: float) -> int:
    """Writes the release, or a share of it; returns the bytes of the reports, unpacked."""
    chance = random.Random(0)
    texts = list(REPORTS.values())
    reports = round(REPORT_COUNT * share)
    subjects = [10_000_000 + n * SUBJECTS // REPORT_COUNT for n in range(reports)]
    studies = chance.sample(range(50_000_000, 60_000_000), reports)
    size = 0
    with zipfile.ZipFile(
        folder / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as packed:
        for subject, study in zip(subjects, studies, strict=True):
            text = report(chance, texts)
            size += len(text)
            packed.writestr(f"files/p{subject // 10**6}/p{subject}/s{study}.txt", text)
    pictures = sorted(chance.choices(range(reports), k=round(PICTURE_COUNT * share) - reports))
    shown = sorted([*range(reports), *pictures])  # a study has one picture at least
    names = ["-".join(f"{chance.getrandbits(32):08x}" for _ in range(5)) for _ in shown]
    chance.shuffle(names)  # the metadata table is not in the order of studies
    rows = [(name, subjects[n], studies[n]) for name, n in zip(names, shown, strict=True)]
    rows.sort()
    _table(
        folder / "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id subject_id study_id PerformedProcedureStepDescription ViewPosition Rows Columns"
        " StudyDate StudyTime ProcedureCodeSequence_CodeMeaning ViewCodeSequence_CodeMeaning"
        " PatientOrientationCodeSequence_CodeMeaning",
        (
            [*row, "CHEST (PA AND LAT)", "PA", 3056, 2544, 21800506, "213014.531", *CODES]
            for row in rows
        ),
    )
    _table(
        folder / "mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id study_id subject_id split",
        ([name, study, subject, "train"] for name, subject, study in rows),
    )
    _table(
        folder / "mimic-cxr-2.0.0-chexpert.csv.gz",
        "subject_id study_id " + " ".join(name.replace(" ", "_") for name in FINDINGS),
        (
            [subject, study, *chance.choices(("", "1.0", "0.0", "-1.0"), (8, 2, 1, 0.5), k=14)]
            for subject, study in zip(subjects, studies, strict=True)
        ),
    )
    return size


def _table(path: Path, header: str, rows: Iterable[list[object]]) -> None:
    with gzip.open(path, "wt", newline="", compresslevel=1) as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(
            [
                name.replace("_", " ") if name.replace("_", " ") in FINDINGS else name
                for name in header.split()
            ]
        )
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the release's size")
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder), parser.parse_args().share)
        command = [sys.executable, "-c", RUN, folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    got = json.loads(done.stdout)
    print(
        f"{got['reports']:,} reports ({size / 2**20:,.0f} MB, {got['sections']:,} sections), "
        f"{got['images']:,} pictures, {got['rejects']:,} rejects in {got['seconds']:.1f} CPU s "
        f"({got['listed']:.1f} to list {got['files']:,} files): "
        f"{got['reports'] / got['seconds']:,.0f} reports per CPU s; peak anonymous memory "
        f"{got['anonymous']} MB, resident {got['resident']} MB"
    )


if __name__ == "__main__":
    main()
