"""The keys of farms. The core keeps them in the user's own folder, readable by this user alone; Blender never saves one.

Read from the disk when the add-on starts and after every change: while a panel is drawn, nothing is asked (see `session`).
"""

from typing import TYPE_CHECKING

from . import native

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

_farms: list[str] = []
_own: str | None = None


def keep(line: str) -> str:
    """Keeps the key that another computer has shown, and tells which farm it opens."""
    with native.failures_told():
        farm = core.add_key(line.strip())
    look()
    return farm


def farms() -> list[str]:
    """The farms whose keys are here, that of this computer's own masters first."""
    return list(_farms)


def own() -> str | None:
    """The key of this computer's own masters, if one of them has made it."""
    return _own


def look() -> None:
    """Reads which keys are here; a master that has started may have made one."""
    global _farms, _own
    try:
        with native.failures_told():
            _farms, _own = core.known_farms(), core.own_key()
    except (native.Failure, AttributeError):
        # After an update an older core stays loaded until Blender ends, which the panel tells.
        _farms, _own = [], None


def register() -> None:
    """Looks which there are."""
    look()


def unregister() -> None:
    """Forgets them."""
    global _farms, _own
    _farms, _own = [], None
