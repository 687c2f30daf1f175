"""The render engine NET_RENDER: a render gathers the job's frames, or runs the service of the scene's mode."""

import contextlib
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.app.handlers import persistent

from . import borrow, client, job, moving, passes, questions, service
from .connection import Connection
from .native import Failure

if TYPE_CHECKING:
    from netrender_core import ExrInfo

SLICE_S = 0.1
CANCEL_TIMEOUT_S = 5.0


@dataclass
class _Frame:
    """The frame that is being loaded, view layer by view layer."""

    number: int
    path: str
    info: "ExrInfo"


@dataclass
class _Render:
    """What one render keeps from frame to frame; Blender calls the engine for every view layer of every frame."""

    over: bool = False
    """Nothing more is to be done: the service ended, or the render failed or was given up."""
    question: questions.Question[moving.Gathering] | None = None
    gathering: moving.Gathering | None = None
    frame: _Frame | None = None
    tiles: set[str] = field(default_factory=set)
    """Those of the frame that are waited for that are shown already."""
    size: tuple[int, int] | None = None
    """Width and height of that frame."""
    own_jobs: tuple[Connection, list[str]] | None = None
    """The jobs that exist only for this render: given up together with it."""
    interruption: service.Interruption = field(default_factory=service.Interruption)


_render = _Render()
_own_jobs: tuple[Connection, list[str]] | None = None


class NetworkRenderEngine(bpy.types.RenderEngine):
    """*Network Render* in the list of render engines."""

    bl_idname = job.NETWORK_RENDER
    bl_label = "Network Render"
    # Slaves have drawn Freestyle's lines already.
    bl_use_custom_freestyle = True
    # Materials and the viewport are shown as under Cycles.
    bl_use_eevee_viewport = True
    bl_use_shading_nodes_custom = False

    def update_render_passes(self, scene: bpy.types.Scene | None = None, renderlayer: bpy.types.ViewLayer | None = None) -> None:
        """Offers the passes of the engine that rendered the job."""
        if scene is not None and renderlayer is not None:
            name = job.settings_of(scene).job_engine or job.engine_of(scene)
            passes.register_passes(self, name, scene, renderlayer)

    def render(self, depsgraph: bpy.types.Depsgraph) -> None:
        """Gathers one view layer of the current frame, or runs the service; called once per view layer."""
        if _render.over:
            return
        scene = job.scene_of(depsgraph)
        _render.interruption.watch()
        try:
            role = service.role_of(scene)
            self.bl_use_image_save = role is None
            if role is None:
                self._gather(depsgraph)
            else:
                self._serve(scene)
        except Failure as failure:
            self._give_up(str(failure))
        except Exception as error:
            traceback.print_exc()
            self._give_up(f"netrender met a fault of its own: {error}")

    def _give_up(self, sentence: str) -> None:
        # An error's report keeps Blender from writing this frame and from going on to the next one.
        _render.over = True
        # Only the artist's own will ends a job: its other frames are still worth having.
        _render.own_jobs = None
        self.report({"ERROR"}, sentence)

    def _serve(self, scene: bpy.types.Scene) -> None:
        _render.over = True
        role = service.start(scene)
        said = ""

        def say(text: str) -> None:
            nonlocal said
            if text != said:
                said = text
                self.update_stats("", f"{role}: {text}")

        service.run(role, _render.interruption, say, self.test_break)

    def _gather(self, depsgraph: bpy.types.Depsgraph) -> None:
        frame = self._gathered_frame(job.scene_of(depsgraph))
        if frame is not None:
            try:
                passes.load_layer(self, depsgraph.view_layer_eval.name, frame.number, frame.path, frame.info)
            except passes.Unfit as unfit:
                raise Failure(str(unfit)) from unfit

    def _gathered_frame(self, scene: bpy.types.Scene) -> _Frame | None:
        """The current frame, once it is here; None if the artist gave up waiting."""
        number = scene.frame_current
        if _render.frame is not None and _render.frame.number == number:
            return _render.frame
        _let_go(_render.frame)
        _render.frame = None
        _render.tiles.clear()
        _render.size = None
        said = ""
        while not (_render.interruption.asked or self.test_break()):
            gathering = self._gathering(scene)
            if gathering is None:
                continue
            gathered = gathering.frame(number, SLICE_S)
            if gathered.path is not None:
                _render.frame = _Frame(number, gathered.path, moving.exr_info(gathered.path))
                return _render.frame
            if gathered.state in ("failed", "unknown", "cancelled"):
                raise Failure(gathered.text)
            self._show_tiles(gathering, number)
            if gathered.text != said:
                said = gathered.text
                self.update_stats("", said)
        _render.over = True
        if _render.interruption.asked:
            # Blender does not know of a signal that Python took: the report keeps it from going on.
            self.report({"ERROR"}, "interrupted")
        return None

    def _show_tiles(self, gathering: moving.Gathering, number: int) -> None:
        """Shows what has come of the frame that is waited for."""
        if _render.size is None:
            _render.size = passes.picture_size(self)
        news = [tile for tile in gathering.tiles(number, *_render.size) if tile[0] not in _render.tiles]
        for tile in news:
            passes.show_tile(self, tile)
            _render.tiles.add(tile[0])

    def _gathering(self, scene: bpy.types.Scene) -> moving.Gathering | None:
        """Frames on their way, begun at the first one that is asked for and kept for the render; None while it is asked."""
        if _render.gathering is None and _render.question is None:
            settings = job.settings_of(scene)
            if not settings.job_id:
                raise Failure("there is no job to gather: send one first, or use Animation on network")
            frames = job.frame_range(scene) if self.is_animation else str(scene.frame_current)
            self.update_stats("", "asking the master")
            connection, folder = settings.connection(), settings.folder()
            _render.question = moving.gather_frames(connection, settings.job_id, frames, folder, job.own_blender())
        if _render.gathering is None and _render.question is not None:
            _render.gathering = _render.question.answer(SLICE_S)
        return _render.gathering


