"""A scene with a simulation of each kind, where some come into others; what it looks like baked here, and baked elsewhere.

Its argument is a file of JSON, a list of what is to be done. `make` makes `main.blend`, which is not baked, and `circle.blend`,
in which two cloths fall on each other; then it bakes the first one in Blender's own way, for `local.json`. `few` makes a
smaller one, `few.blend`, its pictures' scene baked as `local/few.blend` and `few.json`. `play` has a file play back what was
baked elsewhere, `look` tells what one shows by itself, and `plan` how one would be baked. `own` makes `own.blend`, of which
its artist has baked some, and tells what becomes of that; `nodes` makes `nodes.blend`, whose nodes are baked beside it.
"""

import json
import os
import sys
from pathlib import Path

import bpy

FRAMES = 8
HAS_NODES = bpy.app.version >= (5, 0, 0)


def make(folder):
    folder = Path(folder)
    circle(folder / "circle.blend")
    begin()
    ball = cube("Ball", (0, 0, 3))
    ball.modifiers.new("Collision", "COLLISION")
    rigid(ball)
    cloth("Cape", (0, 0, 1))
    flag = cloth("Flag", (-4, 0, 2))
    active(flag)
    bpy.ops.object.particle_system_add()
    settings = flag.particle_systems[0].settings
    settings.count, settings.frame_start, settings.frame_end, settings.lifetime = 30, 1, FRAMES, 4
    flag.particle_systems[0].point_cache.frame_end = FRAMES
    jelly = cube("Jelly", (4, 0, 2))
    soft = jelly.modifiers.new("Softbody", "SOFT_BODY")
    soft.settings.use_goal, soft.point_cache.frame_end = False, FRAMES
    paint(jelly, grid("Canvas", (4, 0, 1.2)))
    if HAS_NODES:
        nodes(grid("Grown", (8, 0, 0)), flag)
    else:
        smoke()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "main.blend"))
    (folder / "local").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "local/main.blend"))
    bake_here(folder / "local/smoke")
    write(folder / "local.json", shapes(range(1, FRAMES + 1)))


def few(folder):
    """A ball that falls on a cloth, and what hangs at neither."""
    folder = Path(folder)
    begin()
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.camera.location = (0, 0, 8)
    scene.collection.objects.link(sun := bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN")))
    sun.rotation_euler = (0.5, 0.5, 0)
    ball = cube("Ball", (0, 0, 2))
    ball.modifiers.new("Collision", "COLLISION")
    rigid(ball)
    cloth("Cape", (0, 0, 1))
    cloth("Flag", (-2, 0, 2))
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "few.blend"))
    bpy.ops.ptcache.bake_all(bake=True)
    (folder / "local").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "local/few.blend"))
    write(folder / "few.json", shapes(range(1, FRAMES + 1)))


def begin():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.gravity = 1, FRAMES, (0, 0, -60)
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)


def circle(path):
    begin()
    for name in ("Lower", "Upper"):
        cloth(name, (0, 0, 1)).modifiers.new("Collision", "COLLISION")
    hidden = cloth("Hidden", (9, 0, 0))
    hidden.hide_render = True
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def grid(name, place, cells=6):
    points = [(column / cells * 2 - 1, row / cells * 2 - 1, 0) for row in range(cells + 1) for column in range(cells + 1)]
    corners = [row * (cells + 1) + column for row in range(cells) for column in range(cells)]
    return linked(name, place, points, [(at, at + 1, at + cells + 2, at + cells + 1) for at in corners])


def cube(name, place, side=1.0):
    half = side / 2
    points = [(x, y, z) for x in (-half, half) for y in (-half, half) for z in (-half, half)]
    return linked(name, place, points, [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])


def linked(name, place, points, faces):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    thing = bpy.data.objects.new(name, mesh)
    thing.location = place
    bpy.context.scene.collection.objects.link(thing)
    return thing


def active(thing):
    bpy.context.view_layer.objects.active = thing
    for other in bpy.data.objects:
        other.select_set(other == thing)


def cloth(name, place):
    thing = grid(name, place)
    thing.modifiers.new("Cloth", "CLOTH").point_cache.frame_end = FRAMES
    return thing


