"""Take the picture of a report of CheXbench for the documentation.

    .venv/bin/python docs/bench_report.py

builds the demo in a temporary folder, opens its report in Chromium (dependency group ``browser``)
and writes ``docs/bench-report.png``. Everything in it is synthetic: the pictures are phantoms, one
toy looks at their symmetry, and the other's answers were written from the key.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chexinstruct.bench.page import page
from chexinstruct.bench.reporting import read_scored
from chexinstruct.demo import demo

TARGET = Path(__file__).with_name("bench-report.png")
SIZE = {"width": 1040, "height": 805}


def main() -> None:
    """Build the demo and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", default=shutil.which("chromium"), help="path of Chromium")
    browser = parser.parse_args().browser
    with tempfile.TemporaryDirectory() as folder:
        made = demo(Path(folder), with_bench=True)
        assert made.bench is not None
        with sync_playwright() as driver:
            launched = driver.chromium.launch(executable_path=browser)
            sheet = launched.new_page(viewport=SIZE, color_scheme="light")
            sheet.set_content(page(read_scored([Path(run) for run in made.bench.runs])))
            sheet.screenshot(path=TARGET)
            launched.close()


if __name__ == "__main__":
    main()
