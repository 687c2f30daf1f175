"""The part of `everything.py` that is baked first: simulations, exported scenes, nodes that keep what they made."""

import bpy
import plain_files
from board import FRAMES, PROJECT, SHOT, activate, box, glowing, lit_by_density, mesh, place, save


def show_simulations():
    """Baked here; what was baked beside the .blend, and what was baked elsewhere."""
    save()
    fall("baked simulation")
    outside = fall("simulation baked elsewhere")
    title = "".join(f"{byte:02X}" for byte in b"simulation baked elsewhere")
    for file in (SHOT / "blendcache_main").glob(f"{title}_*"):
        number = file.name.split("_")[1]
        (PROJECT / "cache/points").mkdir(parents=True, exist_ok=True)
        file.rename(PROJECT / f"cache/points/fall_{number}_00.bphys")
    outside.use_external = True
    outside.name, outside.index = "fall", 0
    outside.filepath = "//../cache/points/"


def fall(name):
    """A cloth that falls aside."""
    cloth = place(name, mesh())
    glowing(cloth)
    modifier = cloth.modifiers.new("Cloth", "CLOTH")
    cache = modifier.point_cache
    cache.frame_start, cache.frame_end = 1, FRAMES
    cache.use_disk_cache = True
    bpy.context.scene.gravity = (-80, -80, 0)
    with bpy.context.temp_override(scene=bpy.context.scene, object=cloth, active_object=cloth, point_cache=cache):
        bpy.ops.ptcache.bake(bake=True)
    return cache


def show_fluid():
    """A smoke; newer Blenders as a module crash when they bake one."""
    domain = place("fluid", box(0.45))
    lit_by_density(domain)
    source = bpy.data.objects.new("Source", box(0.2))
    source.location, source.hide_render = domain.location, True
    bpy.context.scene.collection.objects.link(source)
    bpy.context.view_layer.update()
    settings = domain.modifiers.new("Fluid", "FLUID")
    settings.fluid_type = "DOMAIN"
    flow = source.modifiers.new("Fluid", "FLUID")
    flow.fluid_type = "FLOW"
    flow.flow_settings.flow_type, flow.flow_settings.flow_behavior = "SMOKE", "GEOMETRY"
    settings = settings.domain_settings
    settings.domain_type, settings.cache_type, settings.resolution_max = "GAS", "ALL", 8
    settings.cache_frame_start, settings.cache_frame_end = 1, FRAMES
    settings.cache_directory = "//../cache/smoke"
    activate(domain)
    with bpy.context.temp_override(scene=bpy.context.scene, object=domain, active_object=domain):
        bpy.ops.fluid.bake_all()


def show_scenes_of_others():
    """Alembic and USD: a file, and one for each frame."""
    moving = bpy.data.objects["mesh cache"]
    activate(moving)
    for name, ending in (("Alembic", "abc"), ("USD", "usdc")):
        whole = PROJECT / f"cache/square.{ending}"
        exported(moving, whole, 1, FRAMES)
        read_from(name, whole, f"//../cache/square.{ending}")
    exported(moving, PROJECT / "cache/deep/moving.usdc", 1, FRAMES)
    for name, layers in (("middle", "@../deep/moving.usdc@, @./gone.usda@"), ("top", "@./middle.usda@")):
        text = f'#usda 1.0\n(timeCodesPerSecond = 24\n upAxis = "Z"\n metersPerUnit = 1\n subLayers = [{layers}])\n'
        plain_files.write(PROJECT / f"cache/layers/{name}.usda", text.encode())
    read_from("USD of layers", PROJECT / "cache/layers/top.usda", "//../cache/layers/top.usda")
    for frame in range(1, FRAMES + 1):
        exported(moving, PROJECT / f"cache/single_{frame:03}.abc", frame, frame)
    several = read_from("Alembic, a file each frame", PROJECT / "cache/single_001.abc", "//../cache/single_001.abc")
    several.is_sequence = True


