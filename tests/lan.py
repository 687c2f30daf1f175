"""Computers on a network of their own: namespaces of Linux, joined by a bridge.

Needs root; without it (or in a container that does not let it) a test skips and says so.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import required

from farm import Process


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
            # A window has its display beside it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.popen.wait()
        for host in (*self.hosts, self.bridge):
            subprocess.run(["ip", "netns", "delete", host], check=False, capture_output=True)


@contextlib.contextmanager
def joined(folder: Path, hosts: int) -> Iterator[Lan]:
    """So many hosts on one network."""
    required(shutil.which("ip"), "the command ip (iproute2)")
    lan = Lan(folder, hosts)
    try:
        try:
            lan.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield lan
    finally:
        lan.end()
