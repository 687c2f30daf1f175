"""The passes of gathered pictures: which ones the compositor offers, and how they come into Blender's render result.

Without those that the slaves' engine has, a Render Layers node keeps only its image, and links from the other passes go dead
without a word. Used by the add-on's engine, and by the children that make final frames (`finishing.py` of the core).
"""

import contextlib
from typing import Any, Protocol

import bpy

_STAMPS = ("cryptomatte/", "cycles.")

# Attribute of the view layer → the pass's name, channels and kind in EEVEE, which registers them natively.
_EEVEE_PASSES: tuple[tuple[str, str, str, Any], ...] = (
    ("use_pass_z", "Depth", "Z", "VALUE"),
    ("use_pass_mist", "Mist", "Z", "VALUE"),
    ("use_pass_normal", "Normal", "XYZ", "VECTOR"),
    ("use_pass_position", "Position", "XYZ", "VECTOR"),
    ("use_pass_vector", "Vector", "XYZW", "VECTOR"),
    ("use_pass_diffuse_direct", "DiffDir", "RGB", "COLOR"),
    ("use_pass_diffuse_color", "DiffCol", "RGB", "COLOR"),
    ("use_pass_glossy_direct", "GlossDir", "RGB", "COLOR"),
    ("use_pass_glossy_color", "GlossCol", "RGB", "COLOR"),
    ("use_pass_emit", "Emit", "RGB", "COLOR"),
    ("use_pass_environment", "Env", "RGB", "COLOR"),
    ("use_pass_shadow", "Shadow", "RGB", "COLOR"),
    ("use_pass_ambient_occlusion", "AO", "RGB", "COLOR"),
)


def register_passes(engine: bpy.types.RenderEngine, name: str, scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
    """Registers the passes of a view layer as the engine `name` would."""
    if name == "CYCLES":
        # Blender's own add-on, with its own knowledge of names in each version.
        import cycles.engine

        cycles.engine.register_passes(engine, scene, layer)
        return
    engine.register_pass(scene, layer, "Combined", 4, "RGBA", "COLOR")
    if name.startswith("BLENDER_EEVEE"):
        for attribute, title, channels, kind in _EEVEE_PASSES:
            if getattr(layer, attribute, False):
                engine.register_pass(scene, layer, title, len(channels), channels, kind)


class Picture(Protocol):
    """What is known of a gathered multilayer EXR."""

    width: int
    height: int
    passes: dict[str, dict[str, str]]
    """View layer → pass → its channels in Blender's own order, such as `XYZ`."""
    metadata: dict[str, str]


class Unfit(Exception):
    """A picture that does not fit the scene; the text is one sentence."""


def load_layer(engine: bpy.types.RenderEngine, layer: str, frame: int, path: str, picture: Picture) -> None:
    """Brings a view layer with all its passes into the render result, exactly as it was rendered."""
    found = picture.passes.get(layer)
    if found is None:
        raise Unfit(f"frame {frame} has no view layer {layer}: it is newer than the job")
    for name, channels in found.items():
        if name != "Combined":
            engine.add_pass(name, len(channels), channels, layer=layer)
    result = engine.begin_result(0, 0, engine.resolution_x, engine.resolution_y, layer=layer)
    wanted = f"{result.resolution_x} x {result.resolution_y}"
    given = f"{picture.width} x {picture.height}"
    try:
        if wanted != given:
            raise Unfit(f"frame {frame} was rendered at {given}, this scene is set to {wanted}")
        result.load_from_file(path)
    except RuntimeError as error:
        # Its text names an internal function; Blender has printed it already.
        raise Unfit(f"frame {frame} cannot be loaded from {path}") from error
    finally:
        engine.end_result(result)
    # Blender keeps what is stamped on the whole result, and only once the part has been ended.
    whole = engine.get_result()
    for key, value in picture.metadata.items():
        if key.startswith(_STAMPS):
            whole.stamp_data_add_field(key, value)


def picture_size(engine: bpy.types.RenderEngine) -> tuple[int, int]:
    """Width and height of what is rendered: of the border only, where there is one."""
    result = engine.begin_result(0, 0, engine.resolution_x, engine.resolution_y)
    size = result.resolution_x, result.resolution_y
    engine.end_result(result, cancel=True)
    return size


def show_tile(engine: bpy.types.RenderEngine, tile: tuple[str, int, int, int, int]) -> None:
    """Shows a part of a frame that is not complete, in all view layers, to be replaced by the whole.

    One that cannot be shown is left out.
    """
    path, *place = tile
    result = engine.begin_result(*place)
    # It may have gone: the frame is complete by now.
    with contextlib.suppress(RuntimeError):
        result.load_from_file(path)
    engine.end_result(result)
