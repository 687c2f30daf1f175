"""From a path as a .blend stores it to the files on this disk: sequences, tiles and folders of caches.

Only regular files are ever found, by listing the folder that a path names: no device is opened, and no disk is walked through.
"""

import os
import re

import bpy

NUMBER = re.compile(r"\d+")


def absolute(stored, blend):
    """Where a path leads that `blend` stores. As Blender reads it, `..` takes back the name before it, wherever that leads."""
    text = stored if os.name == "nt" else stored.replace("\\", "/")
    return os.path.abspath(os.path.join(os.path.dirname(blend), text[2:]) if stored.startswith("//") else text)


def is_foreign(stored):
    """Whether the path names a drive or a server in the way of Windows, which means nothing here."""
    return os.name != "nt" and bool(re.match(r"[A-Za-z]:[\\/]|\\\\", stored))


def library_path(library):
    """Where a library lies, however deep it is linked."""
    return absolute(library.filepath, base_of(library.parent))


def base_of(library):
    """The .blend that paths of this library's data-blocks are relative to; without a library, the one that is open."""
    return library_path(library) if library else os.path.normpath(bpy.data.filepath)


def cache_folder(blend):
    """Where Blender keeps the caches of simulations: beside the .blend, by its name."""
    folder, name = os.path.split(blend)
    return os.path.join(folder, "blendcache_" + os.path.splitext(name)[0])


def tiles(path):
    """The tiles of a UDIM texture."""
    name = os.path.basename(path)
    if "<UDIM>" not in name and "<UVTILE>" not in name:
        name = re.sub(r"1\d\d\d(?=\D*$)", "<UDIM>", name)
    pattern = re.escape(name).replace(re.escape("<UDIM>"), r"\d{4}").replace(re.escape("<UVTILE>"), r"u\d+_v\d+")
    return matching(path, pattern)


def sequence(path):
    """The files of a sequence with their numbers: as Blender counts, in the last number before the ending."""
    stem, ending = os.path.splitext(os.path.basename(path))
    numbers = list(NUMBER.finditer(stem))
    if not numbers:
        return [(path, None)] if os.path.isfile(path) else []
    head, digits, tail = stem[: numbers[-1].start()], numbers[-1].group(), stem[numbers[-1].end() :]
    # A number that needs more digits gets them, one that needs fewer is filled up.
    pattern = rf"{re.escape(head)}(\d{{{len(digits)}}}|[1-9]\d{{{len(digits)},}}){re.escape(tail + ending)}"
    own = slice(len(head), -len(tail + ending) or None)
    return [(found, int(os.path.basename(found)[own])) for found in matching(path, pattern)]


def matching(path, pattern):
    """The files of a folder whose names match."""
    folder = os.path.dirname(path)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = (os.path.join(folder, name) for name in sorted(names) if re.fullmatch(pattern, name))
    return [each for each in found if os.path.isfile(each)]


def below(folder):
    """Every file below a folder of caches; never of a whole disk, and no folder twice, wherever links lead."""
    if not folder or os.path.dirname(folder) == folder:
        return []
    found, seen = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        found += [os.path.join(place, name) for name in sorted(names) if os.path.isfile(os.path.join(place, name))]
    return found
