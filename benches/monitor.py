"""The monitor in a browser: how soon it shows something, how soon a change, what an update costs, whether memory stays flat.

Run by `make bench`, with Debian's Chromium: a real master with 100 jobs of 10,000 frames each, slaves that only pretend. What
scripts and pages cost is time of the processor, so that it tells something on a busy machine too; the rest is by the clock.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from busy_farm import Api, Pretender
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from farm import Farm

JOBS = 100
FRAMES = "1-10000"
SLAVES = 10
ROUNDS = 7
UPDATES_S = 20.0
LOOKS_S = 15.0
CHROMIUM = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

# Counted from the moment at which the address was entered: the first picture of the screen that shows what is.
PAINTED = """
new MutationObserver((_, observer) => {
    if (!document.querySelector("main .figure b, main tbody tr")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.paintedMs = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
# When the state of the first job last changed on the screen.
CHANGED = """
new MutationObserver(() => { document.documentElement.dataset.changedMs = Date.now(); })
    .observe(document.querySelector("tbody td[data-title=State]"), { childList: true, subtree: true, characterData: true });
"""


def paint(page: Page, address: str) -> float:
    """Opens a page; returns the milliseconds until it shows what is."""
    page.goto(address)
    return told(page, "painted-ms")


def told(page: Page, name: str) -> float:
    """A number that the page's observers leave at its root."""
    root = page.locator(f"html[data-{name}]")
    root.wait_for(state="attached")
    return float(root.get_attribute(f"data-{name}") or "nan")


def first_paints(browser: Browser, address: str) -> tuple[float, float, float]:
    """Medians of a browser that has never been there, of one that has, and of what that costs the page's own thread."""
    cold, warm, spent = list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.add_init_script(PAINTED)
        cold.append(paint(page, address))
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = measure(session, "TaskDuration")
        warm.append(paint(page, address))
        spent.append(1000 * (measure(session, "TaskDuration") - before))
        context.close()
    return statistics.median(cold), statistics.median(warm), statistics.median(spent)


def reaction(page: Page, api: Api, job: str) -> float:
    """The median of the milliseconds from a change that somebody asks for to its sight."""
    page.goto(f"{api.url}/jobs")
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("button", name="Came").click()
    page.evaluate(CHANGED)
    took = list[float]()
    for number in range(2 * ROUNDS):
        page.evaluate("delete document.documentElement.dataset.changedMs")
        began_ms = time.time() * 1000
        api.ask("POST", f"jobs/{job}/{'resume' if number % 2 else 'pause'}")
        took.append(told(page, "changed-ms") - began_ms)
        time.sleep(0.4)
    return statistics.median(took)


def measure(session: CDPSession, name: str) -> float:
    """One of the browser's own figures."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == name)


def updates(page: Page, address: str, settled: Callable[[], None]) -> tuple[float, float]:
    """The processor's milliseconds for scripts, and for everything, of each update of a page while the farm works."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    session.send("Network.enable")
    heard = 0

    def hear(_: object) -> None:
        nonlocal heard
        heard += 1

    page.goto(address)
    page.locator("main .card").first.wait_for()
    settled()
    session.on("Network.eventSourceMessageReceived", hear)
    before = measure(session, "ScriptDuration"), measure(session, "TaskDuration")
    page.wait_for_timeout(UPDATES_S * 1000)
    after = measure(session, "ScriptDuration"), measure(session, "TaskDuration")
    count = max(1, heard)
    session.detach()
    return 1000 * (after[0] - before[0]) / count, 1000 * (after[1] - before[1]) / count


def memory(page: Page, address: str, minutes: float) -> list[float]:
    """MiB that the scripts of a page hold on to, looked at every so often."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(address)
    page.locator("main .card").first.wait_for()
    looks = list[float]()
    for _ in range(1 + max(1, round(minutes * 60 / LOOKS_S))):
        page.wait_for_timeout(LOOKS_S * 1000)
        session.send("HeapProfiler.collectGarbage")
        looks.append(measure(session, "JSHeapUsedSize") / 2**20)
    session.detach()
    return looks


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long memory is watched, on each page")
    options = parser.parse_args()
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder, Farm(Path(folder)) as farm, sync_playwright() as playwright:
        farm.start_master("--access", "open")
        api = Api(farm.url)
        jobs = [
            api.job(f"sq{number:03} shot", FRAMES, category=f"sq{number % 9}", priority=1 + number % 5) for number in range(JOBS)
        ]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        print(f"{JOBS} jobs of 10,000 frames, Chromium {browser.version}")
        for path in ("/", "/jobs", f"/jobs/{jobs[0]}"):
            cold, warm, spent = first_paints(browser, farm.url + path)
            name = path.replace(jobs[0], "{job}")
            print(f"  first paint of {name:12} {warm:5.0f} ms, {spent:.0f} ms of its thread; the first time ever {cold:5.0f} ms")
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        print(f"  a change of state shows after {reaction(page, api, jobs[-1]):.0f} ms")
        slaves = [Pretender(api, f"node{number}", 0.3, stop).thread for number in range(SLAVES)]
        for slave in slaves:
            slave.start()
        for path in ("/", "/jobs", f"/jobs/{jobs[0]}", "/slaves"):
            name = path.replace(jobs[0], "{job}")
            script, task = updates(page, farm.url + path, lambda: page.wait_for_timeout(3000))
            print(f"  an update of {name:12} {script:5.1f} ms of script, {task:5.1f} ms with layout and painting")
            looks = memory(page, farm.url + path, options.minutes)
            print(f"  memory of {name:12} {looks[0]:.1f} MiB, then {', '.join(f'{look:.1f}' for look in looks[1:])}")
        browser.close()
        stop.set()
        for slave in slaves:
            slave.join()


if __name__ == "__main__":
    main()
