"""Makes final frames: the files that a local render of the scene writes, from the layers that slaves rendered.

Orders of a worker (`worker.py`). An engine that only hands over the gathered layers takes the place of the scene's own, so
that Blender composites, manages colours and writes exactly as after a render of its own. The standard library and `bpy` only.
"""

import itertools
import json
import os
from types import SimpleNamespace

import bpy
import opening
import passes
import simulations

ENGINE = "NET_RENDER_FINAL"
JOB = {"scene": "", "engine": "", "pictures": {}, "unfit": None}


class FinalEngine(bpy.types.RenderEngine):
    """Hands over what slaves rendered."""

    bl_idname = ENGINE
    bl_label = "Network Render: final frames"
    # Slaves have drawn Freestyle's lines already.
    bl_use_custom_freestyle = True

    def update_render_passes(self, scene=None, renderlayer=None):
        if scene is not None and renderlayer is not None:
            passes.register_passes(self, JOB["engine"], scene, renderlayer)

    def render(self, depsgraph):
        frame = depsgraph.scene.frame_current
        picture = JOB["pictures"].get(frame)
        try:
            if picture is None:
                raise passes.Unfit(f"frame {frame} was not gathered")
            passes.load_layer(self, depsgraph.view_layer_eval.name, frame, picture.path, picture)
            if depsgraph.scene.render.use_stamp_filename:
                # Blender would write where the copy lies that is open here.
                self.get_result().stamp_data_add_field("File", picture.blend)
        except Exception as error:  # raised in here it would only be printed, and a black picture written
            JOB["unfit"] = JOB["unfit"] or error
            self.report({"ERROR"}, str(error))


def open_scene(order):
    """Opens the scene as it is, but with an engine that does not render."""
    opening.open_file(order["blend"], order["allow_scripts"])
    scene = opening.choose_scene(order.get("scene"))
    opening.set_engine(scene, order.get("engine"))
    opening.refuse_unrenderable(scene)
    for line in simulations.attach(order.get("baked") or []):
        print(f"netrender: {line}", flush=True)
    settings = scene.render
    JOB.update(scene=scene.name, engine=settings.engine)
    if order.get("resolution_percent"):
        settings.resolution_percentage = order["resolution_percent"]
    if order["threads"]:
        settings.threads_mode, settings.threads = "FIXED", order["threads"]
    if FinalEngine not in bpy.types.RenderEngine.__subclasses__() or not hasattr(bpy.types, FinalEngine.__name__):
        bpy.utils.register_class(FinalEngine)
    settings.engine = ENGINE
    settings.use_overwrite = True
    settings.use_placeholder = False
    return {"reply": "opened_to_finish", "is_movie": opening.writes_movie(scene)}


def finish(order):
    """Writes the final files of the listed pictures into an empty folder and tells their names there."""
    scene = bpy.data.scenes.get(JOB["scene"])
    if scene is None:
        raise passes.Unfit("no scene is open")
    with open(order["pictures"], encoding="utf-8") as file:
        JOB["pictures"] = {each["frame"]: SimpleNamespace(**each) for each in json.load(file)}
    JOB["unfit"] = None
    folder = order["folder"]
    redirect_file_outputs(scene, folder)
    pattern = scene.render.filepath
    try:
        if opening.writes_movie(scene):
            write_movie(scene, folder)
        else:
            write_stills(scene, folder)
    except RuntimeError as error:
        raise passes.Unfit(opening.sentence(error)) from error
    finally:
        scene.render.filepath = pattern
    if JOB["unfit"] is not None:
        raise passes.Unfit(str(JOB["unfit"]))
    files = [os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names]
    if not files:
        raise passes.Unfit("Blender ended without writing a file")
    return {"reply": "finished", "files": sorted(files)}


def write_stills(scene, folder):
    pattern = scene.render.filepath
    for frame in sorted(JOB["pictures"]):
        scene.frame_set(frame)
        scene.render.filepath = pattern
        name = os.path.basename(scene.render.frame_path(frame=frame))
        scene.render.filepath = os.path.join(folder, name)
        bpy.ops.render.render(write_still=True, scene=scene.name)


def write_movie(scene, folder):
    frames = sorted(JOB["pictures"])
    steps = {after - before for before, after in itertools.pairwise(frames)} or {1}
    if len(steps) > 1:
        raise passes.Unfit("a movie cannot be made of frames with gaps between them: gather all frames first")
    scene.frame_start, scene.frame_end, scene.frame_step = frames[0], frames[-1], steps.pop()
    # Blender itself appends the range of frames to the name.
    scene.render.filepath = os.path.join(folder, os.path.basename(scene.render.filepath))
    bpy.ops.render.render(animation=True, scene=scene.name)


def redirect_file_outputs(scene, folder):
    """Files of File Output nodes come along, each node's in a folder of its name, and never land where the artist's do."""
    tree = getattr(scene, "compositing_node_group", None) or getattr(scene, "node_tree", None)
    for node in tree.nodes if tree is not None else ():
        if node.bl_idname == "CompositorNodeOutputFile":
            attribute = "directory" if hasattr(node, "directory") else "base_path"
            setattr(node, attribute, os.path.join(folder, bpy.path.clean_name(node.name)))
