"""Runs in a Blender with a window: pictures of the panels for the documents, in each mode, with something going on.

The master, its finished job and its thumbnails are real. What else a studio would have is written into the lists.
"""

from collections.abc import Iterator
from types import SimpleNamespace

import addon_utils
import bpy
import pictures
import start

url, folder = start.arguments()
netrender = start.enable()
search, watching = netrender.search, netrender.watching
scene = bpy.context.scene
settings = scene.network_render
view = bpy.context.window_manager.network_render

JOBS = (
    {
        "name": "shot_040",
        "piece": "frame",
        "state": "waiting",
        "total": 120,
        "told_done": "0 / 120",
        "explanation": "waits for shot_030",
    },
    {
        "name": "shot_030",
        "piece": "frame",
        "state": "queued",
        "total": 48,
        "done": 31,
        "told_done": "31 / 48",
        "told_left": "4 min",
    },
)
SLAVES = (
    {"name": "workstation", "state": "rendering", "told_doing": "shot_030", "told_speed": "2.4 x", "done": 212},
    {"name": "laptop", "state": "rendering", "told_doing": "shot_030", "told_speed": "0.8 x", "done": 64, "failed": 1},
    {"name": "reception", "state": "paused", "told_doing": "Paused", "told_speed": "0.6 x", "done": 17},
    {"name": "attic", "state": "away", "told_doing": "Away"},
)
BANS = (
    {"name": "oldbox", "cause": "failures", "until": "15:40", "reason": "its graphics driver crashed with 10 frames in a row"},
    {"name": "laptop", "job_id": "7k3vq9xd", "cause": "unfit", "reason": "it has no Blender with the add-on that makes the fur"},
)


def quiet() -> bool:
    """Whether no answer is awaited: pictures would show that."""
    return not netrender.questions.is_asking()


def mode(name: str) -> None:
    """Chooses a mode, with nothing going on."""
    settings.mode = f"RENDER_{name.upper()}"
    watching.say(None)
    watching._watched.clear()
    search._found, search._said = [], ""


def fill(rows: bpy.types.bpy_prop_collection, made_up: tuple[dict[str, object], ...]) -> None:
    """Adds rows to a list."""
    for values in made_up:
        row = rows.add()
        for name, value in values.items():
            setattr(row, name, value)


def job(**values: object) -> watching.Watched:
    """A job that was sent, as the master told of it."""
    told = {
        "name": "shot_030",
        "kind": "render",
        "state": "queued",
        "total": 48,
        "done": 31,
        "failed": 0,
        "rendering": 3,
        "frame_seconds": 41.0,
    }
    info = SimpleNamespace(**told | {"percent": None, "explanation": []} | values)
    return watching.Watched(settings.connection(), str(values.get("name")), info)


def lists() -> Iterator[start.Awaited]:
    """A real job with its frames and pictures among others."""
    yield lambda: len(view.jobs) == 2 and len(view.slaves) == 1
    view.active_job_index = view.jobs.find("shot_010")
    yield lambda: len(view.frames) == 8
    yield lambda: len(netrender.thumbnails._previews) == 8
    yield quiet
    # The master knows nothing of what is made up.
    for timer in (netrender.refresh.tick, watching._look):
        bpy.app.timers.unregister(timer)
    yield quiet
    # Newest first.
    fill(view.jobs, JOBS)
    for _ in JOBS:
        view.jobs.move(len(view.jobs) - 1, 0)
    view.active_job_index += len(JOBS)
    fill(view.slaves, SLAVES)
    view.slaves[0].speed, view.slaves[0].told_speed, view.active_slave_index = 1.0, "1.0 x", 0
    view.bans.clear()
    fill(view.bans, BANS)
    view.active_ban_index = view.active_frame_index = 0


def client() -> Iterator[start.Awaited]:
    """A client with its jobs."""
    mode("client")
    pictures.show_only(netrender, "jobs", "results", "frames", "pictures", "why", "slaves", "blacklist", "rules")
    yield from lists()
    settings.job_id = "7k3vq9xd"
    watching._watched[:] = [job(), job(name="shot_010", state="finished", total=8, done=8)]
    yield from picture("panel", "jobs", "pictures")
    watching._watched.clear()
    yield from picture("panel-jobs", "jobs", "why", "results", "frames", "pictures")
    yield from picture("panel-slaves", "slaves", "blacklist", "rules")
    watching.say("Sending wood.png (12 of 80 MB)")
    yield from picture("panel-client", "job", "versions")
    watching.say(None)
    for name in ("Cape", "Flag"):
        bpy.ops.mesh.primitive_grid_add()
        bpy.context.object.name = name
        bpy.context.object.modifiers.new("Cloth", "CLOTH")
    yield from picture("panel-simulations", "bakes")
    search._said = "Several masters answered: choose one"
    search._found = [
        SimpleNamespace(name="studio", url="http://192.168.1.20:8000", usable=True),
        SimpleNamespace(name="attic", url="http://192.168.1.31:8000", usable=False),
    ]
    settings.server_address = "[default]"
    yield from picture("panel-network", "settings")


def services() -> Iterator[start.Awaited]:
    """A master and its slave in this Blender."""
    settings.path, settings.server_address, settings.use_master_broadcast = folder, "127.0.0.1", False
    netrender.session.start("master", settings.master_arguments() | {"port": 0})
    settings.server_address = "[default]"
    netrender.session.start("slave", settings.slave_arguments(netrender.job.own_blender()))
    yield lambda: "waiting for work" in (netrender.session.status("slave") or "")
    settings.path, settings.use_master_broadcast, settings.slave_tags = "[default]", True, "gpu; fast"
    mode("master")
    netrender.session._services["master"].host = "192.168.1.20"
    yield from picture("panel-master", "master", "settings", "ssl")
    mode("slave")
    yield from picture("panel-slave", "slave", "settings")


def preferences() -> Iterator[start.Awaited]:
    """The add-on's preferences, unfolded, with two Blenders for slaves."""
    area = pictures.editor()
    stored = bpy.context.preferences
    stored.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Network Render"
    for path in ("/opt/blender-3.6/blender", "/opt/blender-4.2/blender"):
        bpy.ops.preferences.network_render_blender_add()
        stored.addons["netrender"].preferences.slave_blenders[-1].path = path
    stored.addons["netrender"].preferences.slave_allow_scripts = True
    area.ui_type = "PREFERENCES"
    # Blender reads what add-ons there are when it draws them.
    yield lambda: "netrender" in addon_utils.addons_fake_modules
    bpy.ops.preferences.addon_expand(module="netrender")
    yield from start.in_turn(area.tag_redraw, area.tag_redraw)
    pictures.take(f"{folder}/preferences.png", area)


def picture(name: str, *panels: str) -> Iterator[start.Awaited]:
    """Takes a picture of some panels."""
    pictures.show_only(netrender, *panels)
    for _ in range(3):
        netrender.session.redraw_panels()
        yield start.redrawn
    pictures.take(f"{folder}/{name}.png")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` lets Blender draw."""
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot_030.blend")
    settings.server_address = url
    yield from client()
    yield from services()
    yield from preferences()


scene.render.engine = "CYCLES"
pictures.open_only(netrender)
start.tell(walk())
