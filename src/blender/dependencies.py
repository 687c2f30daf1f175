"""Which simulations must be baked before another one, because what they move comes into it.

What an object leads to is followed through parents, constraints, modifiers, nodes and drivers; what acts from afar is
collected by kind: colliders, force fields, brushes, flows, rigid bodies. Rather a dependency too many than one too few.
"""

import bpy
from simulations import NODES

# What these hold is about their own simulation, and is asked there.
SIMULATING = {"CLOTH", "SOFT_BODY", "DYNAMIC_PAINT", "FLUID", "PARTICLE_SYSTEM", "COLLISION"}
# Constraints that follow a surface or a curve, not an origin.
FOLLOWING = {"SHRINKWRAP", "FOLLOW_PATH", "SPLINE_IK", "CLAMP_TO", "ARMATURE"}


class Dependencies:
    """The simulations of a scene and what each of them needs."""

    def __init__(self, scene, simulations):
        self.scene = scene
        self.all = list(simulations)
        self.of_object = {}
        self.rigid = next((each for each in self.all if each.kind == "rigid_body"), None)
        for each in self.all:
            if each.owner:
                self.of_object.setdefault(each.owner.name, []).append(each)
        self.known = {}

    def of(self, simulation):
        """Those that it needs at once; never itself."""
        if simulation not in self.known:
            self.known[simulation] = self.find(simulation)
        return self.known[simulation]

    def all_of(self, simulation):
        """Those that it needs, and those that they need."""
        found, coming = set(), [simulation]
        while coming:
            new = set(self.of(coming.pop())) - found
            found |= new
            coming += new
        return found - {simulation}

    def find(self, simulation):
        owner = simulation.owner
        if owner is None:
            starts = [(thing, True) for thing in rigid_objects(self.scene)]
            moving = set()
        else:
            starts = led_to(owner)
            moving = {each for each in self.of_object[owner.name] if comes_first(each, simulation)}
            if self.rigid and is_rigid(owner):
                moving.add(self.rigid)
        starts += [(thing, True) for thing in acting_on(simulation) if thing != owner]
        for thing, whole in reached(starts):
            if whole:
                moving.update(self.of_object.get(thing.name, ()))
            if self.rigid and is_rigid(thing):
                moving.add(self.rigid)
        moving.discard(simulation)
        return sorted(moving, key=self.all.index)


def comes_first(one, other):
    """Whether what one makes goes into the other one, of the same object."""
    if one.place != other.place or one.kind not in NODES:
        return one.place < other.place
    first, last = one.handle.node, other.handle.node
    if first.id_data == last.id_data:
        return first in before_node(last)
    # Groups inside of groups are not followed; what is kept at last is most often the bake node.
    return one.kind == "simulation" and other.kind == "bake_node"


def before_node(node):
    """The nodes that a node's inputs come from; the end of a simulation has those of its beginning, too."""
    found, coming = [], [node]
    while coming:
        link_ends = [link.from_node for socket in coming[0].inputs for link in socket.links]
        link_ends += [each for each in node.id_data.nodes if getattr(each, "paired_output", None) == coming[0]]
        coming = coming[1:] + [each for each in link_ends if each not in found]
        found += [each for each in link_ends if each not in found]
    return found


def is_rigid(thing):
    """Whether the simulation of rigid bodies moves it."""
    return bool(thing.rigid_body and thing.rigid_body.type == "ACTIVE")


def rigid_objects(scene):
    world = scene.rigidbody_world
    return [*world.collection.objects, *(world.constraints.objects if world.constraints else ())]


def reached(starts):
    """These objects and all that they lead to, each with whether its shape counts, or only its place."""
    seen, coming = set(), list(starts)
    while coming:
        thing, whole = coming.pop()
        if (thing, whole) not in seen and (thing, True) not in seen:
            seen.add((thing, whole))
            coming += led_to(thing, whole)
    return seen


# What an object leads to.


def led_to(thing, whole=True):
    """The objects that one is placed by, and shaped by; each with whether its shape counts."""
    found = []
    if thing.parent:
        found.append((thing.parent, thing.parent_type not in {"OBJECT", "BONE"}))
    for constraint in constraints(thing):
        found += [(target, constraint.type in FOLLOWING or bool(part)) for target, part in targets(constraint)]
    link = thing.rigid_body_constraint
    if link:
        found += [(each, False) for each in (link.object1, link.object2) if each]
    found += [(each, True) for block in animated_blocks(thing) for each in driven_by(block)]
    if whole:
        for modifier in thing.modifiers:
            if modifier.type not in SIMULATING:
                found += [(each, True) for each in named_by(modifier)]
        for block in (thing.data, thing.field):
            found += [(each, True) for each in named_by(block)] if block else []
    return [(each, shape) for each, shape in found if each != thing]


def constraints(thing):
    yield from thing.constraints
    for bone in thing.pose.bones if thing.pose else ():
        yield from bone.constraints


