"""One warm Blender: opens a scene once and renders its frames one by one, as the process that started it says.

Runs inside `blender -b -P worker.py` and as `python worker.py` with the `bpy` module; the standard library and `bpy` only.
Orders and replies are lines of JSON on a loopback socket, because Blender prints what it likes on its streams. Every order
has a `mark`, which is printed to the log when the order is done: so the other side knows which lines belong to it.
The picture is raw: lossless 32-bit multilayer EXR, without compositing, sequencer and Grease Pencil, which the client adds
once to the gathered layers. No process is left behind: the worker dies with its parent, and always by `os._exit`, because
some Blenders crash or hang in their orderly end.
"""

import ctypes
import json
import os
import queue
import signal
import socket
import sys
import threading
import time

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import baking
import denoising
import finishing
import opening
import passes
import playing
import simulations
import tiles
from multilayer import write_multilayer
from wants import refuse_unwanted

CONNECT_TIMEOUT_S = 30
PROGRESS_INTERVAL_S = 0.5
PR_SET_PDEATHSIG = 1
LINE_BUFFERED = 1
NO_CRASH_DIALOGS = 0x0001 | 0x0002 | 0x8000


class Failed(Exception):
    """An order that could not be carried out; the text is one sentence for people."""


def main():
    port, token = os.environ["NETRENDER_WORKER"].split(":")
    die_with_parent(int(os.environ["NETRENDER_PARENT"]))
    print_by_lines()
    opening.speak_english()
    link = socket.create_connection(("127.0.0.1", int(port)), CONNECT_TIMEOUT_S)
    link.settimeout(None)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    orders = queue.Queue()
    threading.Thread(target=receive, args=(link, orders), daemon=True).start()
    reply(link, {"reply": "ready", "token": token, "version": list(bpy.app.version)})
    while True:
        order = orders.get()
        if order["order"] == "quit":
            end()
        reply(link, answer(order))


def answer(order):
    """Carries out one order; whatever goes wrong becomes a sentence."""
    try:
        return ORDERS[order["order"]](order)
    except opening.Lacking as lack:
        return {"reply": "lacks", "reason": str(lack)}
    except (Failed, opening.Refused, passes.Unfit) as refusal:
        return {"reply": "failed", "reason": str(refusal)}
    except Exception as error:  # the worker must answer, whatever Blender or a scene's add-on raises
        return {"reply": "failed", "reason": f"{type(error).__name__}: {opening.sentence(error)}"}
    finally:
        flush()
        os.write(1, f"\x1enetrender-mark {order['mark']}\n".encode())


def open_scene(order):
    """Opens the scene and sets it up for raw multilayer frames."""
    allows = order["allow_scripts"] and not order.get("without_scripts")
    opening.open_file(order["blend"], allows)
    refuse_unwanted(order, allows)
    scene = opening.choose_scene(order.get("scene"))
    opening.set_engine(scene, order.get("engine"))
    opening.refuse_unrenderable(scene)
    for line in simulations.attach(order.get("baked") or []):
        print(f"netrender: {line}", flush=True)
    settings = scene.render
    if order.get("resolution_percent"):
        settings.resolution_percentage = order["resolution_percent"]
    if order.get("samples") and settings.engine == "CYCLES":
        scene.cycles.samples = order["samples"]
    if order["threads"]:
        settings.threads_mode, settings.threads = "FIXED", order["threads"]
    choose_devices(scene, order["devices"])
    settings.use_persistent_data = True
    settings.use_compositing = False
    settings.use_sequencer = False
    # The client's Blender takes in the border's pixels only, and puts black around them where the scene wants that.
    settings.use_crop_to_border = settings.use_border
    write_multilayer(settings)
    hide_grease_pencil()
    if order.get("denoising"):
        denoising.leave_to_others(scene, order["denoising"])
    watch_render()
    STATE.update(scene=scene.name, overlap=order.get("overlap", 0))
    return {"reply": "opened", "scene": scene.name, "engine": settings.engine}


def choose_devices(scene, names):
    """Has Cycles render with these devices and no others; one that is not there is refused. Never saved."""
    if not names or scene.render.engine != "CYCLES":
        return
    wanted = {(kind.upper(), int(number or 0)) for kind, _, number in (name.partition(":") for name in names)}
    kinds = {kind for kind, _ in wanted} - {"CPU"}
    if not kinds:
        scene.cycles.device = "CPU"
        return
    if len(kinds) > 1:
        raise Failed(f"Cycles renders with one kind of device at a time, not with {' and '.join(sorted(names))}")
    preferences = bpy.context.preferences.addons["cycles"].preferences
    found = []
    try:
        preferences.compute_device_type = min(kinds)
        preferences.refresh_devices()
        found = [device for device in preferences.devices if device.type in kinds]
    except TypeError:
        pass  # this build does not know the kind at all
    missing = [f"{kind.lower()}:{number}" for kind, number in sorted(wanted) if kind in kinds and number >= len(found)]
    if missing:
        raise opening.Lacking(f"this slave is to render with {', '.join(missing)}, which its Blender does not find")
    for device in preferences.devices:
        device.use = device.type == "CPU" and ("CPU", 0) in wanted
    for number, device in enumerate(found):
        device.use = (device.type, number) in wanted
    scene.cycles.device = "GPU"


