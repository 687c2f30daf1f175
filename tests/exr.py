"""Reads the EXR files of these tests with nothing but Python: a second opinion, independent of the code under test.

Single-part scan-line files without compression or with ZIP; the pixels stay bytes, to be compared, not understood.
"""

import struct
import zlib
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

MAGIC = 20000630
NO_COMPRESSION, ZIPS, ZIP = 0, 2, 3
LINES_PER_BLOCK = {NO_COMPRESSION: 1, ZIPS: 1, ZIP: 16}
BYTES_PER_PIXEL = {0: 4, 1: 2, 2: 4}
# Channels are stored by the alphabet; Blender's own order is this one.
CHANNEL_ORDER = "RGBAXYZWUrgbaV"


@dataclass
class Exr:
    """An image file."""

    width: int = 0
    height: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    channels: dict[str, bytes] = field(default_factory=dict)
    """Name of the channel → its pixels, row by row."""

    @property
    def passes(self) -> dict[str, dict[str, str]]:
        """View layer → pass → its channels in Blender's order."""
        found: dict[str, dict[str, str]] = {}
        for name in self.channels:
            if name.count(".") >= 2:
                layer, title, channel = name.rsplit(".", 2)
                found.setdefault(layer, {}).setdefault(title, "")
                found[layer][title] = "".join(sorted(found[layer][title] + channel, key=CHANNEL_ORDER.index))
        return found


def read(path: Path) -> Exr:
    """Reads a file whole."""
    data = path.read_bytes()
    magic, version = struct.unpack_from("<II", data)
    assert magic == MAGIC, f"{path} is no EXR"
    assert not version & 0x1A00, f"{path} is tiled, deep or multi-part"
    image = Exr()
    layout: list[tuple[str, int]] = []
    compression = NO_COMPRESSION
    position = 8
    while data[position]:
        name, position = _text(data, position)
        kind, position = _text(data, position)
        (size,) = struct.unpack_from("<i", data, position)
        value = data[position + 4 : position + 4 + size]
        position += 4 + size
        if name == "channels":
            layout = _layout(value)
        elif name == "compression":
            compression = value[0]
        elif name == "dataWindow":
            left, top, right, bottom = struct.unpack("<4i", value)
            image.width, image.height = right - left + 1, bottom - top + 1
        elif kind == "string":
            image.metadata[name] = value.decode()
    _read_pixels(image, data, position + 1, layout, compression)
    return image


def _read_pixels(image: Exr, data: bytes, position: int, layout: list[tuple[str, int]], compression: int) -> None:
    lines = LINES_PER_BLOCK[compression]
    row = sum(image.width * size for _, size in layout)
    planes: dict[str, list[bytes]] = {name: [] for name, _ in layout}
    blocks = (image.height + lines - 1) // lines
    for number, offset in enumerate(struct.unpack_from(f"<{blocks}Q", data, position)):
        (size,) = struct.unpack_from("<i", data, offset + 4)
        height = min(lines, image.height - number * lines)
        pixels = _unpacked(data[offset + 8 : offset + 8 + size], row * height)
        at = 0
        for _ in range(height):
            for name, pixel in layout:
                planes[name].append(pixels[at : at + image.width * pixel])
                at += image.width * pixel
    image.channels = {name: b"".join(parts) for name, parts in planes.items()}


def _unpacked(block: bytes, size: int) -> bytes:
    if len(block) == size:
        return block
    differences = zlib.decompress(block)
    mixed = bytes(accumulate(differences, lambda before, step: (before + step - 128) & 255))
    half = (size + 1) // 2
    pixels = bytearray(size)
    pixels[0::2], pixels[1::2] = mixed[:half], mixed[half:]
    return bytes(pixels)


def _layout(value: bytes) -> list[tuple[str, int]]:
    found = []
    position = 0
    while value[position]:
        name, position = _text(value, position)
        (kind,) = struct.unpack_from("<i", value, position)
        found.append((name, BYTES_PER_PIXEL[kind]))
        position += 16
    return found


def _text(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(0, position)
    return data[position:end].decode(), end + 1
