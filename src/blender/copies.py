"""Copies of the .blends whose paths would not lead to where the files of the job lie.

No file of the artist is ever written, and `make_paths_relative` is never called: it turns the empty path of a cache into the
root directory. Blender never writes the same file twice, so copies are kept: an unchanged scene is the same content again.
"""

import hashlib
import json
import os
import posixpath
import shutil

import bpy
from on_disk import base_of
from opening import open_file
from places import leads_there
from references import references

KEPT_MAX = 64


def copy_with_other_paths(found, places, folder):
    """For each .blend in which references have to lead elsewhere the path of its copy, below the folder."""
    owners = [path for path in lost_in(found, places) if path == found.blend or path in found.files]
    copies = {owner: os.path.join(folder, key_of(owner, found, places), posixpath.basename(places.of(owner))) for owner in owners}
    forget_others(folder, {os.path.dirname(path) for path in copies.values()})
    # The main file comes first: it is open.
    for owner in sorted(owners, key=lambda path: path != found.blend):
        if os.path.isfile(copies[owner]):
            os.utime(os.path.dirname(copies[owner]))
            continue
        if owner != found.blend:
            open_file(owner, allow_scripts=False)
        change_paths(owner, found, places)
        pack_reliefs()
        save_copy(copies[owner])
    return copies


def lost_in(found, places):
    """The .blends in which a reference does not lead to the places of its files."""
    owners = ((reference, base_of(reference.library)) for reference in found.references)
    return {blend for reference, blend in owners if not leads_there(reference.stored, places.wanted(reference, blend))}


def key_of(owner, found, places):
    """Another one whenever the copy would be another one."""
    inside = [owner, *sorted(path for path in found.files if path.endswith(".btx"))]
    facts = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in inside]
    laid_out = [(path, places.of(path)) for path in sorted({found.blend, *found.files})]
    return hashlib.sha256(json.dumps([bpy.app.version_string, facts, laid_out]).encode()).hexdigest()[:32]


def forget_others(folder, own):
    """Removes the copies that were not used for the longest time."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if entry.is_dir() and entry.path not in own]
    others.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in others[KEPT_MAX:]:
        shutil.rmtree(entry.path, ignore_errors=True)


def change_paths(owner, found, places):
    for reference in references(found.clock):
        if reference.library is None and reference.stored and not found.files.keys().isdisjoint(reference.files(found.clock)):
            wanted = places.wanted(reference, owner)
            if not leads_there(reference.stored, wanted):
                reference.stored = wanted


def pack_reliefs():
    """Takes what lies in files beside the .blend into it: Blender would write those files, the artist's, with every save."""
    for thing in bpy.data.objects:
        is_external = any(modifier.type == "MULTIRES" and modifier.is_external for modifier in thing.modifiers)
        if is_external and thing.library is None and thing.data.library is None:
            with bpy.context.temp_override(object=thing, active_object=thing):
                bpy.ops.object.multires_external_pack()


def save_copy(path):
    """Saves what is open, whole or not at all."""
    folder, name = os.path.split(path)
    part = f"{folder}.{os.getpid()}.part"
    os.makedirs(part)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(part, name), copy=True, relative_remap=False, compress=True)
    if os.path.isfile(path):
        # Somebody else was quicker.
        shutil.rmtree(part)
    else:
        os.replace(part, folder)
