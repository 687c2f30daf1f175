"""The board of `everything.py`: a picture of cells, 8 x 8 pixels each, which are filled one after the other."""

import os
import sys
from pathlib import Path

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1]).resolve()
PROJECT = FOLDER / "project"
SHOT = PROJECT / "shot"
COLUMNS, ROWS, PIXELS = 8, 6, 8
FRAMES = 4
NEW = bpy.app.version >= (5, 0, 0)

cells = []


def place(name, data):
    """An object in the next cell."""
    made = bpy.data.objects.new(name, data)
    put(name, made)
    return made


def put(name, thing):
    thing.location = (len(cells) % COLUMNS, ROWS - 1 - len(cells) // COLUMNS, 0)
    bpy.context.scene.collection.objects.link(thing)
    cells.append(name)


def mesh(repeat=1):
    made = bpy.data.meshes.new("Square")
    side = 0.9
    made.from_pydata([(0, 0, 0), (side, 0, 0), (side, side, 0), (0, side, 0)], [], [(0, 1, 2, 3)])
    layer = made.uv_layers.new(name="UV")
    for corner, (x, y) in enumerate(((0, 0), (repeat, 0), (repeat, 1), (0, 1))):
        layer.data[corner].uv = (x * 0.999, y * 0.999)
    return made


def box(half):
    made = bpy.data.meshes.new("Box")
    signs = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    made.from_pydata(
        [(0.45 + x * half, 0.45 + y * half, z * half) for x, y, z in signs],
        [],
        [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)],
    )
    return made


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
