"""Makes a scene that shows every kind of file: run as `blender -b -P everything.py -- FOLDER`, or by a Python with bpy.

The picture is a board of cells, 8 x 8 pixels each, and each cell is what it is by one kind of file; FOLDER/cells.json names
them in order. So a picture tells which files arrived. `project/shot/main.blend` is the file to render, frames 1 to 4.
"""

import json
import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plain_files
from baked import show_fluid, show_nodes, show_scenes_of_others, show_simulations
from board import (
    COLUMNS,
    FOLDER,
    FRAMES,
    NEW,
    PIXELS,
    PROJECT,
    ROWS,
    SHOT,
    activate,
    begin,
    cells,
    glowing,
    lit_by_density,
    mesh,
    place,
    put,
    relative,
    save,
)

RED, GREEN, BLUE, GOLD = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 200, 0)


def main():
    """Makes the libraries, then the scene that links them."""
    make_libraries()
    begin(SHOT / "main.blend")
    scene = bpy.context.scene
    set_up(scene)
    show_pictures()
    show_names()
    show_numbers()
    show_libraries()
    show_geometry()
    show_simulations()
    if NEW:
        show_scenes_of_others()
        show_nodes()
    else:
        show_fluid()
    name_scripts()
    name_the_unseen(scene)
    save()
    (FOLDER / "cells.json").write_text(json.dumps(cells))


