"""The monitor in a real browser, against a real master: behind the key, every page, every kind of action, live.

Slaves are real ones with a Blender that pretends where there are pictures, and else only pretend to be slaves (`busy_farm.py`).
"""

import json
import re
import zipfile
from pathlib import Path

from browsing import live, log_in, picture, row
from busy_farm import Api, report
from playwright.sync_api import Browser, Page, expect

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")
FRAMES = 12
NASTY = "<img src=x onerror=document.title='pwned'>"
PAGES = ["/", "/jobs", "/slaves", "/rules", "/settings", "/api"]


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
    page.get_by_label("Farm key").fill("0" * 64)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_contain_text("not the farm's key")
    assert page.get_by_role("navigation").count() == 0
    log_in(page, farm)
    page.goto(farm.url + "/settings")
    page.get_by_role("button", name="Forget the key here").click()
    expect(page.get_by_label("Farm key")).to_be_visible()
    page.goto(farm.url + "/jobs")
    expect(page.get_by_label("Farm key")).to_be_visible()


def test_an_empty_farm_says_what_to_do_next_on_every_page_and_fits_a_phone(page: Page, api: Api) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    for path in PAGES:
        page.goto(api.url + path)
        if path != "/api":
            live(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert page.get_by_role("main").count() == 1
    page.goto(api.url)
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.get_by_text("No slaves yet")).to_be_visible()
    picture(page, "empty")


def test_a_job_is_held_back_rendered_and_looked_at_down_to_its_log(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    job = submit(farm, tmp_path)
    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    live(page)
    row(page, "shot_010").get_by_role("checkbox").check()
    page.get_by_role("button", name="Pause").click()
    expect(row(page, "shot_010")).to_contain_text("paused")
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "shot_010")).to_contain_text("queued")
    farm.start_slave("slave1", FAKE)
    expect(row(page, "shot_010")).to_contain_text("finished")
    page.get_by_role("link", name="shot_010").click()
    live(page)
    expect(page.get_by_text(f"{FRAMES} of {FRAMES} frames")).to_be_visible()
    expect(page.locator(".frame-number")).to_have_text(f"frame {FRAMES}")
    expect(page.get_by_text("shot_010.blend").first).to_be_visible()
    page.locator(".grid canvas").click(position={"x": 5, "y": 5})
    details = page.get_by_role("complementary", name="Frame")
    expect(details).to_contain_text("slave1")
    expect(details.get_by_role("log")).to_contain_text("Fra:1")
    details.get_by_role("searchbox").fill("fra:1")
    expect(details.locator("mark").first).to_have_text("Fra:1")
    assert details.locator("img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    picture(page, "job")
    with page.expect_download() as exr:
        details.get_by_role("link", name="EXR").click()
    assert exr.value.path().read_bytes()[:4] == b"\x76\x2f\x31\x01"
    with page.expect_download() as frames:
        page.get_by_role("link", name="All frames").click()
    assert frames.value.path().read_bytes()[:2] == b"PK"
    details.get_by_role("button", name="Render anew").click()
    expect(details).to_contain_text(re.compile(r"Attempts\s*[2-9]"))
    page.get_by_role("button", name="First frame").click()
    expect(page.locator(".frame-number")).to_have_text("frame 1")
    page.get_by_role("slider", name="Frame").fill("3")
    expect(page.locator(".frame-number")).to_have_text("frame 4")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".frame-number")).not_to_have_text("frame 4")
    page.get_by_role("button", name="Time", exact=True).click()
    expect(page.get_by_role("button", name="Time", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".print")).to_have_count(FRAMES)
    page.get_by_label("From frame").fill("3")
    page.get_by_label("To frame").fill("5")
    page.get_by_label("To frame").blur()
    expect(page.locator(".print")).to_have_count(3)
    page.get_by_role("button", name="Remove …").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page).to_have_url(farm.url + "/jobs")
    wait_until("the job is gone", lambda: job not in farm.run("jobs", "--json", "--master", farm.url).stdout)


