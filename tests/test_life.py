"""The life of a job from outside: edited, reset, waiting for another one, removed; through Python and the command."""

import json
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")


@pytest.fixture
def scene(tmp_path: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = tmp_path / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[core.Master]:
    """A running master of a user of its own."""
    monkeypatch.setenv("NETRENDER_CONFIG", str(tmp_path / "config"))
    with core.Master.start(path=str(tmp_path / "master"), address="127.0.0.1", port=0, broadcast=False) as master:
        yield master


def sent(client: core.Client, scene: str, frames: str, after: tuple[str, ...] = ()) -> str:
    """The id of a job that the master has."""
    job = client.submit(scene, blender=[FAKE], frames=frames, after=after).wait(60)
    assert job is not None
    return job


def test_a_job_is_edited_reset_and_removed(master: core.Master, scene: str, tmp_path: Path) -> None:
    with core.Client.connect(master=master.url) as client:
        job = sent(client, scene, "1-3")
        later = sent(client, scene, "1", after=(job,))
        assert client.job(later).state == "waiting"
        assert client.job(later).depends_on == [job]
        with pytest.raises(core.Refused, match="waits for it"):
            client.edit(job, after=[later])
        edited = client.edit(job, name="other", priority=7, add_frames="5", remove_frames="2")
        assert (edited.name, edited.priority, edited.frames, edited.total) == ("other", 7, "1-5x2", 3)
        with core.Slave.start(master=master.url, path=str(tmp_path / "slave"), blenders=[FAKE]) as slave:
            wait_until("both jobs are finished", lambda: client.job(later).state == "finished")
            gather = client.gather(job, str(tmp_path / "frames"))
            assert [gather.frame(frame, 60).state for frame in (1, 3, 5)] == ["here"] * 3
            client.ban(slave.status().id or "", reason="in repair")
            assert [(ban.cause, ban.reason) for ban in client.blacklist()] == [("administrator", "in repair")]
            client.reset(job, frames="3")
            assert (client.job(job).state, client.job(job).resets) == ("queued", edited.resets + 1)
            client.lift_ban()
            wait_until("the frame is rendered anew", lambda: client.job(job).state == "finished")
        assert client.frames(job)[1].attempt > 1
        client.remove(job, keep_results=True)
        assert len(list((tmp_path / "master" / "kept" / job).iterdir())) == 3
        with pytest.raises(core.NotFound):
            client.job(job)


def test_settings_are_changed_by_their_names(master: core.Master) -> None:
    with core.Client.connect(master=master.url) as client:
        before = client.settings()
        now = client.set_settings(attempts=7, force_upload=True)
        assert (now.attempts, now.force_upload, now.keep_days) == (7, True, before.keep_days)
        assert client.settings() == now
        with pytest.raises(core.InvalidJob, match="at least 1 attempt"):
            client.set_settings(attempts=0)
        with pytest.raises(TypeError, match="colour"):
            client.set_settings(colour=1)  # type: ignore[call-arg]


def test_the_command_edits_resets_and_removes(tmp_path: Path, scene: str) -> None:
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--clear-on-exit")
        to = ("--master", farm.url)
        job = json.loads(farm.run("submit", scene, "--blender", FAKE, "--frames", "1-3", "--json", *to).stdout)["job"]
        assert "other" in farm.run("edit", job, "--name", "other", "--remove-frames", "2", *to).stdout
        assert json.loads(farm.run("job", job, "--json", *to).stdout)["frames"] == "1,3"
        farm.run("cancel", "--all", *to)
        assert "queued" in farm.run("reset", job, *to).stdout
        assert farm.run("blacklist", *to).stdout == "no slave is on the list\n"
        assert "30" in farm.run("settings", "--keep-days", "30", *to).stdout
        assert f"job {job} is removed" in farm.run("remove", job, *to).stdout
        assert farm.run("jobs", *to).stdout == "no jobs\n"
