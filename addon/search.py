"""Masters on the local network: looked for by Refresh; the one that can be used is taken, several are offered by name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import bpy
from bpy.props import StringProperty

from . import client, job, questions
from .answers import Result, WaitingOperator, fail, possible, refuse, sentence, undoable
from .layout import Layout, lines
from .native import Failure
from .properties import ADDRESS_CHARACTERS_MAX

if TYPE_CHECKING:
    from netrender_core import MasterFound

SEARCH = "masters"

# Those that answered last, and what became of the last search.
_found: list[MasterFound] = []
_said = ""


class RENDER_OT_netclientscan(WaitingOperator, bpy.types.Operator):
    """Look for masters on the local network; the one that can be used is taken, several are offered by name"""

    bl_idname = "render.netclientscan"
    bl_label = "Refresh"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether no search is under way."""
        return possible(cls) and (not questions.is_asking(SEARCH) or refuse(cls, "The search goes on"))

    def execute(self, context: bpy.types.Context) -> Result:
        """Looks."""
        try:
            question = client.masters()
            if self.wait:
                _show(question.wait())
            else:
                questions.ask(SEARCH, question, _show_later, say)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


class RENDER_OT_netclientusemaster(bpy.types.Operator):
    """Use this master for the scene"""

    bl_idname = "render.netclientusemaster"
    bl_label = "Use Master"
    bl_options = {"REGISTER", "UNDO"}

    url: StringProperty(name="Address", description="The master's URL", maxlen=ADDRESS_CHARACTERS_MAX, options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> Result:
        """Writes its address into the scene's settings."""
        try:
            _use(self.url)
        except Failure as failure:
            return fail(self, failure)
        return {"FINISHED"}


def draw_found(context: bpy.types.Context, layout: Layout) -> None:
    """Shows what became of the last search, and those that answered."""
    if questions.is_asking(SEARCH):
        layout.label(text="Looking for masters…", icon="SORTTIME")
        return
    if _said:
        lines(context, layout, _said, "INFO")
    column = layout.column(align=True)
    for master in _found:
        row = column.row(align=True)
        # One that cannot be used is offered as well: its key may be entered next.
        row.operator(
            "render.netclientusemaster",
            text=f"{master.name}  ({urlsplit(master.url).netloc})",
            icon="NETWORK_DRIVE" if master.usable else "LOCKED",
        ).url = master.url


def say(text: str) -> None:
    """What is shown instead of what became of the last search."""
    global _said
    _said = sentence(text)


def again() -> None:
    """Looks once more, where masters are shown that could not be used so far."""
    if not bpy.app.background and _found and not any(master.usable for master in _found):
        questions.ask(SEARCH, client.masters(), _show_later, say)


def _show(found: list[MasterFound]) -> None:
    global _found, _said
    _found = sorted(found, key=lambda master: (not master.usable, master.name))
    usable = [master for master in _found if master.usable]
    if len(usable) == 1:
        _use(usable[0].url)
        _said = f"Found {usable[0].name}"
        _found = []
    elif usable:
        _said = "Several masters answered: choose one"
    elif _found:
        _said = sentence(client.why_unusable(_found))
    else:
        _said = "No master answered on this network. Animation on Network starts one; one elsewhere needs its Address"


def _show_later(found: list[MasterFound]) -> None:
    before = _address()
    _show(found)
    if _address() != before:
        undoable("Use Master")


def _address() -> tuple[str, int]:
    settings = job.settings_in(bpy.context)
    return settings.server_address, settings.server_port


def _use(url: str) -> None:
    parts = urlsplit(url)
    if not parts.hostname:
        raise Failure(f"{url!r} is no address of a master: give one such as http://node1:8000")
    settings = job.settings_in(bpy.context)
    settings.server_address = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    settings.use_ssl = parts.scheme == "https"
    if parts.port is not None:
        settings.server_port = parts.port


register, unregister = bpy.utils.register_classes_factory((RENDER_OT_netclientscan, RENDER_OT_netclientusemaster))
