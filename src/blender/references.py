"""Every place in the data-blocks of an open .blend, those of linked libraries too, that names a file.

What is packed into a .blend stays there and is no reference. Outputs are none either, nor is what only an editor shows.
"""

import os
import re
from dataclasses import dataclass

import bpy
from caches import point_caches
from on_disk import absolute, base_of, below, library_path, matching, sequence, tiles
from windows import UNNEEDED, is_animated, of_cache_file, of_image, of_numbered, of_volume

IMPORTS = re.compile(r"GeometryNodeImport\w+")
# Whether it is missed if it is not there: a cache that was never filled is not, nor a text, of which the .blend has a copy.
NOT_MISSED = {"cache", "text"}


@dataclass
class Reference:
    """One place in a data-block that names a file, or several."""

    owner: "bpy.types.bpy_struct"
    attribute: str
    kind: str
    library: "bpy.types.Library | None"
    # How it names more than one: SEQUENCE, UDIM, FOLDER, POINT_CACHE.
    several: str = ""
    # For a sequence: from the number of a file to the frames that need it; none: all do.
    window: "object" = None
    at_opening: bool = False

    @property
    def is_missed(self):
        return self.kind not in NOT_MISSED or self.several == "POINT_CACHE"

    @property
    def is_folder(self):
        return self.several in {"FOLDER", "POINT_CACHE"}

    @property
    def stored(self):
        if self.attribute.startswith("["):
            return self.owner.get(self.attribute[2:-2], "")
        return getattr(self.owner, self.attribute)

    @stored.setter
    def stored(self, path):
        if self.attribute.startswith("["):
            self.owner[self.attribute[2:-2]] = path
        else:
            setattr(self.owner, self.attribute, path)

    @property
    def path(self):
        """What it names on this disk, which may not be there; perhaps a pattern."""
        return absolute(self.stored, base_of(self.library))

    def files(self, clock):
        """The files that are there, each with the frames that need it."""
        path = self.path
        if self.several == "SEQUENCE":
            numbered = {each: self.window(number) if self.window else None for each, number in sequence(path)}
            if path in numbered:
                # The one that is named is asked for its size and kind, whatever the frame.
                numbered[path] = None
            return {each: frames for each, frames in numbered.items() if frames != UNNEEDED}
        if self.several == "FOLDER":
            return of_numbered(below(path), clock)
        if self.several == "POINT_CACHE":
            name = re.escape(self.owner.name)
            return of_numbered(matching(os.path.join(path, ""), rf"{name}_\d{{6}}(_\d\d)?\.bphys"), clock)
        found = tiles(path) if self.several == "UDIM" else [path]
        return dict.fromkeys(each for each in found if os.path.isfile(each))


def references(clock):
    """All of them."""
    for library in bpy.data.libraries:
        if not library.packed_file and not getattr(library, "is_archive", False) and not only_brushes(library):
            yield Reference(library, "filepath", "library", library.parent)
    yield from references_of_images(clock)
    yield from references_of_blocks(clock)
    yield from references_of_scripts()
    yield from references_of_nodes()
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            yield from references_of_modifier(modifier, thing)
    for cache, thing, _ in point_caches():
        if cache.use_external:
            library = thing.library if cache.use_library_path else None
            yield Reference(cache, "filepath", "cache", library, "POINT_CACHE", at_opening=True)
    yield from references_of_strips()


def only_brushes(library):
    """Newer Blenders link the brushes that come with them; no picture needs those."""
    tools = (bpy.types.Brush, bpy.types.Image, bpy.types.Texture, bpy.types.Palette)
    return comes_with_blender(library_path(library)) and all(isinstance(block, tools) for block in library.users_id)


def comes_with_blender(path):
    own = [bpy.utils.resource_path(kind) for kind in ("LOCAL", "SYSTEM")]
    return any(folder and path.startswith(os.path.normpath(folder) + os.sep) for folder in own)


def references_of_images(clock):
    users = users_of_sequences()
    for image in bpy.data.images:
        if image.source not in {"FILE", "SEQUENCE", "TILED", "MOVIE"} or image.packed_file or len(image.packed_files):
            continue
        several = {"SEQUENCE": "SEQUENCE", "TILED": "UDIM"}.get(image.source, "")
        shown = users.get(image, [])
        # Somebody else shows it, too, if it has more users than were found.
        known = shown and None not in shown and image.users - image.use_fake_user == len(shown)
        yield Reference(image, "filepath_raw", "image", image.library, several, of_image(shown, clock) if known else None)


def users_of_sequences():
    """For each image who shows it by which frames; None for one of whom that is not known."""
    users = {}
    for tree in node_trees():
        for node in tree.nodes:
            if node.bl_idname in {"ShaderNodeTexImage", "ShaderNodeTexEnvironment"} and node.image:
                users.setdefault(node.image, []).append(None if is_animated(tree, "image_user") else node.image_user)
    for texture in bpy.data.textures:
        if texture.type == "IMAGE" and texture.image:
            users.setdefault(texture.image, []).append(None if is_animated(texture, "image_user") else texture.image_user)
    return users