def rigid(thing):
    active(thing)
    bpy.ops.rigidbody.world_add()
    world = bpy.context.scene.rigidbody_world
    world.collection = bpy.data.collections.new("Rigid")
    world.point_cache.frame_end = FRAMES
    bpy.ops.rigidbody.object_add()


def paint(brush, canvas):
    for thing, kind in ((canvas, "CANVAS"), (brush, "BRUSH")):
        active(thing)
        modifier = thing.modifiers.new("Dynamic Paint", "DYNAMIC_PAINT")
        modifier.ui_type = kind
        bpy.ops.dpaint.type_toggle(type=kind)
    brush.modifiers["Dynamic Paint"].brush_settings.paint_source = "VOLUME_DISTANCE"
    surface = canvas.modifiers["Dynamic Paint"].canvas_settings.canvas_surfaces[0]
    surface.surface_type = "DISPLACE"
    surface.frame_end = surface.point_cache.frame_end = FRAMES


def smoke():
    source = cube("Source", (-8, 0, 1), 0.6).modifiers.new("Fluid", "FLUID")
    source.fluid_type = "FLOW"
    source.flow_settings.flow_type, source.flow_settings.flow_behavior = "SMOKE", "GEOMETRY"
    domain = cube("Smoke", (-8, 0, 1), 2).modifiers.new("Fluid", "FLUID")
    domain.fluid_type = "DOMAIN"
    domain.domain_settings.resolution_max = 8
    domain.domain_settings.cache_frame_start, domain.domain_settings.cache_frame_end = 1, FRAMES


