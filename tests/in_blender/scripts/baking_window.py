"""Runs in a Blender with a window: the farm bakes simulations, then the animation is rendered; by buttons, as artists do."""

from collections.abc import Iterator
from pathlib import Path

import bpy
import start
from played_back import check_places

url, output, local = start.arguments()
bpy.context.preferences.view.render_display_type = "AREA"
netrender = start.enable()
watching, baking, notices = netrender.watching, netrender.baking, netrender.notices
told: list[str] = []
notices._tell_desktop = told.append
said: set[str] = set()
# What a job's bar in the panel showed of bakes.
percents: set[int] = set()
scene = bpy.context.scene
scene.render.filepath = f"{output}/network_"
scene.frame_start, scene.frame_end = 7, 8
scene.network_render.server_address = url


def press(operator: str) -> set[str]:
    """Presses a button."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        return getattr(bpy.ops.render, operator)("INVOKE_DEFAULT")


def rendered() -> bool:
    """Whether the render that was begun is over; what is seen of its jobs meanwhile is kept."""
    for one in watching.jobs():
        if one.info is not None and one.info.kind == "bake":
            percents.add(one.info.percent)
    return scene.render.engine == "CYCLES" and not watching.said() and all(one.is_over() for one in watching.jobs())


def walk() -> Iterator[start.Awaited]:
    """The story; each `yield` says what to wait for."""
    names = ["rigid bodies of Scene", "cloth of Cape", "cloth of Flag"]
    assert baking.unbaked(scene) == names
    assert scene.network_render.bake_first
    assert press("netclientanim") == {"RUNNING_MODAL"}
    yield lambda: len(watching.jobs()) == 2
    yield rendered
    bakes, shot = [one.info for one in watching.jobs()]
    assert (bakes.kind, bakes.done, shot.kind, shot.done) == ("bake", 3, "render", 2), (bakes, shot)
    assert 100 in percents, percents
    assert scene.network_render.bake_job_id == bakes.id
    assert [path.name for path in sorted(Path(output).iterdir())] == ["network_0007.png", "network_0008.png"]
    assert baking.unbaked(scene) == names, "the artist's scene stays as it was"

    assert press("netclientbakes") == {"FINISHED"}
    yield lambda: any("play back in this scene" in text for text in told)
    assert baking.unbaked(scene) == names[:1]
    check_places(local)

    # What plays back is baked; the rest is what is sent now.
    assert press("netclientbake") == {"RUNNING_MODAL"}
    yield lambda: scene.network_render.bake_job_id != bakes.id
    yield rendered
    again = watching.jobs()[-1].info
    assert (again.kind, again.total, again.state) == ("bake", 1, "finished"), again
    print("story told", flush=True)


Path(output).mkdir()
start.tell(walk())
