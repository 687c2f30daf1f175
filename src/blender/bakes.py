"""The plan of a bake job: one bake for each simulation that is not baked yet, and which of them come before it.

Simulations that depend on each other in a circle stay so in the plan, for people to decide: whoever names an order (the
scene's property `netrender_bake_order`, or the request's) has it kept, and what would run against it is left out.
"""

import os

import bpy
from dependencies import Dependencies
from simulations import is_baked, is_shown, simulations

ORDER_PROPERTY = "netrender_bake_order"
NODE_BAKES_SINCE = (4, 1, 0)


def plan(scene, order=None):
    """The bakes in an order that fits, each with the numbers of those `after` which it comes; in sentences what is left out."""
    known = Dependencies(scene, simulations(scene))
    wanted = unbaked_of(known)
    names = names_of(wanted)
    needs = {each: [other for other in known.of(each) if other in names] for each in wanted}
    told = left_out(scene)
    told += put_in_order(needs, names, named_order(scene, order))
    numbers = {each: number for number, each in enumerate(sorted_by(needs), 1)}
    bakes = [described(each, names[each], sorted(numbers[other] for other in needs[each])) for each in numbers]
    return {"bakes": bakes, "bakes_told": told}


def described(simulation, name, after):
    kind, thing, item = simulation.key
    first, last = simulation.frames
    scene = simulation.scene.name
    facts = {"name": name, "kind": kind, "object": thing, "item": item, "scene": scene, "first": first, "last": last}
    return {**facts, "after": after}


# What is to be baked.


def unbaked_of(known):
    """Those that a render shows, and what these need, as far as they are not baked."""
    shown = [each for each in known.all if is_shown(each)]
    needed = {other for each in shown for other in known.all_of(each)}
    return [each for each in known.all if (each in needed or each in shown) and not is_baked(each)]


def names_of(wanted):
    """A name of its own for each."""
    found = {}
    for each in wanted:
        has_twin = any(other.name == each.name for other in wanted if other is not each)
        found[each] = f"{each.name} ({each.item})" if has_twin else each.name
    return found


def left_out(scene):
    """What this way of baking cannot do, in sentences."""
    told = []
    for thing in sorted(scene.objects, key=lambda thing: thing.name):
        kinds = {modifier.type for modifier in thing.modifiers}
        if thing.library and kinds & {"CLOTH", "SOFT_BODY", "PARTICLE_SYSTEM", "FLUID"}:
            library = os.path.basename(thing.library.filepath)
            told.append(f"the simulations of {thing.name} come from a library: bake them in {library}")
        for modifier in thing.modifiers:
            surfaces = modifier.canvas_settings.canvas_surfaces if paints_on(modifier) else ()
            if any(each.is_active and each.surface_format == "IMAGE" for each in surfaces):
                told.append(f"the dynamic paint of {thing.name} makes images, which only its own button in Blender does")
            if modifier.type == "NODES" and bpy.app.version < NODE_BAKES_SINCE and has_zone(modifier.node_group):
                told.append(f"Blender {bpy.app.version_string} cannot bake the simulation nodes of {thing.name} one by one")
    return told


def paints_on(modifier):
    return modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings


def has_zone(tree):
    return tree is not None and any(node.bl_idname == "GeometryNodeSimulationOutput" for node in tree.nodes)


# In which order.


def named_order(scene, order):
    """Names of bakes or of objects, in the order that somebody wants."""
    text = order or scene.get(ORDER_PROPERTY, "")
    return [name.strip() for name in text.split(",") if name.strip()]


def put_in_order(needs, names, order):
    """Makes the bakes follow each other as named; tells of names that nothing has."""
    told, groups = [], []
    for name in order:
        group = [each for each in needs if name in {names[each], each.name, each.owner.name if each.owner else each.scene.name}]
        groups.append(group)
        if not group:
            told.append(f"the order of bakes names {name}, of which there is no bake")
    for place, group in enumerate(groups):
        later = {each for other in groups[place + 1 :] for each in other}
        for each in group:
            needs[each] = [other for other in needs[each] if other not in later]
        for each in later:
            needs[each] += [other for other in group if other not in needs[each] and other is not each]
    return told


def sorted_by(needs):
    """All of them, each behind what it needs as far as there is no circle; else as they stand."""
    done, waiting = [], list(needs)
    while waiting:
        ready = [each for each in waiting if all(other in done for other in needs[each])]
        done.append(ready[0] if ready else waiting[0])
        waiting.remove(done[-1])
    return done
