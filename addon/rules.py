"""The rules by which the farm shares its slaves between jobs: shown as they are there, and changed there at once."""

from typing import Any, Literal

import bpy
from bpy.props import BoolProperty, IntProperty, PointerProperty

from . import client, job, native, questions, refresh, timers
from .asking import AskingOperator
from .joblist import draw_state
from .layout import Layout, SubPanel, lines, split
from .native import Failure
from .view import view_of

Name = Literal["share", "new_first", "starving_first"]

# A slider that is pulled sends its last value, not each one.
TICK_S = 0.5
QUESTION = "rules"

# What each rule does, what its limit is called, and the highest one.
_RULES: dict[Name, tuple[str, str, int]] = {
    "share": ("A job may not use more of the slaves than this, unless it is the only one", "Largest Share", 100),
    "new_first": ("A job of which fewer frames than this were begun comes first", "New Jobs First", 10_000),
    "starving_first": ("A job that has had no slave for so many minutes comes first", "Starving Jobs First", 10_000),
}

# What the artist has set and the master has not been told, and what is on its way.
_wishes: dict[str, int | bool] = {}
_sent: dict[str, int | bool] = {}


def _limit(name: Name) -> dict[str, Any]:
    """How the limit of a rule is read and set: it lives at the master."""
    return {"get": lambda _self: _value(name, "limit", 1), "set": lambda _self, value: _wish(name, value)}


def _switch(name: Name) -> dict[str, Any]:
    """The same for its switch."""
    return {
        "get": lambda _self: bool(_value(f"use_{name}", "enabled", False)),
        "set": lambda _self, value: _wish(f"use_{name}", value),
    }


def _described(name: Name, title: str) -> dict[str, Any]:
    """What an argument about a rule is called and means."""
    return {"name": title, "description": _RULES[name][0], "options": {"SKIP_SAVE"}}


class NetworkRenderRules(bpy.types.PropertyGroup):
    """`window_manager.network_render_rules`: what is set is sent to the master."""

    use_share: BoolProperty(name=_RULES["share"][1], description=_RULES["share"][0], **_switch("share"))
    share: IntProperty(
        name="Percent", description=_RULES["share"][0], min=1, max=_RULES["share"][2], subtype="PERCENTAGE", **_limit("share")
    )
    use_new_first: BoolProperty(name=_RULES["new_first"][1], description=_RULES["new_first"][0], **_switch("new_first"))
    new_first: IntProperty(
        name="Frames", description=_RULES["new_first"][0], min=1, max=_RULES["new_first"][2], **_limit("new_first")
    )
    use_starving_first: BoolProperty(
        name=_RULES["starving_first"][1], description=_RULES["starving_first"][0], **_switch("starving_first")
    )
    starving_first: IntProperty(
        name="Minutes",
        description=_RULES["starving_first"][0],
        min=1,
        max=_RULES["starving_first"][2],
        **_limit("starving_first"),
    )


class NETRENDER_OT_set_rules(AskingOperator, bpy.types.Operator):
    """Change the rules by which the farm shares its slaves; what is not given stays as it is"""

    bl_idname = "netrender.set_rules"
    bl_label = "Set Balancing Rules"

    use_share: BoolProperty(**_described("share", _RULES["share"][1]))
    share: IntProperty(default=75, min=1, max=_RULES["share"][2], **_described("share", "Percent"))
    use_new_first: BoolProperty(**_described("new_first", _RULES["new_first"][1]))
    new_first: IntProperty(default=1, min=1, max=_RULES["new_first"][2], **_described("new_first", "Frames"))
    use_starving_first: BoolProperty(**_described("starving_first", _RULES["starving_first"][1]))
    starving_first: IntProperty(default=2, min=1, max=_RULES["starving_first"][2], **_described("starving_first", "Minutes"))

    def _changes(self, _context: bpy.types.Context) -> list[client.Change]:
        names = [name for rule in _RULES for name in (rule, f"use_{rule}")]
        return _as_changes({name: getattr(self, name) for name in names if self.properties.is_property_set(name)})


class RENDER_PT_network_rules(SubPanel, bpy.types.Panel):
    """The rules of balancing."""

    bl_label = "Balancing"
    mode = "RENDER_CLIENT"

    def draw(self, context: bpy.types.Context) -> None:
        """Shows the rules as the master has them, or as they were just set."""
        refresh.see("rules")
        layout: Layout = self.layout
        draw_state(context, layout, view_of(context))
        if refresh.rules() is None:
            return
        rules = context.window_manager.network_render_rules
        split(layout)
        for name, (_, title, _) in _RULES.items():
            row = layout.row(align=True, heading=title)
            row.prop(rules, f"use_{name}", text="")
            limit = row.row(align=True)
            limit.active = getattr(rules, f"use_{name}")
            limit.prop(rules, name, text="")
            limit.label(text={"share": "of the slaves", "new_first": "frames", "starving_first": "minutes"}[name])
        lines(context, layout, "They hold for the whole farm, from now on", "INFO")


def _value(name: str, part: Literal["limit", "enabled"], unknown: int) -> int | bool:
    for known in (_wishes, _sent):
        if name in known:
            return known[name]
    rules = refresh.rules()
    return unknown if rules is None else getattr(getattr(rules, name.removeprefix("use_")), part)


def _wish(name: str, value: int | bool) -> None:
    _wishes[name] = value


def _as_changes(values: dict[str, int | bool]) -> list[client.Change]:
    """A number switches its rule on, so that switches come last."""
    limits: dict[str, Any] = {name: value for name, value in values.items() if name in _RULES}
    switches = {name.removeprefix("use_"): value for name, value in values.items() if name not in _RULES}
    return [_as_change(given) for given in (limits, switches) if given]


def _as_change(given: dict[str, Any]) -> client.Change:
    return lambda later: later.set_rules(**given)


def tick() -> float:
    """Sends what was set; returns when to be called again. A timer in a window."""
    if not _wishes or native.obstacle() is not None or questions.is_asking(QUESTION):
        return TICK_S
    _sent.update(_wishes)
    _wishes.clear()
    try:
        connection = job.settings_in(bpy.context).connection()
        question = client.look(connection, client.Wanted(rules=True), *_as_changes(_sent))
        questions.ask(QUESTION, question, _done, _failed)
    except Failure as failure:
        _failed(str(failure))
    return TICK_S


def _done(seen: client.Seen) -> None:
    _sent.clear()
    refresh.show(seen)


def _failed(sentence: str) -> None:
    _sent.clear()
    refresh.show_trouble(sentence)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (NetworkRenderRules, NETRENDER_OT_set_rules, RENDER_PT_network_rules)
)


def register() -> None:
    """Adds the panel, and starts the timer that sends what is set."""
    _register_classes()
    bpy.types.WindowManager.network_render_rules = PointerProperty(type=NetworkRenderRules)
    timers.start(tick)


def unregister() -> None:
    """Takes them away."""
    timers.stop(tick)
    _wishes.clear()
    _sent.clear()
    del bpy.types.WindowManager.network_render_rules
    _unregister_classes()
