"""Runs in Blender: makes a scene of four cloths that do not touch each other; `bake` bakes it here, as its artist would."""

import sys
import time
from pathlib import Path

import bpy

CLOTHS = 4
FRAMES = 60
CELLS = 60


def cloth(number: int) -> None:
    """One that hangs at its corner."""
    side = CELLS + 1
    points = [(x / CELLS + 2 * number, y / CELLS, 0.0) for y in range(side) for x in range(side)]
    corners = [y * side + x for y in range(CELLS) for x in range(CELLS)]
    mesh = bpy.data.meshes.new(f"Flag{number}")
    mesh.from_pydata(points, [], [(at, at + 1, at + side + 1, at + side) for at in corners])
    thing = bpy.data.objects.new(f"Flag{number}", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.vertex_groups.new(name="Pin").add([0], 1.0, "REPLACE")
    modifier = thing.modifiers.new("Cloth", "CLOTH")
    modifier.settings.vertex_group_mass = "Pin"
    modifier.settings.quality = 5
    modifier.collision_settings.use_collision = False
    modifier.point_cache.frame_end = FRAMES


def make(path: Path) -> None:
    """The scene, not baked."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_end = FRAMES
    scene.render.engine = "CYCLES"
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    for number in range(CLOTHS):
        cloth(number)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def main() -> None:
    """Makes it, or tells how long it takes here."""
    what, path = sys.argv[-2:]
    if what == "make":
        make(Path(path))
        return
    bpy.ops.wm.open_mainfile(filepath=path)
    began = time.monotonic()
    bpy.ops.ptcache.bake_all(bake=True)
    Path(path).with_suffix(".seconds").write_text(str(time.monotonic() - began))


if __name__ == "__main__":
    main()
