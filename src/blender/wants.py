"""What a scene wants of the Blender that renders it, besides its files: scripts that run, and nodes that an add-on brings.

Without them Blender opens the scene in silence and shows something else.
"""

import bpy
from opening import Lacking
from references import node_trees
from texts import changes_pictures

NAMED_MAX = 20
NAME_LETTERS_MAX = 60


def wanted():
    """What of the open file needs scripts, in words, and the types of its nodes that come from add-ons."""
    return {"scripts": named(scripts()), "nodes": named(nodes())}


def named(found):
    names = sorted({name[:NAME_LETTERS_MAX] for name in found})
    return names[:NAMED_MAX]


def scripts():
    for text in bpy.data.texts:
        if text.use_module and changes_pictures(text.as_string()):
            yield f"text {text.name}"
    for block in blocks():
        animation = getattr(block, "animation_data", None)
        for curve in animation.drivers if animation else ():
            driver = curve.driver
            # Blender reckons a simple one without Python.
            if driver.type == "SCRIPTED" and not driver.is_simple_expression and not curve.mute:
                yield f"driver of {block.name}"


def blocks():
    """All data-blocks, those inside of others too."""
    for collection in bpy.data.bl_rna.properties:
        if collection.type == "COLLECTION":
            yield from getattr(bpy.data, collection.identifier)
    yield from node_trees()


def nodes():
    for tree in node_trees():
        for node in tree.nodes:
            # One whose add-on is missing here already looks the same everywhere.
            if is_of_addon(type(node)) and node.bl_idname != "NodeUndefined":
                yield node.bl_idname


def is_of_addon(kind):
    return not kind.__module__.startswith(("bpy", "_bpy"))


def lacking(names):
    """Those of these types of nodes that this Blender does not have."""
    return [name for name in names if not hasattr(bpy.types, name)]


def refuse_unwanted(order, allows):
    """Refuses a scene that would open, but show something else than at its artist's."""
    wants = order.get("wants") or {}
    scripts, nodes = wants.get("scripts") or [], lacking(wants.get("nodes") or [])
    if scripts and not allows and not order.get("without_scripts"):
        raise Lacking(
            f"the scene runs scripts ({', '.join(scripts[:3])}), which this slave does not allow: "
            "start it with --allow-scripts, or send the job with --without-scripts"
        )
    if nodes:
        raise Lacking(f"the scene has nodes of an add-on that this Blender lacks: {', '.join(nodes[:3])}")
