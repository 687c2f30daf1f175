"""Makes one scene in several output formats, and renders each as an artist would: run as `layers.py` is, with FOLDER [FORMAT…].

In FOLDER afterwards, for each format: `<format>.blend`, and what a local render of it writes in `local/<format>/`. Two view
layers go through the compositor; the camera's output path is `//out/shot_###_v2`. Frames 2 and 3.
"""

import os
import sys

import bpy

ARGUMENTS = sys.argv[sys.argv.index("--") + 1 if "--" in sys.argv else 1 :]
FOLDER = os.path.abspath(ARGUMENTS[0])
FORMATS = {
    "png8": {"file_format": "PNG", "color_mode": "RGBA", "color_depth": "8"},
    "png16": {"file_format": "PNG", "color_mode": "RGB", "color_depth": "16"},
    "jpeg": {"file_format": "JPEG", "color_mode": "RGB", "quality": 80},
    "half": {"file_format": "OPEN_EXR", "color_depth": "16", "exr_codec": "ZIP"},
    "float": {"file_format": "OPEN_EXR", "color_depth": "32", "exr_codec": "ZIP"},
    "movie": {"media_type": "VIDEO", "file_format": "FFMPEG"},
}
STILLS = [name for name in FORMATS if name != "movie"]


def make_scene():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 2, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 50, 34, 100
    scene.frame_start, scene.frame_end = 2, 3
    cube = bpy.data.objects["Cube"]
    for frame, place in ((1, 0.0), (4, 1.5)):
        cube.location.x = place
        cube.keyframe_insert("location", frame=frame)
    first, second = scene.view_layers[0], scene.view_layers.new("Second")
    first.use_pass_normal = second.use_pass_mist = True
    scene.view_settings.exposure = 0.4
    composite(scene, first, second)
    return scene


def composite(scene, first, second):
    if bpy.app.version >= (5, 0, 0):
        tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        output = tree.nodes.new("NodeGroupOutput").inputs[0]
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite").inputs["Image"]
    nodes = [tree.nodes.new("CompositorNodeRLayers") for _ in range(2)]
    for node, layer in zip(nodes, (first, second), strict=True):
        node.layer = layer.name
    over = tree.nodes.new("CompositorNodeAlphaOver")
    images = [socket for socket in over.inputs if socket.type == "RGBA"]
    tree.links.new(nodes[0].outputs["Normal"], images[0])
    tree.links.new(nodes[1].outputs["Image"], images[1])
    tree.links.new(over.outputs[0], output)


def render(scene, name):
    """As the artist: the pattern of the output path, only elsewhere."""
    pattern = scene.render.filepath
    scene.render.filepath = os.path.join(FOLDER, "local", name, "shot_###_v2")
    bpy.ops.render.render(animation=True)
    scene.render.filepath = pattern


scene = make_scene()
scene.render.filepath = "//out/shot_###_v2"
settings = scene.render.image_settings
for name in ARGUMENTS[1:] or STILLS:
    for attribute, value in FORMATS[name].items():
        # Before 5.0 there is no `media_type`.
        if hasattr(settings, attribute):
            setattr(settings, attribute, value)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(FOLDER, f"{name}.blend"), relative_remap=False)
    render(scene, name)
sys.stdout.flush()
os._exit(0)