def hide_grease_pencil():
    """The client draws it over the gathered layers; drawn here too, it would be there twice."""
    for thing in bpy.data.objects:
        if thing.type in {"GPENCIL", "GREASEPENCIL"}:
            forget_animation_of(thing, "hide_render")
            thing.hide_render = True


def forget_animation_of(thing, path):
    animation = thing.animation_data
    if animation is None:
        return
    thing.driver_remove(path)
    if animation.action and animated(animation.action, path):
        animation.action = None


def animated(action, path):
    curves = getattr(action, "fcurves", None)
    return curves is None or any(curve.data_path == path for curve in curves)


STATE = {"scene": "", "overlap": 0, "cancelled": False, "told": 0.0, "ended": None}


def watch_render():
    """Handlers are gone after each opened file, so they are put back."""
    bpy.app.handlers.render_cancel.append(note_cancel)
    bpy.app.handlers.render_stats.append(tell_progress)


def note_cancel(*_):
    STATE["cancelled"] = True


def tell_progress(text, *_):
    """Newer Blenders hand the status over instead of printing it; the log shall have it in both."""
    now = time.monotonic()
    if isinstance(text, str) and text and now - STATE["told"] >= PROGRESS_INTERVAL_S:
        STATE["told"] = now
        print(text, flush=True)


def render(order):
    """Renders one frame, or neighbouring tiles of it, to a file of exactly the given name."""
    scene = bpy.data.scenes.get(STATE["scene"])
    if scene is None:
        raise Failed("no scene is open")
    output = order["output"]
    STATE["cancelled"] = False
    started = time.perf_counter()
    if STATE["ended"] is not None:
        waited_ms = (started - STATE["ended"]) * 1000
        print(f"netrender: frame {order['frame']} starts {waited_ms:.1f} ms after the frame before it", flush=True)
    scene.frame_set(order["frame"])
    scene.render.filepath = output
    if order.get("tile"):
        refuse_seams(scene)
    try:
        # Asked here, for borders can be animated.
        with tiles.only(scene.render, order.get("tile"), STATE["overlap"]) as (picture, size, margins):
            bpy.ops.render.render(write_still=True, scene=scene.name)
    except (RuntimeError, tiles.TooSmall) as error:
        kind = opening.Lacking if opening.lacks_denoiser(error) else Failed
        raise kind(opening.sentence(error)) from error
    if STATE["cancelled"]:
        raise Failed("the render was cancelled inside Blender")
    if not os.path.isfile(output) or os.path.getsize(output) == 0:
        raise Failed("Blender ended the render without writing the picture")
    STATE["ended"] = time.perf_counter()
    seconds = STATE["ended"] - started
    told = {"seconds": seconds, "picture": picture, "size": size, "margins": margins}
    return {"reply": "rendered", **told, "layers": rendered_layers(scene)}


def refuse_seams(scene):
    """Refuses tiles that would not become the picture of the whole frame."""
    seams = tiles.seams(scene)
    if tiles.adapts(scene) and not STATE["overlap"]:
        seams.append("adaptive sampling looks at the pixels around")
    if denoising.wanted(scene):
        seams.append("denoising looks at the pixels around")
    if seams:
        raise Failed(f"tiles of this scene would not fit together: {'; '.join(seams)}")


def rendered_layers(scene):
    """The names of the view layers that the picture has to hold."""
    return [layer.name for layer in scene.view_layers if layer.use]


ORDERS = {
    "open": open_scene,
    "render": render,
    "open_to_finish": finishing.open_scene,
    "finish": finishing.finish,
    "bake": baking.bake,
    "copy": playing.copy,
    "denoise": denoising.denoise,
}


def receive(link, orders):
    """Hands orders over; a parent that is gone ends this process, also in the middle of a frame."""
    try:
        for line in link.makefile("r", encoding="utf-8"):
            orders.put(json.loads(line))
    finally:
        end()


def reply(link, message):
    link.sendall(json.dumps(message).encode() + b"\n")


def end():
    flush()
    os._exit(0)


def flush():
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)


def print_by_lines():
    """One stream for both, line by line: the log is in order, and shows at once where a frame stands."""
    os.dup2(1, 2)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, LINE_BUFFERED, 0)


def die_with_parent(parent):
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetErrorMode(NO_CRASH_DIALOGS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have died before the line above.
    if os.name == "posix" and os.getppid() != parent:
        end()


try:
    main()
except BaseException:
    import traceback

    traceback.print_exc()
    flush()
    os._exit(1)
