"""The pages in a real browser: what a reader sees, and that no text of a corpus runs.

They need the dependency group ``browser`` and a Chromium: one that playwright knows, or one on the
path, or the one that $CHEXINSTRUCT_BROWSER names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from view_support import DRAWING, IMAGE, LONG, RIGHT_TO_LEFT, SCRIPT, hostile

from chexinstruct.view import open_viewer, write_sample

pytestmark = pytest.mark.browser
Made = Callable[[str, Callable[[Path], None]], Path]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def built(made_once: Made) -> Path:
    return made_once("hostile", hostile)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install --group browser"
    )
    with playwright.sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        named = os.environ.get("CHEXINSTRUCT_BROWSER")
        found = named or (own if own.exists() else next(filter(None, map(shutil.which, NAMES)), 0))
        if not found:
            pytest.skip("no Chromium: playwright install chromium, or apt-get install chromium")
        launched = driver.chromium.launch(executable_path=found)
        yield launched
        launched.close()


class Sheet:
    """A page, with all that went wrong on it and all that it asked for."""

    def __init__(self, browser: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.page.set_default_timeout(10_000)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: self.wrong.append("dialog"))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def show(self, address: str, wait: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(address)
        self.page.wait_for_selector(wait)
        return self.page

    def close(self) -> None:
        """No script of the corpus ran, and nothing went wrong."""
        assert self.page.evaluate("window.pwned") is None
        self.page.close()
        assert self.wrong == []


@pytest.fixture
def sheet(browser: Any) -> Iterator[Sheet]:
    sheet = Sheet(browser)
    yield sheet
    sheet.close()


@pytest.fixture(scope="module")
def url(built: Path) -> Iterator[str]:
    with open_viewer(built / "corpus") as viewer:
        yield viewer.url


def test_hostile_texts_are_shown_as_they_are(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?text=First.", ".example img")
    shown = page.inner_text(".texts")
    for text in (SCRIPT, IMAGE, DRAWING, f"First. {SCRIPT}"):
        assert text in shown
    assert page.inner_text(".options .right bdi") == "50% < |of"
    assert page.locator(".options .right").count() == 1
    page.goto(f"{url}#rows")
    page.wait_for_selector("tr:has-text('window.pwned')")
    assert page.locator(f"#facets bdi[title='{SCRIPT}']").count() == 1
    page.goto(f"{url}#rejects?reason=bad_row")
    page.wait_for_selector("td:has-text('window.pwned')")
    assert {address.split("/")[2] for address in sheet.asked if address != "about:blank"} == {
        url.split("/")[2]
    }


def test_long_and_right_to_left_texts_keep_the_page_in_shape(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?text=no_space_", ".example img")
    assert page.inner_text(".block.answer .text") == LONG
    question = page.locator(".block.question .text")
    assert question.inner_text() == RIGHT_TO_LEFT
    assert question.evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".block.answer .text").bounding_box()["height"] < 500


def test_boxes_lie_where_their_numbers_say(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?task=phrase_grounding&split=train", ".example img")
    page.wait_for_selector(".size:not(:empty)")  # the picture is there
    picture = page.locator(".frame img").bounding_box()
    box = page.locator(".plane g.question rect").bounding_box()  # 0.25, 0.5, 0.75, 0.875
    part = [
        (box["x"] - picture["x"]) / picture["width"],
        (box["y"] - picture["y"]) / picture["height"],
        box["width"] / picture["width"],
        box["height"] / picture["height"],
    ]
    assert part == pytest.approx([0.25, 0.5, 0.5, 0.375], abs=0.005)
    ratio = page.locator(".frame img").evaluate("n => n.naturalWidth / n.naturalHeight")
    assert picture["width"] / picture["height"] == pytest.approx(ratio, rel=0.01)
    assert page.locator(".plane g.question path.outline").count() == 1
    colors = [
        page.locator(f".plane g.{role} rect").first.evaluate("n => getComputedStyle(n).stroke")
        for role in ("question", "answer")
    ]
    assert colors[0] != colors[1]
    names = page.locator(".label").all_inner_texts()
    assert DRAWING in names and SCRIPT in names


def test_text_and_box_point_at_each_other(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?task=phrase_grounding&split=train", ".example img")
    mark = page.locator(".block.answer mark.answer").first
    mark.hover()
    number = mark.get_attribute("data-regions")
    pointed = page.locator(".plane g.pointed")
    assert pointed.count() == 1 and pointed.get_attribute("data-regions") == number
    page.locator(".legend li").last.hover()
    assert page.locator(".plane g.pointed").get_attribute("class") == "question pointed"
    assert page.locator("mark.unknown").inner_text() == "<|box|>(1,2),(3,4)<|/box|>"


def test_keys_lead_through_the_rows(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#rows?source=slake", "tr.selected")
    first = page.locator("tr.selected td").nth(2).inner_text()
    page.keyboard.press("j")
    assert page.locator("tr.selected td").nth(2).inner_text() != first
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Row 2 of")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=Row 3 of")
    page.keyboard.press("k")
    page.wait_for_selector("text=Row 2 of")
    page.keyboard.press("b")
    assert page.locator(".example.no-boxes").count() == 1
    page.keyboard.press("j")
    page.wait_for_selector("text=Row 3 of")
    assert page.locator(".example.no-boxes").count() == 1  # it stays so
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("no_space_")
    page.keyboard.press("Enter")
    page.wait_for_selector(".found:text-is('1 row')")
    page.go_back()
    page.wait_for_selector("text=Row 3 of")
    page.keyboard.press("Escape")
    page.wait_for_selector("#facets input:checked")


def test_filters_are_chosen_and_taken_away(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#rows", "#facets label")
    everything = page.inner_text(".found")
    page.locator("#facets label:has(bdi[title='radnli']) input").check()
    page.wait_for_selector(".list .chip:has-text('radnli')")
    assert page.inner_text(".found") != everything
    assert set(page.locator("td.key").all_inner_texts()) == {"radnli"}
    page.locator(".list .chip:has-text('radnli')").first.click()
    page.wait_for_selector(f".found:text-is('{everything}')")


def test_pictures_are_zoomed_and_windowed(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?task=phrase_grounding&split=train", ".example img")
    page.wait_for_selector(".size:not(:empty)")  # the picture is there
    before = page.locator(".plane g.question rect").bounding_box()
    page.locator(".frame").hover()
    page.mouse.wheel(0, -400)
    after = page.locator(".plane g.question rect").bounding_box()
    assert after["width"] > 2 * before["width"]  # boxes go with the picture
    frame = page.locator(".frame").bounding_box()
    assert page.locator(".frame img").bounding_box()["x"] <= frame["x"]
    page.locator("input[name=contrast]").fill("200")
    page.locator("input[name=invert]").check()
    shown = "n => getComputedStyle(n).filter"
    assert page.locator(".frame img").evaluate(shown) == "invert(1) brightness(1) contrast(2)"
    page.locator(".tools button").click()
    assert page.locator(".frame img").evaluate(shown) == "brightness(1) contrast(1)"
    assert page.locator(".plane g.question rect").bounding_box() == before


def test_the_funnel_can_be_narrowed(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#funnel", ".ledger tbody tr")
    many = page.locator(".ledger tbody tr").count()
    page.locator(".filters select").nth(1).select_option("radnli")
    page.wait_for_selector("text=natural language inference")
    assert 0 < page.locator(".ledger tbody tr").count() < many
    assert set(page.locator(".ledger td.key").all_inner_texts()) == {"radnli"}


def test_a_corpus_without_pictures_is_shown(sheet: Sheet, built: Path) -> None:
    with open_viewer(built / "none") as viewer:
        page = sheet.show(f"{viewer.url}#row?source=slake", ".frame.absent")
        assert "no pictures" in page.inner_text(".frame")


def test_what_the_server_says_is_told(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#row?source=slake&number=100000", "#notice:not([hidden])")
    assert "there is no row" in page.inner_text("#notice")
    assert [text for text in sheet.wrong if "404" not in text] == []
    sheet.wrong.clear()


def test_the_theme_is_kept(sheet: Sheet, url: str) -> None:
    page = sheet.show(f"{url}#rows", "tr.selected")
    color = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(color)
    page.keyboard.press("t")
    after = page.evaluate(color)
    assert after != before
    page.reload()
    page.wait_for_selector("tr.selected")
    assert page.evaluate(color) == after


def test_the_sample_page_works_as_a_file(sheet: Sheet, built: Path, tmp_path: Path) -> None:
    made = write_sample(built / "corpus", tmp_path / "page.html", n=1000)
    page = sheet.show((tmp_path / "page.html").as_uri(), ".example img")
    page.wait_for_selector(".size:not(:empty)")  # the picture is there
    assert page.inner_text(".found") == f"{made.rows} rows"
    page.locator("select").nth(0).select_option("phrase_grounding")
    page.wait_for_selector(".sampled:not([hidden]) .plane rect")
    assert DRAWING in page.locator(".label").all_inner_texts()
    page.keyboard.press("b")
    assert page.locator(".example.no-boxes").count() > 0
    assert {a.split(":")[0] for a in sheet.asked} <= {"file", "data", "about"}
