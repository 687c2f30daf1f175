"""What the monitor can do to a farm and take back, in a real browser: several jobs at once, and slaves one by one."""

from browsing import live, row
from busy_farm import Api, report
from playwright.sync_api import Page, expect

from farm import wait_until


def states(api: Api) -> dict[str, str]:
    """Where each job stands."""
    return {job["name"]: job["state"] for job in api.ask("GET", "jobs")}


def choose(page: Page, *names: str) -> None:
    """Ticks these rows."""
    for name in names:
        row(page, name).get_by_role("checkbox").check()


def press(page: Page, button: str, answer: str | None = None) -> None:
    """Presses a button for all that are chosen, and answers what it asks."""
    page.get_by_role("toolbar", name="With the chosen").get_by_role("button", name=button).click()
    if answer:
        page.get_by_role("dialog").get_by_role("button", name=answer).click()


def undo(page: Page) -> None:
    """Takes the latest deed back."""
    page.locator("#notes").get_by_role("button", name="Undo").last.click()


def test_several_jobs_are_paused_resumed_changed_reset_cancelled_and_removed(page: Page, api: Api) -> None:
    names = ["sh010", "sh020", "sh030"]
    for name in names:
        api.job(name, "1-4", chunks=1)
    slave = api.slave("node1")
    lease = api.work(slave)
    api.work(slave, report(lease["job"], lease["tasks"][0], kind="done", seconds=1.0), want=False)
    api.ask("POST", f"jobs/{lease['job']}/pause")
    (held,) = [name for name, state in states(api).items() if state == "paused"]
    page.goto(api.url + "/jobs")
    live(page)
    choose(page, *names)
    press(page, "Pause")
    wait_until("all are held", lambda: set(states(api).values()) == {"paused"})
    undo(page)
    others = {name: "queued" for name in names if name != held}
    wait_until("what was held before is still", lambda: states(api) == {held: "paused", **others})
    press(page, "Resume")
    wait_until("all go on", lambda: set(states(api).values()) == {"queued"})
    expect(row(page, held)).to_contain_text("queued")
    undo(page)
    wait_until("the one that was held is so again", lambda: states(api) == {held: "paused", **others})

    press(page, "Change …")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Priority").fill("7")
    dialog.get_by_label("Tags").fill("gpu, night")
    dialog.get_by_role("button", name="Change").click()
    wait_until("all have it", lambda: all(job["priority"] == 7 for job in api.ask("GET", "jobs")))
    expect(row(page, "sh030").locator(".tag")).to_have_text(["gpu", "night"])
    undo(page)
    wait_until("all are as before", lambda: all((j["priority"], j["tags"]) == (1, []) for j in api.ask("GET", "jobs")))

    press(page, "Render anew …", "Render all frames anew")
    wait_until("the finished frame counts for nothing", lambda: all(job["done"] == 0 for job in api.ask("GET", "jobs")))
    press(page, "Cancel …", "Cancel the rendering")
    wait_until("all are over", lambda: set(states(api).values()) == {"cancelled"})
    press(page, "Remove …", "Remove")
    expect(page.get_by_text("No jobs yet")).to_be_visible()


def test_a_slave_is_paused_resumed_drained_and_forgotten(page: Page, api: Api) -> None:
    slave, away = api.slave("node1"), api.slave("node2")
    api.job("sh010", "1-4", chunks=1)
    page.goto(api.url + "/slaves")
    live(page)

    def paused() -> bool:
        return bool(api.ask("GET", f"slaves/{slave}")["paused"])

    for deed, now in [("Pause", True), ("Resume", False)]:
        page.get_by_role("button", name=f"{deed} node1").click()
        wait_until("it holds", lambda now=now: paused() == now)
        undo(page)
        wait_until("it is as before", lambda now=now: paused() != now)
        api.ask("POST", f"slaves/{slave}/{'pause' if now else 'resume'}")
    api.work(slave)
    page.get_by_role("button", name="Drain node1").click()
    expect(page.get_by_role("dialog")).to_contain_text("It finishes what it renders")
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.locator("#notes")).to_contain_text("node1 ends after what it renders")
    orders = api.ask("POST", f"slaves/{slave}/orders", {"wait_ms": 0, "after": 0})
    assert orders["end"] is True and orders["cancel"] == [], orders
    api.ask("DELETE", f"slaves/{away}")
    page.get_by_role("button", name="Forget node2").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget it").click()
    expect(page.locator(".slave")).to_have_count(1)


def test_whoever_works_by_keyboard_keeps_their_place_while_the_farm_goes_on(page: Page, api: Api) -> None:
    job = api.job("sh010", "1-4", chunks=1)
    slave = api.slave("node1")
    page.goto(api.url + "/jobs")
    live(page)
    page.get_by_role("button", name="More priority").focus()
    for priority in ("2", "3"):
        page.keyboard.press("Enter")
        expect(page.locator("td[data-title=Priority] b")).to_have_text(priority)
        expect(page.get_by_role("button", name="More priority")).to_be_focused()
    page.goto(api.url + "/slaves")
    live(page)
    page.get_by_role("button", name="Tags … node1").focus()
    api.work(slave)
    expect(page.locator(".slave")).to_contain_text("rendering")
    expect(page.get_by_role("button", name="Tags … node1")).to_be_focused()
    page.goto(f"{api.url}/jobs/{job}")
    live(page)
    page.get_by_role("button", name="Cancel …").focus()
    api.ask("PATCH", f"jobs/{job}", {"category": "film"})
    expect(page.locator("h1")).to_contain_text("film")
    expect(page.get_by_role("button", name="Cancel …")).to_be_focused()
