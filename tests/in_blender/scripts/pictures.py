"""Pictures of the Render properties in a real window: which panels are open, how large the editor is, what it is called."""

import bpy


def open_only(netrender, *names: str) -> None:
    """Shows our panels alone, these of them open (all, if none is named).

    Blender asks a panel's class when it draws it for the first time.
    """
    order = [module.__name__ for module in netrender._MODULES]
    panels = [panel for panel in bpy.types.Panel.__subclasses__() if getattr(panel, "is_registered", False)]
    for panel in panels:
        if panel.__module__ not in order and getattr(panel, "bl_context", "") == "render" and hasattr(panel, "poll"):
            # Not unregistered: the add-ons that they belong to do so when Blender ends.
            panel.poll = classmethod(lambda _cls, _context: False)
    ours = [panel for panel in panels if panel.__module__ in order]
    ours.sort(key=lambda panel: order.index(panel.__module__))
    for panel in reversed(ours):
        bpy.utils.unregister_class(panel)
    for panel in ours:
        if hasattr(panel, "bl_parent_id"):
            panel.bl_options = set() if panel.__name__ in names or not names else {"DEFAULT_CLOSED"}
        bpy.utils.register_class(panel)


def show_only(netrender, *names: str) -> None:
    """Shows only these sub-panels, with the panels that they are below of."""
    order = [module.__name__ for module in netrender._MODULES]
    for panel in bpy.types.Panel.__subclasses__():
        if panel.__module__ not in order or not hasattr(panel, "bl_parent_id"):
            continue
        # What stands in the class itself hides what it inherits, and was put there by this function.
        if "poll" in vars(panel):
            del panel.poll
        if panel.__name__.removeprefix("RENDER_PT_network_") not in names:
            panel.poll = classmethod(lambda _cls, _context: False)


def editor() -> bpy.types.Area:
    """The larger one of the Properties editors."""
    areas = [area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "PROPERTIES"]
    return max(areas, key=lambda area: area.height * area.width)


def take(path: str, area: bpy.types.Area | None = None) -> None:
    """Takes a picture of an editor."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=area or editor()):
        bpy.ops.screen.screenshot_area(filepath=path)
    print("picture", path, flush=True)
