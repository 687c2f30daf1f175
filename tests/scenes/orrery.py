"""Makes the demonstration scene: a small orrery of glass and metal, with everything that a farm must carry along.

Run by Blender (`blender -b --factory-startup -P orrery.py -- FOLDER FRAMES [light]`) or by a Python that has `bpy`
(`python orrery.py FOLDER FRAMES [light]`); a light scene takes a tenth of a second a frame rather than a second. Writes

    FOLDER/shots/orrery.blend         the scene: Cycles, two view layers, animated camera and planets
    FOLDER/assets/pedestal.blend      a library in another folder, linked into the scene
    FOLDER/textures/marble.png        an image that the scene and the library use from outside
"""

import math
import sys
from pathlib import Path

import bpy

WIDTH, HEIGHT, SAMPLES = 320, 180, 12
LIGHT_PERCENT, LIGHT_SAMPLES = 30, 4
TEXTURE_SIZE = 256
PLANETS = (
    # radius of the orbit, radius, height, colour, roughness, metallic, turns in the whole animation
    (1.15, 0.22, 1.10, (0.95, 0.32, 0.12), 0.15, 1.0, 3),
    (1.65, 0.30, 0.95, (0.12, 0.45, 0.90), 0.05, 0.0, 2),
    (2.20, 0.26, 0.80, (0.90, 0.72, 0.25), 0.25, 1.0, 1),
    (2.70, 0.18, 0.70, (0.30, 0.80, 0.45), 0.10, 0.0, 1),
)


def start() -> bpy.types.Scene:
    """An empty file with one scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def marble(path: Path) -> None:
    """Writes the texture: veins of sine waves, computed here so that nothing needs to be fetched."""
    image = bpy.data.images.new("marble", TEXTURE_SIZE, TEXTURE_SIZE)
    pixels = []
    for y in range(TEXTURE_SIZE):
        for x in range(TEXTURE_SIZE):
            u, v = x / TEXTURE_SIZE * math.tau, y / TEXTURE_SIZE * math.tau
            vein = abs(math.sin(u * 2 + 2.5 * math.sin(v) + 1.3 * math.sin(3 * v + u)))
            shade = 0.16 + 0.42 * vein**0.5
            pixels += (shade, shade * 0.98, shade * 0.95, 1.0)
    image.pixels[:] = pixels
    image.filepath_raw = str(path)
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)


def with_nodes(owner: bpy.types.Material | bpy.types.World) -> None:
    """Gives a material or world its nodes; from Blender 5 on they always have them."""
    if bpy.app.version < (5, 0, 0):
        owner.use_nodes = True


def material(name: str, colour: tuple[float, float, float], roughness: float, metallic: float) -> bpy.types.Material:
    """A plain principled material."""
    made = bpy.data.materials.new(name)
    with_nodes(made)
    shader = made.node_tree.nodes["Principled BSDF"].inputs
    shader["Base Color"].default_value = (*colour, 1.0)
    shader["Roughness"].default_value = roughness
    shader["Metallic"].default_value = metallic
    return made


def textured(made: bpy.types.Material, slot: str, scale: float, texture: Path, blend: Path) -> bpy.types.Material:
    """Gives a material the marble, referred to relative to the file that it is saved in."""
    nodes, links = made.node_tree.nodes, made.node_tree.links
    picture = nodes.new("ShaderNodeTexImage")
    picture.image = bpy.data.images.load(str(texture), check_existing=True)
    picture.image.filepath = bpy.path.relpath(str(texture), start=str(blend.parent))
    picture.projection = "BOX"
    coordinates = nodes.new("ShaderNodeTexCoord")
    size = nodes.new("ShaderNodeVectorMath")
    size.operation = "SCALE"
    size.inputs["Scale"].default_value = scale
    links.new(coordinates.outputs["Object"], size.inputs[0])
    links.new(size.outputs[0], picture.inputs["Vector"])
    links.new(picture.outputs["Color"], nodes["Principled BSDF"].inputs[slot])
    return made


def smooth(thing: bpy.types.Object) -> bpy.types.Object:
    """Shades the object's faces smoothly."""
    for face in thing.data.polygons:
        face.use_smooth = True
    return thing


def make_library(blend: Path, texture: Path) -> None:
    """The pedestal, in a file of its own."""
    scene = start()
    collection = bpy.data.collections.new("Pedestal")
    scene.collection.children.link(collection)
    brass = textured(material("brass", (0.62, 0.36, 0.12), 0.3, 1.0), "Roughness", 0.8, texture, blend)
    for radius, height, z in ((0.75, 0.18, 0.09), (0.55, 0.12, 0.24), (0.22, 0.7, 0.6), (0.42, 0.08, 0.97)):
        bpy.ops.mesh.primitive_cylinder_add(vertices=64, radius=radius, depth=height, location=(0, 0, z))
        step = bpy.context.object
        step.data.materials.append(brass)
        bevel = step.modifiers.new("edge", "BEVEL")
        bevel.width, bevel.segments = 0.02, 3
        scene.collection.objects.unlink(step)
        collection.objects.link(step)
    save(blend)


def make_scene(blend: Path, library: Path, texture: Path, frames: int, light: bool) -> None:
    """The scene itself."""
    scene = start()
    scene.frame_start, scene.frame_end, scene.render.fps = 1, frames, 24
    glow = bpy.data.collections.new("Glow")
    scene.collection.children.link(glow)
    add_floor(textured(material("floor", (1.0, 1.0, 1.0), 0.22, 0.0), "Base Color", 0.22, texture, blend))
    link_pedestal(scene, library, blend)
    add_planets(scene, frames)
    add_star(scene, glow)
    add_lights(scene)
    add_camera(scene, frames)
    set_output(scene)
    if light:
        scene.render.resolution_percentage, scene.cycles.samples = LIGHT_PERCENT, LIGHT_SAMPLES
    add_layers(scene)
    save(blend)


