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

FOLDER = Path(sys.argv[sys.argv.index("--") + 1]).resolve()
PROJECT = FOLDER / "project"
SHOT = PROJECT / "shot"
COLUMNS, ROWS, PIXELS = 8, 6, 8
FRAMES = 4
NEW = bpy.app.version >= (5, 0, 0)
RED, GREEN, BLUE, GOLD = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 200, 0)

cells = []


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


def lit_by_density(cloud):
    material = bpy.data.materials.new(cloud.name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    density = tree.nodes.new("ShaderNodeAttribute")
    density.attribute_name = "density"
    glow = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(density.outputs["Fac"], glow.inputs["Strength"])
    tree.links.new(glow.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Volume"])
    cloud.data.materials.append(material)


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


def show_simulations():
    """Baked here; what was baked beside the .blend, and what was baked elsewhere."""
    save()
    fall("baked simulation")
    outside = fall("simulation baked elsewhere")
    title = "".join(f"{byte:02X}" for byte in b"simulation baked elsewhere")
    for file in (SHOT / "blendcache_main").glob(f"{title}_*"):
        number = file.name.split("_")[1]
        (PROJECT / "cache/points").mkdir(parents=True, exist_ok=True)
        file.rename(PROJECT / f"cache/points/fall_{number}_00.bphys")
    outside.use_external = True
    outside.name, outside.index = "fall", 0
    outside.filepath = "//../cache/points/"


def fall(name):
    """A cloth that falls aside."""
    cloth = place(name, mesh())
    glowing(cloth)
    modifier = cloth.modifiers.new("Cloth", "CLOTH")
    cache = modifier.point_cache
    cache.frame_start, cache.frame_end = 1, FRAMES
    cache.use_disk_cache = True
    bpy.context.scene.gravity = (-80, -80, 0)
    with bpy.context.temp_override(scene=bpy.context.scene, object=cloth, active_object=cloth, point_cache=cache):
        bpy.ops.ptcache.bake(bake=True)
    return cache


def show_fluid():
    """A smoke; newer Blenders as a module crash when they bake one."""
    domain = place("fluid", box(0.45))
    lit_by_density(domain)
    source = bpy.data.objects.new("Source", box(0.2))
    source.location, source.hide_render = domain.location, True
    bpy.context.scene.collection.objects.link(source)
    bpy.context.view_layer.update()
    settings = domain.modifiers.new("Fluid", "FLUID")
    settings.fluid_type = "DOMAIN"
    flow = source.modifiers.new("Fluid", "FLUID")
    flow.fluid_type = "FLOW"
    flow.flow_settings.flow_type, flow.flow_settings.flow_behavior = "SMOKE", "GEOMETRY"
    settings = settings.domain_settings
    settings.domain_type, settings.cache_type, settings.resolution_max = "GAS", "ALL", 8
    settings.cache_frame_start, settings.cache_frame_end = 1, FRAMES
    settings.cache_directory = "//../cache/smoke"
    activate(domain)
    with bpy.context.temp_override(scene=bpy.context.scene, object=domain, active_object=domain):
        bpy.ops.fluid.bake_all()


def box(half):
    made = bpy.data.meshes.new("Box")
    signs = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    made.from_pydata(
        [(0.45 + x * half, 0.45 + y * half, z * half) for x, y, z in signs],
        [],
        [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)],
    )
    return made


def show_scenes_of_others():
    """Alembic and USD: a file, and one for each frame."""
    moving = bpy.data.objects["mesh cache"]
    activate(moving)
    for name, ending in (("Alembic", "abc"), ("USD", "usdc")):
        whole = PROJECT / f"cache/square.{ending}"
        exported(moving, whole, 1, FRAMES)
        read_from(name, whole, f"//../cache/square.{ending}")
    for frame in range(1, FRAMES + 1):
        exported(moving, PROJECT / f"cache/single_{frame:03}.abc", frame, frame)
    several = read_from("Alembic, a file each frame", PROJECT / "cache/single_001.abc", "//../cache/single_001.abc")
    several.is_sequence = True


def exported(thing, path, first, last):
    bpy.context.scene.frame_set(first)
    for other in bpy.data.objects:
        other.select_set(other == thing)
    if path.suffix == ".abc":
        bpy.ops.wm.alembic_export(filepath=str(path), start=first, end=last, selected=True, as_background_job=False)
    else:
        bpy.ops.wm.usd_export(
            filepath=str(path),
            selected_objects_only=True,
            export_animation=True,
            export_lights=False,
            convert_world_material=False,
        )


def read_from(name, path, stored):
    known = set(bpy.data.objects)
    if path.suffix == ".abc":
        bpy.ops.wm.alembic_import(filepath=str(path), always_add_cache_reader=True, as_background_job=False)
    else:
        bpy.ops.wm.usd_import(filepath=str(path), import_lights=False, import_materials=False)
    (reader,) = (modifier for thing in set(bpy.data.objects) - known for modifier in thing.modifiers)
    cell = place(name, mesh())
    glowing(cell)
    modifier = cell.modifiers.new("Cache", "MESH_SEQUENCE_CACHE")
    modifier.cache_file, modifier.object_path = reader.cache_file, reader.object_path
    modifier.cache_file.filepath = stored
    for thing in set(bpy.data.objects) - known - {cell}:
        bpy.data.objects.remove(thing)
    return modifier.cache_file


def show_nodes():
    """What geometry nodes import, and what they have baked."""
    plain_files.obj(PROJECT / "tex/square.obj", 0.5)
    plain_files.obj(PROJECT / "tex/given.obj", 0.3)
    for name, stored in (("imported by a node", "//../tex/square.obj"), ("imported by a modifier", "//../tex/given.obj")):
        tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
        tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
        path = tree.interface.new_socket("Path", in_out="INPUT", socket_type="NodeSocketString")
        path.subtype = "FILE_PATH"
        reader = tree.nodes.new("GeometryNodeImportOBJ")
        real, paint = tree.nodes.new("GeometryNodeRealizeInstances"), tree.nodes.new("GeometryNodeSetMaterial")
        tree.links.new(reader.outputs[0], real.inputs[0])
        tree.links.new(real.outputs[0], paint.inputs[0])
        tree.links.new(paint.outputs[0], tree.nodes.new("NodeGroupOutput").inputs[0])
        cell = place(name, mesh())
        glowing(cell)
        paint.inputs["Material"].default_value = cell.data.materials[0]
        modifier = cell.modifiers.new("Nodes", "NODES")
        modifier.node_group = tree
        if "modifier" in name:
            tree.links.new(tree.nodes.new("NodeGroupInput").outputs[0], reader.inputs["Path"])
            modifier[path.identifier] = stored
        else:
            reader.inputs["Path"].default_value = stored
    bake_nodes("simulation nodes", "//blendcache_main/nodes")
    bake_nodes("simulation nodes baked elsewhere", "//../cache/nodes")


def bake_nodes(name, folder):
    """Nodes that move what they have made in the frame before."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    begin_of, end_of = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
    begin_of.pair_with_output(end_of)
    move = tree.nodes.new("GeometryNodeSetPosition")
    move.inputs["Offset"].default_value = (-0.2, 0, 0)
    tree.links.new(tree.nodes.new("NodeGroupInput").outputs[0], begin_of.inputs["Geometry"])
    tree.links.new(begin_of.outputs["Geometry"], move.inputs["Geometry"])
    tree.links.new(move.outputs["Geometry"], end_of.inputs["Geometry"])
    tree.links.new(end_of.outputs["Geometry"], tree.nodes.new("NodeGroupOutput").inputs[0])
    cell = place(name, mesh())
    glowing(cell)
    modifier = cell.modifiers.new("Nodes", "NODES")
    modifier.node_group = tree
    modifier.bake_target = "DISK"
    modifier.bake_directory = folder
    bpy.context.view_layer.update()
    for other in bpy.data.objects:
        other.select_set(other == cell)
    activate(cell)
    bpy.ops.object.simulation_nodes_cache_bake(selected=True)


def name_scripts():
    """A shader and a camera in Open Shading Language, shown by nobody: Blender as a module lacks what compiles them."""
    plain_files.write(PROJECT / "tex/glow.osl", b"shader glow(output color Colour = 0) { Colour = 1; }")
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
    """What no slave's picture shows, and what is not there."""
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


# The board.


def mesh(repeat=1):
    made = bpy.data.meshes.new("Square")
    side = 0.9
    made.from_pydata([(0, 0, 0), (side, 0, 0), (side, side, 0), (0, side, 0)], [], [(0, 1, 2, 3)])
    layer = made.uv_layers.new(name="UV")
    for corner, (x, y) in enumerate(((0, 0), (repeat, 0), (repeat, 1), (0, 1))):
        layer.data[corner].uv = (x * 0.999, y * 0.999)
    return made


def place(name, data):
    """An object in the next cell."""
    made = bpy.data.objects.new(name, data)
    put(name, made)
    return made


def put(name, thing):
    thing.location = (len(cells) % COLUMNS, ROWS - 1 - len(cells) // COLUMNS, 0)
    bpy.context.scene.collection.objects.link(thing)
    cells.append(name)


def glowing(thing):
    """A material that needs no light."""
    material = bpy.data.materials.new(thing.name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    glow = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(glow.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    thing.data.materials.append(material)
    return tree, glow


def activate(thing):
    bpy.context.view_layer.objects.active = thing
    thing.select_set(True)


def begin(path):
    """An empty file that has a place, so that paths can be relative to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def save():
    bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath, relative_remap=False)


def relative(path):
    return "//" + os.path.relpath(path, os.path.dirname(bpy.data.filepath))


main()
sys.stdout.flush()
os._exit(0)
