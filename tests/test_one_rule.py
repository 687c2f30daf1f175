"""Rules that the add-on and the core's scripts each need in their own place are the same in both."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BOTH = ("addon/job.py", "src/blender/opening.py")


def rule(path: str, name: str) -> Any:
    """One function of a module that only loads inside of Blender."""
    tree = ast.parse((ROOT / path).read_text())
    found = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    found.returns = None
    for argument in found.args.args:
        argument.annotation = None
    names: dict[str, Any] = {"Any": Any}
    exec(compile(ast.Module([found], []), path, "exec"), names)
    return names[name]


def scene(*kinds: str, switched_on: bool = True, called: str = "strips") -> SimpleNamespace:
    editor = SimpleNamespace(**{called: [SimpleNamespace(type=kind) for kind in kinds]})
    return SimpleNamespace(sequence_editor=editor, render=SimpleNamespace(use_sequencer=switched_on))


@pytest.mark.parametrize("path", BOTH)
def test_strips_that_show_something_take_the_scenes_place(path: str) -> None:
    plays_strips = rule(path, "plays_strips")
    assert plays_strips(scene("SOUND", "META"))
    assert plays_strips(scene("COLOR", called="sequences"))
    assert not plays_strips(scene())
    assert not plays_strips(scene("SOUND"))
    assert not plays_strips(scene("COLOR", switched_on=False))
    without_editor = scene()
    without_editor.sequence_editor = None
    assert not plays_strips(without_editor)


def test_stereo_is_refused_in_one_sentence() -> None:
    sentence = "stereoscopy (multiview) is not supported yet: switch it off in Output properties"
    for path in BOTH:
        assert sentence in (ROOT / path).read_text(), path
