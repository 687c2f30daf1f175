"""Imports inside the add-on go down only, and each outside module has its one home."""

import ast
from collections.abc import Iterator
from pathlib import Path

ADDON = Path(__file__).resolve().parent.parent / "addon"

# From the bottom up; a module may use those on lower lines, never those on its own or on a higher one.
LAYERS = (
    {"native", "writing", "timers", "simulations"},
    {"keys", "borrow"},
    {"preferences"},
    {"connection"},
    {"questions"},
    {"client", "moving"},
    {"session"},
    {"properties", "view", "delivery"},
    {"job"},
    {"service", "passes"},
    {"answers", "layout", "engine", "dispatch"},
    {"notices", "lists"},
    {"rows"},
    {"refresh"},
    {"watching", "waiting", "gathering", "asking", "search"},
    # One for each thing that an artist sees.
    {"background", "sending", "versions", "network", "jobs", "joblist"},
    {"panels", "baking", "slavelist", "blacklist", "framelist", "results", "thumbnails", "rules"},
    {"__init__"},
)
HOMES = {"netrender_core": {"native"}, "cycles": {"passes"}, "signal": {"service"}}


def layer_of(module: str) -> int:
    return next(number for number, line in enumerate(LAYERS) if module in line)


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """What a module imports at run time, and whether it comes from inside the add-on."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            inside = node.level > 0
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((name.split(".")[0], inside) for name in names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], False) for alias in node.names)
        yield from imports(node)


def test_imports_go_down_only_and_outside_modules_have_one_home() -> None:
    faults = []
    for path in sorted(ADDON.glob("*.py")):
        for name, inside in imports(ast.parse(path.read_text())):
            if inside and layer_of(name) >= layer_of(path.stem):
                faults.append(f"addon/{path.name} may not use {name}: imports go down only")
            if not inside and path.stem not in HOMES.get(name, {path.stem}):
                faults.append(f"addon/{path.name}: {name} lives in {HOMES[name]}")
    assert not faults, "\n".join(faults)