def test_a_frame_that_is_cut_is_shown_whole_and_tile_by_tile(page: Page, farm: Farm, tmp_path: Path) -> None:
    log_in(page, farm)
    farm.start_slave("slave1", FAKE)
    job = submit(farm, tmp_path, "--tiles", "2x2")
    page.goto(f"{farm.url}/jobs/{job}")
    live(page)
    expect(page.locator("h1")).to_contain_text("finished")
    page.locator(".grid canvas").click(position={"x": 5, "y": 5})
    details = page.get_by_role("complementary", name="Frame")
    expect(details).to_contain_text("4 done of 2x2")
    pictures = details.locator(".mosaic img")
    expect(pictures).to_have_count(4)
    assert pictures.last.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    details.get_by_role("button", name="Tile 3/2x2").click()
    expect(details.get_by_role("log")).to_contain_text("Fra:1")
    expect(details.get_by_role("link", name="EXR", exact=True)).to_have_attribute("download", "000001.exr")
    with page.expect_download() as exr:
        details.get_by_role("link", name="EXR of the tile").click()
    assert exr.value.path().read_bytes()[:4] == b"\x76\x2f\x31\x01"
    widths = []
    for what in ["Tile 3/2x2 of frame 1", "Frame 1"]:
        details.get_by_role("button", name=f"{what}, larger", exact=True).click()
        large = page.get_by_role("dialog", name=what).locator("img")
        widths.append(large.evaluate("(image) => image.decode().then(() => image.naturalWidth)"))
        page.keyboard.press("Escape")
    assert widths[1] == 2 * widths[0], widths
    book = page.get_by_role("region", name="Pictures")
    expect(book.locator(".frame-number")).to_have_text(f"frame {FRAMES}")
    book.get_by_role("button", name="Side by side").click()
    expect(book.locator(".print")).to_have_count(FRAMES)
    assert book.locator(".print img").first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    details.get_by_role("button", name="Render this tile anew").click()
    tiles = f"{farm.url}/api/v1/jobs/{job}/frames/1/tiles"
    wait_until("only that tile was rendered anew", lambda: [tile["attempt"] for tile in page.request.get(tiles).json()][3] > 1)
    assert [tile["attempt"] for tile in page.request.get(tiles).json()][:3] == [1, 1, 1]


def test_a_frame_that_is_denoised_is_shown_so_with_the_log_of_that(page: Page, farm: Farm, tmp_path: Path) -> None:
    denoising = {"layers": [{"name": "ViewLayer"}], "passes": "RGB", "prefilter": "NONE"}
    farm.env["FAKE_BLENDER"] = json.dumps({"size": [64, 48], "collected": {"denoising": denoising}})
    log_in(page, farm)
    farm.start_slave("slave1", FAKE)
    job = submit(farm, tmp_path, "--tiles", "2x2")
    page.goto(f"{farm.url}/jobs/{job}")
    live(page)
    expect(page.locator("h1")).to_contain_text("finished", timeout=60_000)
    expect(page.get_by_text(f"{5 * FRAMES} of {5 * FRAMES} tasks")).to_be_visible()
    page.locator(".grid canvas").click(position={"x": 5, "y": 5})
    details = page.get_by_role("complementary", name="Frame")
    expect(details).to_contain_text("4 done of 2x2")
    expect(details.get_by_role("log")).to_contain_text("putting 4 tiles together")
    whole = details.locator(".picture img")
    assert whole.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 64
    details.get_by_role("button", name="Tile 3/2x2").click()
    expect(details.get_by_role("log")).to_contain_text("Fra:1")
    details.get_by_role("tab", name="Attempt 1").click()
    expect(details.get_by_role("log")).to_contain_text("putting 4 tiles together")
    with page.expect_download() as zipped:
        page.goto(f"{farm.url}/jobs/{job}")
        page.evaluate(f"location.assign('/api/v1/jobs/{job}/results.zip')")
    names = zipfile.ZipFile(zipped.value.path()).namelist()
    assert names == [f"{frame:06}.exr" for frame in range(1, FRAMES + 1)]


