"""TLS and the farm's key from outside: real masters, slaves and commands, each with a configuration folder of its own."""

import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import required

from farm import Farm, wait_until

FAKE = str(Path(__file__).parent / "fake_blender.py")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm whose master shows a certificate of its own."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--ssl", "self-signed")
        yield farm


@pytest.fixture
def elsewhere(tmp_path: Path) -> Farm:
    """Another machine: a user who knows nothing of the farm yet."""
    return Farm(tmp_path / "elsewhere")


def told(result: "subprocess.CompletedProcess[str]", words: str) -> None:
    """A command that failed, in one sentence."""
    assert result.returncode == 1, result
    sentences = [line for line in result.stderr.splitlines() if line.startswith("netrender: ")]
    assert len(sentences) == 1 and words in sentences[0], result.stderr


def hand_over(farm: Farm, elsewhere: Farm) -> str:
    """Gives the other machine the farm's key, as a person does."""
    line = farm.run("key", "hand-over", "--master", farm.url, "--host", "127.0.0.1").stdout.strip()
    added = elsewhere.run("key", "add", line)
    assert added.returncode == 0, added.stderr
    return line


def renew_own_certificate(farm: Farm) -> None:
    """Puts another certificate of the same kind in the place of the master's."""
    with Farm(farm.folder / "other") as other:
        other.start_master("--ssl", "self-signed").stop()
        (farm.folder / "config/self-signed.pem").write_text((other.folder / "config/self-signed.pem").read_text())


def fake_scene(folder: Path) -> str:
    """A .blend that the fake Blender takes for one."""
    blend = folder / "shot.blend"
    blend.write_bytes(b"BLENDER-v304" + bytes(100))
    return str(blend)


def test_a_job_is_rendered_over_tls(farm: Farm, elsewhere: Farm, tmp_path: Path) -> None:
    assert farm.url.startswith("https://127.0.0.1:")
    certificate = farm.folder / "config/self-signed.pem"
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o600
    line = hand_over(farm, elsewhere)
    assert line.startswith(f"netrender+tls://127.0.0.1:{farm.port}#")
    elsewhere.url = farm.url
    with elsewhere:
        slave = elsewhere.start_slave("slave1", FAKE)
        sent = elsewhere.run(
            *("submit", fake_scene(tmp_path), "--blender", FAKE, "--frames", "1-3"),
            *("--results", str(tmp_path / "results"), "--master", farm.url),
        )
        assert sent.returncode == 0, sent.stderr
        assert "first meeting" not in sent.stderr, "the line did not tell the certificate"
        assert len(list((tmp_path / "results").glob("*.exr"))) == 3
        assert slave.stop() == 0


def test_a_renewed_certificate_is_refused_until_a_person_trusts_it(farm: Farm) -> None:
    first = farm.run("jobs", "--master", farm.url)
    assert (first.returncode, first.stdout) == (0, "no jobs\n")
    assert "first meeting with the master" in first.stderr
    assert farm.run("jobs", "--master", farm.url).stderr == ""
    renew_own_certificate(farm)
    farm.processes[0].popen.send_signal(signal.SIGHUP)
    wait_until("the master takes the new one", lambda: "the certificate was renewed" in farm.processes[0].text())
    refused = farm.run("jobs", "--master", farm.url)
    told(refused, "shows another certificate")
    assert f"netrender trust {farm.url}" in refused.stderr
    trusted = farm.run("trust", farm.url)
    assert (trusted.returncode, "is trusted with the certificate" in trusted.stdout) == (0, True)
    assert farm.run("jobs", "--master", farm.url).stdout == "no jobs\n"
    assert farm.processes[0].stop() == 0


def test_a_replaced_key_sends_the_slave_away_until_it_gets_the_new_one(farm: Farm, elsewhere: Farm) -> None:
    old = hand_over(farm, elsewhere)
    elsewhere.url = farm.url
    with elsewhere:
        slave = elsewhere.start_slave("slave1", FAKE)
        online = '"online": true'
        wait_until("the slave is there", lambda: online in farm.run("slaves", "--json", "--master", farm.url).stdout)
        renewed = farm.run("key", "new", "--master", farm.url)
        assert renewed.returncode == 0, renewed.stderr
        wait_until("the slave says why it waits", lambda: "no key for farm" in slave.text())
        told(elsewhere.run("jobs", "--master", farm.url), "no key for farm")
        new = hand_over(farm, elsewhere)
        assert new.split("#")[1][:64] != old.split("#")[1][:64]

        def is_back() -> bool:
            slaves = json.loads(farm.run("slaves", "--json", "--master", farm.url).stdout)
            return any(slave["online"] for slave in slaves)

        wait_until("the slave works again", is_back)
        assert slave.popen.poll() is None


