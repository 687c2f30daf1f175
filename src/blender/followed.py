"""What files name by themselves: the layers and assets of USD, and what scripts in Open Shading Language include.

Blender knows nothing of these. A text is searched for names, a binary USD (`PXR-USDC`) has all of its names in one table. What
is named and is a regular file is found, rather too much than too little; missed are only layers, for a name in a table may
be anything.
"""

import mmap
import os
import posixpath
import re
import struct

from on_disk import absolute, matching, tiles

LAYERS = (".usd", ".usda", ".usdc")
ASSET = re.compile(rb"@@@(.{1,4096}?)@@@|@([^@\r\n]{1,4096})@")
INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]+["<]([^">\r\n]{1,4096})[">]', re.MULTILINE)
FILE_NAME = re.compile(r"[^\0\r\n]*\.\w{1,5}")
NAME_LETTERS_MAX = 4096
CRATE = b"PXR-USDC"
TABLE_BYTES_MAX = 64 * 1024 * 1024


class Unreadable(Exception):
    """A file whose names cannot be read."""


def named_in(path, kind):
    """The names in a file of those that it needs, as they are written there; none for a file that names nothing."""
    if kind != "script" and not is_layer(path):
        return []
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if kind == "script":
                found = (match[1] for match in INCLUDE.finditer(content))
            elif content[: len(CRATE)] == CRATE:
                found = iter(table_of(content))
            else:
                found = (match[1] or match[2] for match in ASSET.finditer(content))
            names = {name.decode(errors="replace") for name in found}
    except ValueError:
        return []  # it is empty
    except (OSError, struct.error, IndexError, Unreadable):
        return []
    return sorted(filter(None, (plain(name) for name in names)))


def plain(name):
    """The name of a file, without what USD puts behind it; none if it cannot be one."""
    name = name.split(":SDF_FORMAT_ARGS:")[0].split("[")[0].strip()
    is_name = FILE_NAME.fullmatch(name) and len(name) <= NAME_LETTERS_MAX
    return name if is_name and "://" not in name and not name.startswith("anon:") else ""


def files_of(name, path):
    """The regular files that a name in a file means."""
    full = meant_by(name, path)
    if "<UDIM>" in name:
        return tiles(full)
    if is_pattern(name):
        # One for each frame, as value clips have it.
        pattern = re.sub(r"(\\#)+", r"\\d+", re.escape(os.path.basename(full)))
        return matching(full, pattern)
    return [full] if os.path.isfile(full) else []


def meant_by(name, path):
    """Where a name in a file leads; perhaps a pattern."""
    return absolute(name if os.path.isabs(name) else f"//{name}", path)


def is_pattern(name):
    return "<UDIM>" in name or "#" in posixpath.basename(name)


def is_layer(name):
    return os.path.splitext(name)[1].lower() in LAYERS


# Binary USD. Its numbers are little-endian; a table of contents tells where the table of names is.


def table_of(content):
    """All names in a binary USD: of files, among others."""
    version = tuple(content[8:11])
    (contents,) = struct.unpack_from("<q", content, 16)
    (count,) = struct.unpack_from("<Q", content, contents)
    for place in range(min(count, 64)):
        title, start, _ = struct.unpack_from("<16sqq", content, contents + 8 + 32 * place)
        if title.rstrip(b"\0") == b"TOKENS":
            return names_at(content, start, version)
    return []


def names_at(content, start, version):
    if version < (0, 4, 0):
        (size,) = struct.unpack_from("<Q", content, start + 8)
        return content[start + 16 : start + 16 + min(size, TABLE_BYTES_MAX)].split(b"\0")
    size, packed = struct.unpack_from("<QQ", content, start + 8)
    if size > TABLE_BYTES_MAX or packed > TABLE_BYTES_MAX:
        raise Unreadable
    return unpacked(content[start + 24 : start + 24 + packed], size).split(b"\0")


def unpacked(packed, size):
    """What was packed as USD does: the number of pieces, 0 for a single one without a length, each by LZ4."""
    pieces, place = packed[0], 1
    if pieces == 0:
        return unpacked_piece(packed[1:], size)
    found = b""
    for _ in range(pieces):
        (length,) = struct.unpack_from("<i", packed, place)
        found += unpacked_piece(packed[place + 4 : place + 4 + length], size - len(found))
        place += 4 + length
    return found


def unpacked_piece(packed, size):
    """One block of LZ4: literals, then a copy of what came before, again and again; the last one has literals only."""
    found, place = bytearray(), 0
    while place < len(packed):
        token = packed[place]
        length, place = counted(packed, place + 1, token >> 4)
        found += packed[place : place + length]
        place += length
        if place >= len(packed):
            break
        back = packed[place] | packed[place + 1] << 8
        length, place = counted(packed, place + 2, token & 15)
        length += 4
        if not 0 < back <= len(found) or len(found) + length > size:
            raise Unreadable
        while length > 0:
            # The copy may reach into itself.
            piece = found[-back : len(found) - back + length] if back > length else found[-back:]
            found += piece
            length -= len(piece)
    return bytes(found)


def counted(packed, place, first):
    """A length that may go on in further bytes, and the place behind it."""
    length = first
    while first == 15:
        more = packed[place]
        place, length = place + 1, length + more
        if more != 255:
            break
    return length, place
