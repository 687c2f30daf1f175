"""Every operator of the add-on is documented, and nothing that is documented is missing."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Those that only make sense inside of Blender's interface.
INTERNAL = {"render.netnotice"}


def test_docs_list_every_operator() -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "addon").glob("*.py")))
    operators = set(re.findall(r'bl_idname = "((?:render|netrender)\.\w+)"', sources)) - INTERNAL
    documented = set(re.findall(r"bpy\.ops\.((?:render|netrender)\.\w+)", (ROOT / "docs/operators.md").read_text()))
    assert documented == operators
