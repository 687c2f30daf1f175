"""The simulations of a scene, one by one, and how each plays back what was baked elsewhere.

What is baked on the network lies in a folder for each bake beside the .blend, and is only ever read: point caches as external
ones, fluids and geometry nodes by their folder. Two ways that look right wipe files instead: to switch on a disk cache whose
files are there already, and to delete what nodes have baked. Rigid bodies keep their bake inside the .blend, so nothing is
to be done for them. What an artist has baked is left alone. Used by the add-on, and by the core's children that bake and
render (`baking.py`, `worker.py`).
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

# What a bake is called, by its kind.
_WORDS = {
    "cloth": "cloth",
    "soft_body": "soft body",
    "particles": "particles",
    "dynamic_paint": "dynamic paint",
    "rigid_body": "rigid bodies",
    "fluid": "fluid",
    "simulation": "simulation nodes",
    "bake_node": "bake node",
}
# The folder beside the .blend that holds a folder for each bake.
BESIDE = "netrender_bakes"
POINT_CACHES = {"cloth", "soft_body", "particles", "dynamic_paint"}
NODES = {"simulation", "bake_node"}
# What the files of a point cache are called before their number.
CACHE_NAME = "cache"
_NODE_KINDS = {"GeometryNodeSimulationOutput": "simulation", "GeometryNodeBake": "bake_node"}
_NOWHERE = "//netrender_no_such_folder"


@dataclass(eq=False)
class Simulation:
    """One cache of a scene, and what fills it."""

    kind: str
    scene: bpy.types.Scene
    owner: bpy.types.Object | None
    """None for rigid bodies, which belong to the scene."""
    item: str
    handle: Any
    """The point cache, the settings of the domain, or the bake of a geometry node."""
    modifier: Any
    """What it is switched off with; rigid bodies have their world instead."""
    place: int = 0
    """In the stack of the object: what comes before it comes into it."""

    @property
    def name(self) -> str:
        """In words; two of the same kind on one object share it."""
        return f"{_WORDS[self.kind]} of {self.owner.name if self.owner else self.scene.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is found by in another Blender that has opened the same file."""
        return (self.kind, self.owner.name if self.owner else "", self.item)

    @property
    def frames(self) -> tuple[int, int]:
        """The first and the last frame that are simulated."""
        if self.kind == "fluid":
            return self.handle.cache_frame_start, self.handle.cache_frame_end
        if self.kind not in NODES:
            return self.handle.frame_start, self.handle.frame_end
        scene = self.scene
        if self.kind == "bake_node" and self.handle.bake_mode == "STILL":
            return scene.frame_current, scene.frame_current
        if self.handle.use_custom_simulation_frame_range:
            return self.handle.frame_start, self.handle.frame_end
        if scene.use_custom_simulation_range:
            return scene.simulation_frame_start, scene.simulation_frame_end
        return scene.frame_start, scene.frame_end


def simulations(scene: bpy.types.Scene) -> Iterator[Simulation]:
    """Every simulation of the scene, always in the same order. What a library brings is not ours to change."""
    world = scene.rigidbody_world
    if world and world.enabled and world.collection:
        yield Simulation("rigid_body", scene, None, "", world.point_cache, world)
    for thing in sorted(scene.objects, key=lambda thing: thing.name):
        if thing.library is None:
            for place, modifier in enumerate(thing.modifiers):
                for kind, item, handle in _of_modifier(modifier):
                    yield Simulation(kind, scene, thing, item, handle, modifier, place)


def _of_modifier(modifier: Any) -> Iterator[tuple[str, str, Any]]:
    """The kind, the name and the handle of each simulation of a modifier."""
    if modifier.type in {"CLOTH", "SOFT_BODY"}:
        yield modifier.type.lower(), modifier.name, modifier.point_cache
    elif modifier.type == "PARTICLE_SYSTEM" and is_simulated(modifier.particle_system.settings):
        yield "particles", modifier.particle_system.name, modifier.particle_system.point_cache
    elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings:
        for surface in modifier.canvas_settings.canvas_surfaces:
            if surface.is_active and surface.surface_format == "VERTEX":
                yield "dynamic_paint", surface.name, surface.point_cache
    elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
        yield "fluid", modifier.name, modifier.domain_settings
    elif modifier.type == "NODES":
        for bake in getattr(modifier, "bakes", ()):
            kind = _NODE_KINDS.get(getattr(bake.node, "bl_idname", ""))
            if kind:
                yield kind, f"{modifier.name}: {bake.bake_id}", bake


