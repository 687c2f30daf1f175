"""Runs in Blender: makes the scene of the recipe's test.

Two view layers with different passes, cryptomatte, an AOV, an animated object, and a compositor that mixes passes of
both layers: all that a careless gathering would lose.
"""

import bpy
import start

(path,) = start.arguments()
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 2
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 133, 75, 50
scene.cycles.samples = 2
scene.cycles.use_denoising = False

cube = bpy.data.objects["Cube"]
cube.pass_index = 3
for frame, place in ((1, 0.0), (2, 0.7)):
    cube.location.x = place
    cube.keyframe_insert("location", frame=frame)

first = scene.view_layers[0]
second = scene.view_layers.new("Second")
for layer in (first, second):
    layer.use_pass_z = layer.use_pass_normal = True
first.use_pass_diffuse_color = first.use_pass_object_index = first.use_pass_vector = True
first.use_pass_cryptomatte_object = True
second.use_pass_mist = True
aov = second.aovs.add()
aov.name = "Own"

mine = bpy.app.version >= (5, 0, 0)
if mine:
    tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    output = tree.nodes.new("NodeGroupOutput").inputs[0]
else:
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    output = tree.nodes.new("CompositorNodeComposite").inputs["Image"]
layers = []
for layer in (first, second):
    node = tree.nodes.new("CompositorNodeRLayers")
    node.layer = layer.name
    layers.append(node)
over = tree.nodes.new("CompositorNodeAlphaOver")
images = [socket for socket in over.inputs if socket.type == "RGBA"]
tree.links.new(layers[0].outputs["Normal"], images[0])
tree.links.new(layers[1].outputs["Image"], images[1])
tree.links.new(over.outputs[0], output)
bpy.ops.wm.save_as_mainfile(filepath=path)