# Two years, in either direction: no certificate of the master's holds then.
WRONG_S = 2 * 365 * 86_400
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += atol(getenv("WRONG_S"));
    return failed;
}
"""


@pytest.fixture(scope="module")
def wrong_clock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that makes the clock of a program wrong."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK)
    compiler = required(shutil.which("cc"), "a C compiler (cc)")
    subprocess.run([compiler, "-shared", "-fPIC", "clock.c", "-o", "clock.so", "-ldl"], cwd=folder, check=True)
    return str(folder / "clock.so")


@pytest.mark.parametrize("seconds", [WRONG_S, -WRONG_S])
def test_a_slave_whose_clock_is_wrong_renders_over_tls(
    farm: Farm, elsewhere: Farm, tmp_path: Path, wrong_clock: str, seconds: int
) -> None:
    hand_over(farm, elsewhere)
    elsewhere.url = farm.url
    env = {"LD_PRELOAD": wrong_clock, "WRONG_S": str(seconds)}
    shown = subprocess.run(["date", "+%s"], env={**os.environ, **env}, capture_output=True, text=True, check=True).stdout
    known = int(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout)
    assert abs(int(shown) - known) > WRONG_S // 2, "its clock is right"
    with elsewhere:
        slave = elsewhere.start_slave("slave1", FAKE, **env)
        sent = farm.run("submit", fake_scene(tmp_path), "--blender", FAKE, "--frames", "1-3", "--wait", "--master", farm.url)
        assert sent.returncode == 0, sent.stderr
        frames = json.loads(farm.run("job", farm.newest_job(), "--json", "--master", farm.url).stdout)
        assert (frames["done"], frames["failed"]) == (3, 0)
        seen = json.loads(farm.run("slaves", "--json", "--master", farm.url).stdout)[0]
        assert seen["online"] and abs(seen["last_seen_ms"] / 1000 - known) < WRONG_S // 2
        assert slave.stop() == 0, slave.text()


@pytest.mark.parametrize(
    ("ssl", "words"),
    [
        (("--ssl", "gone.pem"), "cannot read gone.pem"),
        (("--ssl", "notes.txt"), "notes.txt is no PEM file"),
        (("--ssl", "cert.pem"), "there is no private key in cert.pem"),
        (("--ssl", "key.pem,cert.pem"), "the two files are swapped"),
        (("--ssl-cert", "cert.pem", "--ssl-key", "other.pem"), "does not belong to the certificate"),
        (("--ssl-key", "key.pem"), "a key without a certificate"),
    ],
)
def test_a_certificate_that_is_wrong_is_told_before_anything_starts(tmp_path: Path, ssl: tuple[str, ...], words: str) -> None:
    with Farm(tmp_path / "farm") as farm, Farm(tmp_path / "other") as other:
        for name, files in ((farm, ("cert.pem", "key.pem")), (other, ("x.pem", "other.pem"))):
            name.start_master("--ssl", "self-signed", port=0).stop()
            pem = (name.folder / "config/self-signed.pem").read_text()
            begin = pem.index("-----BEGIN PRIVATE KEY")
            for file, text in zip(files, (pem[:begin], pem[begin:]), strict=True):
                (tmp_path / file).write_text(text)
        (tmp_path / "notes.txt").write_text("buy milk\n")
        command = [farm.command, "master", "--path", str(tmp_path / "new"), "--port", "0", "--no-broadcast", *ssl]
        result = subprocess.run(command, cwd=tmp_path, env=farm.env, capture_output=True, text=True, timeout=60, check=False)
        told(result, words)
        assert not (tmp_path / "new").exists(), "a master that could not start left something behind"


def test_a_master_that_only_its_own_machine_reaches_is_not_handed_over(farm: Farm) -> None:
    told(farm.run("key", "hand-over", "--master", farm.url), "other machines cannot reach it")


def test_the_line_of_a_key_is_refused_if_it_is_cut(farm: Farm, elsewhere: Farm) -> None:
    line = farm.run("key", "hand-over", "--master", farm.url, "--host", "render1").stdout.strip()
    told(elsewhere.run("key", "add", line[:-3]), "is not whole")
    told(elsewhere.run("key", "add", line.split("#")[1][:60]), "no farm key")
    assert not (elsewhere.folder / "config").exists()
