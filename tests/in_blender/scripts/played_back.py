"""Whether what plays back in the open scene is what a local bake shows; used in Blender by stories of bakes."""

import json
from pathlib import Path

import bpy


def check_places(local: str) -> None:
    """Each vertex is where the local bake of `few.blend` has it, whichever frame comes first."""
    baked = json.loads(Path(local).read_text(encoding="utf-8"))
    for frame in (7, 2, 8, 1):
        bpy.context.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for name in ("Cape", "Flag"):
            shown = bpy.data.objects[name].evaluated_get(graph)
            places = [list(shown.matrix_world @ vertex.co) for vertex in shown.to_mesh().vertices]
            assert places == baked[str(frame)][name][0], f"{name} in frame {frame}"
