"""The monitor's finer points in a real browser: what slaves, jobs and settings show beyond lists, and who can use it.

What a page must always do is in `test_monitor.py`.
"""

import json
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from accessibility import FAINT, MOVING, NAMELESS
from browsing import live, log_in, row
from busy_farm import Api, report
from playwright.sync_api import Browser, Page, expect

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
PAGES = ["/", "/jobs", "/slaves", "/rules", "/settings"]


class Ear:
    """Somebody at the other end of a webhook."""

    def __init__(self) -> None:
        heard: Queue[Any] = Queue()

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.heard = heard
        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/secret"
        Thread(target=self.server.serve_forever, daemon=True).start()


def followers(api: Api) -> int:
    """How many pages hold a stream open."""
    with urllib.request.urlopen(f"{api.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("netrender_followers ")))


def hide(page: Page, *, hidden: bool) -> None:
    """Makes a page believe that another tab is before it, or no longer."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_a_page_that_nobody_sees_holds_no_connection_and_catches_up(page: Page, api: Api) -> None:
    api.job("before", "1-4")
    page.goto(api.url + "/jobs")
    live(page)
    wait_until("the page follows", lambda: followers(api) == 1)
    hide(page, hidden=True)
    wait_until("nobody follows", lambda: followers(api) == 0)
    api.job("meanwhile", "1-4")
    lists: list[str] = []
    page.on("request", lambda request: "/api/v1/jobs" in request.url and lists.append(request.url))
    hide(page, hidden=False)
    expect(page.locator("tbody")).to_contain_text("meanwhile")
    assert followers(api) == 1
    assert all("ids=" in url for url in lists), "it reads what it missed, not everything"


def test_a_slave_shows_what_it_renders_beside_its_latest_picture(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    farm.start_slave("slave1", FAKE)
    blend = tmp_path / "shot_010.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    sent = farm.run("submit", str(blend), "--master", farm.url, "--frames", "1-6", "--blender", FAKE)
    assert sent.returncode == 0, sent.stderr
    page.goto(farm.url + "/slaves")
    live(page)
    expect(page.locator(".slave")).to_contain_text("6 frames done")
    picture = page.get_by_role("img", name="Latest picture: shot_010, frame")
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    # Which one came last, only the slave knows.
    frame = (picture.get_attribute("alt") or "").split()[-1]
    page.locator(".latest").click()
    details = page.get_by_role("complementary", name="Frame")
    expect(details.get_by_role("heading")).to_have_text(f"Frame {frame}")
    details.get_by_role("button", name=f"Frame {frame}, larger").click()
    large = page.get_by_role("dialog", name=f"Frame {frame}").locator("img")
    assert large.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    files = page.get_by_role("region", name="Files").first
    expect(files).to_contain_text("1 file")
    expect(files).to_contain_text("all here")


def test_a_frame_in_hand_is_named_and_files_and_jobs_that_are_waited_for(page: Page, api: Api) -> None:
    first = api.job("previs", "7-9", chunks=1)
    then = api.job("final", "1-2", depends_on=[first])
    api.work(api.slave("node1"))
    page.goto(api.url + "/slaves")
    live(page)
    expect(page.locator(".slave .work")).to_contain_text("previs · frame 7")
    file = {"path": "main.blend", "hash": "00" * 32, "size_bytes": 5}
    api.job("not here yet", "1", manifest={"main": "main.blend", "files": [file]})
    page.goto(f"{api.url}/jobs/{then}")
    ties = page.get_by_role("region", name="Dependencies")
    expect(ties).to_contain_text("It waits for")
    ties.get_by_role("link", name="previs").click()
    expect(ties).to_contain_text("For it wait")
    expect(ties.get_by_role("link", name="final")).to_be_visible()
    page.goto(api.url + "/jobs")
    row(page, "not here yet").get_by_role("link").click()
    files = page.get_by_role("region", name="Files").first
    expect(files).to_contain_text("0 here")
    expect(files).to_contain_text("to come")


def test_every_column_that_the_old_table_had_can_be_shown_and_sorted_by(page: Page, api: Api) -> None:
    job = api.job("sh010", "1-4", chunks=1)
    api.job("sh020", "1-4", chunks=1)
    slave = api.slave("node1")
    api.work(slave)
    page.goto(api.url + "/jobs")
    live(page)
    page.get_by_role("button", name="Columns …").click()
    for name in ["Ended", "Got a slave", "Rendering", "Failed", "Type", "Id"]:
        page.get_by_role("dialog").get_by_label(name, exact=True).check()
    page.get_by_role("dialog").get_by_label("Why").uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Show").click()
    expect(row(page, "sh010")).to_contain_text(job)
    page.reload()
    live(page)
    expect(page.get_by_role("columnheader", name="Got a slave")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Why")).to_have_count(0)
    page.get_by_role("button", name="Rendering", exact=True).click()
    expect(page.get_by_role("columnheader", name="Rendering")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tbody tr").last).to_contain_text("now")


def test_a_list_is_read_to_its_end_however_long_it_is(page: Page, api: Api) -> None:
    api.job("the oldest", "1")
    for number in range(1_002):
        api.job(f"job {number}", "1")
    page.goto(api.url + "/jobs")
    live(page)
    expect(page.get_by_text("1,003 jobs")).to_be_visible()
    page.get_by_role("searchbox").fill("oldest")
    expect(row(page, "the oldest")).to_be_visible()


def test_a_webhook_is_added_tried_told_and_removed(page: Page, api: Api) -> None:
    ear = Ear()
    page.goto(api.url + "/settings")
    live(page)
    hooks = page.get_by_role("region", name="Webhooks")
    expect(hooks).to_contain_text("Nobody outside is told of anything")
    hooks.get_by_role("textbox").fill(ear.url)
    hooks.get_by_role("button", name="Add").click()
    expect(hooks.get_by_role("listitem")).to_contain_text("not told of anything yet")
    assert "secret" not in page.locator("main").inner_text()
    hooks.get_by_role("button", name="Try").click()
    assert ear.heard.get()["event"] == "test"
    expect(hooks.get_by_role("listitem")).to_contain_text("1 told")
    job = api.job("sh010", "1")
    api.work(slave := api.slave("node1"))
    api.work(slave, report(job, {"task": 0, "attempt": 1}, kind="done", seconds=1.0), want=False)
    told = ear.heard.get()
    assert (told["event"], told["job"]["name"], told["job"]["done"]) == ("job_finished", "sh010", 1)
    ear.server.shutdown()
    ear.server.server_close()
    hooks.get_by_role("button", name="Try").click()
    expect(hooks.get_by_role("listitem")).to_contain_text("connection refused")
    hooks.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(hooks).to_contain_text("Nobody outside is told of anything")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_everything_has_a_name_a_place_and_enough_contrast(browser: Browser, api: Api, scheme: Any) -> None:
    job, slave = api.job("sh010", "1-40", category="film", tags=["gpu"]), api.slave("node1", tags=["gpu"])
    task = api.work(slave)["tasks"][0]
    api.work(slave, report(job, task, kind="failed", reason="no memory"))
    page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in [*PAGES, f"/jobs/{job}?frame=1"]:
        page.goto(api.url + path)
        live(page)
        for role in ("banner", "navigation", "main"):
            assert page.get_by_role(role).count() == 1, (path, role)
        assert page.get_by_role("heading").count() > 0
        assert page.evaluate(NAMELESS) == [], path
        assert page.evaluate(FAINT) == [], path
        assert page.evaluate(MOVING) == [], path
    assert all(url.startswith((api.url, "blob:")) for url in asked), "nothing is asked of anybody else"
    page.close()


def test_everything_can_be_done_by_keyboard(page: Page, api: Api) -> None:
    job = api.job("sh010", "1-40")
    page.goto(api.url + "/jobs")
    live(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    box = row(page, "sh010").get_by_role("checkbox")
    for _ in range(30):
        page.keyboard.press("Tab")
        if box.evaluate("(box) => box === document.activeElement"):
            break
    page.keyboard.press("Space")
    page.get_by_role("button", name="Cancel …").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert api.ask("GET", f"jobs/{job}")["state"] == "queued"
    page.goto(f"{api.url}/jobs/{job}")
    live(page)
    page.locator(".grid canvas").focus()
    for key in ["ArrowRight", "ArrowRight", "Enter"]:
        page.keyboard.press(key)
    details = page.get_by_role("complementary", name="Frame")
    expect(details).to_be_focused()
    expect(details.get_by_role("heading")).to_have_text("Frame 2")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_a_page_that_is_open_for_long_does_not_grow(page: Page, api: Api) -> None:
    job, slave = api.job("sh010", "1-2000", chunks=1), api.slave("node1")
    page.goto(f"{api.url}/jobs/{job}")
    live(page)
    session = page.context.new_cdp_session(page)

    def render(frames: int) -> dict[str, int]:
        for _ in range(frames):
            task = api.work(slave)["tasks"][0]
            api.work(slave, report(job, task, kind="done", seconds=1.0), want=False)
        done = api.ask("GET", f"jobs/{job}")["done"]
        expect(page.get_by_text(f"{done:,} of 2,000 frames")).to_be_visible()
        session.send("HeapProfiler.collectGarbage")
        counted: dict[str, int] = session.send("Memory.getDOMCounters")
        return counted

    before = render(40)
    after = render(160)
    assert after["jsEventListeners"] <= before["jsEventListeners"] + 20, (before, after)
    assert after["nodes"] <= before["nodes"] * 1.2 + 200, (before, after)