def test_names_from_outside_are_text_and_nothing_else(page: Page, api: Api) -> None:
    job = api.job(NASTY, "1-3", category=NASTY, tags=[NASTY], chunks=1)
    slave = api.slave(NASTY, tags=[NASTY])
    task = api.work(slave)["tasks"][0]
    api.log(slave, job, task, f"{NASTY}\n")
    api.work(slave, report(job, task, kind="failed", reason=NASTY), want=False)
    for path in [*PAGES, f"/jobs/{job}"]:
        page.goto(api.url + path)
        if path == "/api":
            continue
        live(page)
        assert page.locator("main img[src=x]").count() == 0, path
        assert "pwned" not in page.title().replace(NASTY, ""), path
        if path not in ("/settings",):
            assert NASTY in page.locator("main").text_content(), path  # type: ignore[operator]
    page.locator(".grid canvas").click(position={"x": 5, "y": 5})
    expect(page.get_by_role("log")).to_contain_text(NASTY)
    expect(page.locator(".details .error")).to_have_text(NASTY)
    page.get_by_role("button", name="Cancel …").click()
    expect(page.get_by_role("dialog")).to_contain_text(NASTY)
    assert page.locator("img[src=x]").count() == 0


def test_what_one_browser_changes_another_one_shows(browser: Browser, page: Page, api: Api) -> None:
    job = api.job("sh010", "1-20")
    other = browser.new_page()
    for one in (page, other):
        one.goto(api.url + "/jobs")
        live(one)
    row(page, "sh010").get_by_role("button", name="More priority").click()
    expect(row(other, "sh010").locator("td[data-title=Priority] b")).to_have_text("2")
    row(other, "sh010").get_by_role("button", name="More chunks").click()
    expect(row(page, "sh010").locator("td[data-title=Chunks] b")).to_have_text("1")
    other.goto(f"{api.url}/jobs/{job}")
    live(other)
    row(page, "sh010").get_by_role("checkbox").check()
    page.get_by_role("button", name="Change …").click()
    page.get_by_label("Category").fill("film")
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(other.locator("h1")).to_contain_text("film")
    other.get_by_role("button", name="Edit …").click()
    other.get_by_role("textbox", name="Name").fill("sh011")
    other.get_by_role("textbox", name="Frames").fill("1-30")
    other.get_by_role("button", name="Save").click()
    expect(row(page, "sh011")).to_contain_text("0 / 30")
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.locator("tbody tr")).to_have_count(0)
    page.get_by_role("searchbox").fill("film sh011")
    expect(page.locator("tbody tr")).to_have_count(1)
    api.ask("DELETE", f"jobs/{job}")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(other.get_by_text("This job was removed")).to_be_visible()
    other.close()


def test_slaves_are_paused_kept_away_and_let_in_again(page: Page, api: Api) -> None:
    slave = api.slave("node1", tags=["gpu"])
    job = api.job("sh010", "1-4", chunks=1)
    page.goto(api.url + "/slaves")
    live(page)
    card = page.locator(".slave")
    card.get_by_role("button", name="Pause node1").click()
    expect(card).to_contain_text("paused")
    page.get_by_role("button", name="Undo").click()
    card.get_by_role("button", name="Tags … node1").click()
    page.get_by_role("textbox", name="Tags").fill("gpu, night")
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(card.locator(".tag")).to_have_text(["gpu", "night"])
    card.get_by_role("button", name="Tags … node1").click()
    page.get_by_role("checkbox", name="As it says itself: gpu").check()
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(card.locator(".tag")).to_have_text(["gpu"])
    card.get_by_role("button", name="Set aside node1").click()
    page.get_by_label("Reason").fill("too hot")
    page.get_by_role("dialog").get_by_role("button", name="Keep away").click()
    expect(page.get_by_role("region", name="Blacklist of the farm")).to_contain_text("too hot")
    page.get_by_role("button", name="Take off").click()
    expect(card).to_contain_text("idle")
    card.get_by_role("button", name="Not for … node1").click()
    page.get_by_role("dialog").get_by_role("button", name="Choose").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep away").click()
    wait_until("the job's list has it", lambda: api.ask("GET", f"jobs/{job}")["blacklisted"] == 1)
    page.goto(f"{api.url}/jobs/{job}")
    page.get_by_role("button", name="Take off").click()
    expect(page.get_by_text("Every slave may render it")).to_be_visible()
    assert api.work(slave)["job"] == job