def references_of_blocks(clock):
    """The data-blocks that are a file each."""
    data = bpy.data
    for clip in data.movieclips:
        yield Reference(clip, "filepath", "clip", clip.library, "SEQUENCE" if clip.source == "SEQUENCE" else "")
    for font in data.fonts:
        if not font.packed_file and font.filepath != "<builtin>":
            yield Reference(font, "filepath", "font", font.library)
    for sound in data.sounds:
        if not sound.packed_file:
            yield Reference(sound, "filepath", "sound", sound.library)
    for volume in data.volumes:
        if not volume.packed_file:
            several = "SEQUENCE" if volume.is_sequence else ""
            yield Reference(volume, "filepath", "volume", volume.library, several, of_volume(volume, clock))
    for cache in data.cache_files:
        several = "SEQUENCE" if cache.is_sequence else ""
        yield Reference(cache, "filepath", "geometry", cache.library, several, of_cache_file(cache, clock))
        for layer in getattr(cache, "layers", ()):
            yield Reference(layer, "filepath", "geometry", cache.library, several, of_cache_file(cache, clock))


def references_of_scripts():
    """Texts, and what cameras are programmed with."""
    data = bpy.data
    for text in data.texts:
        if not text.is_in_memory:
            yield Reference(text, "filepath", "text", text.library)
    for camera in data.cameras:
        if getattr(camera, "custom_mode", "") == "EXTERNAL" and camera.type == "CUSTOM":
            yield Reference(camera, "custom_filepath", "script", camera.library)


def node_trees():
    """Every node tree, also those that are part of another data-block."""
    data = bpy.data
    holders = [*data.materials, *data.worlds, *data.lights, *data.linestyles, *data.textures, *data.scenes]
    trees = [holder.node_tree for holder in holders if getattr(holder, "node_tree", None)]
    return [*trees, *data.node_groups]


def references_of_nodes():
    for tree in node_trees():
        library = tree.library or tree.id_data.library
        for node in tree.nodes:
            if node.bl_idname == "ShaderNodeTexIES" and node.mode == "EXTERNAL":
                yield Reference(node, "filepath", "light", library)
            elif node.bl_idname == "ShaderNodeScript" and node.mode == "EXTERNAL":
                yield Reference(node, "filepath", "script", library)
            elif IMPORTS.fullmatch(node.bl_idname):
                for socket in node.inputs:
                    if socket.bl_idname.startswith("NodeSocketString") and not socket.is_linked and "Path" in socket.identifier:
                        yield Reference(socket, "default_value", "geometry", library)


def references_of_modifier(modifier, thing):
    library = thing.library
    if modifier.type == "MESH_CACHE":
        yield Reference(modifier, "filepath", "geometry", library)
    elif modifier.type == "MULTIRES" and modifier.is_external:
        data = thing.data
        yield Reference(modifier, "filepath", "geometry", data.library if data else library)
    elif modifier.type == "OCEAN" and modifier.is_cached:
        yield Reference(modifier, "filepath", "cache", library, "FOLDER")
    elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
        yield Reference(modifier.domain_settings, "cache_directory", "cache", library, "FOLDER")
    elif modifier.type == "NODES":
        yield from references_of_nodes_modifier(modifier, library)


def references_of_nodes_modifier(modifier, library):
    """What geometry nodes were given by their modifier: paths to import, and folders of bakes."""
    if hasattr(modifier, "bake_directory"):
        yield Reference(modifier, "bake_directory", "cache", library, "FOLDER")
        for bake in modifier.bakes:
            if bake.use_custom_path:
                yield Reference(bake, "directory", "cache", library, "FOLDER")
    interface = getattr(modifier.node_group, "interface", None)
    for item in interface.items_tree if interface else ():
        if getattr(item, "in_out", "") == "INPUT" and getattr(item, "subtype", "") == "FILE_PATH":
            yield Reference(modifier, f'["{item.identifier}"]', "geometry", library)


def references_of_strips():
    """What sequencers show: also of scenes that are not rendered, for strips of one scene may show another."""
    for scene in bpy.data.scenes:
        for strip in strips_of(scene):
            if strip.type == "MOVIE":
                yield Reference(strip, "filepath", "strip", scene.library)
            elif strip.type == "IMAGE":
                for element in strip.elements:
                    picture = StripElement(strip, "directory", "strip", scene.library)
                    picture.name = element.filename
                    yield picture


class StripElement(Reference):
    """One picture of a strip of pictures, which share a folder."""

    name = ""
    is_folder = True

    @property
    def path(self):
        return absolute(os.path.join(self.stored, self.name), base_of(self.library))


def strips_of(scene):
    """All strips of a scene, those inside of others too; from 4.4 on they are called so."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
