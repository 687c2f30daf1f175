"""The settings of Network Render, saved in each scene."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from . import preferences, session
from .connection import AUTO, Connection

DEFAULT = "[default]"

PATH_CHARACTERS_MAX = 1024
ADDRESS_CHARACTERS_MAX = 256
NAME_CHARACTERS_MAX = 128
TAGS_CHARACTERS_MAX = 256
REQUIREMENTS_CHARACTERS_MAX = 1024

_MODES = (
    ("RENDER_CLIENT", "Client", "Send jobs to the farm and bring the frames back"),
    ("RENDER_MASTER", "Master", "Distribute the jobs of all clients over the slaves"),
    ("RENDER_SLAVE", "Slave", "Render for the farm on this computer"),
)
_ACCESS = (
    ("key", "Farm Key", "Only who has the farm's key may send, render or look; made at the first start"),
    ("open", "Open", "Everybody who reaches this computer may send, render and look"),
)
_ENGINES = (
    ("CYCLES", "Cycles", "The path tracer"),
    ("BLENDER_EEVEE", "EEVEE", "The real-time engine"),
    ("OTHER", "Other", "Another engine, by its identifier"),
)
_SYSTEMS = (
    ("auto", "Automatic", "The one whose working copy this file lies in"),
    ("svn", "Subversion", "Subversion"),
    ("git", "Git", "Git"),
)


class NetworkRenderSettings(bpy.types.PropertyGroup):
    """`scene.network_render`: the settings of the three roles."""

    mode: EnumProperty(name="Mode", description="What this Blender does for the farm", items=_MODES)
    path: StringProperty(
        name="Path",
        description="Folder for working files; [default] is a folder of your own, cleaned up by itself for a client",
        subtype="DIR_PATH",
        default=DEFAULT,
        maxlen=PATH_CHARACTERS_MAX,
    )
    server_address: StringProperty(
        name="Server Address",
        description="The master's name or address; [default] finds it by itself, and lets a master listen everywhere",
        default=DEFAULT,
        maxlen=ADDRESS_CHARACTERS_MAX,
    )
    server_port: IntProperty(name="Port", description="The master's TCP port", default=8000, min=1, max=65535)
    use_ssl: BoolProperty(name="SSL", description="Encrypt all that goes between the master, its slaves and its clients")
    cert_path: StringProperty(
        name="Certificate",
        description="PEM file with the master's certificate and after it its chain of trust; empty for a self-signed one",
        subtype="FILE_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )
    key_path: StringProperty(
        name="Key",
        description="PEM file with the certificate's key; empty if it lies in the certificate's file",
        subtype="FILE_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )

    use_master_broadcast: BoolProperty(
        name="Broadcast", description="Let slaves and clients on the local network find this master", default=True
    )
    use_master_clear: BoolProperty(
        name="Clear on Exit", description="Delete all jobs and results when the master stops; it cannot resume then"
    )
    master_access: EnumProperty(name="Access", description="Who may use this farm", items=_ACCESS)

    slave_tags: StringProperty(
        name="Tags",
        description="Tags of this computer, separated by semicolons; jobs with tags go to slaves that have all of them",
        maxlen=TAGS_CHARACTERS_MAX,
    )
    use_master_force_upload: BoolProperty(
        name="Force Dependency Upload",
        description="Have clients upload every file, even one that the master could read from a shared disk",
    )
    use_slave_thumb: BoolProperty(
        name="Generate Thumbnails",
        description="Send a small picture with each result; else the master makes them when somebody looks",
        default=True,
    )
    use_slave_clear: BoolProperty(
        name="Clear on Exit", description="Delete the files that the slave fetched when it stops", default=True
    )
    use_slave_output_log: BoolProperty(
        name="Output Render Log on Console", description="Print what the rendering Blender prints", default=True
    )

    job_name: StringProperty(
        name="Name",
        description="What the job is called on the farm; [default] is the name of the file",
        default=DEFAULT,
        maxlen=NAME_CHARACTERS_MAX,
    )
    job_category: StringProperty(
        name="Category",
        description="Jobs of one category share the farm as if they were one job",
        maxlen=NAME_CHARACTERS_MAX,
    )
    job_tags: StringProperty(
        name="Tags",
        description="Tags that a slave needs for this job, separated by semicolons",
        maxlen=TAGS_CHARACTERS_MAX,
    )
    job_requirements: StringProperty(
        name="Requirements",
        description="What a slave must be for this job, such as cores>=8; memory_gib>=32; os=linux; gpu=cuda; slave=node1,node2",
        maxlen=REQUIREMENTS_CHARACTERS_MAX,
    )
    use_vcs: BoolProperty(
        name="From Version Control",
        description="Send no files: slaves get the committed revision of this file and all it needs from Subversion or Git",
    )
    vcs_system: EnumProperty(name="System", description="What keeps the versions", items=_SYSTEMS)
    vcs_revision: StringProperty(
        name="Revision",
        description="A number of Subversion, or a commit of Git; empty for what the working copy is at",
        maxlen=TAGS_CHARACTERS_MAX,
    )
    vcs_rpath: StringProperty(
        name="Remote Path",
        description="Where slaves get it from; empty for where the working copy came from",
        maxlen=PATH_CHARACTERS_MAX,
    )
    vcs_wpath: StringProperty(
        name="Working Copy",
        description="The folder that all files of the job must lie in; empty for the one that this file lies in",
        subtype="DIR_PATH",
        maxlen=PATH_CHARACTERS_MAX,
    )
    job_render_engine: EnumProperty(
        name="Engine", description="What slaves render with when Network Render is the chosen engine", items=_ENGINES
    )
    job_render_engine_other: StringProperty(
        name="Other Engine",
        description="Identifier of the engine, such as BLENDER_WORKBENCH",
        maxlen=NAME_CHARACTERS_MAX,
    )
    priority: IntProperty(
        name="Priority", description="A job of priority 2 gets twice the slaves of one with 1", default=1, min=1, max=10
    )
    chunks: IntProperty(
        name="Chunks",
        description="How many frames a slave gets at a time; 0 lets the master choose by how long frames take",
        default=0,
        min=0,
        max=65535,
    )
    tiles: StringProperty(
        name="Tiles",
        description="Columns and rows that each frame is cut into for several slaves, such as 4x3; auto: by its size and the "
        "slaves that are there; 1x1 does not cut it",
        default="1x1",
        maxlen=NAME_CHARACTERS_MAX,
    )
    save_before_job: BoolProperty(name="Save Before Job", description="Save the file before a job is sent")
    send_from_memory: BoolProperty(
        name="Unsaved Changes",
        description="Send the scene as it is now, without saving the file; otherwise its last saved state is sent",
        default=True,
    )

    bake_first: BoolProperty(
        name="Bake First",
        description="Bake simulations that are not baked on the farm before a job is rendered; without that, frames may be wrong",
        default=True,
    )

    # What Ctrl-F12 and F12 gather; saved with the file, so that Blender can be closed meanwhile.
    job_id: StringProperty(options={"HIDDEN"}, maxlen=NAME_CHARACTERS_MAX)
    job_engine: StringProperty(options={"HIDDEN"}, maxlen=NAME_CHARACTERS_MAX)
    # What Get Bakes brings.
    bake_job_id: StringProperty(options={"HIDDEN"}, maxlen=NAME_CHARACTERS_MAX)

    def folder(self) -> str | None:
        """The Path on this disk, None for the default one."""
        return preferences.read().path if self.path in ("", DEFAULT) else bpy.path.abspath(self.path)

    def connection(self) -> Connection:
        """How this scene's master is reached. By default that is the one in this Blender, the usual one, or one to be found."""
        preferred = preferences.read()
        address = self.server_address.strip()
        if address in ("", DEFAULT):
            address = session.own_url() or preferred.master or AUTO
        elif "://" not in address:
            address = f"{'https' if self.use_ssl else 'http'}://{address}:{self.server_port}"
        return Connection(address, preferred.key_file)

    def master_arguments(self) -> dict[str, Any]:
        """What a master is started with."""
        return {
            "path": self.folder(),
            "address": self.server_address.strip() or DEFAULT,
            "port": self.server_port,
            "broadcast": self.use_master_broadcast,
            "clear_on_exit": self.use_master_clear,
            "access": self.master_access,
            "force_upload": self.use_master_force_upload,
            **self._ssl_arguments(),
        }

    def _ssl_arguments(self) -> dict[str, str | None]:
        if not self.use_ssl:
            return {}
        certificate, key = bpy.path.abspath(self.cert_path), bpy.path.abspath(self.key_path)
        return {"ssl": certificate, "ssl_key": key or None} if certificate else {"ssl": "self-signed"}

    def version(self) -> dict[str, str | None]:
        """Which revision is meant; what is None is found out."""
        working_copy = bpy.path.abspath(self.vcs_wpath).strip()
        return {
            "vcs": self.vcs_system,
            "revision": self.vcs_revision.strip() or None,
            "remote": self.vcs_rpath.strip() or None,
            "working_copy": working_copy or None,
        }

    def slave_arguments(self, own_blender: str) -> dict[str, Any]:
        """What a slave is started with; it renders with `own_blender` unless the preferences name another."""
        render = self.id_data.render
        preferred = preferences.read()
        return {
            "master": self.connection().address,
            "path": self.folder(),
            "blenders": preferred.slave_blenders or [own_blender],
            "tags": tags(self.slave_tags),
            "threads": render.threads if render.threads_mode == "FIXED" else 0,
            "clear_on_exit": self.use_slave_clear,
            "log_console": self.use_slave_output_log,
            "thumbnails": self.use_slave_thumb,
            "allow_scripts": preferred.slave_allow_scripts,
            "key_file": preferred.key_file,
        }


def tags(text: str) -> list[str]:
    """The tags of a `;`-separated text."""
    return [tag.strip() for tag in text.split(";") if tag.strip()]


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((NetworkRenderSettings,))


def register() -> None:
    """Adds the settings to scenes."""
    _register_classes()
    bpy.types.Scene.network_render = PointerProperty(type=NetworkRenderSettings)


def unregister() -> None:
    """Takes them away; what is saved in files stays there."""
    del bpy.types.Scene.network_render
    _unregister_classes()
