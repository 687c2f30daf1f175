"""Runs in Blender: installs the zip as a user does, by the way that is named."""

import importlib
import shutil
import sys
import tempfile
from pathlib import Path

import bpy
import start

zip_path, way = start.arguments()
if way == "addon":
    bpy.ops.preferences.addon_install(filepath=zip_path, overwrite=True)
    bpy.ops.preferences.addon_enable(module="netrender")
    name = "netrender"
else:
    bpy.ops.extensions.package_install_files(filepath=zip_path, repo="user_default", enable_on_install=True)
    name = "bl_ext.user_default.netrender"

module = sys.modules[name]
assert bpy.context.preferences.addons[name].preferences.bl_rna.identifier == "NetworkRenderPreferences"
for engine in ("CYCLES", "NET_RENDER"):
    bpy.context.scene.render.engine = engine

# Blender may call these in any order after a failure; none may raise or leave anything doubled.
module.register()
module.register()
module.unregister()
assert not hasattr(bpy.types.Scene, "network_render")
module.unregister()
module.register()
assert bpy.context.scene.network_render.mode == "RENDER_CLIENT"
handlers = [
    (kind, one.__module__, one.__name__)
    for kind in ("render_init", "render_complete", "render_cancel", "save_pre", "load_pre")
    for one in getattr(bpy.app.handlers, kind)
    if one.__module__.startswith(name)
]
assert len(handlers) == len(set(handlers)) > 0, handlers

# What the artist should change about the installation is told in the panel.
assert not module.native.notices(), module.native.notices()
if module.native.core is not None:
    module.native.core.netrender_loaded_from = 0
    # The core that is loaded may be one without what is new.
    own_key = module.native.core.own_key
    del module.native.core.own_key
    module.register()
    module.native.core.own_key = own_key
    assert "restart Blender" in " ".join(module.native.notices()), module.native.notices()

# A copy that was installed the other way waits, is told of, and takes over when the first one goes.
elsewhere = Path(tempfile.mkdtemp(), "elsewhere")
shutil.copytree(str(Path(str(module.__file__)).parent), elsewhere / "netrender")
sys.path.insert(0, str(elsewhere.parent))
twin = importlib.import_module("elsewhere.netrender")
twin.register()
told = " ".join(module.native.notices())
assert "enabled twice, also as elsewhere.netrender" in told, told
twin.unregister()
assert "enabled twice" not in " ".join(module.native.notices())
assert bpy.context.scene.network_render.mode == "RENDER_CLIENT"
twin.register()
bpy.ops.preferences.addon_disable(module=name)
assert twin._registered
assert bpy.context.scene.network_render.mode == "RENDER_CLIENT"
assert "enabled twice" not in " ".join(twin.native.notices())
twin.unregister()
assert not hasattr(bpy.types.Scene, "network_render")
shutil.rmtree(elsewhere.parent)
print("installed", name)