def own(connection: Connection, jobs: list[str]) -> None:
    """Says that these jobs exist only for the next render: giving it up cancels them."""
    global _own_jobs
    _own_jobs = (connection, jobs)


def disown() -> None:
    """The jobs stay whatever becomes of the render."""
    global _own_jobs
    _own_jobs = None


def _let_go(frame: _Frame | None) -> None:
    """Removes a frame's file once it is in the render result: only the frames ahead take space."""
    if frame is not None:
        with contextlib.suppress(OSError):
            Path(frame.path).unlink()


@persistent
def _on_begin(scene: bpy.types.Scene, *_arguments: object) -> None:
    global _render
    if scene.render.engine == job.NETWORK_RENDER:
        _render = _Render(own_jobs=_own_jobs)
        if service.role_of(scene) is not None:
            service.make_way(scene)


@persistent
def _on_complete(*_arguments: object) -> None:
    _end(given_up=False)


@persistent
def _on_cancel(*_arguments: object) -> None:
    _end(given_up=True)


def _end(*, given_up: bool) -> None:
    own_jobs, _render.own_jobs = _render.own_jobs, None
    if own_jobs is not None and (given_up or _render.interruption.asked):
        _cancel(*own_jobs)
    disown()
    _render.interruption.leave()
    if _render.question is not None:
        _render.question.stop()
        _render.question = None
    if _render.gathering is not None:
        _render.gathering.stop()
        _render.gathering = None
    borrow.put_back_soon()


def _cancel(connection: Connection, jobs: list[str]) -> None:
    """Ends the jobs of a render that was given up; with a window nobody waits for it."""

    def failed(sentence: str) -> None:
        print(f"netrender: the job could not be cancelled: {sentence}")

    try:
        # What bakes may be over: then there is nothing to give up.
        question = client.cancel(connection, jobs)
        if not bpy.app.background:
            questions.ask(f"cancel {jobs}", question, lambda _ended: None, failed)
        elif question.answer(CANCEL_TIMEOUT_S) is None:
            failed("the master does not answer in time")
    except Failure as failure:
        failed(str(failure))


_HANDLERS = (("render_init", _on_begin), ("render_complete", _on_complete), ("render_cancel", _on_cancel))


def register() -> None:
    """Adds the engine to Blender's list, and watches where renders begin and end."""
    bpy.utils.register_class(NetworkRenderEngine)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Takes the engine away."""
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    # A twin that was installed the other way may have taken the engine's place: nothing is left to take away then.
    with contextlib.suppress(RuntimeError):
        bpy.utils.unregister_class(NetworkRenderEngine)
