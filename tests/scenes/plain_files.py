"""Writes small files of kinds that Blender reads but that are more easily written without it; the standard library only."""

import struct
import zlib
from pathlib import Path


def png(path: Path, colour: tuple[int, int, int]) -> None:
    """A picture of one colour."""
    row = b"\0" + bytes(colour) * 4

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    write(path, b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(row * 4)) + chunk(b"IEND", b""))


def avi(path: Path, colours: list[tuple[int, int, int]]) -> None:
    """A film without compression, one colour a frame."""
    side, count = 16, len(colours)

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data

    frames = [bytes(reversed(colour)) * side * side for colour in colours]
    size = len(frames[0])
    main = struct.pack("<14I", 41667, size * 24, 0, 0x10, count, 0, 1, size, side, side, 0, 0, 0, 0)
    stream = b"vids" + b"\0\0\0\0" + struct.pack("<10I", 0, 0, 0, 1, 24, 0, count, size, 0xFFFFFFFF, 0) + bytes(8)
    pixels = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, size, 0, 0, 0, 0)
    streams = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", pixels))
    header = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + streams)
    films = chunk(b"LIST", b"movi" + b"".join(chunk(b"00db", frame) for frame in frames))
    places = b"".join(struct.pack("<4sIII", b"00db", 0x10, 4 + at * (size + 8), size) for at in range(count))
    write(path, chunk(b"RIFF", b"AVI " + header + films + chunk(b"idx1", places)))


def wav(path: Path) -> None:
    """A tenth of a second of silence."""
    data = bytes(1600)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
    write(path, b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + form + b"data" + struct.pack("<I", len(data)) + data)


def ies(path: Path) -> None:
    """A lamp that shines brighter to the side."""
    angles = "0 45 90 135 180\n0\n100 400 900 400 100\n"
    write(path, f"IESNA:LM-63-1995\nTILT=NONE\n1 1000 1 5 1 1 2 0 0 0\n1 1 100\n{angles}".encode())


def pc2(path: Path, samples: list[list[tuple[float, float, float]]]) -> None:
    """Where each point of a mesh is, frame by frame from 1 on."""
    header = b"POINTCACHE2\0" + struct.pack("<iiffi", 1, len(samples[0]), 1.0, 1.0, len(samples))
    write(path, header + b"".join(struct.pack("<3f", *point) for sample in samples for point in sample))


def obj(path: Path, size: float) -> None:
    """A square."""
    corners = [(0, 0), (size, 0), (size, size), (0, size)]
    write(path, ("".join(f"v {x} {y} 0\n" for x, y in corners) + "f 1 2 3 4\n").encode())


def vdb(path: Path, density: float) -> None:
    """A fog of 8 x 8 x 8 voxels, each an eighth wide: OpenVDB's file format 224, a single leaf below its root."""

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode()

    def fact(name: str, value: str) -> bytes:
        return text(name) + text("string") + text(value)

    scale = 0.125
    vectors = (scale, scale, 1 / scale, 1 / scale**2, 0.5 / scale)
    transform = text("UniformScaleMap") + b"".join(struct.pack("<3d", value, value, value) for value in vectors)
    first_child = b"\1" + bytes(4095)
    full = b"\xff" * 64
    root = struct.pack("<fII", 0.0, 0, 1) + struct.pack("<3i", 0, 0, 0)
    upper = first_child + bytes(4096) + b"\0"
    lower = first_child[:512] + bytes(512) + b"\0"
    tree = struct.pack("<I", 1) + root + upper + lower + full
    leaf = full + b"\0" + struct.pack("<512f", *[density] * 512)
    facts = struct.pack("<I", 2) + fact("class", "fog volume") + fact("name", "density")
    grid_head = text("density") + text("Tree_float_5_4_3") + text("")
    head = struct.pack("<qIII", 0x56444220, 224, 10, 0) + b"\1" + b"00000000-0000-0000-0000-000000000000"
    head += struct.pack("<I", 0) + struct.pack("<I", 1) + grid_head
    start = len(head) + 24
    # 2: only the values that are switched on are stored.
    body = struct.pack("<I", 2) + facts + transform + tree
    offsets = struct.pack("<3q", start, start + len(body), start + len(body) + len(leaf))
    write(path, head + offsets + body + leaf)


def write(path: Path, data: bytes) -> None:
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
