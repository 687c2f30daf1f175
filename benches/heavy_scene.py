"""Makes a scene of two million faces: `blender -b --factory-startup -P heavy_scene.py -- FILE`, or a Python that has `bpy`."""

import math
import sys

import bpy

SIDE_FACES = 1415


def main(path: str) -> None:
    """A wavy field under a light that moves."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=SIDE_FACES, y_subdivisions=SIDE_FACES, size=10)
    vertices = bpy.context.object.data.vertices
    places = [0.0] * (3 * len(vertices))
    vertices.foreach_get("co", places)
    places[2::3] = [0.2 * math.sin(3 * x) * math.cos(3 * y) for x, y in zip(places[::3], places[1::3], strict=True)]
    vertices.foreach_set("co", places)
    bpy.ops.object.light_add(type="POINT", location=(0, 0, 3))
    light = bpy.context.object
    for frame, place in ((1, -4), (10, 4)):
        light.location.x = place
        light.keyframe_insert("location", frame=frame)
    bpy.ops.object.camera_add(location=(0, -9, 6), rotation=(math.radians(60), 0, 0))
    scene.camera = bpy.context.object
    scene.frame_start, scene.frame_end = 1, 10
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x = scene.render.resolution_y = 64
    bpy.ops.wm.save_as_mainfile(filepath=path)


if __name__ == "__main__":
    main(sys.argv[-1])
