"""Small pictures of the selected job's finished frames, in a strip.

A few at a time are fetched while they are shown; those of a job that is no longer selected go.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import bpy.utils.previews

from . import client, job, native, questions, refresh, timers
from .joblist import JobPanel
from .layout import Layout
from .native import Failure
from .view import NetworkRenderView, view_of

TICK_S = 0.5
WIDTH_PIXELS = 128
# More would be no overview any more; they are spread over the whole job.
SHOWN_MAX = 12
# Questions at a time: the lists' own must not wait behind them.
FETCHED_AT_ONCE_MAX = 2
SCALE = 4.0
# What one picture and the space beside it take, at scale 1.
TILE_PIXELS = 90

_previews: Any = None
_folder: Path | None = None
# A frame and its attempt: rendered anew, it has another picture.
Key = tuple[int, int]
# Of which job, and which frames there were no pictures of.
_job = ""
_failed: set[Key] = set()
_wanted: list[Key] = []
# What is shown of the answer with this number.
_chosen: tuple[int, list[Key]] = (-1, [])


class RENDER_PT_network_pictures(JobPanel, bpy.types.Panel):
    """Small pictures of the selected job's frames."""

    bl_label = "Pictures"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows what is here; what is missing is fetched by the timer."""
        refresh.see("frames")
        layout: Layout = self.layout
        view = view_of(context)
        frames = choose(view) if view.has_frames() else []
        _wanted[:] = frames
        if not frames:
            layout.label(text="Finished frames of the selected job are shown here", icon="IMAGE_DATA")
            return
        columns = max(1, int(context.region.width / context.preferences.system.ui_scale / TILE_PIXELS))
        grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, even_rows=True)
        for frame in frames:
            tile = grid.column(align=True)
            picture = _previews.get(_name(frame)) if _job == view.frames_job else None
            if picture is None:
                tile.label(text="", icon="CANCEL" if frame in _failed else "SORTTIME")
            else:
                tile.template_icon(icon_value=picture.icon_id, scale=SCALE)
            number = tile.row()
            number.alignment = "CENTER"
            number.label(text=str(frame[0]))


def choose(view: NetworkRenderView) -> list[Key]:
    """The finished frames that are shown: the first, the last, and some between; chosen once an answer."""
    global _chosen
    if _chosen[0] != refresh.answers():
        _chosen = (refresh.answers(), _spread(view))
    return _chosen[1]


def _spread(view: NetworkRenderView) -> list[Key]:
    done = [(row.frame, row.attempt) for row in view.frames if row.state == "done"]
    if len(done) <= SHOWN_MAX:
        return done
    return [done[index * (len(done) - 1) // (SHOWN_MAX - 1)] for index in range(SHOWN_MAX)]


def tick() -> float:
    """Fetches what is shown and not here; returns when to be called again. A timer in a window."""
    if _wanted and native.obstacle() is None:
        view = view_of(bpy.context)
        if view.frames_job != _job:
            _begin(view.frames_job)
        missing = [frame for frame in _wanted if _name(frame) not in _previews and frame not in _failed]
        _wanted.clear()
        for frame in missing[:FETCHED_AT_ONCE_MAX]:
            _fetch(frame)
    return TICK_S


def _name(frame: Key) -> str:
    return f"{frame[0]}_{frame[1]}"


def _fetch(frame: Key) -> None:
    what = f"thumbnail {_name(frame)}"
    if questions.is_asking(what):
        return
    try:
        question = client.thumbnail(job.settings_in(bpy.context).connection(), _job, frame[0], WIDTH_PIXELS)
        questions.ask(what, question, partial(_show, _job, frame), lambda _sentence: _failed.add(frame))
    except Failure:
        # The lists tell what is wrong with the master.
        _failed.add(frame)


def _show(whom: str, frame: Key, png: bytes) -> None:
    global _folder
    if whom != _job:
        return
    # Previews are loaded from files, and only when they are drawn.
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="netrender_thumbnails_"))
    path = _folder / f"{whom}_{_name(frame)}.png"
    path.write_bytes(png)
    _previews.load(_name(frame), str(path), "IMAGE")


def _begin(whom: str) -> None:
    """Pictures of another job."""
    global _job
    _job = whom
    _failed.clear()
    _previews.clear()
    _clean_up()


def _clean_up() -> None:
    global _folder
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((RENDER_PT_network_pictures,))


def register() -> None:
    """Adds the panel, and starts the timer that fetches pictures."""
    global _previews
    _previews = bpy.utils.previews.new()
    _register_classes()
    timers.start(tick)


def unregister() -> None:
    """Takes them away, and their files."""
    timers.stop(tick)
    _unregister_classes()
    bpy.utils.previews.remove(_previews)
    _clean_up()
