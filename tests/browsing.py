"""A browser before a real master, for the tests of the monitor: fixtures that `conftest.py` hands out, and what they share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from busy_farm import Api
from components import required
from playwright.sync_api import Browser, Page, expect, sync_playwright

from farm import Farm

# A loaded machine is slow; nothing here is a measurement.
PATIENCE_MS = 30_000
QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, which keeps quiet on the network."""
    chromium = required(shutil.which("chromium"), "chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, "--no-first-run"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own, which complains about nothing."""
    page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="dark")
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    page.close()
    assert not faults


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A master behind its key."""
    with Farm(tmp_path / "farm", FAKE_BLENDER_FRAME_MS="30") as farm:
        farm.start_master()
        yield farm


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A master that asks nobody for a key."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--access", "open")
        yield Api(farm.url)


def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like, if somebody wants to see it (`NETRENDER_PICTURES`)."""
    if folder := os.environ.get("NETRENDER_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def log_in(page: Page, farm: Farm) -> None:
    """Enters the farm's key, as a person does once."""
    page.goto(farm.url)
    page.get_by_label("Farm key").fill((farm.folder / "config/farm.key").read_text().strip())
    page.get_by_role("button", name="Enter").click()
    live(page)


def live(page: Page) -> None:
    """Waits until the page shows what is, and follows it."""
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("main .loading")).to_have_count(0)


def row(page: Page, job: str):  # type: ignore[no-untyped-def]
    """The line of a job or of a slave."""
    return page.locator("tr, li", has=page.get_by_text(job, exact=True)).first
