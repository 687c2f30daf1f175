"""The keys of farms. The core keeps them in the user's own folder, readable by this user alone; Blender never saves one."""

from typing import TYPE_CHECKING

from . import native

if TYPE_CHECKING:
    import netrender_core as core
else:
    core = native.core

_farms: list[str] | None = None


def keep(line: str) -> str:
    """Keeps the key that another computer has shown, and tells which farm it opens."""
    global _farms
    with native.failures_told():
        farm = core.add_key(line.strip())
    _farms = None
    return farm


def farms() -> list[str]:
    """The farms whose keys are here; read from the disk once, and after every change."""
    global _farms
    if _farms is None:
        try:
            with native.failures_told():
                _farms = core.known_farms()
        except native.Failure:
            _farms = []
    return _farms


def look_again() -> None:
    """A master that started here may have made a key."""
    global _farms
    _farms = None
