"""Take the picture of the viewer for the documentation: a row of the demo corpus.

    .venv/bin/python docs/viewer.py

builds the demo in a temporary folder, opens it in Chromium (dependency group ``browser``) and
writes ``docs/viewer.jpg``. Everything in it is synthetic: the phantoms of the sample releases show
nobody, and their texts are made up.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chexinstruct.demo import demo
from chexinstruct.view import open_viewer

TARGET = Path(__file__).with_name("viewer.jpg")
ROW = "#row?task=phrase_grounding&source=ms_cxr&split=train&number=2"
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Build the demo and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--browser", default=shutil.which("chromium"), help="path of Chromium")
    browser = parser.parse_args().browser
    with tempfile.TemporaryDirectory() as folder:
        made = demo(Path(folder))
        with open_viewer(made.corpus) as viewer, sync_playwright() as driver:
            launched = driver.chromium.launch(executable_path=browser)
            page = launched.new_page(viewport=SIZE, color_scheme="dark")
            page.goto(viewer.url + ROW)
            page.wait_for_selector(".size:not(:empty)")  # the picture is there
            page.screenshot(path=TARGET, type="jpeg", quality=85)
            launched.close()


if __name__ == "__main__":
    main()
