"""Simulations are baked on the network and rendered with: the command, the master, slaves and the real Blender.

The pictures, and each vertex of what an artist gets, are those of a local bake. How each kind is baked: `test_bakes.py`.
"""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import netrender_core
import png
import pytest

from farm import SCENES, Farm, render_locally, run_in_blender, wait_until

OUT_OF_ORDER = [6, 2, 8, 1]
ALL = ["rigid bodies of Scene", "cloth of Cape", "cloth of Flag"]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, blender_executable: str) -> Iterator[Farm]:
    """A slave that does two things at once; below the folder a scene of three simulations, and how a local bake of them looks."""
    folder = tmp_path_factory.mktemp("bake_jobs")
    do(blender_executable, folder, "few", ["few", str(folder)])
    with Farm(folder / "farm") as farm:
        farm.start_master()
        farm.start_slave("slave1", blender_executable, "--slots", "2")
        yield farm


def do(blender: str, folder: Path, name: str, *what: list[object]) -> None:
    request = folder / f"{name}-request.json"
    request.write_text(json.dumps(what))
    run_in_blender(blender, SCENES / "simulated.py", [str(request)], folder / f"{name}.log")


def run(farm: Farm, *arguments: str) -> Any:
    done = farm.run(*arguments, "--master", farm.url, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}


def scene(farm: Farm) -> Path:
    return farm.folder.parent / "few.blend"


def test_a_scene_is_baked_first_and_rendered_as_if_it_had_been_baked_locally(
    farm: Farm, tmp_path: Path, blender_executable: str
) -> None:
    blend, rendered, local = scene(farm), tmp_path / "rendered", tmp_path / "local"
    before = blend.read_bytes()
    options = ("--blender", blender_executable, "--frames", "2,6")
    sent = run(farm, "submit", str(blend), *options, "--bake-first", "--results", str(rendered))
    assert (sent["done"], sent["warnings"], sent["unbaked"]) == (2, [], [])
    for frame in (2, 6):
        render_locally(blender_executable, blend.parent / "local/few.blend", local, f"{frame}-{frame}")
    assert farm.run("compare", str(rendered), str(local)).returncode == 0

    bakes = json.loads(farm.run("job", sent["bake_job"], "--master", farm.url, "--json").stdout)
    assert (bakes["kind"], bakes["state"], bakes["done"], bakes["name"]) == ("bake", "finished", 3, "few (bakes)")
    told = farm.run("log", sent["job"], "6", "--master", farm.url).stdout
    assert "netrender: the files of the" not in told
    log = farm.run("log", sent["bake_job"], "2", "--master", farm.url).stdout
    assert "netrender: bake cloth of Cape: frame 8 of 1-8 (100 %)" in log

    here = run(farm, "results", sent["bake_job"], str(tmp_path / "bakes"), "--bake", "--blend", str(blend))
    assert (here["bakes"], here["here"], here["warnings"]) == (ALL, 3, [])
    assert here["blend"] == str(tmp_path / "bakes/few_baked.blend")
    assert {path.name for path in (tmp_path / "bakes").iterdir()} == {"few_baked.blend", "netrender_bakes"}
    do(blender_executable, tmp_path, "look", ["look", here["blend"], OUT_OF_ORDER, str(tmp_path / "seen.json")])
    seen, baked = json.loads((tmp_path / "seen.json").read_text()), json.loads((blend.parent / "few.json").read_text())
    for frame in map(str, OUT_OF_ORDER):
        assert {name for name in baked[frame] if seen[frame][name] != baked[frame][name]} == set(), f"frame {frame}"
    assert blend.read_bytes() == before
    assert {path.name for path in blend.parent.iterdir() if "blendcache" in path.name} == set()