def targets(constraint):
    """The objects that a constraint follows, each with the part of it."""
    for each in (constraint, *getattr(constraint, "targets", ())):
        if getattr(each, "target", None):
            yield each.target, getattr(each, "subtarget", "") if each.target.type != "ARMATURE" else ""
    if getattr(constraint, "pole_target", None):
        yield constraint.pole_target, ""


def animated_blocks(thing):
    keys = getattr(thing.data, "shape_keys", None)
    return [block for block in (thing, thing.data, keys) if block and getattr(block, "animation_data", None)]


def driven_by(block):
    for curve in block.animation_data.drivers:
        for variable in curve.driver.variables:
            for target in variable.targets:
                if isinstance(target.id, bpy.types.Object):
                    yield target.id


def named_by(struct):
    """The objects that a modifier, its nodes, a curve or a field of force names in its settings."""
    for prop in struct.bl_rna.properties:
        if prop.type == "POINTER" and prop.identifier != "rna_type":
            yield from objects_in(getattr(struct, prop.identifier))
    if getattr(struct, "type", "") == "NODES":
        for value in struct.values():
            yield from objects_in(value)
        yield from named_in_nodes(struct.node_group, set())


def named_in_nodes(tree, seen):
    if tree is None or tree in seen:
        return
    seen.add(tree)
    for node in tree.nodes:
        yield from named_in_nodes(getattr(node, "node_tree", None), seen)
        for socket in node.inputs:
            if socket.bl_idname in {"NodeSocketObject", "NodeSocketCollection"} and not socket.is_linked:
                yield from objects_in(socket.default_value)


def objects_in(value):
    if isinstance(value, bpy.types.Object):
        yield value
    elif isinstance(value, bpy.types.Collection):
        yield from value.all_objects


# What acts on a simulation from afar.


def acting_on(simulation):
    ask = ACTING_ON.get(simulation.kind)
    return ask(simulation.scene, simulation) if ask else []


def on_rigid_bodies(scene, _):
    return forces(scene, getattr(scene.rigidbody_world, "effector_weights", None))


def on_cloth(scene, simulation):
    touched, settings = simulation.modifier.collision_settings, simulation.modifier.settings
    hit = colliders(scene, touched.collection) if touched.use_collision else []
    return hit + forces(scene, settings.effector_weights)


def on_soft_body(scene, simulation):
    settings = simulation.modifier.settings
    return colliders(scene, settings.collision_collection) + forces(scene, settings.effector_weights)


def on_paint(scene, simulation):
    surfaces = simulation.modifier.canvas_settings.canvas_surfaces
    surface = next(each for each in surfaces if each.point_cache == simulation.handle)
    drawn = forces(scene, surface.effector_weights) if surface.use_drip else []
    return drawn + brushes(scene, surface.brush_collection)


def on_fluid(scene, simulation):
    domain = simulation.handle
    guide = [domain.guide_parent] if domain.use_guide and domain.guide_parent else []
    flowing = flows(scene, "FLOW", domain.fluid_group) + flows(scene, "EFFECTOR", domain.effector_group)
    return flowing + forces(scene, domain.effector_weights) + guide


def on_particles(scene, simulation):
    system = simulation.modifier.particle_system
    settings = system.settings
    found = colliders(scene, settings.collision_collection) + forces(scene, settings.effector_weights)
    found += [target.object for target in system.targets if target.object]
    for state in settings.boids.states if settings.physics_type == "BOIDS" and settings.boids else ():
        found += [rule.object for rule in state.rules if getattr(rule, "object", None)]
    return found


def among(scene, collection):
    return collection.all_objects if collection else scene.objects


def colliders(scene, collection):
    return [thing for thing in among(scene, collection) if thing.collision and thing.collision.use]


def forces(scene, weights):
    """What has a field of force, by itself or by its particles."""
    if weights is None or weights.all == 0:
        return []
    return [thing for thing in among(scene, weights.collection) if has_force(thing)]


def has_force(thing):
    fields = [thing.field]
    for system in thing.particle_systems:
        fields += [system.settings.force_field_1, system.settings.force_field_2]
    return any(field and field.type != "NONE" for field in fields)


def brushes(scene, collection):
    return [thing for thing in among(scene, collection) if any(paints(modifier) for modifier in thing.modifiers)]


def paints(modifier):
    return modifier.type == "DYNAMIC_PAINT" and bool(modifier.brush_settings)


def flows(scene, kind, collection):
    """What lets a fluid in, or is in its way."""
    return [thing for thing in among(scene, collection) if any(flows_as(kind, modifier) for modifier in thing.modifiers)]


def flows_as(kind, modifier):
    return modifier.type == "FLUID" and modifier.fluid_type == kind


ACTING_ON = {
    "rigid_body": on_rigid_bodies,
    "cloth": on_cloth,
    "soft_body": on_soft_body,
    "particles": on_particles,
    "dynamic_paint": on_paint,
    "fluid": on_fluid,
}
