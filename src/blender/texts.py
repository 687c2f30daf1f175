"""Which texts that run when a file is opened change what it shows, and which only add to Blender's window, as those of rigs do.

Told by their source, without running it: what runs at once is what stands outside of functions and classes, and the functions
called from there. A text that only defines and registers classes and properties draws panels.
"""

import ast
import re

# Wherever it stands, it runs at some later time.
RUNS_LATER = re.compile(r"handlers|driver_namespace|RenderEngine|timers")
# What a picture is made of, or changes it: bpy.data, bpy.context, bpy.ops.
CHANGED = {"data", "context", "ops"}


def changes_pictures(source):
    """Whether the text may change a picture. One that Python cannot read does nothing in Blender either."""
    if RUNS_LATER.search(source):
        return True
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    functions = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    imported = [alias for node in ast.walk(module) if isinstance(node, ast.Import) for alias in node.names]
    names = {alias.asname or "bpy" for alias in imported if alias.name.split(".")[0] == "bpy"}
    waiting, run = [module], set()
    while waiting:
        for node in at_once(waiting.pop()):
            if is_change(node, names):
                return True
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in functions and called not in run:
                run.add(called)
                waiting.append(functions[called])
    return False


def at_once(block):
    """What runs with a module or a function: all of it but what it only defines."""
    waiting = list(block.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def is_change(node, names):
    if isinstance(node, ast.ImportFrom):
        return node.module == "bpy" and any(alias.name in CHANGED for alias in node.names)
    if not isinstance(node, ast.Attribute) or node.attr not in CHANGED:
        return False
    return isinstance(node.value, ast.Name) and node.value.id in names
