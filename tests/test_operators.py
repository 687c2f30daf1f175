"""Every operator of the add-on is documented with all its arguments, and nothing that is documented is missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Those that only make sense inside of Blender's interface.
INTERNAL = {"render.netnotice", "preferences.network_render_blender_add", "preferences.network_render_blender_remove"}
# Of every operator that asks the master: scripts wait, buttons do not.
FOR_BUTTONS = {"wait"}


def classes() -> dict[str, ast.ClassDef]:
    """All classes of the add-on, by their names."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "addon").glob("*.py"))]
    return {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)}


def arguments(known: dict[str, ast.ClassDef], name: str) -> set[str]:
    """The properties that Blender makes of a class and of those that it is made of."""
    if name not in known:
        return set()
    own = (node for node in known[name].body if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Call))
    inherited = (arguments(known, base.id) for base in known[name].bases if isinstance(base, ast.Name))
    return {ast.unparse(node.target) for node in own}.union(*inherited)


def operators() -> Iterator[tuple[str, set[str]]]:
    """Each operator with its arguments."""
    known = classes()
    for name, node in known.items():
        for line in node.body:
            if (
                isinstance(line, ast.Assign)
                and ast.unparse(line.targets[0]) == "bl_idname"
                and isinstance(line.value, ast.Constant)
            ):
                yield str(line.value.value), arguments(known, name) - FOR_BUTTONS


def documented() -> Iterator[tuple[str, set[str]]]:
    """The same as `docs/operators.md` has it."""
    for line in (ROOT / "docs/operators.md").read_text().splitlines():
        if line.startswith("| `bpy.ops."):
            named, given = line.split("|")[1:3]
            for operator in re.findall(r"bpy\.ops\.(\w+\.\w+)", named):
                yield operator, set(re.findall(r"`(\w+)", given))


def test_docs_list_every_operator_with_its_arguments() -> None:
    assert dict(documented()) == {name: given for name, given in operators() if name not in INTERNAL and "." in name}
