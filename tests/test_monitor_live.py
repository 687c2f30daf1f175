"""What the monitor's pages tell by themselves, in a real browser: a growing log, the end of a job, the viewer's time."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from browsing import live, row
from busy_farm import Api, report
from playwright.sync_api import Browser, Page, expect

# Stands in for the browser's own: what it is told to show is kept.
NOTICES = """
window.told = [];
window.Notification = class {
    static permission = "granted";
    static requestPermission() { return Promise.resolve("granted"); }
    constructor(title, { body }) { window.told.push(`${title} | ${body}`); }
};
"""


def test_a_log_is_shown_as_it_grows_and_searched_all_the_while(page: Page, api: Api) -> None:
    job, slave = api.job("sh010", "1", chunks=1), api.slave("node1")
    task = api.work(slave)["tasks"][0]
    first = "Fra:1 Mem:8.00M\n"
    api.log(slave, job, task, first)
    page.goto(f"{api.url}/jobs/{job}?frame=1")
    live(page)
    log = page.get_by_role("log")
    expect(log).to_have_text(first)
    api.log(slave, job, task, "Saved: 000001.exr\n", offset=len(first))
    expect(log).to_contain_text("Saved")
    page.get_by_label("Search the log").fill("mem")
    expect(log.locator("mark")).to_have_text("Mem")
    expect(log).not_to_contain_text("Saved")


def test_the_end_of_a_job_is_told_outside_of_the_page(page: Page, api: Api) -> None:
    job, slave = api.job("sh010", "1", chunks=1), api.slave("node1")
    page.add_init_script(NOTICES)
    page.goto(api.url)
    live(page)
    notices = page.get_by_role("button", name="Notices")
    notices.click()
    expect(notices).to_have_attribute("aria-pressed", "true")
    task = api.work(slave)["tasks"][0]
    api.work(slave, report(job, task, kind="done", seconds=1.0), want=False)
    expect(page.get_by_role("region", name="Jobs", exact=True)).to_contain_text("finished")
    assert page.evaluate("window.told") == ["sh010: finished | 1 frame done"]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_times_are_those_of_the_viewers_zone(browser: Browser, api: Api, zone: str) -> None:
    job = api.job("sh010", "1")
    came = datetime.datetime.fromtimestamp(api.ask("GET", f"jobs/{job}")["submitted_ms"] / 1000, ZoneInfo(zone))
    page = browser.new_page(timezone_id=zone, locale="en-GB")
    page.goto(api.url + "/jobs")
    live(page)
    expect(row(page, "sh010").locator("td[data-title=Came] time")).to_contain_text(f"{came:%H:%M}")
    page.close()
