"""A job from this Blender to the master, step by step: the master is found, the file made, the job sent.

The steps are a generator: what it yields is where it stands, in one line; what it returns is the job's id. Closed on the way,
it takes everything back. Its caller decides how long a step may wait: 0 in a window, a moment in a script.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import bpy

from . import client, job, moving, service, simulations
from .connection import AUTO, Connection
from .native import Failure
from .questions import Question

T = TypeVar("T")
Steps = Generator[str, None, T]

UNTITLED = "untitled"


class Dispatch:
    """One job on its way."""

    def __init__(self, scene: bpy.types.Scene, frames: str, *, may_start: bool, only_bakes: bool, timeout: float) -> None:
        self.notices: list[str] = []
        """What the artist should know, in sentences."""
        self.bake_job: str | None = None
        """The job that bakes before it, once it is sent."""
        self.connection = job.settings_of(scene).connection()
        self.engine = job.engine_of(scene)
        # Until it is sent, the artist may have gone to another scene, or undone something: a name outlives both.
        self._scene_name = scene.name
        self._frames = frames
        self._may_start = may_start
        self._only_bakes = only_bakes
        self._timeout = timeout

    def scene(self) -> bpy.types.Scene:
        """The scene that it is a job of."""
        scene = bpy.data.scenes.get(self._scene_name)
        if scene is None:
            raise Failure(f"the scene {self._scene_name} is gone")
        return scene

    def steps(self) -> Steps[str]:
        """All of it."""
        if self.connection.address == AUTO:
            yield from self._find()
        scene = self.scene()
        reason = job.obstacle(scene)
        if reason is not None:
            raise Failure(reason)
        with contextlib.ExitStack() as rest:
            blend = bpy.data.filepath
            if job.is_sent_from_memory(scene):
                # Blender saves in its main thread: told before it does.
                yield "taking the scene as it is now"
                blend = rest.enter_context(_copy_of_memory())
            elif bpy.data.is_dirty:
                self.notices.append("the file has unsaved changes: its last saved state is sent")
            arguments = job.bake_arguments(scene) if self._only_bakes else job.arguments(scene, self._frames)
            return (yield from self._send(moving.Submission(self.connection, blend, arguments)))

    def _send(self, submission: moving.Submission) -> Steps[str]:
        try:
            while (created := submission.job(self._timeout)) is None:
                yield submission.text()
        except GeneratorExit:
            submission.withdraw()
            raise
        self.notices += submission.warnings()
        self.bake_job = submission.bake_job()
        if self.bake_job is not None:
            self.notices.append("simulations are baked before: Get Bakes brings them")
        return created

    def _find(self) -> Steps[None]:
        """Settles on the one master of this network, or starts one if there is none."""
        found = yield from self._answer(client.masters(), "looking for a master on the network")
        usable = [master for master in found if master.usable]
        if len(usable) > 1:
            names = ", ".join(sorted(master.name for master in usable))
            raise Failure(f"several masters are on this network ({names}): choose one by Refresh in Network Settings")
        if usable:
            self._connect_to(usable[0].url)
        elif found:
            raise Failure(client.why_unusable(found))
        elif self._may_start:
            yield "starting a master and a slave in this Blender"
            self._connect_to(service.start_farm(self.scene()))
            self.notices.append("no master was on the network: this Blender is master and first slave now, in the background")
        else:
            raise Failure("no master is on this network: Animation on Network starts one, or enter its Address")

    def _connect_to(self, url: str) -> None:
        self.connection = Connection(url, self.connection.key_file)

    def _answer(self, question: Question[T], text: str) -> Steps[T]:
        try:
            while (answer := question.answer(self._timeout)) is None:
                yield text
        except GeneratorExit:
            question.stop()
            raise
        return answer


@contextlib.contextmanager
def _copy_of_memory() -> Generator[str, None, None]:
    """The file as it is in memory, below Blender's own temporary folder, for as long as it is being sent."""
    original = Path(bpy.data.filepath) if bpy.data.filepath else None
    folder = Path(tempfile.mkdtemp(prefix="netrender_send_", dir=bpy.app.tempdir))
    try:
        # Its name is the job's, and that of the folder of its caches.
        copy = folder / (original.name if original else f"{UNTITLED}.blend")
        try:
            # Relative paths are written anew, so that they lead from there to the same files.
            with _absolute_folders_of_nodes():
                bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, relative_remap=True, check_existing=False)
        except RuntimeError as error:
            raise Failure(f"the scene cannot be saved for sending: {str(error).removeprefix('Error: ').strip()}") from error
        if original is not None:
            _link_caches(original, folder)
        yield str(copy)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _absolute_folders_of_nodes() -> Generator[None, None, None]:
    """Those paths alone Blender does not write anew."""
    places = [(thing, name, getattr(thing, name)) for thing, name in simulations.folders_of_nodes()]
    relative = [place for place in places if place[2].startswith("//")]
    try:
        for thing, name, stored in relative:
            setattr(thing, name, bpy.path.abspath(stored))
        yield
    finally:
        for thing, name, stored in relative:
            setattr(thing, name, stored)


def _link_caches(original: Path, folder: Path) -> None:
    """Simulations are cached beside the file, in a folder of its name: the copy has to find them, too."""
    caches = original.parent / f"blendcache_{original.stem}"
    if not caches.is_dir():
        return
    try:
        (folder / caches.name).symlink_to(caches, target_is_directory=True)
    except OSError as error:
        raise Failure("this scene has caches beside its file: save the file, then send it again") from error
