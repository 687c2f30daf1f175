"""Makes a scene that asks for much of what a render can give: run as `blender -b -P layers.py -- FOLDER` or by a Python with bpy.

In FOLDER afterwards: `shot/main.blend` (animated, Cycles, two view layers, cryptomatte, an AOV, many passes), `textures/wood.png`
that it names relatively, `elsewhere/paint.png` that it names by its absolute path, and `library/props.blend`, linked, with a
texture of its own. Small and quick: 48 x 36 pixels, 4 samples, frames 1 to 4.
"""

import os
import sys

import bpy

FOLDER = os.path.abspath(sys.argv[sys.argv.index("--") + 1])


def path(*names):
    full = os.path.join(FOLDER, *names)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def picture(full, red, blue):
    """A checked picture, saved as PNG."""
    image = bpy.data.images.new("picture", 16, 16)
    squares = [((x // 4 + y // 4) % 2) for y in range(16) for x in range(16)]
    image.pixels = [value for square in squares for value in (red * square, 0.4, blue * (1 - square), 1.0)]
    image.filepath_raw = full
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)


def material(name, texture, aov=None):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    image = nodes.new("ShaderNodeTexImage")
    image.image = bpy.data.images.load(texture)
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    links.new(image.outputs["Color"], surface.inputs["Base Color"])
    if aov:
        output = nodes.new("ShaderNodeOutputAOV")
        setattr(output, "aov_name" if hasattr(output, "aov_name") else "name", aov)
        links.new(image.outputs["Color"], output.inputs["Color"])
    return made


def save(full):
    # Relative to this place, as the artist's Blender does it by default; done by hand, because the helper turns all paths.
    for block in [*bpy.data.images, *bpy.data.libraries]:
        if block.filepath and "elsewhere" not in block.filepath:
            block.filepath = bpy.path.relpath(bpy.path.abspath(block.filepath), start=os.path.dirname(full))
    bpy.ops.wm.save_as_mainfile(filepath=full, relative_remap=False)


def make_library():
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    picture(path("library", "tex", "col.png"), 0.9, 0.1)
    bpy.ops.mesh.primitive_monkey_add() if hasattr(bpy.ops.mesh, "primitive_monkey_add") else None
    prop = bpy.context.object
    prop.name = "Prop"
    prop.data.materials.append(material("Prop", path("library", "tex", "col.png")))
    save(path("library", "props.blend"))


def make_shot():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    picture(path("textures", "wood.png"), 0.8, 0.3)
    picture(path("elsewhere", "paint.png"), 0.1, 0.9)
    scene = bpy.context.scene
    cube = bpy.data.objects["Cube"]
    cube.data.materials.clear()
    cube.data.materials.append(material("Wood", path("textures", "wood.png"), aov="Paint"))
    bpy.ops.mesh.primitive_plane_add(size=9, location=(0, 0, -1))
    bpy.context.object.data.materials.append(material("Paint", path("elsewhere", "paint.png")))
    with bpy.data.libraries.load(path("library", "props.blend"), link=True) as (_, into):
        into.objects = ["Prop"]
    scene.collection.objects.link(into.objects[0])
    for frame, turn in ((1, 0.0), (4, 1.5)):
        cube.rotation_euler.z = turn
        cube.keyframe_insert("rotation_euler", frame=frame)
    cube.pass_index = 3
    second = scene.view_layers.new("Second Layer")
    for layer in (scene.view_layers[0], second):
        for name in ("z", "mist", "normal", "vector", "object_index", "diffuse_color", "diffuse_direct", "cryptomatte_object"):
            setattr(layer, f"use_pass_{name}", True)
        layer.aovs.add().name = "Paint"
    second.samples = 2
    set_up(scene)
    save(path("shot", "main.blend"))


def set_up(scene):
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.cycles.use_denoising = False
    scene.cycles.device = "CPU"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 48, 36, 100
    scene.frame_start, scene.frame_end = 1, 4


make_library()
make_shot()
sys.stdout.flush()
os._exit(0)