def is_simulated(settings: Any) -> bool:
    """Whether particles with these settings have to be stepped through; others are where they are at any frame."""
    if settings.type == "HAIR":
        return bool(settings.use_hair_dynamics)
    return settings.type == "EMITTER" and settings.physics_type not in {"NO", "KEYED"}


@dataclass(frozen=True)
class CacheFiles:
    """The files whose being there makes a bake one, by what their names begin and end with."""

    folder: Path
    beginning: str
    ending: str

    def are_there(self) -> bool:
        """Whether there is one of them; the only question here that a slow disk has to answer."""
        try:
            names = (each.name for each in self.folder.iterdir())
            return any(name.startswith(self.beginning) and name.endswith(self.ending) for name in names)
        except OSError:
            return False


def is_shown(simulation: Simulation) -> bool:
    """Whether a render shows it."""
    owner = simulation.owner
    return owner is None or (not owner.hide_render and bool(simulation.modifier.show_render))


def is_baked(simulation: Simulation) -> bool:
    """Whether it plays back what is there; a bake whose files are gone is none."""
    known = bake_of(simulation)
    there = known.are_there() if isinstance(known, CacheFiles) else known
    return there or (simulation.kind in NODES and _is_packed(simulation))


def bake_of(simulation: Simulation) -> bool | CacheFiles:
    """Whether it is baked, as far as Blender tells at once, else the files that tell; what nodes keep in the .blend none does."""
    handle = simulation.handle
    if simulation.kind == "fluid":
        if handle.has_cache_baked_data or handle.cache_type == "REPLAY":
            return bool(handle.has_cache_baked_data)
        return CacheFiles(_absolute(handle.cache_directory) / "data", "", ".vdb")
    if simulation.kind in NODES:
        folder = _folder_of_nodes(simulation)
        return CacheFiles(folder / "meta", "", ".json") if folder else False
    if handle.use_external:
        return CacheFiles(_absolute(handle.filepath), f"{handle.name}_", ".bphys")
    if not handle.is_baked or not handle.use_disk_cache:
        return bool(handle.is_baked)
    blend = Path(bpy.data.filepath)
    return CacheFiles(blend.parent / f"blendcache_{blend.stem}", f"{handle.name or hex_of(simulation.owner.name)}_", ".bphys")


def hex_of(name: str) -> str:
    """What Blender calls the files of an object's caches."""
    return name.encode().hex().upper()


def _absolute(stored: str) -> Path:
    return Path(os.path.normpath(bpy.path.abspath(stored)))


def _folder_of_nodes(simulation: Simulation) -> Path | None:
    """Where a node keeps what it baked, if that is on the disk."""
    bake = simulation.handle
    stored = bake.directory if bake.use_custom_path else simulation.modifier.bake_directory
    if not stored:
        return None
    return _absolute(stored) if bake.use_custom_path else _absolute(stored) / str(bake.bake_id)


def may_be_packed(simulation: Simulation) -> bool:
    """Whether a node may have its bake inside of the .blend, as newer Blenders keep it by default."""
    return hasattr(simulation.handle, "bake_target")


def _is_packed(simulation: Simulation) -> bool:
    """Whether it has it there.

    Only the unpacking of it tells, and takes it away: so it is unpacked from a copy of the object, into a folder that goes.
    """
    if simulation.owner is None or not may_be_packed(simulation):
        return False
    copy: Any = simulation.owner.copy()
    try:
        with tempfile.TemporaryDirectory(prefix="netrender_asked_") as folder:
            modifier = copy.modifiers[simulation.modifier.name]
            bake = next(each for each in modifier.bakes if each.bake_id == simulation.handle.bake_id)
            bake.use_custom_path, bake.directory = True, folder
            asked = Simulation(simulation.kind, simulation.scene, copy, simulation.item, bake, modifier)
            return "FINISHED" in run_for_node("geometry_node_bake_unpack_single", asked, method="USE_ORIGINAL")
    except RuntimeError:
        # There is something to be unpacked, but this file was never saved.
        return True
    finally:
        bpy.data.objects.remove(copy)


def folders_of_nodes() -> Iterator[tuple[Any, str]]:
    """Whatever of the open file names a folder of node bakes, and by which property.

    These paths Blender does not write anew in a copy that is saved elsewhere.
    """
    for thing in bpy.data.objects:
        for modifier in thing.modifiers if thing.library is None else ():
            if hasattr(modifier, "bake_directory"):
                yield from ((modifier, "bake_directory"), *((bake, "directory") for bake in modifier.bakes))


