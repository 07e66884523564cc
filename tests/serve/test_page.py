"""The page in a real browser: picks change the list, an own item finds its customers, keys and names suffice."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from ..recommend import shop
from .conftest import Client, serving

pytestmark = pytest.mark.slow
BROWSERS = "chromium", "chromium-browser", "google-chrome"
WIDTHS = 1280, 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    if not found:
        pytest.skip("there is no browser")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])


@pytest.fixture(params=WIDTHS)
def page(browser: Any, service: Client, request: pytest.FixtureRequest) -> Iterator[Page]:
    opened: Page = browser.new_page(viewport={"width": request.param, "height": 844})
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    opened.goto(f"http://127.0.0.1:{service.port}/")
    expect(opened.locator("#list > li").first).to_be_visible()
    yield opened
    assert faults == []
    opened.close()


def titles(page: Page, name: str) -> list[str]:
    return page.locator(f"#{name} .name").all_inner_texts()


def test_picks_change_the_list(page: Page, service: Client, tmp_path: Path) -> None:
    assert "most popular" in page.locator("#basis").inner_text()
    before = titles(page, "list")
    page.get_by_role("button", name="The gold boat").click()
    page.get_by_role("button", name="The black boat").click()
    expect(page.locator("#basis")).to_have_text("From 2 picks.")
    request = {"users": ["x"], "k": 12, "histories": {"x": ["i06", "i07"]}}
    expected = service.post("/v1/recommendations", request).json["lists"][0]["items"]
    expect(page.locator("#list > li")).to_have_count(len(expected))
    assert titles(page, "list") == [one["title"] for one in expected] != before
    assert page.get_by_role("status").inner_text().startswith("The list was updated. First: The")
    picked = page.get_by_role("button", name="The gold boat")
    expect(picked).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 10_000
    page.get_by_role("button", name="Clear all picks").click()
    expect(page.locator("#basis")).to_contain_text("most popular")
    expect(picked).to_have_attribute("aria-pressed", "false")


def test_keys_are_enough(page: Page) -> None:
    """From the top of the page: to the search, to the first item, and picked."""
    page.locator("body").press("Tab")
    expect(page.get_by_label("Find items by title")).to_be_focused()
    page.keyboard.type("teal")
    expect(page.locator("#catalogue > li")).to_have_count(2)
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.item") == "i05":
            break
    page.keyboard.press("Space")
    expect(page.locator("#basis")).to_have_text("From 1 pick.")
    assert page.evaluate("document.activeElement.dataset.item") == "i05", "the focus stays"


def test_everything_has_a_name(page: Page) -> None:
    for kind in ("input", "textarea", "button", "section", "ul", "ol"):
        for one in page.locator(kind).all():
            if one.is_visible():
                name = one.evaluate("e => e.ariaLabel || e.innerText || (e.labels && e.labels[0].innerText) || "
                    "document.getElementById(e.getAttribute('aria-labelledby')).innerText")  # fmt: skip
                assert name.strip(), one
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("[role=status]").get_attribute("aria-live") == "polite"


def test_an_item_of_ones_own(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Who would like it?").click()
    expect(page.get_by_role("status")).to_contain_text("Give a picture")
    (tmp_path / "own.png").write_bytes(shop.picture(0))
    page.get_by_label("Picture").set_input_files(tmp_path / "own.png")
    page.get_by_label("Title", exact=True).fill("<img src=x onerror=alert(1)> a red boat")
    page.get_by_role("button", name="The gold boat").click()
    page.get_by_role("button", name="Who would like it?").click()
    expect(page.get_by_role("status")).to_contain_text(f"{shop.USERS} customers", timeout=30_000)
    assert re.fullmatch(
        r"u\d: it would be number \d+ of their list", page.locator("#people > li").first.inner_text()
    )
    assert page.locator("#you").inner_text().startswith("It would be number ")
    expect(page.locator("#similar > li").first).to_be_visible()
    (tmp_path / "own.png").write_bytes(b"no picture")
    page.get_by_label("Picture").set_input_files(tmp_path / "own.png")
    page.get_by_role("button", name="Who would like it?").click()
    expect(page.get_by_role("status")).to_contain_text("image:")


def test_an_item_joins_the_catalogue(browser: Any, pack: Path, tmp_path: Path) -> None:
    with serving(pack, tmp_path / "log", "--additions", str(tmp_path / "added"), "--seconds", "60") as client:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.get_by_label("Title", exact=True).fill("The amber boat")
        page.get_by_role("button", name="Add it to the catalogue").click()
        expect(page.get_by_role("status")).to_have_text("Give an id.")
        page.get_by_label("Id in the catalogue").fill("amber")
        page.get_by_role("button", name="Add it to the catalogue").click()
        expect(page.get_by_role("status")).to_have_text(f"amber was added. There are {shop.ITEMS + 1} items.")
        page.get_by_label("Find items by title").fill("amber")
        expect(page.get_by_role("button", name="The amber boat")).to_be_visible()
        page.get_by_role("button", name="Remove the item with this id").click()
        expect(page.get_by_role("status")).to_have_text(f"amber was removed. There are {shop.ITEMS} items.")
        page.close()


def test_a_token_opens_it(browser: Any, pack: Path, tmp_path: Path) -> None:
    with serving(pack, tmp_path / "log", "--without-new-items", FUSIONREC_TOKEN="sesame") as client:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.get_by_label("Token of this service").fill("sesame")
        page.get_by_role("button", name="Open").click()
        expect(page.locator("#list img").first).to_be_visible()
        assert page.locator("#own").is_hidden()
        page.close()