def nodes(thing, flag):
    """Each frame adds where the flag is to where it was; then a bake node, which has frames too."""
    tree = bpy.data.node_groups.new("Grow", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    before, after = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
    before.pair_with_output(after)
    move, paint_it = tree.nodes.new("GeometryNodeSetPosition"), tree.nodes.new("GeometryNodeSetMaterial")
    move.inputs["Offset"].default_value = (-0.2, 0, 0.1)
    paint_it.inputs["Material"].default_value = bpy.data.materials.new("Green")
    join, other, kept = (tree.nodes.new(f"GeometryNode{name}") for name in ("JoinGeometry", "ObjectInfo", "Bake"))
    other.inputs["Object"].default_value = flag
    kept.bake_items.new("GEOMETRY", "Geometry")
    sockets = (
        (tree.nodes.new("NodeGroupInput").outputs[0], before.inputs["Geometry"]),
        (before.outputs["Geometry"], move.inputs[0]),
        (move.outputs[0], paint_it.inputs[0]),
        (paint_it.outputs[0], after.inputs["Geometry"]),
        (after.outputs["Geometry"], join.inputs[0]),
        (other.outputs["Geometry"], join.inputs[0]),
        (join.outputs[0], kept.inputs[0]),
        (kept.outputs[0], tree.nodes.new("NodeGroupOutput").inputs[0]),
    )
    for start, end in sockets:
        tree.links.new(start, end)
    modifier = thing.modifiers.new("Nodes", "NODES")
    modifier.node_group = tree
    bpy.context.view_layer.update()
    for bake in modifier.bakes:
        bake.bake_mode = "ANIMATION"


def bake_here(folder):
    scene = bpy.context.scene
    bpy.ops.ptcache.bake_all(bake=True)
    domain = bpy.data.objects.get("Smoke")
    if domain:
        settings = domain.modifiers["Fluid"].domain_settings
        settings.cache_type, settings.cache_directory = "ALL", str(folder)
        with bpy.context.temp_override(scene=scene, object=domain, active_object=domain):
            bpy.ops.fluid.bake_all()


# What it looks like.


def shapes(frames):
    return {str(frame): shape(frame) for frame in frames}


def shape(frame):
    bpy.context.scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    found = {}
    for thing in bpy.data.objects:
        if thing.type == "MESH":
            shown = thing.evaluated_get(graph)
            mesh = shown.to_mesh()
            names = [slot.name for slot in mesh.materials if slot]
            found[thing.name] = [[list(shown.matrix_world @ vertex.co) for vertex in mesh.vertices], names]
            shown.to_mesh_clear()
            for system in shown.particle_systems:
                alive = [each for each in system.particles if each.alive_state == "ALIVE"]
                found[f"particles of {thing.name}"] = [list(each.location) for each in alive]
            if thing.name == "Smoke":
                found["density"] = list(shown.modifiers["Fluid"].domain_settings.density_grid)
    return found


def play(scripts, blend, baked, frames, result):
    sys.path.insert(0, scripts)
    import simulations

    bpy.ops.wm.open_mainfile(filepath=blend)
    told = simulations.attach(baked)
    write(result, {"told": told, "shapes": shapes(frames)})


def look(blend, frames, result):
    bpy.ops.wm.open_mainfile(filepath=blend)
    write(result, shapes(frames))


def plan(scripts, blend, order, result):
    sys.path.insert(0, scripts)
    import bakes

    bpy.ops.wm.open_mainfile(filepath=blend)
    write(result, bakes.plan(bpy.context.scene, order))


def own(scripts, folder, result):
    """Baked: a cloth in memory and, where there are nodes, a simulation zone in Blender's own way. Files of another are gone."""
    sys.path.insert(0, scripts)
    import bakes
    import simulations

    begin()
    cloth("Kept", (0, 0, 0))
    gone = cloth("Gone", (3, 0, 0)).modifiers["Cloth"].point_cache
    if HAS_NODES:
        nodes(grid("Grown", (8, 0, 0)), cube("Flag", (-4, 0, 0)))
    bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/own.blend")
    simulations.use_files(gone, "//netrender_bakes/gone", "cache", 0, (1, FRAMES))
    found = {each.name: each for each in simulations.simulations(bpy.context.scene)}
    kept = found["cloth of Kept"]
    with bpy.context.temp_override(object=kept.owner, active_object=kept.owner, point_cache=kept.handle):
        bpy.ops.ptcache.bake(bake=True)
    if HAS_NODES:
        simulations.run_for_node("geometry_node_bake_single", found["simulation nodes of Grown"])
    before = shapes(range(1, FRAMES + 1))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=f"{folder}/own.blend")
    answer = {"before": before, "files": files_in(folder), "plan": bakes.plan(bpy.context.scene)}
    for each in simulations.simulations(bpy.context.scene):
        (Path(folder) / "netrender_bakes" / each.kind).mkdir(parents=True, exist_ok=True)
    told = simulations.attach([baked_elsewhere(each) for each in simulations.simulations(bpy.context.scene)])
    answer |= {"told": told, "shapes": shapes([5, 2, 8]), "left": files_in(folder)}
    answer["objects"] = sorted(thing.name for thing in bpy.data.objects)
    write(result, answer)


def nodes_beside(scripts, folder, result):
    """A simulation zone, baked into a folder beside the .blend."""
    sys.path.insert(0, scripts)
    import simulations

    begin()
    nodes(grid("Grown", (8, 0, 0)), cube("Flag", (-4, 0, 0)))
    path = f"{folder}/nodes.blend"
    bpy.ops.wm.save_as_mainfile(filepath=path)
    grown = next(each for each in simulations.simulations(bpy.context.scene) if each.kind == "simulation")
    simulations.write_nodes_to(grown.handle, "//baked/nodes")
    simulations.run_for_node("geometry_node_bake_single", grown)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=path)
    write(result, shapes(range(1, FRAMES + 1)))


def baked_elsewhere(simulation):
    kind, thing, item = simulation.key
    index = {"name": simulation.name, "kind": kind, "object": thing, "item": item, "scene": simulation.scene.name}
    return {**index, "first": 1, "last": FRAMES, "files": [{"path": f"netrender_bakes/{kind}/cache"}]}


def files_in(folder):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def write(path, value):
    Path(path).write_text(json.dumps(value))


def end():
    sys.stdout.flush()
    sys.stderr.flush()
    # Some Blenders crash in their orderly end.
    os._exit(0)


if __name__ == "__main__":
    for what, *given in json.loads(Path(sys.argv[-1]).read_text()):
        {"make": make, "few": few, "play": play, "look": look, "plan": plan, "own": own, "nodes": nodes_beside}[what](*given)
    end()
