"""The only door to the native core: where it is found, and what it raises as one sentence for people."""

import contextlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# The core's own words (`link/hello.rs`); a test compares them.
_CHANGED_CERTIFICATE = re.compile(r"the master at (\S+) shows another certificate")
_BUNDLED = f"{__package__}.netrender_core"
_obstacle: str | None = None
_last_failure: str | None = None
if TYPE_CHECKING:
    import netrender_core as core
else:
    # The copy inside the add-on goes first: it is of the add-on's own version.
    _name = _BUNDLED if importlib.util.find_spec(_BUNDLED) else "netrender_core"
    try:
        core = importlib.import_module(_name)
    except ImportError as error:
        core = None
        _obstacle = f"the add-on's native part does not load here: {error}"
        if error.name == _name:
            _obstacle = "the add-on's native part is missing: install the add-on from its zip"


# What stands against a smooth run, by its cause.
_notices: dict[str, str] = {}


class Failure(Exception):
    """What went wrong, as one sentence for people."""


def obstacle() -> str | None:
    """Why nothing can be run in this Blender, in one sentence."""
    return _obstacle


def notices() -> list[str]:
    """What the artist should change about this installation, in sentences."""
    return list(_notices.values())


def look_for_twin(twin: str | None) -> None:
    """Tells of a copy that was installed the other way, and waits: both would be the engine NET_RENDER."""
    _notices.pop("twin", None)
    if twin is not None:
        _notices["twin"] = f"Network Render is enabled twice, also as {twin}: disable one of them"
        print(f"netrender: {_notices['twin']}", flush=True)


def look_for_update() -> None:
    """Tells of an update: a native module that is loaded stays the one it was until Blender ends."""
    _notices.pop("update", None)
    if core is None:
        return
    try:
        found = Path(str(sys.modules[f"{core.__name__}._core"].__file__)).stat().st_mtime_ns
    except OSError:
        return
    # Kept with the module, which outlives this add-on's being disabled and enabled.
    loaded = core.__dict__.setdefault("netrender_loaded_from", found)
    if loaded != found:
        _notices["update"] = "Network Render was updated: restart Blender to use the new version"


@contextlib.contextmanager
def failures_told() -> Iterator[None]:
    """Turns whatever the core raises into a `Failure`."""
    global _last_failure
    if core is None:
        raise Failure(_obstacle)
    try:
        yield
    except core.NetrenderError as error:
        _last_failure = str(error)
        raise Failure(_for_windows(str(error))) from error
    except OSError as error:
        raise Failure(_os_sentence(error)) from error
    except BaseException as error:
        # A panic of the core is no Exception, so that only those who look for it catch it.
        if type(error).__name__ == "PanicException":
            raise Failure(f"netrender met a fault of its own: {error}") from error
        raise


def is_gone(failure: Failure) -> bool:
    """Whether it says that there is no such job, frame or slave any more."""
    return core is not None and isinstance(failure.__cause__, core.NotFound)


def connection_is_lost(failure: Failure) -> bool:
    """Whether it says that the other side is not there any more."""
    return core is not None and isinstance(failure.__cause__, (core.Unreachable, core.Stopped))


def changed_certificate(text: str) -> str | None:
    """The address of the master of which this sentence says that its certificate is not the one that was known."""
    found = _CHANGED_CERTIFICATE.search(text)
    return found.group(1) if found else None


def last_failure() -> str | None:
    """What the core raised last."""
    return _last_failure


def forget_failure() -> None:
    """It was taken care of."""
    global _last_failure
    _last_failure = None


def _for_windows(text: str) -> str:
    """A reason without its hint, where that is one for a command line."""
    reason, _, hint = text.partition("; ")
    is_for_commands = "--" in hint or "netrender " in hint
    return reason if is_for_commands else text


def _os_sentence(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror}{where}"