def find(wanted: dict[str, Any]) -> Simulation | None:
    """The simulation of the open file that a plan or a bake tells of."""
    scene = bpy.data.scenes.get(wanted["scene"])
    key = (wanted["kind"], wanted["object"], wanted["item"])
    return next((each for each in simulations(scene) if each.key == key), None) if scene else None


def attach(baked: Iterable[dict[str, Any]]) -> list[str]:
    """Has the open file play back these bakes (what `bake.json` of each says); tells what could not be, in sentences.

    Of each, only the files of some frames need be there. It may be done again, with the same bakes or with more of them.
    What is baked otherwise stays as it is.
    """
    told = []
    for index in baked:
        if index["kind"] == "rigid_body":
            continue
        simulation = find(index)
        if simulation is None:
            told.append(f"the {index['name']} is baked, but this file has no such simulation any more")
        elif not Path(bpy.path.abspath(folder_of(index))).is_dir():
            told.append(f"the files of the {index['name']} are not there: {folder_of(index)}")
        elif _is_anothers(simulation):
            told.append(f"the {index['name']} was left alone, for it is baked in this file: free that bake to play back this one")
        else:
            _play_back(simulation, index)
    return told


def folder_of(index: dict[str, Any]) -> str:
    """Where the files of a bake lie, as the .blend names it."""
    # A .blend without a folder above it has its bakes at the very beginning.
    path = "/" + index["files"][0]["path"]
    number = path.rpartition(f"/{BESIDE}/")[2].split("/")[0]
    return f"//{BESIDE}/{number}"


def _is_anothers(simulation: Simulation) -> bool:
    """Whether it plays back what was not baked on the network."""
    handle = simulation.handle
    if simulation.kind == "fluid":
        folder = handle.cache_directory
    elif simulation.kind in NODES:
        folder = handle.directory if handle.use_custom_path else ""
    else:
        folder = handle.filepath if handle.use_external else ""
    return BESIDE not in Path(folder).parts and is_baked(simulation)


def _play_back(simulation: Simulation, index: dict[str, Any]) -> None:
    folder = folder_of(index)
    if simulation.kind in POINT_CACHES:
        use_files(simulation.handle, folder, CACHE_NAME, 0, (index["first"], index["last"]))
    elif simulation.kind == "fluid":
        # With this type Blender reads what is there, whoever baked it, and simulates nothing by itself.
        simulation.handle.cache_type = "ALL"
        simulation.handle.cache_directory = folder
    else:
        _read_nodes_from(simulation, folder)


def use_files(cache: Any, folder: str, name: str, number: int, frames: tuple[int, int]) -> None:
    """Has a point cache read `<name>_<frame>_<number>.bphys` of a folder, and write nothing."""
    # First of all, or Blender would rename the files that it thinks are its own.
    cache.use_external = True
    cache.filepath = folder
    cache.name = name
    cache.index = number
    # Blender took these from the files that are there: what it takes for the first frame it shows at rest.
    cache.frame_start, cache.frame_end = frames


def _read_nodes_from(simulation: Simulation, folder: str) -> None:
    modifier, bake = simulation.modifier, simulation.handle
    # A node looks for its files once. It looks again after it was told to delete them, so that is done where there are none;
    # and switched off meanwhile, for operators have everything evaluated when they end.
    was_shown = modifier.show_viewport
    modifier.show_viewport = False
    write_nodes_to(bake, _NOWHERE)
    run_for_node("geometry_node_bake_delete_single", simulation)
    write_nodes_to(bake, folder)
    modifier.show_viewport = was_shown


def write_nodes_to(bake: Any, folder: str) -> None:
    """Has a node keep what it bakes in files of this folder."""
    if hasattr(bake, "bake_target"):  # before 4.3 they are always files
        bake.bake_target = "DISK"
    bake.use_custom_path = True
    bake.directory = folder


def run_for_node(name: str, simulation: Simulation, **options: str) -> set[str]:
    """Runs an operator that is about one node."""
    operator = getattr(bpy.ops.object, name)
    named = "session_uid" if "session_uid" in operator.get_rna_type().properties else "session_uuid"
    which = {named: getattr(simulation.owner, named)}
    done: set[str] = operator(**which, modifier_name=simulation.modifier.name, bake_id=simulation.handle.bake_id, **options)
    return done
