"""The monitor in a real browser: behind the key, and then all that a first look needs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import required
from playwright.sync_api import Page, sync_playwright

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
FRAMES = 12


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of Debian's Chromium, which keeps quiet on the network."""
    chromium = required(shutil.which("chromium"), "chromium")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic", *quiet])
        yield browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="dark")
        browser.close()


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A master with one slave that renders at once."""
    with Farm(tmp_path / "farm", FAKE_BLENDER_FRAME_MS="30") as farm:
        farm.start_master()
        yield farm


def picture(page: Page, name: str) -> None:
    """Keeps what the page looks like, if somebody wants to see it (`NETRENDER_PICTURES`)."""
    if folder := os.environ.get("NETRENDER_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def log_in(page: Page, farm: Farm) -> None:
    """Enters the farm's key, as a person does once."""
    page.goto(farm.url)
    page.get_by_label("key").fill((farm.folder / "config/farm.key").read_text().strip())
    page.get_by_role("button").click()


def submit(farm: Farm, tmp_path: Path, *options: str) -> str:
    """Sends a job for the fake Blender and returns its id."""
    blend = tmp_path / "shot_010.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    frames = ("--frames", f"1-{FRAMES}", "--blender", FAKE)
    sent = farm.run("submit", str(blend), "--master", farm.url, *frames, *options)
    assert sent.returncode == 0, sent.stderr
    return farm.newest_job()


def test_a_stranger_sees_only_the_door(page: Page, farm: Farm) -> None:
    page.goto(farm.url)
    assert "shot" not in page.content()
    picture(page, "login")
    page.get_by_label("key").fill("0" * 64)
    page.get_by_role("button").click()
    assert "key" in page.inner_text("body").lower()
    assert page.locator("table").count() == 0
    picture(page, "login-refused")


def test_an_empty_farm_says_what_to_do_next(page: Page, farm: Farm) -> None:
    log_in(page, farm)
    text = page.inner_text("body").lower()
    assert "no jobs" in text
    assert "no slaves" in text
    picture(page, "empty")


def test_a_job_is_seen_held_back_and_followed_to_its_frames(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    job = submit(farm, tmp_path)
    page.goto(farm.url)
    page.get_by_role("button", name="Pause").first.click()
    assert "paused" in page.inner_text("body").lower()
    picture(page, "paused")
    page.get_by_role("button", name="Resume").first.click()
    farm.start_slave("slave1", FAKE)
    wait_until("the job is finished", lambda: '"finished"' in farm.run("job", job, "--json", "--master", farm.url).stdout)
    page.goto(farm.url)
    text = page.inner_text("body")
    assert "shot_010" in text
    assert "slave1" in text
    picture(page, "finished")
    page.get_by_role("link", name="shot_010").click()
    assert page.get_by_role("row").count() >= FRAMES
    picture(page, "job")
    with page.expect_download() as download:
        page.get_by_role("link", name="zip").click()
    assert download.value.path().stat().st_size > 0


def test_names_from_outside_are_text_and_nothing_else(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    submit(farm, tmp_path, "--name", "<img src=x onerror=document.title='pwned'>")
    page.goto(farm.url)
    assert "<img src=x" in page.inner_text("body")
    assert page.title() != "pwned"
