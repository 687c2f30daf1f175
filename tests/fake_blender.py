#!/usr/bin/env python3
"""A Blender that fails on command: speaks `worker.py`'s and `collect.py`'s language, renders nothing but tiny valid EXR files.

It is started exactly like the real one (`--version`; `-b … -P worker.py`; `-b … -P collect.py -- REQUEST`). What it does
comes from the JSON file that lies beside it and has its name (`fake_blender.json` beside `fake_blender.py`, read anew for
every order), else from the environment variable FAKE_BLENDER, as JSON too; every key may be left out:

    version           [3, 4, 1]
    size              [8, 8] pixels
    render_ms         how long a frame takes; else FAKE_BLENDER_FRAME_MS, else 0
    crash_on_start    true: dies before it listens
    crash_on_open     true          hang_on_open    true      fail_on_open    "a sentence"    lacks_on_open  "a sentence"
    crash_on_frames   [3]           hang_on_frames  [3]       fail_on_frames  [3]
    crash_on_blocks   true: dies of tiles that are rendered as one
    truncate_frames   [3]: writes only half of the file
    shrink_frames     [3]: writes a picture of one pixel
    grow_mib          takes so much more memory with each frame
    gradient          true: each pixel has a value of its own, which tells its place in the frame
    layers            ["ViewLayer"]: the view layers that it says to have rendered
    list_on_open      true: prints the names of the files that lie in and below the scene's folder
    crash_on_bakes    [3]           hang_on_bakes   [3]       fail_on_bakes   [3]
    spoil_bakes       [3]: delivers a file that is no cache of the job
    gate_bakes        [3]: as gate_frames
    gate_frames       [3]: waits until the file beside it that ends in `.open` is there
    gate_tiles        [3]: the same for tiles of these numbers
    gate_denoising    true: the same for denoising
    lacks_denoiser    true          crash_on_denoising  true
    times             how often, over all processes, a frame or bake crashes, hangs, fails or is spoilt in another way; then it
                      goes well
    print_bytes       prints so much before each frame
    grandchild        true: starts a process that leaves its process group, and writes its id to `grandchild.pid` beside it
    deserter          true: starts one that also empties its environment and loses its parent; its id is written as above
    collected         replaces keys of what it tells as collected
    crash_on_collect  true
    note_starts       true: adds a line to the file beside it that ends in `.starts`: version, worker or collect, and its id

Frame N is one channel set `ViewLayer.Combined` of the value N/1000, so a test can tell which frame it holds. Bake N is one file
that tells its number, and what it found baked in the scene's folder.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile

BESIDE = os.path.splitext(os.path.abspath(__file__))[0]


def orders_to_misbehave():
    try:
        with open(BESIDE + ".json", encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return json.loads(os.environ.get("FAKE_BLENDER", "{}"))


def still_due(fake):
    """Counts misdeeds in a file, one byte each, because every crash ends the process that could remember it."""
    if "times" not in fake:
        return True
    with open(BESIDE + ".misdeeds", "ab") as file:
        if file.tell() >= fake["times"]:
            return False
        file.write(b"x")
    return True


# What the open scene was asked to be like.
OPEN = {}
# Memory that is never given back.
GROWN = []


def main():
    fake = orders_to_misbehave()
    if "--version" in sys.argv:
        note_start(fake, "version")
        print("Blender " + ".".join(map(str, fake.get("version", [3, 4, 1]))))
    elif any(argument.endswith("worker.py") for argument in sys.argv):
        note_start(fake, "worker")
        work(fake)
    elif any(argument.endswith("collect.py") for argument in sys.argv):
        note_start(fake, "collect")
        collect(fake, sys.argv[sys.argv.index("--") + 1])
    else:
        sys.exit("fake_blender: started in a way that netrender does not start a Blender: " + " ".join(sys.argv))


def note_start(fake, what):
    if fake.get("note_starts"):
        with open(BESIDE + ".starts", "a", encoding="utf-8") as file:
            file.write(f"{what} {os.getpid()}\n")


def work(fake):
    die_with_parent()
    if fake.get("crash_on_start"):
        print("fake: no start today", flush=True)
        sys.exit(3)
    port, token = os.environ["NETRENDER_WORKER"].split(":")
    link = socket.create_connection(("127.0.0.1", int(port)))
    reply(link, {"reply": "ready", "token": token, "version": fake.get("version", [3, 4, 1])})
    for line in link.makefile("r", encoding="utf-8"):
        order = json.loads(line)
        work = {"open": open_scene, "render": render, "denoise": denoise, "bake": bake}[order["order"]]
        answer = work(orders_to_misbehave(), order)
        print(f"\x1enetrender-mark {order['mark']}", flush=True)
        reply(link, answer)


def open_scene(fake, order):
    OPEN.update(order)
    if fake.get("grandchild"):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        with open(os.path.join(os.path.dirname(BESIDE), "grandchild.pid"), "w", encoding="utf-8") as file:
            file.write(str(child.pid))
    if fake.get("deserter"):
        desert()
    if fake.get("crash_on_open"):
        crash()
    if fake.get("hang_on_open"):
        hang()
    if "fail_on_open" in fake:
        return {"reply": "failed", "reason": fake["fail_on_open"]}
    if "lacks_on_open" in fake:
        return {"reply": "lacks", "reason": fake["lacks_on_open"]}
    print("Read blend: " + order["blend"], flush=True)
    if fake.get("list_on_open"):
        names = [name for _, _, names in os.walk(os.path.dirname(order["blend"])) for name in names]
        print("fake: opened beside " + " ".join(sorted(names)), flush=True)
    return {"reply": "opened", "scene": "Scene"}


def desert():
    """A process of a session of its own, without any mark, whose parent is gone."""
    told = os.path.join(os.path.dirname(BESIDE), "grandchild.pid")
    script = "import os, sys, time; os.fork() and os._exit(0); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    subprocess.run([sys.executable, "-c", script, told], env={}, start_new_session=True, check=True)
    while not os.path.exists(told) or not os.path.getsize(told):
        time.sleep(0.01)


def render(fake, order):
    frame, output = order["frame"], order["output"]
    started = time.perf_counter()
    print_much(fake.get("print_bytes", 0))
    GROWN.append(b"x" * (fake.get("grow_mib", 0) << 20))
    print(f"Fra:{frame} Mem:8.00M (Peak 8.00M)", flush=True)
    if len(numbers_of(order.get("tile"))) > 1:
        print(f"fake: {len(numbers_of(order['tile']))} tiles as one", flush=True)
        if fake.get("crash_on_blocks") and still_due(fake):
            crash()
    time.sleep(float(fake.get("render_ms", os.environ.get("FAKE_BLENDER_FRAME_MS", "0"))) / 1000)
    is_gated = frame in fake.get("gate_frames", []) or set(numbers_of(order.get("tile"))) & set(fake.get("gate_tiles", []))
    while is_gated and not os.path.exists(BESIDE + ".open"):
        time.sleep(0.01)
    failure = misbehave(fake, "frame", frame)
    if failure:
        return failure
    whole = fake.get("size", [8, 8])
    left, top, *size = cut(whole, order.get("tile"))
    overlap = OPEN.get("overlap", 0) if order.get("tile") else 0
    before = [min(overlap, left), min(overlap, top)]
    after = [min(overlap, whole[axis] - (left, top)[axis] - size[axis]) for axis in (0, 1)]
    left, top = left - before[0], top - before[1]
    written = [before[axis] + size[axis] + after[axis] for axis in (0, 1)]
    if frame in fake.get("shrink_frames", []) and still_due(fake):
        written = [1, 1]
    step = 1e-6 if fake.get("gradient") else 0
    columns, rows = range(left, left + written[0]), range(top, top + written[1])
    picture = exr([[frame / 1000 + step * (y * whole[0] + x) for x in columns] for y in rows])
    if frame in fake.get("truncate_frames", []) and still_due(fake):
        picture = picture[: len(picture) // 2]
    with open(output, "wb") as file:
        file.write(picture)
    layers = fake.get("layers", ["ViewLayer"])
    seconds, margins = time.perf_counter() - started, before + after
    told = {"seconds": seconds, "picture": whole, "size": size, "margins": margins}
    return {"reply": "rendered", **told, "layers": layers}


def denoise(fake, order):
    """Every denoised pixel has the value 0.25."""
    if fake.get("lacks_denoiser"):
        return {"reply": "lacks", "reason": "this Blender was built without OpenImageDenoise"}
    while fake.get("gate_denoising") and not os.path.exists(BESIDE + ".open"):
        time.sleep(0.01)
    if fake.get("crash_on_denoising") and still_due(fake):
        crash()
    width, height = order["size"]
    for number, _ in enumerate(order["denoising"]["layers"]):
        with open(os.path.join(order["folder"], f"{number}.exr"), "wb") as file:
            file.write(exr([[0.25] * width] * height, "Composite"))
    return {"reply": "denoised"}


def misbehave(fake, what, number):
    """Crashes or hangs, or answers with a failure, if that is due."""
    for key, misdeed in (("crash", crash), ("hang", hang)):
        if number in fake.get(f"{key}_on_{what}s", []) and still_due(fake):
            misdeed()
    if number in fake.get(f"fail_on_{what}s", []) and still_due(fake):
        return {"reply": "failed", "reason": f"the fake Blender was told to fail {what} {number}"}
    return None


def bake(fake, order):
    """A cache of one file."""
    task, folder = order["bake"], os.path.dirname(order["main"])
    number = task["number"]
    own = os.path.join(os.path.dirname(order["blend"]), order["beside"])
    os.makedirs(own)
    os.link(order["blend"], f"{own}.blend")
    print(f"netrender: bake {task['name']}: frame 1 of 1-2 (50 %)", flush=True)
    while number in fake.get("gate_bakes", []) and not os.path.exists(BESIDE + ".open"):
        time.sleep(0.01)
    failure = misbehave(fake, "bake", number)
    if failure:
        return failure
    beside = os.path.join(os.path.dirname(order["blend"]), "netrender_bakes")
    found = sorted(os.listdir(beside)) if os.path.isdir(beside) else []
    inside = f"netrender_bakes/{number}_cache/cache_000001_00.bphys"
    path = "elsewhere/cache" if number in fake.get("spoil_bakes", []) and still_due(fake) else os.path.join(folder, inside)
    told = {key: task[key] for key in ("number", "name", "kind", "object", "item", "scene", "first", "last")}
    index = {**told, "blender": "3.4.1", "files": [{"path": path, "frames": [1, 2]}]}
    with zipfile.ZipFile(order["output"], "w") as archive:
        archive.writestr("bake.json", json.dumps(index))
        archive.writestr(path, f"bake {number} after {found}")
    os.rmdir(own)
    os.remove(f"{own}.blend")
    return {"reply": "baked", "seconds": 0.1, "files": 1}


def numbers_of(tile):
    """Of the tiles that are rendered as one."""
    if tile is None:
        return []
    rows, columns = range(tile["row"], tile["row"] + tile["high"]), range(tile["column"], tile["column"] + tile["wide"])
    return [row * tile["columns"] + column for row in rows for column in columns]


def cut(whole, tile):
    """Left, top, width and height of a tile or a block of them, as `blender/tiles.py` cuts it."""
    if tile is None:
        return 0, 0, *whole

    def even(side, part, parts):
        return side * part // parts

    def tapered(side, part, parts):
        return side * part * (2 * parts - part) // (parts * parts)

    edge = tapered if tile["tapered"] else even
    left, right = (even(whole[0], tile["column"] + more, tile["columns"]) for more in (0, tile["wide"]))
    top, bottom = (edge(whole[1], tile["row"] + more, tile["rows"]) for more in (0, tile["high"]))
    return left, top, right - left, bottom - top


def collect(fake, request_path):
    """The given file alone, frames 1 to 10."""
    if fake.get("crash_on_collect"):
        crash()
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    answer = {
        "blender": fake.get("version", [3, 4, 1]),
        "scene": "Scene",
        "engine": request.get("engine") or "CYCLES",
        "frame_start": 1,
        "frame_end": 10,
        "frame_step": 1,
        "is_movie": False,
        "size": fake.get("size", [8, 8]),
        "resolution_percent": 100,
        "seams": [],
        "main": {"disk_path": request["blend"], "virtual_path": request["blend"].lstrip("/"), "kind": "blend"},
        "files": [],
        "warnings": [],
        "missing": [],
        **fake.get("collected", {}),
    }
    with open(request["result"], "w", encoding="utf-8") as file:
        json.dump(answer, file)


def crash():
    print("fake: about to crash", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def hang():
    print("fake: about to hang", flush=True)
    while True:
        time.sleep(60)


def print_much(count):
    line = "x" * 99 + "\n"
    for _ in range(count // len(line)):
        sys.stdout.write(line)


def reply(link, message):
    link.sendall(json.dumps(message).encode() + b"\n")


def die_with_parent():
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(os.environ["NETRENDER_PARENT"]):
            sys.exit(1)


def exr(values, layer="ViewLayer"):
    """A multilayer EXR without compression: one view layer, one pass, grey pixels of these values by row, alpha 1."""
    width, height = len(values[0]), len(values)

    def attribute(name, kind, content):
        return name + b"\0" + kind + b"\0" + struct.pack("<i", len(content)) + content

    names = [layer.encode() + b".Combined." + letter for letter in (b"A", b"B", b"G", b"R")]
    channels = b"".join(name + b"\0" + struct.pack("<iB3xii", 2, 0, 1, 1) for name in names) + b"\0"
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"\x76\x2f\x31\x01" + struct.pack("<i", 2)
    header += attribute(b"channels", b"chlist", channels)
    header += attribute(b"compression", b"compression", b"\0")
    header += attribute(b"dataWindow", b"box2i", window) + attribute(b"displayWindow", b"box2i", window)
    header += attribute(b"lineOrder", b"lineOrder", b"\0")
    header += attribute(b"pixelAspectRatio", b"float", struct.pack("<f", 1))
    header += attribute(b"screenWindowCenter", b"v2f", struct.pack("<2f", 0, 0))
    header += attribute(b"screenWindowWidth", b"float", struct.pack("<f", 1)) + b"\0"
    lines = [struct.pack("<f", 1.0) * width + struct.pack(f"<{width}f", *row) * 3 for row in values]
    first = len(header) + 8 * height
    offsets = b"".join(struct.pack("<Q", first + y * (8 + len(line))) for y, line in enumerate(lines))
    rows = b"".join(struct.pack("<ii", y, len(line)) + line for y, line in enumerate(lines))
    return header + offsets + rows


if __name__ == "__main__":
    main()
