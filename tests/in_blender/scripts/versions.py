"""Runs in Blender: the fields of version control are found out, and a file outside of the working copy is refused."""

import subprocess

import bpy
import start

copy, elsewhere = start.arguments()
start.enable()
scene = bpy.context.scene
settings = scene.network_render
guess = bpy.ops.render.netclientvcsguess


def refused(operator) -> str:
    """What an operator fails with."""
    try:
        operator()
    except RuntimeError as error:
        return str(error)
    raise AssertionError(f"{operator} did it")


assert not guess.poll(), "there is no file yet"
bpy.ops.wm.save_as_mainfile(filepath=f"{copy}/shot.blend")
identity = ("-c", "user.name=artist", "-c", "user.email=artist@farm.example")
for arguments in (("add", "shot.blend"), (*identity, "commit", "-qm", "the shot")):
    subprocess.run(["git", *arguments], cwd=copy, check=True)
assert guess() == {"FINISHED"}
assert settings.use_vcs
told = settings.version()
assert (told["vcs"], told["remote"], told["working_copy"]) == ("git", "https://farm.example/film.git", copy), told
assert len(told["revision"]) == 40, told

# It lies elsewhere now.
bpy.ops.wm.save_as_mainfile(filepath=f"{elsewhere}/shot.blend")
for operator in (bpy.ops.render.netclientsend, bpy.ops.render.netclientanim):
    assert "is outside of the working copy" in refused(operator)
settings.vcs_wpath = ""
assert "working copy" in refused(guess)
print("all guessed")
