"""Where the files of a job lie beside each other, and copies of the .blends whose paths would not lead there.

A file keeps its place: its path inside the job is its absolute path without the root, so relative references go on fitting
below any folder. Only names that some system cannot have, or not keep apart, become others. No file of the artist is ever
written, and `make_paths_relative` is never called: it turns the empty path of a cache into the root directory.
"""

import hashlib
import os
import posixpath
import re
import unicodedata

import bpy
from on_disk import absolute, base_of, cache_folder
from opening import Refused, open_file
from references import references

# A slave puts its own folder before it, and Blender reads 1024 bytes at most.
FOLDERS_BYTES_MAX = 600
NAME_BYTES_MAX = 255
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|]')
DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])\s*(\..*)?", re.IGNORECASE)
TILE = re.compile(r"(<UDIM>|<UVTILE>)")


class Places:
    """A path inside the job for each path on this disk; the same one whenever it is asked for."""

    def __init__(self, blend, files):
        paths = sorted({blend, *files})
        folders = ["/" + "/".join(parts_of(os.path.dirname(path))) for path in paths]
        self.root = len(posixpath.commonpath(folders).encode())
        blends = [path for path in paths if path == blend or files[path].kind == "library"]
        self.caches = {tuple(parts_of(cache_folder(path))): path for path in blends}
        self.folders, self.families = {(): ""}, {}
        # Whoever comes first keeps its name: always the same one.
        for path in paths:
            self.of(path)

    def of(self, path):
        """The place of a file, or of the pattern that several have in common."""
        *folder, name = parts_of(path)
        family = re.sub(r"\d+|<UDIM>|<UVTILE>", "#", name)
        return posixpath.join(self.of_parts(tuple(folder)), self.named(tuple(folder), name, family))

    def of_folder(self, path):
        """The place of a folder."""
        return self.of_parts(tuple(parts_of(path)))

    def of_parts(self, parts):
        place = self.folders.get(parts)
        if place is None:
            owner = self.caches.get(parts)
            # Blender finds these by the name of their .blend.
            name = "blendcache_" + stem(self.of(owner)) if owner else self.named(parts[:-1], parts[-1], parts[-1] + "/")
            place = posixpath.join(self.of_parts(parts[:-1]), name)
            if len(place.encode()) - self.root > FOLDERS_BYTES_MAX:
                place = "_long/" + hashlib.sha256(place.encode()).hexdigest()[:16]
            self.folders[parts] = place
        return place

    def named(self, folder, name, family):
        """A name that every system can have, and that differs from its neighbours in more than case.

        What differs in numbers only is one family and stays alike: a sequence is found by the names of its files.
        """
        legal = "".join(part if TILE.fullmatch(part) else FORBIDDEN.sub("_", part) for part in TILE.split(name))
        legal = "_" + legal if DEVICE.fullmatch(legal) else legal
        legal = legal + "_" if legal.endswith((".", " ")) else legal
        alike = unicodedata.normalize("NFC", FORBIDDEN.sub("_", family)).casefold()
        known = self.families.setdefault((folder, alike), {})
        number = known.setdefault(family, len(known) + 1)
        legal = f"_{number}_{legal}" if number > 1 else legal
        if len(legal.encode()) > NAME_BYTES_MAX:
            raise Refused(f"the name {name} is too long for some systems: rename it")
        return legal

    def relative(self, place, blend):
        """How a .blend names a place inside the job."""
        return "//" + posixpath.relpath("/" + place, "/" + posixpath.dirname(self.of(blend)))

    def wanted(self, reference, blend):
        """What the reference has to store so that it leads to its files."""
        path = absolute(reference.stored, base_of(reference.library))
        return self.relative(self.of_folder(path) if reference.is_folder else self.of(path), blend)


def parts_of(path):
    """The names of an absolute path without the root; a drive or a server is a reserved name."""
    drive, rest = os.path.splitdrive(path)
    parts = [part for part in rest.replace(os.sep, "/").split("/") if part]
    if drive.startswith(("\\\\", "//")):
        return ["_unc", *[part for part in drive.replace("\\", "/").split("/") if part], *parts]
    return ["_drive_" + drive[0].lower(), *parts] if drive else parts


def stem(name):
    return posixpath.splitext(posixpath.basename(name))[0]


def leads_there(stored, wanted):
    """Whether a path leads where it should as it is: `..` behind a name needs that folder, which may not exist elsewhere."""
    parts = [part for part in stored[2:].replace("\\", "/").split("/") if part not in {"", "."}]
    return stored.startswith("//") and "/".join(parts) == wanted[2:]


def lost_in(found, places):
    """The .blends in which a reference does not lead to the places of its files."""
    owners = ((reference, base_of(reference.library)) for reference in found.references)
    return {blend for reference, blend in owners if not leads_there(reference.stored, places.wanted(reference, blend))}


def is_found(reference, found):
    return not found.files.keys().isdisjoint(reference.files(found.clock))


def copy_with_other_paths(found, places, folder):
    """Saves copies of the .blends in which references have to lead elsewhere. The main file comes first: it is open."""
    copies = {}
    for number, owner in enumerate(sorted(lost_in(found, places), key=lambda path: path != found.blend)):
        if owner != found.blend:
            if owner not in found.files:
                continue
            open_file(owner, allow_scripts=False)
        for reference in references(found.clock):
            if reference.library is None and reference.stored and is_found(reference, found):
                wanted = places.wanted(reference, owner)
                if not leads_there(reference.stored, wanted):
                    reference.stored = wanted
        pack_reliefs()
        copies[owner] = os.path.join(folder, f"copy{number}", posixpath.basename(places.of(owner)))
        os.makedirs(os.path.dirname(copies[owner]), exist_ok=True)
        bpy.ops.wm.save_as_mainfile(filepath=copies[owner], copy=True, relative_remap=False, compress=True)
    return copies


def pack_reliefs():
    """Takes what lies in files beside the .blend into it: Blender would write those files, the artist's, with every save."""
    for thing in bpy.data.objects:
        is_external = any(modifier.type == "MULTIRES" and modifier.is_external for modifier in thing.modifiers)
        if is_external and thing.library is None and thing.data.library is None:
            with bpy.context.temp_override(object=thing, active_object=thing):
                bpy.ops.object.multires_external_pack()
