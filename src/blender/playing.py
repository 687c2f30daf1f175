"""Makes a .blend that plays back what was baked elsewhere: a copy of the artist's, which itself is never changed.

An order of a worker (`worker.py`). The standard library and `bpy` only.
"""

import os

import bpy
from baking import read_where_it_lies
from copies import pack_reliefs
from opening import open_file
from simulations import attach, folders_of_nodes


def copy(order):
    """Saves the .blend as `output`, beside which the bakes lie, and tells in sentences what does not play back."""
    blend, output = order["blend"], order["output"]
    bpy.context.preferences.filepaths.save_version = 0
    open_file(blend, allow_scripts=False)
    beside = os.path.join(os.path.dirname(blend), order["name"])
    for scene in bpy.data.scenes:
        read_where_it_lies(scene, beside)
    pack_reliefs()
    for thing, attribute in folders_of_nodes():
        setattr(thing, attribute, bpy.path.abspath(getattr(thing, attribute)))
    # Now, for what is attached is looked for beside the file that is open.
    bpy.ops.wm.save_as_mainfile(filepath=output, relative_remap=True)
    told = attach(order["baked"])
    bpy.ops.wm.save_mainfile()
    return {"reply": "copied", "told": told}
