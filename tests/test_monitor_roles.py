"""The monitor for keys that allow less: the same pages, without what changes something, and nothing that can be forged."""

import json
import re
from pathlib import Path

from browsing import live, picture
from playwright.sync_api import Page, expect

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
DEEDS = re.compile(
    "^(Pause|Resume|Change|Retry|Render anew|Cancel|Remove|Edit|Tags|Drain|Not for|Not on|Set aside|Allow|Forget node"
    "|Replace|Take off|Add|Try|More priority|Less priority)"
)
ASK = "async ([method, call]) => { const it = await fetch('/api/v1/' + call, {method}); return [it.status, await it.text()]; }"


def submit(farm: Farm, tmp_path: Path) -> str:
    """Sends a job for the fake Blender and returns its id."""
    blend = tmp_path / "shot_010.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    sent = farm.run("submit", str(blend), "--master", farm.url, "--frames", "1-2", "--blender", FAKE)
    assert sent.returncode == 0, sent.stderr
    return farm.newest_job()


def enter(page: Page, farm: Farm, role: str) -> None:
    """Enters the line of such a key, as a person does once."""
    page.context.clear_cookies()
    page.goto(farm.url)
    line = farm.run("key", "hand-over", "--role", role, "--master", farm.url, "--host", "127.0.0.1").stdout.strip()
    page.get_by_label("Farm key").fill(line)
    page.get_by_role("button", name="Enter").click()
    live(page)


def deeds(page: Page, farm: Farm, path: str) -> int:
    """How many buttons of a page would change something."""
    page.goto(farm.url + path)
    live(page)
    if path.startswith("/jobs/"):
        expect(page.get_by_text("2 of 2 frames")).to_be_visible()
        page.locator(".grid canvas").click(position={"x": 5, "y": 5})
        expect(page.get_by_role("complementary", name="Frame")).to_contain_text("node1")
    elif path == "/jobs":
        page.get_by_text("shot_010").first.wait_for()
    elif path == "/slaves":
        page.get_by_text("node1").first.wait_for()
    else:
        page.get_by_role("region").first.wait_for()
    return page.get_by_role("button", name=DEEDS).count()


def test_who_may_not_change_anything_sees_the_same_pages_without_what_does(page: Page, farm: Farm, tmp_path: Path) -> None:
    job = submit(farm, tmp_path)
    farm.start_slave("node1", FAKE)

    def is_over() -> bool:
        return json.loads(farm.run("job", job, "--json", "--master", farm.url).stdout)["state"] == "finished"

    wait_until("the job is done", is_over)
    enter(page, farm, "admin")
    paths = [f"/jobs/{job}", "/jobs", "/slaves", "/settings"]
    shown = [deeds(page, farm, path) for path in paths]
    assert all(shown), dict(zip(paths, shown, strict=True))
    assert page.get_by_role("note").count() == 0

    slave = json.loads(farm.run("slaves", "--json", "--master", farm.url).stdout)[0]["id"]
    for role in ("submit", "render"):
        enter(page, farm, role)
        for path in paths:
            assert deeds(page, farm, path) == 0, path
            told = page.get_by_role("note")
            expect(told).to_have_count(1)
            expect(told).to_contain_text(f"Read only: a key to {role}")
            picture(page, f"{role}-{path.replace('/', '-')}")
        assert "Webhooks" not in page.content()
        expect(page.get_by_role("button", name="Forget the key here")).to_be_visible()
        expect(page.get_by_label("Failed attempts after which a frame is given up")).to_be_disabled()
        # Whoever writes the request by hand is refused by the master.
        for method, call in [
            ("POST", f"slaves/{slave}/pause"),
            ("DELETE", f"jobs/{job}"),
            ("POST", "key/renew"),
            ("GET", "webhooks"),
        ]:
            status, fault = page.evaluate(ASK, [method, call])
            assert (status, json.loads(fault)["code"]) == (403, "forbidden"), call
    page.goto(farm.url + "/jobs")
    live(page)
    assert page.get_by_label("Choose", exact=True).count() == 0
    page.goto(farm.url + "/rules")
    live(page)
    expect(page.get_by_role("switch", name="New jobs first")).to_be_disabled()
    assert is_over()
