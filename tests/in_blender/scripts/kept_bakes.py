"""Runs in Blender: what is not baked is shown without waiting for the disk; a scene from memory has the bakes of its nodes."""

import importlib
import sys
import threading
import time
from pathlib import Path

import bpy
import start

scenes, folder = start.arguments()
netrender = start.enable()
sys.path.insert(0, scenes)
simulated = importlib.import_module("simulated")

simulations, waiting = netrender.simulations, netrender.waiting
WAIT_S = 60


def look_until(names: set[str], unsure: set[str]) -> None:
    """Draws and looks until these are shown."""
    deadline = time.monotonic() + WAIT_S
    # Blender keeps the nodes of a modifier in any order.
    while (shown := waiting.see(bpy.context.scene)) is None or (set(shown.names), set(shown.unsure)) != (names, unsure):
        assert time.monotonic() < deadline, shown
        waiting.tick()
        time.sleep(0.01)


def check_a_slow_disk() -> None:
    """Neither drawing nor the timer waits for it."""
    may_answer = threading.Event()
    asked = simulations.CacheFiles.are_there

    def are_there(files: object) -> bool:
        assert threading.current_thread() is not threading.main_thread()
        assert may_answer.wait(WAIT_S)
        return asked(files)

    simulations.CacheFiles.are_there = are_there
    assert waiting.see(bpy.context.scene) is None
    assert waiting.tick() == waiting.TICK_S
    assert waiting.see(bpy.context.scene) is None, "it has not answered yet"
    may_answer.set()
    look_until({"cloth of Gone"}, {"simulation nodes of Grown", "bake node of Grown"} if simulated.HAS_NODES else set())
    simulations.CacheFiles.are_there = asked


def check_nodes_from_memory() -> None:
    """A bake beside the file, and one where Blender keeps it on the disk."""
    nodes = [each for each in simulations.simulations(bpy.context.scene) if each.kind in simulations.NODES]
    # Once the later one is baked, Blender does not come to the other any more.
    for each in sorted(nodes, key=lambda each: each.kind != "simulation"):
        if each.kind == "simulation":
            simulations.write_nodes_to(each.handle, "//netrender_bakes/nodes")
        else:
            each.handle.bake_target = "DISK"
        assert simulations.run_for_node("geometry_node_bake_single", each) == {"FINISHED"}
    here = simulated.shapes([7, 2, 8])
    stored = [getattr(thing, name) for thing, name in simulations.folders_of_nodes()]
    assert "//netrender_bakes/nodes" in stored
    assert sum(path.startswith("//") for path in stored) == 2, stored
    with netrender.dispatch._copy_of_memory() as copy:
        assert [getattr(thing, name) for thing, name in simulations.folders_of_nodes()] == stored, "the artist's own is as it was"
        bpy.ops.wm.open_mainfile(filepath=copy)
        unbaked = [each.name for each in simulations.simulations(bpy.context.scene) if not simulations.is_baked(each)]
        assert unbaked == ["cloth of Gone"], unbaked
        there = simulated.shapes([8, 2, 7])
    assert here["2"]["Grown"] != here["8"]["Grown"]
    assert all(there[frame]["Grown"] == shape["Grown"] for frame, shape in here.items())


simulated.begin()
simulated.cloth("Gone", (0, 0, 0))
if simulated.HAS_NODES:
    simulated.nodes(simulated.grid("Grown", (8, 0, 0)), simulated.cube("Flag", (-4, 0, 0)))
Path(folder).mkdir()
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")
gone = next(simulations.simulations(bpy.context.scene))
simulations.use_files(gone.handle, "//netrender_bakes/gone", "cache", 0, (1, simulated.FRAMES))
check_a_slow_disk()
if simulated.HAS_NODES:
    check_nodes_from_memory()
    look_until({"cloth of Gone"}, set())
print("all known")
