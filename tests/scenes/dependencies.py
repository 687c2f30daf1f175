"""Makes a scene with every kind of reference: run as `blender -b -P dependencies.py -- FOLDER`, or by a Python with bpy.

`project/shot/main.blend` names, relatively: two pictures of the same name, a sequence, UDIM tiles, a packed picture, one
that is not there, and `project/lib/one.blend`; absolutely: `other/col.png`. `one.blend` links `deep/two.blend` by its
absolute path, which names its texture absolutely, too. Beside main.blend and two.blend lie caches.
"""

import os
import sys

import bpy

FOLDER = os.path.abspath(sys.argv[sys.argv.index("--") + 1])


def path(*names):
    full = os.path.join(FOLDER, *names)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def picture(*names):
    image = bpy.data.images.new("picture", 2, 2)
    image.filepath_raw = path(*names)
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)


def image(stored, source="FILE"):
    """An image with exactly this path, kept though nobody uses it."""
    made = bpy.data.images.new(os.path.basename(stored), 2, 2)
    made.source = source
    made.filepath_raw = stored
    made.use_fake_user = True
    return made


def cube(name):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def painted(thing, texture):
    material = bpy.data.materials.new(thing.name)
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = texture
    thing.data.materials.append(material)


def link(library, name, relative):
    with bpy.data.libraries.load(library, link=True, relative=relative) as (_, into):
        into.objects = [name]
    bpy.context.scene.collection.objects.link(into.objects[0])
    return into.objects[0]


def empty_file(full):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    # Saved first: relative paths need a place to be relative to.
    bpy.ops.wm.save_as_mainfile(filepath=full)


def save():
    bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath, relative_remap=False)


def touch(*names):
    with open(path(*names), "wb") as file:
        file.write(b"cache")


for names in (
    ("project", "tex", "a", "col.png"),
    ("project", "tex", "b", "col.png"),
    ("other", "col.png"),
    ("deep", "tex", "col.png"),
):
    picture(*names)
for number in (1, 2, 3):
    picture("project", "seq", f"f2_{number:04}.png")
    picture("project", "udim", f"u.100{number}.png")
touch("project", "shot", "blendcache_main", "436c6f7468_000001_00.bphys")
touch("deep", "blendcache_two", "sub", "meta.json")

empty_file(path("deep", "two.blend"))
painted(cube("Deep"), image(path("deep", "tex", "col.png")))
save()

empty_file(path("project", "lib", "one.blend"))
prop = cube("Prop")
prop.parent = link(path("deep", "two.blend"), "Deep", relative=False)
save()

empty_file(path("project", "shot", "main.blend"))
scene = bpy.context.scene
scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
scene.collection.objects.link(scene.camera)
scene.render.engine = "CYCLES"
for stored in ("//../tex/a/col.png", "//../tex/b/col.png", path("other", "col.png"), "//gone.png"):
    image(stored)
image("//../seq/f2_0002.png", "SEQUENCE")
image("//../udim/u.<UDIM>.png", "TILED")
packed = bpy.data.images.load(path("other", "col.png"))
packed.use_fake_user = True
packed.pack()
packed.filepath_raw = "//packed and nowhere else.png"
link(path("project", "lib", "one.blend"), "Prop", relative=True)
# A cache on disk that has no path yet: Blender lists it as an empty path.
cloth = cube("Cloth")
cloth.modifiers.new("Cloth", "CLOTH").point_cache.use_disk_cache = True
save()

sys.stdout.flush()
os._exit(0)