def exported(thing, path, first, last):
    bpy.context.scene.frame_set(first)
    for other in bpy.data.objects:
        other.select_set(other == thing)
    if path.suffix == ".abc":
        bpy.ops.wm.alembic_export(filepath=str(path), start=first, end=last, selected=True, as_background_job=False)
    else:
        bpy.ops.wm.usd_export(
            filepath=str(path),
            selected_objects_only=True,
            export_animation=True,
            export_lights=False,
            convert_world_material=False,
        )


def read_from(name, path, stored):
    known = set(bpy.data.objects)
    if path.suffix == ".abc":
        bpy.ops.wm.alembic_import(filepath=str(path), always_add_cache_reader=True, as_background_job=False)
    else:
        bpy.ops.wm.usd_import(filepath=str(path), import_lights=False, import_materials=False)
    (reader,) = (modifier for thing in set(bpy.data.objects) - known for modifier in thing.modifiers)
    cell = place(name, mesh())
    glowing(cell)
    modifier = cell.modifiers.new("Cache", "MESH_SEQUENCE_CACHE")
    modifier.cache_file, modifier.object_path = reader.cache_file, reader.object_path
    modifier.cache_file.filepath = stored
    for thing in set(bpy.data.objects) - known - {cell}:
        bpy.data.objects.remove(thing)
    return modifier.cache_file


def show_nodes():
    """What geometry nodes import, and what they have baked."""
    plain_files.obj(PROJECT / "tex/square.obj", 0.5)
    plain_files.obj(PROJECT / "tex/given.obj", 0.3)
    for name, stored in (("imported by a node", "//../tex/square.obj"), ("imported by a modifier", "//../tex/given.obj")):
        tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
        tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
        path = tree.interface.new_socket("Path", in_out="INPUT", socket_type="NodeSocketString")
        path.subtype = "FILE_PATH"
        reader = tree.nodes.new("GeometryNodeImportOBJ")
        real, paint = tree.nodes.new("GeometryNodeRealizeInstances"), tree.nodes.new("GeometryNodeSetMaterial")
        tree.links.new(reader.outputs[0], real.inputs[0])
        tree.links.new(real.outputs[0], paint.inputs[0])
        tree.links.new(paint.outputs[0], tree.nodes.new("NodeGroupOutput").inputs[0])
        cell = place(name, mesh())
        glowing(cell)
        paint.inputs["Material"].default_value = cell.data.materials[0]
        modifier = cell.modifiers.new("Nodes", "NODES")
        modifier.node_group = tree
        if "modifier" in name:
            tree.links.new(tree.nodes.new("NodeGroupInput").outputs[0], reader.inputs["Path"])
            modifier[path.identifier] = stored
        else:
            reader.inputs["Path"].default_value = stored
    bake_nodes("simulation nodes", "//blendcache_main/nodes")
    bake_nodes("simulation nodes baked elsewhere", "//../cache/nodes")


def bake_nodes(name, folder):
    """Nodes that move what they have made in the frame before."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    begin_of, end_of = tree.nodes.new("GeometryNodeSimulationInput"), tree.nodes.new("GeometryNodeSimulationOutput")
    begin_of.pair_with_output(end_of)
    move = tree.nodes.new("GeometryNodeSetPosition")
    move.inputs["Offset"].default_value = (-0.2, 0, 0)
    tree.links.new(tree.nodes.new("NodeGroupInput").outputs[0], begin_of.inputs["Geometry"])
    tree.links.new(begin_of.outputs["Geometry"], move.inputs["Geometry"])
    tree.links.new(move.outputs["Geometry"], end_of.inputs["Geometry"])
    tree.links.new(end_of.outputs["Geometry"], tree.nodes.new("NodeGroupOutput").inputs[0])
    cell = place(name, mesh())
    glowing(cell)
    modifier = cell.modifiers.new("Nodes", "NODES")
    modifier.node_group = tree
    modifier.bake_target = "DISK"
    modifier.bake_directory = folder
    bpy.context.view_layer.update()
    for other in bpy.data.objects:
        other.select_set(other == cell)
    activate(cell)
    bpy.ops.object.simulation_nodes_cache_bake(selected=True)
