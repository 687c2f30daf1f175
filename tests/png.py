"""Reads the PNG files of these tests: only what makes the picture."""

from pathlib import Path

SIGNATURE_BYTES = 8


def pixels(path: Path) -> bytes:
    """The packed pixels, without texts such as the date."""
    data = path.read_bytes()
    position, found = SIGNATURE_BYTES, b""
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IDAT":
            found += data[position + 8 : position + 8 + size]
        position += 12 + size
    return found
