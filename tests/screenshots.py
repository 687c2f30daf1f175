"""Pictures of the monitor for the documents (`make screenshots`): a real master, one job in a real Blender, the others pretended.

`--assets DIR` shows scripts and styles from a folder instead of those in the program: to work on them without a build.
"""

import argparse
import random
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Literal

from busy_farm import Api, Pretender
from playwright.sync_api import Browser, Page, Route, sync_playwright

from farm import Farm, make_orrery, wait_until

ROOT = Path(__file__).resolve().parent.parent
DESKTOP, PHONE = (1440, 900), (390, 844)
PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "job": "/jobs/{job}",
    "job-large": "/jobs/{large}",
    "slaves": "/slaves",
    "rules": "/rules",
    "settings": "/settings",
}
# What a picture's name says beside its page.
LOOKS: list[tuple[str, tuple[int, int], Literal["dark", "light"]]] = [
    ("", DESKTOP, "dark"),
    ("-light", DESKTOP, "light"),
    ("-phone", PHONE, "dark"),
    ("-phone-light", PHONE, "light"),
]
CHROMIUM = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def fill(farm: Farm, blender: str | None, busy_s: float, stop: threading.Event) -> dict[str, str]:
    """Jobs and slaves; returns the ids of the jobs that have pages of their own in the pictures."""
    api = Api(farm.url)
    ids = {"large": api.job("sq030_sh020 crowd", "1001-11000", category="sq030", tags=["gpu"], priority=2)}
    ids["job"] = ids["large"]
    if blender:
        scene = make_orrery(blender, farm.folder / "scene", 48)
        farm.start_slave("studio-desk", blender, "--tags", "blender")
        # Those that only pretend would bring no pictures.
        named = ("--name", "orrery", "--priority", "8", "--tags", "blender", "--samples", "24")
        sent = farm.run("submit", str(scene), "--master", farm.url, "--blender", blender, *named)
        if sent.returncode:
            raise SystemExit(sent.stderr)
        ids["job"] = farm.newest_job()
    for name, frames, more in [
        ("sq010_sh040 lighting", "1-240", {"category": "sq010", "priority": 4, "tags": ["gpu"]}),
        ("sq010_sh050 fx smoke", "1-96", {"category": "sq010", "priority": 6, "chunks": 4}),
        ("turntable robot", "1-72", {"priority": 1}),
        ("sq020_sh010 comp test", "101-160", {"category": "sq020", "priority": 3}),
    ]:
        api.job(name, frames, **more)
    after = api.job("sq020_sh020 previs", "1-50", category="sq020")
    api.ask("POST", f"jobs/{after}/pause")
    api.job("sq020_sh020 final", "1-50", category="sq020", depends_on=[after])
    gone = api.job("matte painting", "1-8")
    api.ask("POST", f"jobs/{gone}/cancel")
    chance = random.Random(7)
    for name in ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "rowan"]:
        more: dict[str, object] = {"tags": ["gpu"]} if name < "h" else {"slots": 2} if name == "oak" else {}
        Pretender(api, name, chance.uniform(0.15, 0.5), stop, **more).thread.start()
    for number in (1, 2):
        api.slave(f"laptop-{number}")
    away = next(slave["id"] for slave in api.ask("GET", "slaves") if slave["name"] == "laptop-2")
    api.ask("POST", f"slaves/{away}/pause")
    wait_until("the real job has pictures", lambda: api.ask("GET", f"jobs/{ids['job']}")["done"] >= 12 or not blender, 400.0)
    time.sleep(busy_s)
    return ids


def serve(page: Page, folder: Path) -> None:
    """Answers for assets from a folder."""

    def answer(route: Route) -> None:
        name = route.request.url.rsplit("/", 1)[1]
        if name == "style.css":
            sheets = [(folder / part).read_text() for part in ("base.css", "parts.css", "pages.css")]
            route.fulfill(body="".join(sheets), content_type="text/css")
        else:
            route.fulfill(path=folder / name)

    page.route("**/assets/**", answer)


def take(browser: Browser, farm: Farm, ids: dict[str, str], folder: Path, options: Any) -> list[str]:
    """All pictures, or those whose name has the word; returns what the pages complained of."""
    complaints: list[str] = []
    wanted = [(page + look, path, size, scheme) for page, path in PAGES.items() for look, size, scheme in LOOKS]
    for name, path, (width, height), scheme in wanted:
        if options.only and options.only not in name:
            continue
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("console", lambda said, name=name: said.type == "error" and complaints.append(f"{name}: {said.text}"))
        page.on("pageerror", lambda error, name=name: complaints.append(f"{name}: {error}"))
        if options.assets:
            serve(page, options.assets)
        page.goto(farm.url + path.format(**ids))
        page.locator("#live[data-state=live]").wait_for()
        page.locator(".card").first.wait_for()
        page.wait_for_timeout(1_500)
        if path.startswith("/jobs/{job}"):
            page.locator(".grid canvas").click(position={"x": 30, "y": 8})
            page.locator(".details .log").wait_for()
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(1_000)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            complaints.append(f"{name}: {overflow} pixels wider than the screen")
        page.screenshot(path=folder / f"monitor-{name}.png", full_page=options.whole)
        page.close()
    return complaints


def main() -> None:
    """Reads the options, fills a farm, takes its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/images")
    parser.add_argument("--blender", default=shutil.which("blender"))
    parser.add_argument("--without-blender", action="store_true")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--whole", action="store_true", help="whole pages instead of what a screen shows")
    parser.add_argument("--busy", type=float, default=25.0, help="seconds that the farm works before")
    options = parser.parse_args()
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder, Farm(Path(folder)) as farm, sync_playwright() as playwright:
        farm.start_master("--access", "open", "--name", "studio")
        blender = None if options.without_blender else options.blender
        ids = fill(farm, blender, options.busy, stop)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        complaints = take(browser, farm, ids, options.output, options)
        browser.close()
        stop.set()
    for file in sorted(options.output.glob("monitor-*.png")):
        subprocess.run(["convert", str(file), "+dither", "-colors", "256", f"png8:{file}"], check=True)
    if complaints:
        raise SystemExit("\n".join(complaints))


if __name__ == "__main__":
    main()
