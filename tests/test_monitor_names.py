"""Whatever people or machines call a thing, the monitor shows it as text: every kind of name holds markup here."""

import re
from pathlib import Path
from typing import Any

from browsing import live, log_in, row
from busy_farm import Api
from playwright.sync_api import Locator, Page, expect

from farm import Farm

FAKE = str(Path(__file__).parent / "fake_blender.py")
NASTY = "<img src=x onerror=document.title='pwned'>"
# What a path in a job may hold of markup.
ENTITY = "a' onerror=x &lt;img src=x&gt;.blend"


def harmless(page: Page) -> None:
    """Nothing that a name says has become a part of the page."""
    assert page.locator("img[src=x]").count() == 0, page.url
    assert "pwned" not in page.title().replace(NASTY, ""), page.url


def told(place: Locator, text: str) -> None:
    """It stands there as it was written."""
    expect(place).to_contain_text(text)
    harmless(place.page)


def manifest(**more: Any) -> dict[str, Any]:
    """A job whose file is still to come."""
    file = {"path": ENTITY, "hash": "00" * 32, "size_bytes": 5}
    return {"main": ENTITY, "files": [file], "settings": {"scene": NASTY}, **more}


def test_jobs_their_files_their_bakes_and_what_they_wait_for(page: Page, tmp_path: Path) -> None:
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--access", "open", "--name", NASTY)
        api = Api(farm.url)
        bake = {"name": NASTY, "kind": "cloth", "object": NASTY, "item": NASTY, "scene": NASTY, "first": 1, "last": 9}
        first = api.job(f"first {NASTY}", "1", manifest=manifest(bakes=[bake]))
        then = api.job(f"then {NASTY}", "1-2", depends_on=[first])
        page.goto(f"{farm.url}/jobs/{then}")
        live(page)
        told(page.locator(".brand"), NASTY)
        told(page.locator(".whys"), NASTY)
        told(page.get_by_role("region", name="Dependencies"), f"first {NASTY}")
        page.get_by_role("link", name="first").click()
        live(page)
        told(page.get_by_role("region", name="Files").first, ENTITY)
        told(page.get_by_role("region", name="Files").first, NASTY)
        told(page.get_by_role("region", name="Bakes"), NASTY)
        page.get_by_role("region", name="Bakes").get_by_role("button").click()
        told(page.get_by_role("complementary", name="Frame").get_by_role("heading"), f"Bake 1: {NASTY}")
        told(page.get_by_role("region", name="Dependencies"), f"then {NASTY}")
        page.get_by_role("button", name="Pause").click()
        told(page.locator("#notes"), f"“first {NASTY}” paused")
        page.goto(farm.url + "/jobs")
        live(page)
        row(page, f"then {NASTY}").get_by_role("checkbox").check()
        page.get_by_role("button", name="Change …").click()
        told(page.get_by_role("dialog"), NASTY)


def test_slaves_what_they_say_of_themselves_and_why_they_are_kept_away(page: Page, api: Api) -> None:
    machine = {"os": NASTY, "cores": 4, "threads": 4, "memory_bytes": 1 << 30, "disk_free_bytes": 1 << 40, "gpus": [NASTY]}
    slave = api.slave(NASTY, tags=[NASTY], machine=machine)
    job = api.job(NASTY, "1-4", chunks=1)
    for path in (f"blacklist/{slave}", f"jobs/{job}/blacklist/{slave}"):
        api.ask("PUT", path, {"reason": NASTY})
    page.goto(api.url + "/slaves")
    live(page)
    card = page.locator(".slave")
    told(card.get_by_role("heading"), NASTY)
    told(card.locator(".work"), NASTY)
    told(card.locator(".tag"), NASTY)
    expect(card.locator("p.facts").first).to_contain_text(re.compile("<img.*<img"))
    told(page.get_by_role("region", name="Blacklist of the farm"), f"by an administrator: {NASTY}")
    card.get_by_role("button", name="Tags …").click()
    expect(page.get_by_role("textbox", name="Tags")).to_have_value(NASTY)
    told(page.get_by_role("dialog"), f"Tags of {NASTY}")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Not for …").click()
    told(page.get_by_role("dialog").locator("option"), NASTY)
    page.keyboard.press("Escape")
    page.goto(f"{api.url}/jobs/{job}")
    live(page)
    told(page.get_by_role("region", name="Blacklist"), NASTY)
    page.goto(api.url + "/rules")
    live(page)
    told(page.get_by_role("region", name="Who is next"), NASTY)
    page.goto(api.url)
    live(page)
    told(page.locator(".alerts"), f"{NASTY} gets nothing")
    told(page.locator(".machines"), NASTY)


def test_a_picture_is_called_after_its_job(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    farm.start_slave("slave1", FAKE)
    blend = tmp_path / "shot_010.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    sent = farm.run("submit", str(blend), "--master", farm.url, "--frames", "1", "--blender", FAKE, "--name", NASTY)
    assert sent.returncode == 0, sent.stderr
    page.goto(farm.url + "/slaves")
    live(page)
    latest = page.locator(".latest")
    expect(latest).to_have_attribute("title", f"{NASTY}, frame 1")
    expect(latest.locator("img")).to_have_attribute("alt", f"Latest picture: {NASTY}, frame 1")
    harmless(page)


def test_webhooks_and_why_one_was_not_taken(page: Page, api: Api) -> None:
    page.goto(api.url + "/settings")
    live(page)
    hooks = page.get_by_role("region", name="Webhooks")
    # Nobody listens there.
    hooks.get_by_role("textbox").fill(f"http://127.0.0.1:1/{NASTY}")
    hooks.get_by_role("button", name="Add").click()
    told(hooks.get_by_role("listitem"), "http://127.0.0.1:1/…")
    hooks.get_by_role("button", name="Try").click()
    told(hooks.get_by_role("listitem"), "the last one failed")
    told(page.locator("#notes"), "did not take the message")
    # A browser takes it for an address; the master says what it is.
    hooks.get_by_role("textbox").fill(f"ftp://host/{NASTY}")
    hooks.get_by_role("button", name="Add").click()
    told(page.locator("#notes"), "neither https nor http")
