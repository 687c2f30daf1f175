"""Bakes one simulation of a scene, in a Blender of its own, and packs what came of it into a zip.

Stepped through frame by frame, as Blender bakes for its artist. What it does not depend on is switched off, so that bakes on
several slaves take the time of one of them each. The .blend is opened under a second name, for Blender keeps caches in a
folder named after the .blend, and other bakes of the same job lie beside it; what is baked there already is read from where
it is. Only rigid bodies need the file itself: their bake is kept inside of it, so it is their result. Who gave the order says
what all that is called meanwhile, and sweeps it away if this process is killed.
"""

import contextlib
import hashlib
import json
import os
import posixpath
import re
import shutil
import time
import zipfile

import bpy
from bakers import BAKERS
from copies import pack_reliefs
from dependencies import Dependencies
from on_disk import cache_folder
from opening import Refused, choose_scene, open_file
from simulations import BESIDE, POINT_CACHES, attach, find, hex_of, is_baked, simulations, use_files
from wants import refuse_unwanted
from windows import Clock

WORD_LETTERS_MAX = 40
HASH_DIGITS = 8


def bake(order):
    """Carries out the order `bake`: opens the scene, bakes, and leaves a zip behind."""
    started = time.perf_counter()
    wanted = order["bake"]
    with second_name(order["blend"], order["beside"], wanted["kind"]) as (blend, folder):
        allows = order["allow_scripts"] and not order.get("without_scripts")
        open_file(blend, allows)
        refuse_unwanted(order, allows)
        for line in attach(order.get("baked") or []):
            print(f"netrender: {line}", flush=True)
        scene = choose_scene(wanted["scene"])
        simulation = find(wanted)
        if simulation is None:
            raise Refused(f"the scene {scene.name!r} has no {wanted['name']}")
        clock = Clock(scene)
        if simulation.kind != "rigid_body":
            read_where_it_lies(scene, order["blend"])
        with only(scene, simulation), told_by_frame(scene, wanted), threads(scene, order["threads"]):
            files = BAKERS[simulation.kind](simulation, folder, clock)
        if simulation.kind == "rigid_body":
            files = saved(folder, order)
        pack(order, files)
    return {"reply": "baked", "seconds": time.perf_counter() - started, "files": len(files)}


def folder_of(wanted, main):
    """Where the files of a bake lie, from the .blend: for each simulation of each .blend of a folder a place of its own."""
    stem = os.path.splitext(posixpath.basename(main))[0]
    exact = json.dumps([stem, *(wanted[key] for key in ("kind", "scene", "object", "item"))])
    words = [re.sub(r"\W+", "_", text, flags=re.ASCII)[:WORD_LETTERS_MAX] for text in (stem, wanted["name"])]
    # Words may be cut, or may have nothing but letters of another script.
    return f"{BESIDE}/{'_'.join([*words, hashlib.sha256(exact.encode()).hexdigest()[:HASH_DIGITS]])}"


@contextlib.contextmanager
def second_name(blend, name, kind):
    """The file to open, and a folder for what is baked, beside it; nothing of that stays."""
    own = os.path.join(os.path.dirname(blend), name)
    os.makedirs(own)
    opened = f"{own}.blend"
    try:
        if kind == "rigid_body":
            opened = blend
        else:
            linked(blend, opened)
        yield opened, own
    finally:
        for folder in (own, cache_folder(own + ".blend")):
            shutil.rmtree(folder, ignore_errors=True)
        if opened != blend:
            os.remove(opened)


def linked(path, other):
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def read_where_it_lies(scene, blend):
    """Caches that the artist baked lie in a folder named after the .blend, which has another name now."""
    folder = "//" + os.path.basename(cache_folder(blend))
    for each in simulations(scene):
        cache = each.handle
        if each.kind in POINT_CACHES and cache.is_baked and cache.use_disk_cache and not cache.use_external:
            use_files(cache, folder, cache.name or hex_of(each.owner.name), cache.index, each.frames)


@contextlib.contextmanager
def only(scene, simulation):
    """Has nothing simulated but this one and what it needs, which may be live where people broke a circle."""
    known = Dependencies(scene, simulations(scene))
    own = next(each for each in known.all if each.key == simulation.key)
    idle = [each for each in known.all if each is not own and each not in known.all_of(own) and not is_baked(each)]
    switches = [(each.modifier, "show_viewport" if each.owner else "enabled", False) for each in idle]
    if own.owner:
        switches += [(own.modifier, "show_viewport", True), (own.owner, "hide_viewport", False)]
    before = [(thing, name, getattr(thing, name)) for thing, name, _ in switches]
    for thing, name, value in switches:
        setattr(thing, name, value)
    yield
    if simulation.owner is None:
        # This file is saved; in others, what is switched on would write to the disk once more.
        for thing, name, value in before:
            setattr(thing, name, value)


@contextlib.contextmanager
def told_by_frame(scene, wanted):
    """Says in the log where the bake stands."""
    first, last = wanted["first"], wanted["last"]
    told = first - 1

    def tell(*_):
        nonlocal told
        frame = scene.frame_current
        # Blender goes back to where it was in the end.
        if max(first, told + 1) <= frame <= last:
            told = frame
            percent = 100 * (frame - first + 1) // (last - first + 1)
            print(f"netrender: bake {wanted['name']}: frame {frame} of {first}-{last} ({percent} %)", flush=True)

    bpy.app.handlers.frame_change_post.append(tell)
    try:
        yield
    finally:
        bpy.app.handlers.frame_change_post.remove(tell)


@contextlib.contextmanager
def threads(scene, number):
    settings = scene.render
    before = settings.threads_mode, settings.threads
    if number:
        settings.threads_mode, settings.threads = "FIXED", number
    try:
        yield
    finally:
        settings.threads = before[1]
        settings.threads_mode = before[0]


def saved(folder, order):
    """The whole file with what is kept inside of it."""
    pack_reliefs()
    path = os.path.join(folder, "baked.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True, relative_remap=False, compress=True)
    return [(path, posixpath.basename(order["main"]), None)]


def pack(order, files):
    """The zip: what it holds first, then the files; whole or not at all."""
    wanted = order["bake"]
    beside = "" if wanted["kind"] == "rigid_body" else folder_of(wanted, order["main"])
    place = posixpath.join(posixpath.dirname(order["main"]), beside)
    entries = [(path, posixpath.join(place, name), frames) for path, name, frames in sorted(files, key=lambda file: file[1])]
    told = {key: wanted[key] for key in ("number", "name", "kind", "object", "item", "scene", "first", "last")}
    told["blender"] = ".".join(map(str, bpy.app.version))
    told["files"] = [{"path": path, "frames": frames} for _, path, frames in entries]
    part = order["output"] + ".part"
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bake.json", json.dumps(told))
        for path, name, _ in entries:
            archive.write(path, name)
    os.replace(part, order["output"])
