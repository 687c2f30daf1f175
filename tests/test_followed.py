"""Names that files have inside: read out of a binary USD, a text and a script, whatever else the file may be."""

import json
import struct
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent / "src/blender"
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import followed
files = json.loads(sys.stdin.read())
answer = [(followed.named_in(path, kind), followed.files_of("clip.###.usd", path)) for path, kind in files]
print(json.dumps(answer))
"""


def ask(python: Path, files: list[tuple[Path, str]]) -> list[tuple[list[str], list[str]]]:
    """The names in each file of this kind, and which files `clip.###.usd` is there."""
    asked = json.dumps([(str(path), kind) for path, kind in files])
    child = subprocess.run([python, "-c", ASK, SCRIPTS], input=asked, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return [(names, found) for names, found in json.loads(child.stdout.splitlines()[-1])]


def crate(packed: bytes, size: int) -> bytes:
    """A binary USD that has nothing but a table of names."""
    table = struct.pack("<QQQ", 1, size, len(packed)) + packed
    contents = struct.pack("<Q16sqq", 1, b"TOKENS", 24, len(table))
    return b"PXR-USDC" + bytes([0, 8, 0, *[0] * 5]) + struct.pack("<q", 24 + len(table)) + table + contents


def test_names_in_a_binary_usd_are_unpacked_and_damage_is_no_failure(bpy_python: Path, tmp_path: Path) -> None:
    # "./a.usd" and NUL; from 8 back six signs again, which makes "./a.us"; then "d" and NUL.
    block = bytes([0x82]) + b"./a.usd\0" + struct.pack("<H", 8) + bytes([0x20]) + b"d\0"
    whole = crate(b"\0" + block, 16)
    spoilt = [whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :] for place in range(8, len(whole))]
    contents = [whole, crate(b"\0\x30a.b", 3), *(whole[:length] for length in range(len(whole))), *spoilt]
    files = [tmp_path / f"{number}.usdc" for number in range(len(contents))]
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)
    answers = ask(bpy_python, [(path, "geometry") for path in files])
    assert [names for names, _ in answers[:2]] == [["./a.usd"], ["a.b"]]


def test_names_in_texts_are_those_of_files(bpy_python: Path, tmp_path: Path) -> None:
    layer, script, empty = tmp_path / "a.usda", tmp_path / "a.osl", tmp_path / "empty.osl"
    layer.write_text(
        "#usda 1.0\n(subLayers = [@./b.usda@, @c.usdz[in.usd]@, @d.usd:SDF_FORMAT_ARGS:x=1@, @@@e@.usd@@@])\n"
        "# anna@example.org and bert@example.org\n@http://example.org/f.usd@ @anon:0x1:g.usd@ @clip.###.usd@ @<h>@"
    )
    script.write_bytes(b'#include "x/y.h"\r\n  #  include <stdosl.h>\n// #include "no.h"\n')
    empty.touch()
    for number in ("001", "002", "x"):
        (tmp_path / f"clip.{number}.usd").touch()
    of_layer, of_script, of_picture, of_empty = ask(
        bpy_python, [(layer, "geometry"), (script, "script"), (script, "image"), (empty, "script")]
    )
    assert {"./b.usda", "c.usdz", "d.usd", "e@.usd", "clip.###.usd"} <= set(of_layer[0])
    assert not any("f.usd" in name or "g.usd" in name for name in of_layer[0])
    assert [Path(clip).name for clip in of_layer[1]] == ["clip.001.usd", "clip.002.usd"]
    assert of_script[0] == ["stdosl.h", "x/y.h"]
    assert of_picture[0] == of_empty[0] == []
