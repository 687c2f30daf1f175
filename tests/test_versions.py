"""Jobs that are a revision of a working copy, from the command and from Python."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import netrender_core as core
import pytest
from components import required

from farm import Farm

FAKE = str(Path(__file__).parent / "fake_blender.py")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm with its master."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--clear-on-exit")
        yield farm


@pytest.fixture
def blend(tmp_path: Path) -> Path:
    """A .blend in a clone whose only commit is pushed."""
    required(shutil.which("git"), "git")
    work = tmp_path / "work"
    blend = work / "shots" / "shot.blend"
    blend.parent.mkdir(parents=True)
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "film.git")
    git(work, "init", "-q", "-b", "main")
    git(work, "add", "--all")
    git(work, "commit", "-q", "-m", "film")
    git(work, "remote", "add", "origin", "../film.git")
    git(work, "push", "-q", "-u", "origin", "main")
    return blend


def git(folder: Path, *arguments: str) -> str:
    """Runs git to its good end."""
    own = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")
    return subprocess.run(("git", *own, *arguments), cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_job_is_sent_as_a_revision_and_rendered_without_a_file_on_the_master(farm: Farm, blend: Path, tmp_path: Path) -> None:
    to = ("--master", farm.url)
    remote, commit = f"file://{(tmp_path / 'film.git').resolve()}", git(blend.parent, "rev-parse", "HEAD")
    told = farm.run("vcs", str(blend), "--json")
    assert json.loads(told.stdout) == {
        "vcs": "git",
        "remote": remote,
        "revision": commit,
        "working_copy": str((tmp_path / "work").resolve()),
        "path": "shots/shot.blend",
    }
    guess = core.guess_version(str(blend))
    assert (guess.vcs, guess.remote, guess.revision, guess.path) == ("git", remote, commit, "shots/shot.blend")

    farm.start_slave("slave1", FAKE, "--allow-local-repositories")
    options = ("--vcs", "auto", "--blender", FAKE, "--frames", "1-2", "--wait", "--json")
    sent = farm.run("submit", str(blend), *options, *to)
    assert sent.returncode == 0, sent.stderr
    answer = json.loads(sent.stdout)
    assert (answer["uploaded_bytes"], answer["state"]) == (0, "finished")
    shown = farm.run("job", answer["job"], *to).stdout
    assert f"slaves check out shots/shot.blend of revision {commit} of {remote}" in shown
    source = json.loads(farm.run("job", answer["job"], "--json", *to).stdout)["source"]
    assert (source["system"], source["remote"], source["revision"]) == ("git", remote, commit)


def test_what_is_not_in_the_revision_is_told_before_anything_is_sent(farm: Farm, blend: Path, tmp_path: Path) -> None:
    def refused(words: str, *options: str) -> None:
        result = farm.run("submit", str(blend), "--blender", FAKE, *options, "--master", farm.url)
        assert (result.returncode, result.stdout) == (1, ""), result
        assert words in result.stderr, result.stderr

    refused("no working copy", "--vcs", "svn")
    refused('knows no revision "nowhere"', "--revision", "nowhere")
    refused("the address of the repository cannot be used", "--remote=--upload-pack=touch x")
    refused("an address with :: runs a program", "--remote", "ext::sh -c touch% x")
    blend.write_bytes(b"BLENDER-v304" + bytes(200))
    refused("shots/shot.blend is not as in the revision", "--vcs", "git")
    git(blend.parent, "commit", "-q", "-a", "-m", "later")
    refused("push it first", "--vcs", "git")
    with pytest.raises(core.InvalidJob, match="lies in no working copy"):
        loose = tmp_path / "loose.blend"
        shutil.copy(blend, loose)
        core.guess_version(str(loose))
    with pytest.raises(ValueError, match="no version control system"):
        core.guess_version(str(blend), vcs="cvs")  # type: ignore[arg-type]
    assert farm.run("jobs", "--master", farm.url).stdout == "no jobs\n"


def test_ssh_is_told_to_ask_nothing_and_a_login_that_is_missing_is_told(farm: Farm, blend: Path, tmp_path: Path) -> None:
    called, ssh = tmp_path / "called", tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {called}\necho "Permission denied (publickey)." >&2\nexit 255\n')
    ssh.chmod(0o755)
    farm.env["GIT_SSH_COMMAND"] = str(ssh)
    options = ("--blender", FAKE, "--remote", "anna@127.0.0.1:film.git", "--master", farm.url)
    result = farm.run("submit", str(blend), *options)
    assert result.returncode == 1
    assert "anna@127.0.0.1:film.git asks for a login that git does not have on this machine" in result.stderr
    arguments = called.read_text()
    assert "-oBatchMode=yes" in arguments and "anna@127.0.0.1 git-upload-pack 'film.git'" in arguments, arguments
