"""Denoising of frames that were rendered in tiles: once, when they are whole, as Cycles would have denoised them.

The denoiser looks at the pixels around, so slaves leave their tiles noisy and add what it needs. Blender's compositor has the
same denoiser: fed with the same passes, it makes the same picture bit by bit. Runs inside Blender; the standard library and
`bpy` only.
"""

import os

import bpy
import opening
from multilayer import write_multilayer

try:
    import _cycles
except ImportError:  # a Blender without Cycles
    _cycles = None

# What Cycles calls "RGB_ALBEDO" and so on, and the inputs of the compositor's node.
GUIDES = {"ALBEDO": "Albedo", "NORMAL": "Normal"}


def wanted(scene):
    """How the pictures of a scene are denoised, and those of which view layers; None: not at all."""
    if scene.render.engine != "CYCLES" or not scene.cycles.use_denoising:
        return None
    layers = [layer for layer in scene.view_layers if layer.use and layer.cycles.use_denoising]
    cycles = scene.cycles
    return layers and {
        "layers": [{"name": layer.name, "keeps_data": layer.cycles.denoising_store_passes} for layer in layers],
        "passes": cycles.denoising_input_passes,
        "prefilter": cycles.denoising_prefilter,
        "quality": getattr(cycles, "denoising_quality", ""),
    }


def hindrances(scene):
    """Why frames that were put together could not be denoised like whole ones, in words; nothing if they can."""
    if not wanted(scene):
        return []
    if not is_able():
        return ["denoising looks at the pixels around, and this Blender cannot do it afterwards: it has no OpenImageDenoise"]
    found = []
    if scene.cycles.denoiser != "OPENIMAGEDENOISE":
        found.append(f"denoising looks at the pixels around, and {scene.cycles.denoiser} cannot do it afterwards")
    if any(layer.use and layer.cycles.use_pass_shadow_catcher for layer in scene.view_layers):
        found.append("the shadow catcher's pass is denoised by looking at the pixels around")
    return found


def is_able():
    """Whether this Blender was built with the denoiser."""
    return bool(getattr(_cycles, "with_openimagedenoise", False))


def leave_to_others(scene, how):
    """Has a scene rendered noisy, with what the denoiser needs."""
    scene.cycles.use_denoising = False
    for layer in how["layers"]:
        scene.view_layers[layer["name"]].cycles.denoising_store_passes = True


def denoise(order):
    """Writes the denoised pictures of the listed view layers into a folder, numbered in their order."""
    if not is_able():
        raise opening.Lacking("this Blender was built without OpenImageDenoise, and cannot denoise what was rendered in tiles")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene, how = bpy.context.scene, order["denoising"]
    settings = scene.render
    settings.resolution_x, settings.resolution_y = order["size"]
    settings.resolution_percentage = 100
    if order["threads"]:
        settings.threads_mode, settings.threads = "FIXED", order["threads"]
    settings.use_compositing, settings.use_sequencer = True, False
    for name, value in (("compositor_device", "CPU"), ("compositor_precision", "FULL")):
        if hasattr(settings, name):
            setattr(settings, name, value)
    write_multilayer(settings)
    source = tree_of(scene, order["picture"], how)
    for number, layer in enumerate(how["layers"]):
        source.layer = layer["name"]
        print(f"Denoising the view layer {layer['name']!r}", flush=True)
        settings.filepath = os.path.join(order["folder"], f"{number}.exr")
        try:
            bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise opening.Refused(opening.sentence(error)) from error
        if not os.path.isfile(settings.filepath):
            raise opening.Refused("Blender ended the denoising without writing a picture")
    return {"reply": "denoised"}


def tree_of(scene, picture, how):
    """A compositor that only denoises; returns the node that reads the picture. No scene is rendered, as none is asked for."""
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Denoise", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        output = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    source, node = tree.nodes.new("CompositorNodeImage"), tree.nodes.new("CompositorNodeDenoise")
    source.image = bpy.data.images.load(picture)
    source.layer = how["layers"][0]["name"]
    choose(node, "use_hdr", "HDR", value=True)
    choose(node, "prefilter", "Prefilter", value=how["prefilter"])
    if how.get("quality"):
        choose(node, "quality", "Quality", value=how["quality"])
    tree.links.new(source.outputs["Combined"], node.inputs["Image"])
    for word, name in GUIDES.items():
        if word in how["passes"].split("_"):
            tree.links.new(source.outputs[f"Denoising {name}"], node.inputs[name])
    tree.links.new(node.outputs["Image"], output.inputs[0])
    return source


def choose(node, attribute, socket, *, value):
    """Sets an option of the node, which is an attribute in older Blenders and a socket in newer ones."""
    if hasattr(node, attribute):
        setattr(node, attribute, value)
    elif socket in node.inputs:
        node.inputs[socket].default_value = value.capitalize() if isinstance(value, str) else value
