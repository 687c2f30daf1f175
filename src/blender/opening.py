"""Opens a .blend, and refuses in a sentence what cannot be opened or rendered: the worker and the collector ask the same.

Runs inside Blender; the standard library and `bpy` only.
"""

import os
import re

import bpy

NET_RENDER = "NET_RENDER"


class Refused(Exception):
    """The scene cannot be rendered; the text is one sentence for people."""


class Lacking(Refused):
    """What the scene takes and this Blender lacks; another one may have it."""


def open_file(blend, allow_scripts):
    """Opens a .blend, or says in a sentence why not."""
    if NET_RENDER not in engines_of_python():
        # Else a file that was saved with our engine would read as set to the first engine of the list.
        names = {"bl_idname": NET_RENDER, "bl_label": NET_RENDER}
        bpy.utils.register_class(type("NetRenderName", (bpy.types.RenderEngine,), names))
    try:
        bpy.ops.wm.open_mainfile(filepath=blend, load_ui=False, use_scripts=allow_scripts)
    except RuntimeError as error:
        # Missing libraries are reported as errors too, though the file is open.
        if not bpy.data.filepath or not os.path.samefile(bpy.data.filepath, blend):
            version = bpy.app.version_string
            # Blender names the file and the failure two times over; what is wrong comes last.
            why = sentence(error).rsplit(": ", 1)[-1]
            name = os.path.basename(blend)
            raise Refused(f"Blender {version} cannot open {name}, it may be truncated or damaged: {why}") from error


def engines_of_python():
    return {getattr(engine, "bl_idname", "") for engine in bpy.types.RenderEngine.__subclasses__()}


def choose_scene(name):
    """The named scene, or the one that the file was saved in."""
    if not name:
        return bpy.context.scene
    scene = bpy.data.scenes.get(name)
    if scene is None:
        names = ", ".join(each.name for each in bpy.data.scenes)
        raise Refused(f"there is no scene {name!r} in the file, only {names}")
    return scene


def set_engine(scene, engine):
    """Sets the engine; EEVEE has two names, by version."""
    if engine:
        twins = {"BLENDER_EEVEE": "BLENDER_EEVEE_NEXT", "BLENDER_EEVEE_NEXT": "BLENDER_EEVEE"}
        for name in filter(None, (engine, twins.get(engine))):
            try:
                scene.render.engine = name
                break
            except TypeError as error:
                known = re.findall(r"'(\w+)'", str(error).rpartition("not found in")[2])
        else:
            names = ", ".join(name for name in known if name != NET_RENDER)
            raise Lacking(f"Blender {bpy.app.version_string} has no render engine {engine!r}, only {names}")
    if scene.render.engine == NET_RENDER:
        raise Refused(
            f"the scene {scene.name!r} names Network Render as its engine: choose the engine that renders it, such as CYCLES"
        )


def refuse_unrenderable(scene):
    """Refuses what Blender would refuse, or what would come from elsewhere than the engine."""
    if not has_camera(scene):
        raise Refused(f"the scene {scene.name!r} has no camera")
    if scene.render.use_multiview:
        raise Refused("stereoscopy (multiview) is not supported yet: switch it off in Output properties")
    if plays_strips(scene):
        raise Refused(
            f"the picture of scene {scene.name!r} comes from its sequencer, which no slave renders: "
            "switch Sequencer off in Output > Post Processing, or send the scene that the strips show"
        )
    if not any(layer.use for layer in scene.view_layers):
        raise Refused(f"every view layer of scene {scene.name!r} is switched off for rendering")


def has_camera(scene):
    """As Blender sees it: one that is active or that a marker makes so; that others stand in the scene does not count."""
    return bool(scene.camera) or any(marker.camera for marker in scene.timeline_markers)


def plays_strips(scene):
    """Whether a render of this scene shows its sequencer's strips. The add-on has the same rule (`job.plays_strips`)."""
    editor = scene.sequence_editor
    if not scene.render.use_sequencer or editor is None:
        return False
    # From 4.4 on, `strips`; before, `sequences`. A strip inside of another one is shown by that one.
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return any(strip.type != "SOUND" for strip in strips)


def writes_movie(scene):
    """Whether a render of this scene ends up in one file of all frames."""
    return scene.render.image_settings.file_format in {"FFMPEG", "AVI_JPEG", "AVI_RAW"}


def speak_english():
    """Blender translates its errors; people who read a farm's log shall find them in one language. Never saved."""
    view = bpy.context.preferences.view
    for name in ("use_translate_interface", "use_translate_reports"):
        if hasattr(view, name):
            setattr(view, name, False)


def lacks_denoiser(error):
    return "OpenImageDenoiser" in str(error)


def sentence(error):
    """Blender's report as one line without its label, full stop and line ends."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if lacks_denoiser(text):
        return "this Blender was built without the denoiser that the scene asks for: switch denoising off, or use another build"
    return re.sub(r"^(Error|Warning): ", "", text).rstrip(".")
