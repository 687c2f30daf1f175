"""What a scene says about the job that is made of it. Together with `properties` the only reader of the scene."""

import sys
from pathlib import Path
from typing import Any

import bpy

from .properties import DEFAULT, NetworkRenderSettings, tags

NETWORK_RENDER = "NET_RENDER"

# EEVEE's identifier changed for three versions.
_EEVEE_NEXT_FROM = (4, 2, 0)
_EEVEE_NEXT_UNTIL = (5, 0, 0)


def arguments(scene: bpy.types.Scene, frames: str) -> dict[str, Any]:
    """What the job of `frames` of a scene is sent with; `obstacle` must have found nothing before."""
    settings = settings_of(scene)
    name = settings.job_name.strip()
    return {
        "blender": [own_blender()],
        "frames": frames,
        "tiles": settings.tiles.strip() or "1x1",
        "name": None if name in ("", DEFAULT) else name,
        "category": settings.job_category.strip(),
        "tags": tags(settings.job_tags),
        "requirements": settings.job_requirements.strip(),
        "priority": settings.priority,
        "chunks": settings.chunks,
        "scene": scene.name,
        "engine": engine_of(scene),
        # Where they were held back when the file was opened, a local render is one without them, too.
        "without_scripts": bpy.app.autoexec_fail,
        # What comes out of a working copy is as it was committed.
        **(settings.version() if settings.use_vcs else {"bakes": "first" if settings.bake_first else "never"}),
    }


def bake_arguments(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the job that bakes the simulations of a scene is sent with."""
    return {**arguments(scene, ""), "frames": None, "tiles": "1x1", "bakes": "only"}


def is_sent_from_memory(scene: bpy.types.Scene) -> bool:
    """Whether what is sent is a copy of the scene as it is now, because the file on the disk is another one, or none."""
    unsaved = bpy.data.is_dirty or not bpy.data.filepath
    return unsaved and _may_send_memory(scene)


def has_source(scene: bpy.types.Scene) -> bool:
    """Whether there is anything to send."""
    return bool(bpy.data.filepath) or _may_send_memory(scene)


def _may_send_memory(scene: bpy.types.Scene) -> bool:
    settings = settings_of(scene)
    # A revision is what was committed.
    return bool(settings.send_from_memory and not settings.use_vcs)


def obstacle(scene: bpy.types.Scene) -> str | None:
    """Why this scene cannot be sent as it is, in one sentence."""
    if not has_source(scene):
        return "save the file first: what is sent is the file on disk"
    if engine_of(scene) in ("", NETWORK_RENDER):
        return "choose the Engine that slaves render with in Job Settings"
    if scene.frame_end < scene.frame_start:
        return f"the frame range ends at {scene.frame_end}, before its start at {scene.frame_start}"
    return _unversioned(scene) or _unrenderable(scene)


def _unversioned(scene: bpy.types.Scene) -> str | None:
    """What cannot come out of a working copy; whether all that it needs is in there, the core looks at."""
    settings = settings_of(scene)
    folder = settings.version()["working_copy"] if settings.use_vcs else None
    if folder is None:
        return None
    blend, inside = Path(bpy.data.filepath).resolve(), Path(folder).resolve()
    if inside not in blend.parents:
        return f"{blend} is outside of the working copy {inside}: choose another one in From Version Control"
    return None


def _unrenderable(scene: bpy.types.Scene) -> str | None:
    """What slaves would refuse: better said before anything is sent."""
    if scene.camera is None and not any(marker.camera for marker in scene.timeline_markers):
        return f"the scene {scene.name} has no camera"
    if scene.render.use_multiview:
        return "stereoscopy (multiview) is not supported yet: switch it off in Output properties"
    if plays_strips(scene):
        return "the sequencer's strips would be rendered instead of the scene: switch off Sequencer in Post Processing"
    return None


def plays_strips(scene: bpy.types.Scene) -> bool:
    """Whether a render of this scene shows its sequencer's strips. The core has the same rule (`opening.plays_strips`)."""
    editor = scene.sequence_editor
    if not scene.render.use_sequencer or editor is None:
        return False
    # From 4.4 on, `strips`; before, `sequences`. A strip inside of another one is shown by that one.
    strips: Any = editor.strips if hasattr(editor, "strips") else editor.sequences
    return any(strip.type != "SOUND" for strip in strips)


def frame_range(scene: bpy.types.Scene) -> str:
    """The scene's frame range as the core reads it."""
    if scene.frame_start == scene.frame_end:
        return str(scene.frame_start)
    step = f"x{scene.frame_step}" if scene.frame_step > 1 else ""
    return f"{scene.frame_start}-{scene.frame_end}{step}"


def engine_of(scene: bpy.types.Scene) -> str:
    """The engine that slaves render this scene with."""
    if scene.render.engine != NETWORK_RENDER:
        return str(scene.render.engine)
    settings = settings_of(scene)
    if settings.job_render_engine == "OTHER":
        return str(settings.job_render_engine_other).strip()
    if settings.job_render_engine == "BLENDER_EEVEE" and _EEVEE_NEXT_FROM <= bpy.app.version < _EEVEE_NEXT_UNTIL:
        return "BLENDER_EEVEE_NEXT"
    return str(settings.job_render_engine)


def scene_of(context: bpy.types.Context | bpy.types.Depsgraph) -> bpy.types.Scene:
    """The scene that is worked on: always there, whatever the stubs say."""
    scene: Any = context.scene
    return scene  # type: ignore[no-any-return]


def settings_in(context: bpy.types.Context) -> NetworkRenderSettings:
    """The settings of the context's scene."""
    return settings_of(scene_of(context))


def settings_of(scene: bpy.types.Scene) -> NetworkRenderSettings:
    """The scene's settings, with their type."""
    settings: NetworkRenderSettings = scene.network_render
    return settings


def own_blender() -> str:
    """The command of this Blender: its executable, or the Python that has it as a module."""
    return bpy.app.binary_path or sys.executable
