"""Where the files of a job lie beside each other.

A file keeps its place: its path inside the job is its absolute path without the root, so relative references go on fitting
below any folder. Only names that some system cannot have, or not keep apart, become others.
"""

import hashlib
import os
import posixpath
import re
import unicodedata

from followed import is_pattern
from on_disk import absolute, base_of, cache_folder
from opening import Refused

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


def leads_on(name, place, wanted):
    """Whether a name in the file at a place leads to the place that is wanted, or for a pattern to its folder."""
    found = posixpath.normpath(posixpath.join("/", posixpath.dirname(place), name))
    is_same_folder = posixpath.dirname(found) == "/" + posixpath.dirname(wanted)
    return is_same_folder and (is_pattern(name) or found == "/" + wanted)


def leads_there(stored, wanted):
    """Whether a path leads where it should as it is: `..` behind a name needs that folder, which may not exist elsewhere."""
    parts = [part for part in stored[2:].replace("\\", "/").split("/") if part not in {"", "."}]
    return stored.startswith("//") and "/".join(parts) == wanted[2:]
