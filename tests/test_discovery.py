"""Masters found by their broadcast, on a network of their own."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lan import Lan, joined

from farm import wait_until

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


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    """Four hosts on one network."""
    with joined(tmp_path, 4) as lan:
        yield lan


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
