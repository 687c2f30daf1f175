"""Finds everything that a .blend needs to render elsewhere, and refuses scenes that cannot be rendered there.

Runs inside `blender -b -P collect.py -- REQUEST` and as `python collect.py -- REQUEST` with the `bpy` module; the standard
library and `bpy` only. REQUEST is a file of JSON (see `main`), the answer goes to the file that it names.

What a .blend names is in `references`, what those files name in their turn in `followed`, what that is on this disk in
`on_disk`, which frames need it in `windows`, and where it lies for a slave in `places`.
"""

import json
import os
import sys
from dataclasses import dataclass

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import caches
import denoising
import tiles
from bakes import plan
from copies import copy_with_other_paths
from followed import files_of, is_layer, is_pattern, meant_by, named_in
from on_disk import below, cache_folder, is_foreign
from opening import Refused, choose_scene, open_file, refuse_unrenderable, set_engine, speak_english, writes_movie
from places import Places, leads_on
from references import comes_with_blender, references
from wants import wanted
from windows import Clock, of_numbered, union

FILES_MAX = 200_000
ASKED = ("blend", "copies", "scene", "engine", "bake_order")


def main(request_path):
    """Answers a request: `blend`, `copies` (a folder), `result`, and perhaps `scene`, `engine` and `bake_order`."""
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    try:
        speak_english()
        answer = collect(**{name: request.get(name) for name in ASKED})
    except Refused as refusal:
        answer = {"refused": str(refusal), "blender": list(bpy.app.version)}
    with open(request["result"] + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(request["result"] + ".part", request["result"])


def collect(blend, copies, scene=None, engine=None, bake_order=None):
    """Opens a saved file and tells what it needs; copies of files whose references lead elsewhere are kept below `copies`."""
    blend = os.path.normpath(os.path.abspath(blend))
    open_file(blend, allow_scripts=False)
    scene = choose_scene(scene)
    own_engine = scene.render.engine
    set_engine(scene, engine)
    refuse_unrenderable(scene)
    answer = {**describe(scene), **plan(scene, bake_order)}
    scene.render.engine = own_engine
    clock = Clock(scene)
    found = Found(blend, clock)
    for reference in references(clock):
        found.add(reference)
    found.add_unlisted()
    found.add_caches()
    found.add_followed()
    wants = wanted()
    found.judge_caches()
    # A library may link the file that links it.
    found.files.pop(blend, None)
    places = Places(blend, found.files)
    found.judge_names(places)
    copies = copy_with_other_paths(found, places, copies)
    answer["main"] = found.entry(blend, places, copies)
    answer["files"] = [found.entry(path, places, copies) for path in sorted(found.files)]
    answer["missing"] = [{"path": path, "kind": kind} for path, kind in sorted(found.missing.items())]
    answer["warnings"] = found.warnings
    answer["unbaked"] = found.unbaked
    answer["wants"] = wants
    return answer


def describe(scene):
    render = scene.render
    return {
        "blender": list(bpy.app.version),
        "scene": scene.name,
        "engine": render.engine,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "is_movie": writes_movie(scene),
        "size": tiles.picture_size(render),
        "resolution_percent": render.resolution_percentage,
        "seams": tiles.seams(scene) + denoising.hindrances(scene),
        "adapts": tiles.adapts(scene),
        "denoising": denoising.wanted(scene) or None,
    }


# What is needed.


@dataclass
class File:
    """A file that is there: what it is, which frames need it, and whether Blender looks for it at opening only."""

    kind: str
    frames: "tuple | None"
    at_opening: bool


class Found:
    """The files that a .blend needs: those that are there and those that are not, and what may look different elsewhere."""

    def __init__(self, blend, clock):
        self.blend, self.clock = blend, clock
        self.files = {}
        self.missing = {}
        self.warnings = []
        self.unbaked = []
        self.references = []
        self.stored_seen = set()
        self.names = []

    def add(self, reference):
        if not reference.stored:
            return
        self.stored_seen.add(reference.stored)
        found = reference.files(self.clock)
        if found:
            self.references.append(reference)
        elif reference.is_missed:
            lost = reference.stored if is_foreign(reference.stored) else reference.path
            self.missing.setdefault(lost, reference.kind)
        for path, frames in found.items():
            self.add_file(path, File(reference.kind, frames, reference.at_opening))

    def add_file(self, path, file):
        if len(self.files) >= FILES_MAX:
            raise Refused(f"the scene needs more than {FILES_MAX} files")
        if any("\ud800" <= letter <= "\udfff" for letter in path):
            raise Refused(f"the name of {path!a} is not valid Unicode: rename it, and choose it again in Blender")
        if not os.access(path, os.R_OK):
            self.missing.setdefault(path, f"{file.kind}, not readable")
            return
        known = self.files.setdefault(path, file)
        known.frames = union(known.frames, file.frames)
        known.at_opening |= file.at_opening

    def add_unlisted(self):
        """What Blender itself lists beyond our own list: regular files only, for a broken path may be the root directory."""
        stored = bpy.utils.blend_paths(absolute=False, packed=False, local=False)
        full = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
        for raw, full_path in zip(stored, full, strict=True):
            path = os.path.normpath(full_path) if full_path else ""
            if raw in self.stored_seen or path in self.files or not os.path.isfile(path) or comes_with_blender(path):
                continue
            self.add_file(path, File("other", None, False))
            if not raw.startswith("//"):
                self.warnings.append(f"{path} is named by an absolute path that cannot be changed: slaves will not find it")

    def add_caches(self):
        """Caches of simulations lie beside the .blend that has them, in a folder with its name."""
        for blend in [self.blend, *(path for path, file in self.files.items() if file.kind == "library")]:
            for path, frames in of_numbered(below(cache_folder(blend)), self.clock).items():
                is_points = path.endswith(".bphys")
                self.add_file(path, File("cache", frames if is_points else None, is_points))

    def add_followed(self):
        """What the files name by themselves, and what those name: all frames get it."""
        waiting = list(self.files)
        while waiting:
            path = waiting.pop()
            kind = self.files[path].kind
            for name in named_in(path, kind):
                found = files_of(name, path)
                if not found and is_layer(name) and not is_pattern(name):
                    self.missing.setdefault(meant_by(name, path), kind)
                for named in found:
                    is_new = named not in self.files
                    self.add_file(named, File(kind, None, False))
                    if is_new and named in self.files:
                        waiting.append(named)
                    self.names.append((path, name, named))

    def judge_names(self, places):
        """Tells of names in files that lead elsewhere for a slave, for nobody writes them anew."""
        lost = {path: name for path, name, named in self.names if not leads_on(name, places.of(path), places.of(named))}
        for path, name in sorted(lost.items()):
            self.warnings.append(f"{path} names {name} in a way that leads elsewhere on slaves: use a relative path")

    def judge_caches(self):
        """Tells of simulations that are not baked, and of baked ones whose files are gone."""
        self.missing.update(dict.fromkeys(caches.lost(self.files), "cache"))
        for what, name in sorted(set(caches.unbaked())):
            self.unbaked.append(
                f"the {what} simulation of {name} is not baked: a slave that starts at a later frame shows it wrongly"
            )

    def entry(self, path, places, copies):
        file = self.files.get(path) or File("blend", None, False)
        entry = {"disk_path": copies.get(path, path), "virtual_path": places.of(path), "kind": file.kind}
        return {**entry, "frames": file.frames, "at_opening": file.at_opening, "is_copy": path in copies}


if __name__ == "__main__":
    try:
        main(sys.argv[sys.argv.index("--") + 1])
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
