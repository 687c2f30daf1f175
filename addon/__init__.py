"""Network Render for Blender: the add-on, a thin front of the native `netrender_core`.

A file for each thing that an artist sees, with its panel, its list and its operators: `sending`, `versions`, `gathering`,
`baking` (with `simulations`), `background`, `network` and `search`, `jobs` and `joblist`, `results`, `framelist`, `thumbnails`,
`slavelist`, `blacklist`, `rules`. Below them in layers, imports go down only (`tests/test_addon_layers.py`): the jobs that were
sent (`watching`, `notices`), how operators ask and answer (`asking`, `answers`), how panels and lists look and stay up to date
(`layout`, `lists`, `refresh`), jobs on their way (`dispatch`), Blender's render (`engine`, `service`, `passes`), what the scene
says (`job`, `properties`), what runs and is shown (`session`, `view`), what goes to the master and comes back (`moving`,
`delivery`, `client`, `questions`, `connection`), what is this person's own (`preferences`, `keys`), how a file's data is
changed (`borrow`, `writing`). Only `native` finds the core; only `job` and `properties` read the scene's settings.
"""

import sys

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
    *(preferences, properties, view, session, borrow, engine, notices, watching, refresh),
    *(panels, versions, background, gathering, sending, baking, jobs, joblist, results, framelist, thumbnails),
    *(slavelist, blacklist, rules, search, network),
)

_registered = False


def register() -> None:
    """Makes everything known to Blender; a second call first takes back the first one."""
    global _registered
    if _registered:
        unregister()
    native.look_for_twin(_twin())
    native.look_for_update()
    for notice in native.notices():
        print(f"netrender: {notice}")
    writing.register()
    for module in _MODULES:
        module.register()
    _registered = True


def unregister() -> None:
    """Takes everything back in reverse and ends all that runs; a second call does nothing."""
    global _registered
    if not _registered:
        return
    _registered = False
    writing.write(_unregister_all)
    writing.unregister()


def _unregister_all() -> None:
    for module in reversed(_MODULES):
        module.unregister()


def _twin() -> str | None:
    """The module name of a copy that was installed the other way (add-on and extension) and is enabled."""
    for name, module in list(sys.modules.items()):
        if name != __name__ and name.split(".")[-1] == "netrender" and getattr(module, "_registered", False):
            return name
    return None
