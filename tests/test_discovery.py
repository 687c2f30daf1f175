"""Masters found by their broadcast, on a network of their own: namespaces of Linux, joined by a bridge.

Needs root; without it (or in a container that does not let it) the test skips and says so.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import required

from farm import Process, wait_until

# What a host says that is not quite as it should be: it answers each query with all of these.
LIAR = """
import json, socket
said = {"product": "netrender", "version": "9.9.9", "api": 99, "farm": "00000000", "name": "newer", "port": 8000}
lies = [
    json.dumps(said),
    json.dumps({**said, "name": "no port", "port": 99999}),
    json.dumps({**said, "name": "no print", "tls": "abc"}),
    json.dumps({**said, "product": "other"}),
    "[" * 900,
    "{" + "x" * 60000,
    "",
]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("0.0.0.0", 8000))
    print("ready", flush=True)
    while True:
        _, caller = sock.recvfrom(65536)
        for lie in lies:
            sock.sendto(lie.encode(), caller)
"""


class Lan:
    """Hosts that hear each other and nobody else; they are gone at the end."""

    def __init__(self, folder: Path, hosts: int) -> None:
        self.folder = folder
        self.bridge = f"nr{os.getpid()}"
        self.hosts = [f"{self.bridge}-{number}" for number in range(hosts)]
        self.processes: list[Process] = []

    def ip(self, *arguments: str) -> None:
        """Changes the network."""
        subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    def build(self) -> None:
        """One namespace is the bridge, each host another."""
        self.ip("netns", "add", self.bridge)
        inside = ("-n", self.bridge)
        self.ip(*inside, "link", "add", "lan", "type", "bridge")
        self.ip(*inside, "link", "set", "lan", "up")
        for number, host in enumerate(self.hosts):
            self.ip("netns", "add", host)
            self.ip(*inside, "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", host)
            self.ip(*inside, "link", "set", f"port{number}", "master", "lan", "up")
            self.ip("-n", host, "address", "add", f"10.77.0.{number + 1}/24", "broadcast", "10.77.0.255", "dev", "eth0")
            self.ip("-n", host, "link", "set", "eth0", "up")
            self.ip("-n", host, "link", "set", "lo", "up")

    def config(self, name: str) -> dict[str, str]:
        """The environment of a user."""
        return {**os.environ, "NETRENDER_CONFIG": str(self.folder / name)}

    def start(self, host: int, name: str, *command: str) -> Process:
        """Starts a program on a host."""
        whole = ["ip", "netns", "exec", self.hosts[host], *command]
        process = Process(name, whole, self.folder / f"{name}.log", self.config(name))
        self.processes.append(process)
        return process

    def run(self, host: int, user: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a program on a host to its end."""
        whole = ["ip", "netns", "exec", self.hosts[host], *command]
        return subprocess.run(whole, env=self.config(user), capture_output=True, text=True, timeout=60, check=False)

    def end(self) -> None:
        """Ends all that runs there, and the network."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.kill()
        for host in (*self.hosts, self.bridge):
            subprocess.run(["ip", "netns", "delete", host], check=False, capture_output=True)


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """Four hosts on one network."""
    required(shutil.which("ip"), "the command ip (iproute2)")
    lan = Lan(tmp_path, 4)
    try:
        try:
            lan.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield lan
    finally:
        lan.end()


def test_masters_are_found_by_name_and_others_are_told_apart(lan: Lan) -> None:
    options = ("--port", "8000", "--access", "key")
    for host, (name, *ssl) in enumerate([("alpha",), ("beta", "--ssl", "self-signed")]):
        path = str(lan.folder / f"{name}-path")
        master = lan.start(host, name, "netrender", "master", "--name", name, "--path", path, *options, *ssl)
        wait_until(f"{name} listens", lambda master=master: "monitor:" in master.text())
    liar = lan.start(2, "liar", sys.executable, "-c", LIAR)
    wait_until("the liar listens", lambda: "ready" in liar.text())

    key = lan.run(0, "alpha", "netrender", "key").stdout.strip()
    assert lan.run(3, "artist", "netrender", "key", "add", key).returncode == 0
    found = json.loads(lan.run(3, "artist", "netrender", "masters", "--json").stdout)
    assert sorted(it["name"] for it in found) == ["alpha", "beta", "newer"], found
    by_name = {it["name"]: (it["url"], it["usable"]) for it in found}
    assert by_name["alpha"] == ("http://10.77.0.1:8000", True)
    assert by_name["beta"] == ("https://10.77.0.2:8000", False), "a master of another farm seems usable"
    assert by_name["newer"] == ("http://10.77.0.3:8000", False)
    assert next(it["version"] for it in found if it["name"] == "newer") == "9.9.9"

    jobs = lan.run(3, "artist", "netrender", "jobs")
    assert (jobs.returncode, jobs.stdout) == (0, "no jobs\n"), jobs.stderr
    line = lan.run(1, "beta", "netrender", "key", "hand-over").stdout.strip()
    assert line.startswith("netrender+tls://10.77.0.2:8000#"), line
    assert lan.run(3, "artist", "netrender", "key", "add", line).returncode == 0
    both = lan.run(3, "artist", "netrender", "jobs")
    assert both.returncode == 1
    assert "alpha at http://10.77.0.1:8000, beta at https://10.77.0.2:8000" in both.stderr
    named = lan.run(3, "artist", "netrender", "jobs", "--master", "https://10.77.0.2:8000")
    assert (named.stdout, named.stderr) == ("no jobs\n", "")
