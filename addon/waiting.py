"""Which simulations of a scene are not baked, as it is shown: drawing asks neither the scene nor the disk.

A timer goes through the scene that was drawn; whether files of bakes are there a thread asks, for the disk may be a slow share.
"""

import threading
from dataclasses import dataclass

import bpy

from . import session, simulations, timers

TICK_S = 1.0


@dataclass(frozen=True)
class Known:
    """What is known of a scene."""

    names: tuple[str, ...]
    """Simulations that are not baked."""
    unsure: tuple[str, ...] = ()
    """Nodes without files: newer Blenders keep bakes inside of the .blend, which only the sending finds out."""


# The scene that was drawn since the last look, and what is shown of which.
_drawn = ""
_shown: tuple[str, Known | None] = ("", None)
_answers: dict[simulations.CacheFiles, bool] = {}
_asking: threading.Thread | None = None


def see(scene: bpy.types.Scene) -> Known | None:
    """What is known of a scene whose panel is drawn; None as long as nothing is."""
    global _drawn
    _drawn = scene.name
    return _shown[1] if _shown[0] == _drawn else None


def tick() -> float:
    """Looks anew at what was drawn; returns when to be called again. A timer in a window."""
    global _drawn, _shown
    scene = bpy.data.scenes.get(_drawn)
    if scene is not None and (known := _look(scene)) is not None:
        _drawn = ""
        if _shown != (scene.name, known):
            _shown = scene.name, known
            session.redraw_panels()
    return TICK_S


def _look(scene: bpy.types.Scene) -> Known | None:
    """None as long as the disk has not answered."""
    found = [(each, simulations.bake_of(each)) for each in simulations.simulations(scene) if simulations.is_shown(each)]
    questions = {files for _, files in found if isinstance(files, simulations.CacheFiles)}
    answers = _answers
    if questions:
        _ask(questions)
    if not questions <= answers.keys():
        return None
    waiting = [each for each, baked in found if not (answers[baked] if isinstance(baked, simulations.CacheFiles) else baked)]
    unsure = [each for each in waiting if each.kind in simulations.NODES and simulations.may_be_packed(each)]
    return Known(tuple(each.name for each in waiting if each not in unsure), tuple(each.name for each in unsure))


def _ask(questions: set[simulations.CacheFiles]) -> None:
    """One thread at a time: a disk that does not answer keeps one."""
    global _asking
    if _asking is None or not _asking.is_alive():
        _asking = threading.Thread(target=_answer, args=(questions,), name="netrender-bakes", daemon=True)
        _asking.start()


def _answer(questions: set[simulations.CacheFiles]) -> None:
    global _answers
    _answers = {files: files.are_there() for files in questions}


def register() -> None:
    """Starts the timer; without a window nothing is drawn."""
    timers.start(tick)


def unregister() -> None:
    """Ends it."""
    timers.stop(tick)
