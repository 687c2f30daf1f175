"""Keys that allow less than the farm's own, from outside: handed over, kept, used for what they allow and for what not."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with Farm(tmp_path / "farm") as farm:
        farm.start_master()
        yield farm


@pytest.fixture
def elsewhere(tmp_path: Path, farm: Farm) -> Iterator[Farm]:
    """Another machine, whose user knows nothing of the farm but where its master is."""
    with Farm(tmp_path / "elsewhere") as machine:
        machine.url = farm.url
        yield machine


def told(result: "subprocess.CompletedProcess[str]", words: str, hint: str = "") -> None:
    """A command that failed, in one sentence."""
    assert result.returncode == 1, result
    sentences = [line for line in result.stderr.splitlines() if line.startswith("netrender: ")]
    assert len(sentences) == 1 and words in sentences[0] and hint in result.stderr, result.stderr


def hand_over(farm: Farm, elsewhere: Farm, role: str) -> str:
    """Gives the other machine a key of this role, as a person does."""
    shown = farm.run("key", "hand-over", "--role", role, "--master", farm.url, "--host", "127.0.0.1")
    line = shown.stdout.strip()
    assert f"#{role}-" in line, shown
    added = elsewhere.run("key", "add", line)
    assert added.stdout.startswith(f"kept a key to {role} of farm "), added
    return line


def scene(folder: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = folder / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


def test_an_artist_sends_jobs_and_changes_those_and_nothing_else(farm: Farm, elsewhere: Farm, tmp_path: Path) -> None:
    line = hand_over(farm, elsewhere, "submit")
    submit = ("submit", scene(tmp_path), "--frames", "1-2", "--blender", FAKE, "--master", farm.url)
    jobs = []
    for machine in (farm, elsewhere):
        sent = machine.run(*submit)
        assert sent.returncode == 0, sent.stderr
        jobs.append(farm.newest_job())
    of_admin, own = jobs
    shown = json.loads(elsewhere.run("jobs", "--json", "--master", farm.url).stdout)
    assert {job["id"]: job["sent_by"] for job in shown} == {of_admin: "admin", own: "submit"}
    told(elsewhere.run("cancel", of_admin, "--master", farm.url), f"of others, and {of_admin} was not sent with such a key")
    assert elsewhere.run("cancel", own, "--master", farm.url).returncode == 0
    told(
        elsewhere.run("settings", "--attempts", "9", "--master", farm.url),
        "a key to submit may not change settings",
        "the farm's own key",
    )
    told(elsewhere.run("key", "new", "--master", farm.url), "a key to submit may not replace the farm's key")

    # The key gives itself on, and nothing more.
    again = elsewhere.run("key", "hand-over", "--master", farm.url, "--host", "127.0.0.1")
    assert again.stdout.strip() == line and "may send jobs" in again.stderr
    more = elsewhere.run("key", "hand-over", "--role", "render", "--master", farm.url, "--host", "127.0.0.1")
    told(more, "a key to submit may not hand over a key to render")
    (tmp_path / "key").write_text(line.split("#")[1])
    told(
        farm.run("master", "--path", str(tmp_path / "m"), "--key-file", str(tmp_path / "key"), "--port", "0"),
        "may not open a master",
    )


def test_a_slave_says_at_once_that_its_key_is_for_something_else(farm: Farm, elsewhere: Farm, tmp_path: Path) -> None:
    hand_over(farm, elsewhere, "submit")
    slave = elsewhere.start_slave("slave1", FAKE)
    wait_until("the slave ends", lambda: slave.popen.poll() is not None, 60)
    assert slave.popen.wait() == 1
    assert slave.text().count("a key to submit may not let a slave work") == 1, slave.text()
    assert "netrender key hand-over --role render" in slave.text()

    # Of two keys, the slave takes the one that is for it.
    hand_over(farm, elsewhere, "render")
    elsewhere.start_slave("slave1", FAKE)
    sent = elsewhere.run(
        *("submit", scene(tmp_path), "--frames", "1-2", "--blender", FAKE),
        *("--results", str(tmp_path / "results"), "--master", farm.url),
    )
    assert sent.returncode == 0, sent.stderr
    assert json.loads(farm.run("job", farm.newest_job(), "--json", "--master", farm.url).stdout)["state"] == "finished"


def test_a_machine_cannot_send_jobs_and_hears_so_before_anything_is_collected(
    farm: Farm, elsewhere: Farm, tmp_path: Path
) -> None:
    hand_over(farm, elsewhere, "render")
    sent = elsewhere.run("submit", scene(tmp_path), "--blender", str(tmp_path / "no-blender"), "--master", farm.url)
    told(sent, "a key to render may not send jobs", "netrender key hand-over --role submit")


def test_python_and_blender_keep_such_a_key_too(farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = {}
    monkeypatch.setenv("NETRENDER_CONFIG", str(farm.folder / "config"))
    for role in ("submit", "render"):
        lines[role] = core.key_line(master=farm.url, role=role, host="127.0.0.1")
    with pytest.raises(core.InvalidJob, match="no role of a key"):
        core.key_line(master=farm.url, role="owner")  # type: ignore[arg-type]
    assert core.own_key() == farm.run("key").stdout.strip()
    monkeypatch.setenv("NETRENDER_CONFIG", str(tmp_path / "elsewhere"))
    assert core.add_key(lines["render"]) == core.add_key(lines["submit"])
    assert len(core.known_farms()) == 1
    assert core.own_key() is None, "no master has run on this machine"
    client = core.Client.connect(master=farm.url)
    assert client.role == "submit", "of two keys a client takes the one that allows more"
    with pytest.raises(core.Refused, match="a key to submit may not replace the farm's key") as caught:
        client.renew_key()
    assert caught.value.code == "forbidden"
