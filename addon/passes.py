"""Which passes the compositor offers: those of the engine that slaves render with, not of Network Render itself.

Without them a Render Layers node keeps only its image, and links from the other passes go dead without a word.
"""

from typing import Any

import bpy

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
