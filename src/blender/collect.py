"""Finds everything that a .blend needs to render elsewhere, and refuses scenes that cannot be rendered there.

Runs inside `blender -b -P collect.py -- REQUEST` and as `python collect.py -- REQUEST` with the `bpy` module; the standard
library and `bpy` only. REQUEST is a file of JSON (see `main`), the answer goes to the file that it names.

Every file keeps its place: its path inside the job is its absolute path without the root (`virtual_path`), so relative
references go on fitting below any folder. References stored as absolute paths are made relative in a *copy* of the file that
holds them (the main file or a library). No file of the artist is ever written, and `make_paths_relative` is never called: it
turns the empty path of a cache into the root directory.
"""

import glob
import json
import os
import re
import sys

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from opening import (
    Refused,
    choose_scene,
    open_file,
    refuse_unrenderable,
    set_engine,
    speak_english,
)

REFERENCES_MAX = 200_000
LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")


def main(request_path):
    """Answers a request: `blend`, `folder` for copies, `result`, and perhaps `scene` and `engine`."""
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    try:
        speak_english()
        answer = collect(request["blend"], request["folder"], request.get("scene"), request.get("engine"))
    except Refused as refusal:
        answer = {"refused": str(refusal), "blender": list(bpy.app.version)}
    with open(request["result"] + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(request["result"] + ".part", request["result"])


def collect(blend, folder, scene_name=None, engine=None):
    """Opens a saved file and tells what it needs; copies of files with absolute references are saved below `folder`."""
    blend = os.path.normpath(os.path.abspath(blend))
    open_file(blend, allow_scripts=False)
    scene = choose_scene(scene_name)
    own_engine = scene.render.engine
    set_engine(scene, engine)
    refuse_unrenderable(scene)
    answer = describe(scene)
    scene.render.engine = own_engine
    found = Found(blend)
    for reference in references():
        found.add(reference)
    found.add_unlisted()
    found.add_caches()
    copies = copy_with_relative_paths(found, folder)
    answer["main"] = found.entry(blend, "blend", copies)
    answer["files"] = [found.entry(path, kind, copies) for path, kind in sorted(found.files.items()) if path != blend]
    answer["missing"] = [{"path": path, "kind": kind} for path, kind in sorted(found.missing.items())]
    answer["warnings"] = found.warnings
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
    }


# What is needed.


class Reference:
    """One place in a data-block that names a file."""

    def __init__(self, owner, attribute, kind, library, several=None):
        self.owner, self.attribute, self.kind, self.library, self.several = owner, attribute, kind, library, several

    @property
    def stored(self):
        return getattr(self.owner, self.attribute)

    def paths(self):
        """The files that exist, or the one that should."""
        path = absolute(self.stored, self.library)
        found = {"UDIM": tiles, "SEQUENCE": sequence, "FOLDER": below}.get(self.several, lambda one: [one])(path)
        return [os.path.normpath(each) for each in found] or [path]


def references():
    """Every reference of every data-block in memory, those of linked libraries too."""
    data = bpy.data
    for library in data.libraries:
        if not library.packed_file and not only_brushes(library):
            yield Reference(library, "filepath", "library", library.parent)
    for image in data.images:
        if image.source in {"FILE", "SEQUENCE", "TILED", "MOVIE"} and not image.packed_file and not len(image.packed_files):
            several = {"SEQUENCE": "SEQUENCE", "TILED": "UDIM"}.get(image.source)
            yield Reference(image, "filepath_raw", "image", image.library, several)
    for clip in data.movieclips:
        yield Reference(clip, "filepath", "clip", clip.library, "SEQUENCE" if clip.source == "SEQUENCE" else None)
    for kind, blocks in (
        ("font", data.fonts),
        ("sound", data.sounds),
        ("volume", data.volumes),
        ("cache", data.cache_files),
    ):
        for block in blocks:
            if not getattr(block, "packed_file", None) and block.filepath != "<builtin>":
                yield Reference(
                    block, "filepath", kind, block.library, "SEQUENCE" if getattr(block, "is_sequence", False) else None
                )
    yield from references_of_nodes()
    yield from references_of_modifiers()


def only_brushes(library):
    """Newer Blenders link the brushes that come with them; no picture needs those."""
    tools = (bpy.types.Brush, bpy.types.Image, bpy.types.Texture, bpy.types.Palette)
    return comes_with_blender(absolute(library.filepath)) and all(isinstance(block, tools) for block in library.users_id)


def comes_with_blender(path):
    own = [bpy.utils.resource_path(kind) for kind in ("LOCAL", "SYSTEM")]
    return any(folder and path.startswith(os.path.normpath(folder) + os.sep) for folder in own)


def references_of_nodes():
    data = bpy.data
    holders = [*data.materials, *data.worlds, *data.lights, *data.linestyles, *data.scenes]
    trees = [(holder.node_tree, holder.library) for holder in holders if getattr(holder, "node_tree", None)]
    trees += [(tree, tree.library) for tree in data.node_groups]
    for tree, library in trees:
        for node in tree.nodes:
            if node.bl_idname in {"ShaderNodeTexIES", "ShaderNodeScript"} and node.mode == "EXTERNAL":
                yield Reference(node, "filepath", "text", library)