def add_floor(stone: bpy.types.Material) -> None:
    bpy.ops.mesh.primitive_circle_add(vertices=128, radius=9, fill_type="NGON")
    bpy.context.object.name = "Floor"
    bpy.context.object.data.materials.append(stone)


def link_pedestal(scene: bpy.types.Scene, library: Path, blend: Path) -> None:
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.collections = ["Pedestal"]
    instance = bpy.data.objects.new("Pedestal", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", bpy.data.collections["Pedestal"]
    scene.collection.objects.link(instance)
    bpy.data.libraries[0].filepath = bpy.path.relpath(str(library), start=str(blend.parent))


def add_planets(scene: bpy.types.Scene, frames: int) -> None:
    for number, (orbit, radius, z, colour, roughness, metallic, turns) in enumerate(PLANETS):
        hub = bpy.data.objects.new(f"Hub {number}", None)
        hub.location = (0, 0, z)
        scene.collection.objects.link(hub)
        bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, radius=radius, location=(orbit, 0, 0))
        planet = smooth(bpy.context.object)
        planet.name, planet.parent = f"Planet {number}", hub
        planet.data.materials.append(material(f"planet {number}", colour, roughness, metallic))
        bpy.ops.mesh.primitive_torus_add(
            major_radius=orbit, minor_radius=0.012, major_segments=96, minor_segments=8, location=(0, 0, z)
        )
        smooth(bpy.context.object).data.materials.append(material(f"ring {number}", (0.8, 0.6, 0.35), 0.2, 1.0))
        turn(hub, frames, number * 1.3, turns)


def add_star(scene: bpy.types.Scene, glow: bpy.types.Collection) -> None:
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=3, radius=0.38, location=(0, 0, 1.45))
    star = bpy.context.object
    star.name = "Star"
    shine = bpy.data.materials.new("shine")
    with_nodes(shine)
    nodes = shine.node_tree.nodes
    light = nodes.new("ShaderNodeEmission")
    light.inputs["Color"].default_value = (1.0, 0.62, 0.25, 1.0)
    light.inputs["Strength"].default_value = 2.6
    shine.node_tree.links.new(light.outputs[0], nodes["Material Output"].inputs["Surface"])
    star.data.materials.append(shine)
    scene.collection.objects.unlink(star)
    glow.objects.link(star)


def add_lights(scene: bpy.types.Scene) -> None:
    for name, place, watts, size, colour in (
        ("Key", (4, -4, 5), 260, 3, (1, 0.95, 0.88)),
        ("Rim", (-5, 3, 4), 200, 2, (0.55, 0.7, 1.0)),
    ):
        lamp = bpy.data.lights.new(name, "AREA")
        lamp.energy, lamp.size, lamp.color = watts, size, colour
        thing = bpy.data.objects.new(name, lamp)
        thing.location = place
        thing.rotation_euler = (-thing.location).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(thing)
    scene.world = bpy.data.worlds.new("Night")
    with_nodes(scene.world)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.012, 0.016, 0.03, 1)


def add_camera(scene: bpy.types.Scene, frames: int) -> None:
    hub = bpy.data.objects.new("Camera hub", None)
    hub.location = (0, 0, 0.85)
    scene.collection.objects.link(hub)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.parent = (0, -6.4, 2.3), hub
    camera.rotation_euler = (-camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = 42
    scene.collection.objects.link(camera)
    scene.camera = camera
    turn(hub, frames, -0.4, 0.25)


def turn(hub: bpy.types.Object, frames: int, start_angle: float, turns: float) -> None:
    """Turns an object at an even pace through the animation."""
    for frame, angle in ((1, start_angle), (frames + 1, start_angle + turns * math.tau)):
        hub.rotation_euler = (0, 0, angle)
        hub.keyframe_insert("rotation_euler", frame=frame)
    for curve in curves_of(hub):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def curves_of(thing: bpy.types.Object) -> list[bpy.types.FCurve]:
    """The animation curves of an object, in layered actions (Blender 5) too."""
    action = thing.animation_data.action
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves]


def set_output(scene: bpy.types.Scene) -> None:
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    # Distributions build Blender without a denoiser.
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 6
    scene.view_settings.look = "None"


def add_layers(scene: bpy.types.Scene) -> None:
    """Two view layers, with passes that compositors ask for."""
    whole = scene.view_layers[0]
    whole.name = "Whole"
    whole.use_pass_z = whole.use_pass_normal = whole.use_pass_cryptomatte_object = True
    star = scene.view_layers.new("Star only")
    for child in star.layer_collection.children:
        child.exclude = child.name != "Glow"
    star.use_pass_emit = True


def save(blend: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), relative_remap=False, check_existing=False)


def main(folder: Path, frames: int, light: bool) -> None:
    """Makes all three files."""
    texture, library, scene = (
        folder / "textures/marble.png",
        folder / "assets/pedestal.blend",
        folder / "shots/orrery.blend",
    )
    for path in (texture, library, scene):
        path.parent.mkdir(parents=True, exist_ok=True)
    start()
    marble(texture)
    make_library(library, texture)
    make_scene(scene, library, texture, frames, light)


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    main(Path(arguments[0]).resolve(), int(arguments[1]), arguments[2:] == ["light"])
