"""Notes per second, and peak memory, of reading the table of notes of MIMIC-III.

The table is made of the notes of the synthetic release, each many times under new patients, beside
notes of other kinds, in about the shares of the real one: a fourth of the rows is radiology.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from chexinstruct.sources.mimic_iii import sample

RUN = """
import sys, time
from chexinstruct.release import Release
from chexinstruct.sources.mimic_iii import loader
begun = time.process_time()
with Release.open(sys.argv[1], source="mimic_iii") as release:
    studies = sum(1 for _ in loader.studies(release, {}))
    rows = studies + sum(release.reject_counts.values()) - release.reject_counts["bad_time", False]
print(rows, studies, time.process_time() - begun)
"""
OTHERS = 3
"""Notes of other kinds to each one of radiology."""
TEXT = "Patient resting, vital signs stable, plan of care unchanged; see flow sheet.\n" * 24
OTHER = ("2150-01-01", "", "", "Nursing/other", "Report", "", "", TEXT)
"""The cells of such a note from CHARTDATE on."""


def write(path: Path, notes: int) -> int:
    """A packed table of about so many notes; returns its bytes, unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        sample.write(Path(folder), "plain")
        with (Path(folder) / path.name.removesuffix(".gz")).open(newline="") as one:
            header, *rows = csv.reader(one)
    with gzip.open(path, "wt", newline="", compresslevel=1) as table:
        writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header)
        size, number = 0, 0
        while number < notes:
            for _, subject, *between, text in rows:
                person = number + int(subject)
                size += writer.writerow([number, person, *between, f"{text} {number}"])
                for other in range(number + 1, number + 1 + OTHERS):
                    size += writer.writerow([other, person, "", *OTHER])
                number += 1 + OTHERS
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=400_000)
    notes: int = parser.parse_args().notes
    for count in (notes // 4, notes):
        with tempfile.TemporaryDirectory() as folder:
            size = write(Path(folder) / "NOTEEVENTS.csv.gz", count)
            command = [sys.executable, "-c", RUN, folder]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
        rows, studies, seconds = map(float, done.stdout.split())
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        print(
            f"{rows:,.0f} notes ({size / 2**20:,.0f} MB), {studies:,.0f} studies in {seconds:.1f} "
            f"CPU s: {rows / seconds:,.0f} notes and {studies / seconds:,.0f} studies per CPU s; "
            f"peak resident memory {peak} MB"
        )


if __name__ == "__main__":
    main()