def test_rules_and_settings_hold_at_once_and_can_be_taken_back(page: Page, api: Api) -> None:
    api.job("sh010", "1-4", priority=3)
    page.goto(api.url + "/rules")
    live(page)
    expect(page.get_by_role("region", name="Jobs that want slaves")).to_contain_text("sh010")
    share = page.get_by_label("No job takes the whole farm: limit")
    share.fill("40")
    share.blur()
    wait_until("the rule holds", lambda: api.ask("GET", "rules")["share"] == {"enabled": True, "limit": 40})
    page.get_by_role("button", name="Undo").click()
    wait_until("it is as before", lambda: api.ask("GET", "rules")["share"]["limit"] == 75)
    page.get_by_role("switch", name="New jobs first").click()
    wait_until("the rule is off", lambda: api.ask("GET", "rules")["new_first"]["enabled"] is False)
    page.goto(api.url + "/settings")
    live(page)
    attempts = page.get_by_label("Failed attempts after which a frame is given up")
    attempts.fill("7")
    attempts.blur()
    wait_until("the setting holds", lambda: api.ask("GET", "settings")["attempts"] == 7)


def test_a_page_survives_its_master_and_says_so_meanwhile(page: Page, tmp_path: Path) -> None:
    with Farm(tmp_path / "farm") as farm:
        master = farm.start_master("--access", "open")
        api = Api(farm.url)
        api.job("before", "1-4")
        page.goto(farm.url + "/jobs")
        live(page)
        master.kill()
        expect(page.locator("#live")).to_contain_text("not live since")
        picture(page, "lost")
        farm.start_master("--access", "open")
        Api(farm.url).job("after", "1-4")
        expect(page.locator("#live")).to_have_text("live")
        expect(page.locator("tbody")).to_contain_text("after")
        expect(page.locator("tbody")).to_contain_text("before")


def test_a_frame_that_changes_costs_little_among_ten_thousand(page: Page, api: Api) -> None:
    job = api.job("long", "1-10000", chunks=1)
    slave = api.slave("node1")
    page.goto(f"{api.url}/jobs/{job}")
    live(page)
    reading = page.locator(".grid .reading")
    page.locator(".grid canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(reading).to_have_text("Frame 1 · queued")
    task = api.work(slave)["tasks"][0]
    expect(reading).to_contain_text("rendering")
    api.work(slave, report(job, task, kind="done", seconds=2.5), want=False)
    expect(reading).to_have_text("Frame 1 · done · on node1 · 2.5 s")
    # What is drawn for some frames, as a part of what is drawn for all: both on this machine, just now.
    ratio = page.evaluate(
        """async () => {
            const { FrameGrid } = await import(document.querySelector('script[type=module]').src.replace('job.js', 'grid.js'));
            const grid = new FrameGrid('none', () => {});
            document.querySelector('main').append(grid.element);
            grid.cells = Array.from({length: 10000}, (_, frame) => ({frame, state: 'q', seconds: null, slave: '', slaveId: ''}));
            grid.lay();
            const middle = (deed) => Array.from({length: 9}, (_, round) => {
                const began = performance.now();
                deed(round);
                return performance.now() - began;
            }).sort((a, b) => a - b)[4];
            const all = middle(() => grid.lay());
            return middle((round) => { for (let place = 0; place < 10; place++) grid.paint(round * 10 + place); }) / all;
        }"""
    )
    assert ratio < 0.2, ratio
