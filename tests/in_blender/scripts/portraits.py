"""Runs in a Blender with a window: pictures of the panels alone, in each mode and state, for the eye and the documents."""

from collections.abc import Iterator
from types import SimpleNamespace

import bpy
import pictures
import start

(folder,) = start.arguments()
netrender = start.enable()
network, watching, native = netrender.network, netrender.watching, netrender.native
scene = bpy.context.scene
settings = scene.network_render


def area_of(kind: str) -> bpy.types.Area:
    """The largest editor of a kind."""
    areas = bpy.context.window_manager.windows[0].screen.areas
    return max((area for area in areas if area.type == kind), key=lambda area: area.width * area.height)


def redraw() -> float:
    """What is shown was changed behind Blender's back."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    return 0.1


def picture(name: str, kind: str = "PROPERTIES") -> None:
    """Takes a picture of one editor."""
    window, area = bpy.context.window_manager.windows[0], area_of(kind)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.screenshot_area(filepath=f"{folder}/{name}.png")
    print("picture", name, flush=True)


def job(**values: object) -> watching.Watched:
    """A job that was sent, as the master told of it."""
    told = {"name": "shot_010", "state": "queued", "total": 48, "done": 12, "failed": 0, "rendering": 3, "frame_seconds": 41.0}
    info = SimpleNamespace(**told | {"explanation": ["3 slaves render it"]} | values)
    return watching.Watched(settings.connection(), str(values.get("name")), info)


def show(mode: str) -> None:
    """Chooses a mode, with nothing going on."""
    settings.mode = f"RENDER_{mode.upper()}"
    watching.say(None)
    watching._watched.clear()
    network._found, network._said = [], ""
    native.forget_failure()


def busy_client() -> None:
    """A client that sends, has sent, and knows several masters."""
    show("client")
    settings.job_id = "7k3vq9xd"
    watching.say("Sending wood.png (12 of 80 MB)")
    watching._watched[:] = [job(), job(name="shot_020", done=48, state="finished")]
    network._said = "Several masters answered: choose one"
    network._found = [
        SimpleNamespace(name="studio", url="http://192.168.1.20:8000", usable=True),
        SimpleNamespace(name="attic", url="http://192.168.1.31:8000", usable=False),
    ]


def troubled_client() -> None:
    """A client whose master shows another certificate."""
    show("client")
    watching._watched[:] = [job(failed=2)]
    watching._watched[0].trouble = "the master at https://studio:8000 does not answer in time"
    native._last_failure = "the master at https://studio:8000 shows another certificate (ab) than the one known here (cd)"


def start_services() -> None:
    """A master and its slave in this Blender."""
    settings.path, settings.server_address, settings.server_port = folder, "127.0.0.1", 1
    settings.use_master_broadcast = False
    arguments = settings.master_arguments() | {"port": 0}
    netrender.session.start("master", arguments)
    settings.server_address = "[default]"
    netrender.session.start("slave", settings.slave_arguments(netrender.job.own_blender()))


def show_preferences() -> None:
    """The add-on's preferences, unfolded, with two Blenders for slaves."""
    preferences = bpy.context.preferences
    preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Network Render"
    mine = preferences.addons["netrender"].preferences
    for path in ("/opt/blender-3.6/blender", "/opt/blender-4.2/blender"):
        bpy.ops.preferences.network_render_blender_add()
        mine.slave_blenders[-1].path = path
    mine.slave_allow_scripts = True
    area_of("PROPERTIES").ui_type = "PREFERENCES"


def unfold_preferences() -> None:
    """Once the editor is there."""
    bpy.ops.preferences.addon_expand(module="netrender")


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` lets Blender draw."""
    bpy.app.timers.register(redraw, persistent=True)
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot_010.blend")
    for mode in ("client", "master", "slave"):
        yield from start.in_turn(lambda mode=mode: show(mode), lambda mode=mode: picture(mode))
    yield from start.in_turn(busy_client, lambda: picture("client_busy"))
    yield from start.in_turn(troubled_client, lambda: picture("client_trouble"))
    start_services()
    yield lambda: "waiting for work" in (netrender.session.status("slave") or "")
    for mode in ("master", "slave"):
        yield from start.in_turn(lambda mode=mode: show(mode), lambda mode=mode: picture(f"{mode}_runs"))
    yield from start.in_turn(show_preferences, unfold_preferences, lambda: picture("preferences", "PREFERENCES"))


pictures.open_only(netrender)
start.tell(walk())