def references_of_modifiers():
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type == "MESH_CACHE":
                yield Reference(modifier, "filepath", "cache", thing.library)
            elif modifier.type == "OCEAN" and modifier.is_cached:
                yield Reference(modifier, "filepath", "cache", thing.library, "FOLDER")
            elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                yield Reference(modifier.domain_settings, "cache_directory", "cache", thing.library, "FOLDER")


class Found:
    """The files that a .blend needs: those that are there, those that are not, and who names them by an absolute path."""

    def __init__(self, blend):
        self.blend = blend
        self.files = {}
        self.missing = {}
        self.warnings = []
        self.absolute_in = set()
        self.stored_seen = set()

    def add(self, reference):
        if not reference.stored:
            return
        self.stored_seen.add(reference.stored)
        paths = reference.paths()
        # What is not there need not be found elsewhere: the file then is sent as it is, and only once, ever.
        if not reference.stored.startswith("//") and any(map(os.path.isfile, paths)):
            self.absolute_in.add(absolute(reference.library.filepath) if reference.library else self.blend)
        for path in paths:
            self.add_path(path, reference.kind)

    def add_path(self, path, kind):
        if len(self.files) >= REFERENCES_MAX:
            raise Refused(f"the scene needs more than {REFERENCES_MAX} files")
        if os.path.isfile(path):
            self.files.setdefault(path, kind)
        elif kind != "cache":  # a cache that was never baked is no fault
            self.missing.setdefault(path, kind)

    def add_unlisted(self):
        """What Blender itself lists beyond our own list: regular files only, for a broken path may be the root directory."""
        stored = bpy.utils.blend_paths(absolute=False, packed=False, local=False)
        full = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
        for raw, full_path in zip(stored, full, strict=True):
            path = os.path.normpath(full_path) if full_path else ""
            if raw in self.stored_seen or path in self.files or not os.path.isfile(path) or comes_with_blender(path):
                continue
            self.files[path] = "other"
            if not raw.startswith("//"):
                self.warnings.append(f"{path} is named by an absolute path that cannot be changed: slaves will not find it")

    def add_caches(self):
        """Point caches and simulation bakes lie beside the .blend, in a folder that has its name."""
        for blend in [path for path, kind in self.files.items() if kind == "library"] + [self.blend]:
            stem = os.path.splitext(os.path.basename(blend))[0]
            for path in below(os.path.join(os.path.dirname(blend), f"blendcache_{stem}")):
                self.add_path(path, "cache")

    def entry(self, path, kind, copies):
        return {"disk_path": copies.get(path, path), "virtual_path": virtual(path), "kind": kind}


def absolute(stored, library=None):
    return os.path.normpath(bpy.path.abspath(stored, library=library))


def tiles(path):
    name = os.path.basename(path)
    if "<UDIM>" not in name and "<UVTILE>" not in name:
        name = re.sub(r"1\d\d\d(?=\D*$)", "<UDIM>", name)
    pattern = re.escape(name).replace(re.escape("<UDIM>"), r"\d{4}").replace(re.escape("<UVTILE>"), r"u\d+_v\d+")
    return matching(path, pattern)


def sequence(path):
    """Files whose names differ in their last number only."""
    parts = LAST_NUMBER.match(os.path.basename(path))
    if parts is None:
        return [path]
    return matching(path, re.escape(parts[1]) + r"\d+" + re.escape(parts[3]))


def matching(path, pattern):
    folder = os.path.dirname(path)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names) if re.fullmatch(pattern, name)]


def below(folder):
    """Every file below a known cache folder; never a whole disk."""
    if os.path.dirname(folder) == folder:
        return []
    return [path for path in glob.iglob(os.path.join(glob.escape(folder), "**"), recursive=True) if os.path.isfile(path)]


# Where it lies elsewhere.


def virtual(path):
    """A path inside the job: the absolute path without the root; other roots get reserved folder names."""
    drive, rest = os.path.splitdrive(path)
    parts = [part for part in rest.replace("\\", "/").split("/") if part]
    if drive.startswith(("\\\\", "//")):
        parts = ["_unc", *[part for part in drive.replace("\\", "/").split("/") if part], *parts]
    elif drive:
        parts = ["_drive_" + drive[0].lower(), *parts]
    return "/".join(parts)


def relative(path, blend):
    """How `blend` names `path` inside the job."""
    start = "/".join(virtual(blend).split("/")[:-1])
    return "//" + os.path.relpath("/" + virtual(path), "/" + start).replace("\\", "/")


def copy_with_relative_paths(found, folder):
    """Saves copies of the files that hold absolute references. The main file comes first: it is open."""
    owners = sorted(found.absolute_in, key=lambda path: path != found.blend)
    copies = {}
    for number, blend in enumerate(owners):
        if blend != found.blend:
            if not os.path.isfile(blend):
                continue
            open_file(blend, allow_scripts=False)
        for reference in references():
            stored = reference.stored
            if reference.library is None and stored and not stored.startswith("//"):
                setattr(reference.owner, reference.attribute, relative(absolute(stored), blend))
        # Each in a folder of its own and by its own name: caches are found by the name of the .blend.
        copies[blend] = os.path.join(folder, f"copy{number}", os.path.basename(blend))
        os.makedirs(os.path.dirname(copies[blend]), exist_ok=True)
        bpy.ops.wm.save_as_mainfile(filepath=copies[blend], copy=True, relative_remap=False, compress=True)
    return copies


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