def set_up(scene):
    """A camera that sees the board, a picture as the world, light enough for one sample."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
    if NEW:
        scene.cycles.volume_biased = True
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.resolution_x, scene.render.resolution_y = COLUMNS * PIXELS, ROWS * PIXELS
    camera = bpy.data.cameras.new("Camera")
    camera.type, camera.ortho_scale = "ORTHO", COLUMNS
    scene.camera = bpy.data.objects.new("Camera", camera)
    scene.camera.location = (COLUMNS / 2, ROWS / 2, 10)
    scene.collection.objects.link(scene.camera)
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True


# Pictures.


def show_pictures():
    plain_files.png(SHOT / "packed.png", RED)
    packed = bpy.data.images.load(str(SHOT / "packed.png"))
    packed.pack()
    packed.filepath_raw = "//packed and nowhere else.png"
    (SHOT / "packed.png").unlink()
    textured("packed", packed)
    for name, path, colour in (
        ("same name, first", PROJECT / "tex/a/col.png", GREEN),
        ("same name, second", PROJECT / "tex/b/col.png", BLUE),
        ("absolute", FOLDER / "other/col.png", GOLD),
    ):
        plain_files.png(path, colour)
        textured(name, picture(str(path) if name == "absolute" else relative(path)))
    for tile, colour in ((1001, RED), (1002, BLUE)):
        plain_files.png(PROJECT / f"tex/u.{tile}.png", colour)
    textured("UDIM tiles", picture("//../tex/u.<UDIM>.png", "TILED"), repeat=2)
    plain_files.avi(PROJECT / "tex/film.avi", [RED, GREEN, BLUE, GOLD])
    textured("film", picture("//../tex/film.avi", "MOVIE"))


def show_names():
    """Paths that mean something else elsewhere, or nothing."""
    up = "../" * 40
    long = FOLDER / "/".join(["a folder with a very long name " * 7] * 3)
    (PROJECT / "real/deep").mkdir(parents=True)
    (SHOT / "nothing else").mkdir()
    (SHOT / "link").symlink_to("../real/deep")
    (PROJECT / "real/loop").symlink_to(".")
    for name, path, stored in (
        ("letters", PROJECT / "tex/Größe und 木.png", None),
        ("backslashes", PROJECT / "tex/back.png", "//..\\tex\\back.png"),
        ("a folder that only leads up", PROJECT / "tex/up.png", "//nothing else/../../tex/up.png"),
        ("above the root", FOLDER / "other/root.png", f"//{up}{str(FOLDER)[1:]}/other/root.png"),
        ("upper case", PROJECT / "tex/Case/Wood.png", None),
        ("lower case", PROJECT / "tex/case/wood.png", None),
        ("forbidden signs", PROJECT / "tex/a: b .png", None),
        ("a device's name", PROJECT / "tex/aux/nul.png", None),
        ("very long", long / "long.png", None),
        ("through a link", PROJECT / "real/deep/linked.png", "//link/linked.png"),
        ("round in a circle", PROJECT / "real/round.png", "//../real/loop/loop/round.png"),
    ):
        plain_files.png(path, GREEN)
        textured(name, picture(stored or relative(path)))


def show_numbers():
    """Sequences, each with another colour at each frame."""
    for number, colour in enumerate((RED, GREEN, BLUE, GOLD, RED, GREEN), 1):
        plain_files.png(PROJECT / f"seq/f2_{number:04}.png", colour)
        plain_files.png(PROJECT / f"seq/more{number + 98}.png", colour)
        plain_files.vdb(PROJECT / f"seq/fog_{number:03}.vdb", number)
    textured("sequence", picture("//../seq/f2_0002.png", "SEQUENCE"))
    textured("sequence with another number of digits", picture("//../seq/more99.png", "SEQUENCE"), offset=98)
    plain_files.vdb(PROJECT / "tex/fog.vdb", 1.0)
    fog("volume", "//../tex/fog.vdb")
    row = fog("volumes", "//../seq/fog_001.vdb")
    row.is_sequence, row.frame_duration = True, FRAMES


def picture(stored, source="FILE"):
    """An image with exactly this path."""
    made = bpy.data.images.new(os.path.basename(stored), 4, 4)
    made.source = source
    made.filepath_raw = stored
    if source == "TILED":
        made.tiles.new(1002)
    return made


def textured(name, image, repeat=1, offset=0):
    """A square that glows as the picture says."""
    square = place(name, mesh(repeat))
    tree, glow = glowing(square)
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image, texture.interpolation = image, "Closest"
    texture.image_user.frame_duration, texture.image_user.frame_offset = FRAMES, offset
    texture.image_user.use_auto_refresh = True
    tree.links.new(texture.outputs["Color"], glow.inputs["Color"])
    return square


def fog(name, stored):
    data = bpy.data.volumes.new(name)
    data.filepath = stored
    cloud = place(name, data)
    lit_by_density(cloud)
    cloud.scale = (0.8, 0.8, 0.8)
    return data


# Libraries.


def make_libraries():
    """`main` links `lib/one`, which links `deep/two` by its absolute path and `lib/more/three` by a relative one.

    `three` links `one`: a circle.
    """
    plain_files.png(FOLDER / "deep/tex/col.png", RED)
    plain_files.png(PROJECT / "lib/more/tex/col.png", BLUE)
    begin(FOLDER / "deep/two.blend")
    textured("Two", picture(str(FOLDER / "deep/tex/col.png")))
    save()
    begin(PROJECT / "lib/more/three.blend")
    textured("Three", picture("//tex/col.png"))
    save()
    begin(PROJECT / "lib/one.blend")
    parent = textured("One", picture("//../../deep/tex/col.png"))
    link(FOLDER / "deep/two.blend", "Two", relative=False).parent = parent
    link(PROJECT / "lib/more/three.blend", "Three").parent = parent
    save()
    bpy.ops.wm.open_mainfile(filepath=str(PROJECT / "lib/more/three.blend"))
    link(PROJECT / "lib/one.blend", "One")
    save()
    cells.clear()


def link(library, name, relative=True):
    with bpy.data.libraries.load(str(library), link=True, relative=relative) as (_, into):
        into.objects = [name]
    bpy.context.scene.collection.objects.link(into.objects[0])
    return into.objects[0]


def show_libraries():
    for name, library, thing in (
        ("library", PROJECT / "lib/one.blend", "One"),
        ("library of a library", FOLDER / "deep/two.blend", "Two"),
        ("library of a library, relative", PROJECT / "lib/more/three.blend", "Three"),
    ):
        found = bpy.data.objects.get((thing, relative(library))) or link(library, thing)
        shown = bpy.data.objects.new(name, found.data)
        put(name, shown)


# Geometry.


def show_geometry():
    font = next(Path(bpy.utils.system_resource("DATAFILES")).glob("fonts/DejaVuSansMono.*"))
    (PROJECT / "tex" / font.name).write_bytes(font.read_bytes())
    curve = bpy.data.curves.new("font", "FONT")
    curve.body, curve.size = "iW", 0.9
    curve.font = bpy.data.fonts.load(str(PROJECT / "tex" / font.name))
    curve.font.filepath = relative(PROJECT / "tex" / font.name)
    glowing(place("font", curve))
    samples = [[(x * at / 4, y * at / 4, 0) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))] for at in range(1, FRAMES + 1)]
    plain_files.pc2(PROJECT / "cache/square.pc2", samples)
    cached = place("mesh cache", mesh()).modifiers.new("Cache", "MESH_CACHE")
    cached.cache_format, cached.filepath = "PC2", "//../cache/square.pc2"
    glowing(bpy.data.objects["mesh cache"])
    plain_files.ies(PROJECT / "tex/lamp.ies")
    tree, glow = glowing(place("IES lamp", mesh()))
    lamp = tree.nodes.new("ShaderNodeTexIES")
    lamp.mode, lamp.filepath = "EXTERNAL", "//../tex/lamp.ies"
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["Object"], lamp.inputs["Vector"])
    tree.links.new(lamp.outputs[0], glow.inputs["Strength"])
    relief = place("multiresolution", mesh())
    glowing(relief)
    activate(relief)
    levels = relief.modifiers.new("Multires", "MULTIRES")
    bpy.ops.object.multires_subdivide(modifier="Multires", mode="SIMPLE")
    bpy.ops.object.multires_external_save(filepath=str(PROJECT / "cache/relief.btx"), modifier="Multires", relative_path=True)
    levels.levels = levels.render_levels = 1


def name_scripts():
    """A shader and a camera in Open Shading Language, shown by nobody: Blender as a module lacks what compiles them."""
    plain_files.write(PROJECT / "tex/common.h", b"#define BRIGHT 1\n")
    plain_files.write(PROJECT / "tex/lights/lamp.h", b'  # include "../common.h"\n#include <stdosl.h>\n')
    script = b'#include "lights/lamp.h"\nshader glow(output color Colour = 0) { Colour = BRIGHT; }'
    plain_files.write(PROJECT / "tex/glow.osl", script)
    material = bpy.data.materials.new("Script")
    material.use_nodes = material.use_fake_user = True
    script = material.node_tree.nodes.new("ShaderNodeScript")
    script.mode = "EXTERNAL"
    script.filepath = "//../tex/glow.osl"
    if NEW:
        plain_files.write(PROJECT / "tex/camera.osl", b"shader camera(output point position = 0) { position = 0; }")
        camera = bpy.data.cameras.new("Programmed")
        camera.use_fake_user = True
        camera.type, camera.custom_mode, camera.custom_filepath = "CUSTOM", "EXTERNAL", "//../tex/camera.osl"


def name_the_unseen(scene):
    """What no slave's picture shows, what is not there, and what nobody may read."""
    plain_files.wav(PROJECT / "tex/voice.wav")
    voice = bpy.data.sounds.load(str(PROJECT / "tex/voice.wav"))
    voice.filepath, voice.use_fake_user = "//../tex/voice.wav", True
    plain_files.png(PROJECT / "clip/c_01.png", RED)
    plain_files.png(PROJECT / "clip/c_02.png", RED)
    clip = bpy.data.movieclips.load(str(PROJECT / "clip/c_01.png"))
    clip.filepath, clip.use_fake_user = "//../clip/c_01.png", True
    plain_files.write(PROJECT / "tex/notes.txt", b"notes")
    bpy.data.texts.load(str(PROJECT / "tex/notes.txt"))
    editor = scene.sequence_editor_create()
    strips = editor.strips if NEW else editor.sequences
    strips.new_movie("film", str(PROJECT / "tex/film.avi"), 1, 1)
    plain_files.png(PROJECT / "strip/s.png", RED)
    strips.new_image("picture", str(PROJECT / "strip/s.png"), 2, 1)
    scene.render.use_sequencer = False
    for stored in ("//gone.png", "D:\\gone.png", "\\\\server\\share\\gone.png", "/dev/zero", "/", "//"):
        picture(stored).use_fake_user = True
    plain_files.png(SHOT / "shut.png", RED)
    (SHOT / "shut.png").chmod(0)
    picture("//shut.png").use_fake_user = True


main()
sys.stdout.flush()
os._exit(0)
