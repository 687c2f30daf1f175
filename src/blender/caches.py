"""The caches of simulations: who has one, and which of them cannot be relied on elsewhere.

A simulation that is not baked is run anew by whoever opens the scene. A slave that begins with a later frame has nothing to
run it from, and shows something else; one that is baked into files which are gone stays at rest, in silence.
"""

import os

import bpy
from on_disk import base_of, cache_folder


def point_caches():
    """Every point cache with the object or scene that has it, and what it is of; "" if any frame may come first."""
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            if modifier.type in {"CLOTH", "SOFT_BODY"}:
                yield modifier.point_cache, thing, modifier.type.lower().replace("_", " ")
            elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    yield surface.point_cache, thing, "dynamic paint" if surface.is_active else ""
        for system in thing.particle_systems:
            yield system.point_cache, thing, "particles" if moves(system) else ""
    for scene in bpy.data.scenes:
        world = scene.rigidbody_world
        if world:
            yield world.point_cache, scene, "rigid bodies" if world.enabled and world.collection else ""


def moves(system):
    settings = system.settings
    if settings.type == "HAIR":
        return system.use_hair_dynamics
    return settings.physics_type != "NO"


def unbaked():
    """What each simulation is of that is not baked, and who has it."""
    for cache, thing, what in point_caches():
        if what and not cache.is_baked and not cache.use_external and not getattr(thing, "hide_render", False):
            yield what, thing.name
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            is_domain = modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN"
            if is_domain and not modifier.domain_settings.has_cache_baked_data and not thing.hide_render:
                yield "fluid", thing.name


def lost(files):
    """The folders of caches that are baked into files of which none is there."""
    for cache, thing, _ in point_caches():
        if cache.is_baked and cache.use_disk_cache and not cache.use_external:
            folder = cache_folder(base_of(thing.library if cache.use_library_path else None))
            if not any(path.startswith(folder + os.sep) for path in files):
                yield folder