def test_final_files_are_made_with_the_bakes(farm: Farm, tmp_path: Path, blender_executable: str) -> None:
    options = ("--blender", blender_executable, "--frames", "8", "--bake-first", "--final", "client")
    blend, folder = scene(farm), tmp_path / "final"
    run(farm, "submit", str(blend), *options, "--results", str(folder))
    local = ["-b", str(blend.parent / "local/few.blend"), "-noaudio", "-o", f"{tmp_path}/local_####", "-f", "8"]
    subprocess.run([blender_executable, *local], check=True, capture_output=True)
    assert [path.name for path in folder.iterdir()] == ["0008.png"]
    assert png.pixels(folder / "0008.png") == png.pixels(tmp_path / "local_0008.png")


def test_who_waits_for_bakes_that_never_come_is_told(farm: Farm, tmp_path: Path, blender_executable: str) -> None:
    options = ("--blender", blender_executable, "--bake-first", "--tags", "nobody", "--results", str(tmp_path / "never"))
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(farm.run, "submit", str(scene(farm)), *options, "--master", farm.url)
        wait_until("both jobs are sent", lambda: len(waiting(farm)) == 2)
        bakes, shot = waiting(farm)
        assert farm.run("cancel", bakes["id"], "--master", farm.url).returncode == 0
        told = ending.result()
    assert told.returncode == 1
    assert f"job {bakes['id']} (few (bakes)) is not complete: it was cancelled" in told.stderr
    assert f"netrender reset {bakes['id']}" in told.stderr
    why = json.loads(farm.run("job", shot["id"], "--master", farm.url, "--json").stdout)["explanation"][0]
    assert why.startswith(f"waiting: job {bakes['id']} (few (bakes)), which has to be finished before, was cancelled")
    assert farm.run("cancel", shot["id"], "--master", farm.url).returncode == 0


def waiting(farm: Farm) -> list[dict[str, Any]]:
    """The jobs that nobody renders: that of bakes first."""
    jobs = json.loads(farm.run("jobs", "--master", farm.url, "--json").stdout)
    return sorted(
        (job for job in jobs if job["tags"] == ["nobody"] and job["state"] in ("queued", "waiting")), key=lambda job: job["kind"]
    )


def test_slaves_keep_only_what_they_were_sent(farm: Farm, blender_executable: str) -> None:
    blend = scene(farm)
    run(farm, "submit", str(blend), "--blender", blender_executable, "--bake", "--wait")
    left = [path for path in farm.folder.glob("slave*/**/*") if path.name.startswith(("netrender_bake_", "blendcache"))]
    assert left == []


def test_who_renders_without_bakes_is_warned_and_told_what_to_do(farm: Farm, blender_executable: str) -> None:
    blend = scene(farm)
    sent = run(farm, "submit", str(blend), "--blender", blender_executable, "--frames", "8", "--tags", "nobody")
    assert farm.run("cancel", sent["job"], "--master", farm.url).returncode == 0
    assert sent["unbaked"] == ALL
    assert any("the cloth simulation of Cape is not baked" in warning for warning in sent["warnings"])
    assert "--bake-first bakes them on the network" in sent["stderr"]


def test_python_bakes_in_the_order_that_is_named(farm: Farm, tmp_path: Path, blender_executable: str) -> None:
    with netrender_core.Client.connect(master=farm.url, key_file=str(farm.folder / "config" / "farm.key")) as client:
        order = "Flag, cloth of Cape"
        submission = client.submit(str(scene(farm)), blender=[blender_executable], bakes="only", bake_order=order)
        job = submission.wait(60.0)
        assert job is not None
        assert client.job(job).kind == "bake"
        assert submission.progress().bake_job is None
        wait_until("all are baked", lambda: client.job(job).state == "finished")
        frames = {frame.bake: frame.frame for frame in client.frames(job)}
        assert frames["cloth of Flag"] < frames["cloth of Cape"]
        here = client.bring_bakes(job, str(tmp_path))
        assert (sorted(here.names), here.wanted, here.failed) == (sorted(ALL), 3, 0)
        assert (here.blend, here.warnings) == (str(tmp_path / "few_baked.blend"), [])
