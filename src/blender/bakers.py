"""How each kind of simulation is baked: by which operator, into which files, and which frames need these."""

import glob
import os
import re
import struct

import bpy
from on_disk import cache_folder
from opening import Lacking, Refused, sentence
from simulations import CACHE_NAME, POINT_CACHES, hex_of, run_for_node, write_nodes_to
from windows import of_numbered, union

# As Blender writes it: version, how many particles, and that times of birth, death and life are told.
PARTICLE_TIMES = struct.Struct("<8s3I")
TIMES = 1 << 6


def bake_points(simulation, folder, clock):
    """A point cache, in files."""
    cache, owner = simulation.handle, simulation.owner
    if cache.use_external:
        # As long as it is, so that nothing is renamed.
        cache.name = cache.filepath = ""
        cache.use_external = False
    if cache.is_baked:
        # Its files are gone, or it would not be baked again.
        run_for_cache(bpy.ops.ptcache.free_bake, simulation)
    if not cache.use_disk_cache:
        cache.use_disk_cache = True
    # What was played before is forgotten.
    cache.frame_end = cache.frame_end
    run_for_cache(bpy.ops.ptcache.bake, simulation, bake=True)
    place = cache_folder(folder + ".blend")
    start, number = cache.name or hex_of(owner.name), cache.index
    paths = glob.glob(f"{glob.escape(place)}/{glob.escape(start)}_*_{number:02}.bphys")
    files = {path: f"{CACHE_NAME}_{os.path.basename(path)[len(start) + 1 :][:6]}_00.bphys" for path in paths}
    if not cache.is_baked or not files:
        raise Refused("Blender ended the bake without writing its files")
    if simulation.kind == "particles" and f"{CACHE_NAME}_000000_00.bphys" not in files.values():
        files[particle_times(simulation, folder)] = f"{CACHE_NAME}_000000_00.bphys"
    needed = of_numbered(files.values(), clock)
    return [(path, name, needed[name]) for path, name in files.items()]


def run_for_cache(operator, simulation, **options):
    owner = simulation.owner
    things = {"object": owner, "active_object": owner} if owner else {}
    run(operator, simulation, point_cache=simulation.handle, **things, options=options)


def run(operator, simulation, *, options=None, **context):
    scene = simulation.scene
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0], **context):
            operator(**(options or {}))
    except RuntimeError as error:
        raise Refused(f"Blender could not bake: {sentence(error)}") from error


def particle_times(simulation, folder):
    """Who lives when: older Blenders do not write it for a bake that is not their own, and then show too few."""
    graph = bpy.context.evaluated_depsgraph_get()
    system = simulation.owner.evaluated_get(graph).particle_systems[simulation.item]
    path = os.path.join(folder, "times")
    with open(path, "wb") as file:
        file.write(PARTICLE_TIMES.pack(b"BPHYSICS", 1, len(system.particles), TIMES))
        for each in system.particles:
            file.write(struct.pack("<3f", each.birth_time, each.die_time, each.lifetime))
    return path


def bake_rigid_bodies(simulation, _folder, _clock):
    """Kept in memory, for Blender crashes with a disk cache here; played, for its bake of this cache bakes all others, too."""
    cache, scene = simulation.handle, simulation.scene
    if cache.is_baked:
        run_for_cache(bpy.ops.ptcache.free_bake, simulation)
    cache.frame_end = cache.frame_end
    first, last = simulation.frames
    before = scene.frame_current
    for frame in range(first, last + 1):
        scene.frame_set(frame)
    run_for_cache(bpy.ops.ptcache.bake_from_cache, simulation)
    scene.frame_set(before)
    if not cache.is_baked:
        raise Refused("Blender ended the bake without a result")
    return []


def bake_fluid(simulation, folder, clock):
    """A domain, with all that it may have: data, noise, mesh, particles."""
    if getattr(bpy.app, "module", False):
        raise Lacking("Blender as a Python module cannot bake fluids, it would crash: give this bake to a whole Blender")
    settings, owner = simulation.handle, simulation.owner
    settings.cache_type = "ALL"
    settings.cache_directory = folder
    run(bpy.ops.fluid.bake_all, simulation, object=owner, active_object=owner)
    if not settings.has_cache_baked_data:
        raise Refused("Blender ended the bake without writing its files")
    names = names_below(folder)
    needed = of_numbered(names, clock)
    return [(os.path.join(folder, name), name, needed[name]) for name in names]


def bake_nodes(simulation, folder, clock):
    """A simulation zone, or a bake node."""
    write_nodes_to(simulation.handle, folder)
    with bpy.context.temp_override(scene=simulation.scene, view_layer=simulation.scene.view_layers[0]):
        run_for_node("geometry_node_bake_single", simulation)
    names = names_below(folder)
    if not any(name.endswith(".json") for name in names):
        raise Refused("Blender ended the bake without writing its files")
    needed = windows_of_nodes(names, folder, clock)
    return [(os.path.join(folder, name), name, needed[name]) for name in names]


def windows_of_nodes(names, folder, clock):
    """A frame's description is asked for by the frames around it; what it describes may be from an earlier one."""
    numbered = {re.sub(r"_\d+\.json$", ".json", name): name for name in names if name.endswith(".json")}
    needed = {numbered[short]: frames for short, frames in of_numbered(list(numbered), clock).items()}
    for name in list(needed):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            parts = {f"blobs/{part}" for part in re.findall(r'"name":\s*"([^"/]+\.\w+)"', file.read())}
        for part in parts & set(names):
            needed[part] = union(needed[part], needed[name]) if part in needed else needed[name]
    # Parts of frames share a number: such are for all frames.
    return {name: needed.get(name) for name in names}


def names_below(folder):
    found = []
    for place, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/") for name in names]
    return sorted(found)


# Each tells its files: where they are, what they are called, and which frames need them.
BAKERS = {
    **dict.fromkeys(POINT_CACHES, bake_points),
    "rigid_body": bake_rigid_bodies,
    "fluid": bake_fluid,
    "simulation": bake_nodes,
    "bake_node": bake_nodes,
}
