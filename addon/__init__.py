"""Network Render for Blender: the add-on, a thin front of the native `netrender_core`.

A file for each thing that an artist sees, with its panel, its list and its operators: `sending`, `versions`, `gathering`,
`baking` (with `simulations`), `background`, `network` and `search`, `jobs` and `joblist`, `results`, `framelist`,
`thumbnails`, `slavelist`, `blacklist`, `rules`. Below them in layers, imports go down only (`tests/test_addon_layers.py`):
the jobs that were sent (`watching`, `notices`), how operators ask and answer (`asking`, `answers`), how panels and lists look
and stay up to date (`layout`, `lists`, `rows`, `refresh`), jobs on their way (`dispatch`), Blender's render (`engine`,
`service`, `passes`), what the scene says (`job`, `properties`), what runs and is shown (`session`, `view`), what goes to the
master and comes back (`moving`, `delivery`, `client`, `questions`, `connection`), what is this person's own (`preferences`,
`keys`), how a file's data is changed (`borrow`, `writing`), what is done again and again (`timers`). Only `native` finds the
core; only `job` and `properties` read the scene's settings.
"""

import sys
from typing import Any

from . import (
    background,
    baking,
    blacklist,
    borrow,
    engine,
    framelist,
    gathering,
    joblist,
    jobs,
    keys,
    native,
    network,
    notices,
    panels,
    preferences,
    properties,
    refresh,
    results,
    rules,
    search,
    sending,
    session,
    slavelist,
    thumbnails,
    versions,
    view,
    waiting,
    watching,
    writing,
)

bl_info = {
    "name": "Network Render",
    "author": "The netrender team",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Properties > Render > Network Render",
    "description": "Render animations on all the computers around you",
    "category": "Render",
}

# In the order in which they are registered: a panel's parent before it, and panels in the order of their showing.
_MODULES = (
    *(keys, preferences, properties, view, session, borrow, engine, notices, watching, waiting, refresh),
    *(panels, versions, background, gathering, sending, baking, jobs, joblist, results, framelist, thumbnails),
    *(slavelist, blacklist, rules, search, network),
)

_registered = False
# Enabled, but a copy that was installed the other way was there first.
_waiting = False


def register() -> None:
    """Makes everything known to Blender; a second call first takes back the first one.

    Of two copies (add-on and extension) the second waits until the first is disabled: Blender would mix up their classes.
    """
    global _registered, _waiting
    if _registered:
        unregister()
    first = next((twin for twin in _twins() if twin._registered), None)
    _waiting = first is not None
    if first is not None:
        first.native.look_for_twin(__name__)
        return
    native.look_for_update()
    for notice in native.notices():
        print(f"netrender: {notice}")
    writing.register()
    for module in _MODULES:
        module.register()
    _registered = True


def unregister() -> None:
    """Takes everything back in reverse and ends all that runs; a second call does nothing."""
    global _registered, _waiting
    if _waiting:
        for twin in _twins():
            twin.native.look_for_twin(None)
        _waiting = False
    if not _registered:
        return
    _registered = False
    native.look_for_twin(None)
    writing.write(_unregister_all)
    writing.unregister()
    for twin in _twins():
        if twin._waiting:
            twin.register()
            break


def _unregister_all() -> None:
    for module in reversed(_MODULES):
        module.unregister()


def _twins() -> list[Any]:
    """Other copies of this add-on that are loaded, such as one that was installed the other way."""
    named = [(name, module) for name, module in sys.modules.items() if name.split(".")[-1] == "netrender"]
    return [module for name, module in named if name != __name__ and hasattr(module, "_waiting")]
