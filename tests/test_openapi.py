"""The OpenAPI document and the master tell the same: schemathesis draws requests from the one and sends them to the other.

Each call gets requests as documented, and others that are wrong in every documented way. The master may refuse any of
them, but never fails, and every answer is one that the document knows.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from components import required

from farm import Farm

HOOKS = Path(__file__).parent / "openapi_media.py"
# Examples for each call: more find more, `NETRENDER_EXAMPLES=1000` over a night.
EXAMPLES = os.environ.get("NETRENDER_EXAMPLES", "15")
SEED = os.environ.get("NETRENDER_SEED", "1")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
# An answer that never ends: it cannot be compared with a schema.
ENDLESS = "/events$"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm that lets in everybody: the key has tests of its own."""
    with Farm(tmp_path / "farm") as farm:
        farm.start_master("--access", "open")
        yield farm


@pytest.mark.timeout(900)
def test_nothing_that_is_drawn_from_the_document_breaks_the_master(farm: Farm) -> None:
    schemathesis = required(shutil.which("schemathesis"), "schemathesis")
    print(f"seed {SEED}, {EXAMPLES} examples")
    options = ("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--seed", SEED, "--request-timeout", "60")
    outside = ("--exclude-path-regex", ENDLESS, "--suppress-health-check", "all", "--no-color")
    # A drawn size is larger than any disk.
    (farm.folder / "schemathesis.toml").write_text(
        '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", "507"]\n'
    )
    result = subprocess.run(
        [schemathesis, "run", f"{farm.url}/api/v1/openapi.json", *options, *outside],
        cwd=farm.folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        capture_output=True,
        text=True,
        timeout=840,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    assert farm.processes[0].popen.poll() is None, "the master ended"
    assert "panicked" not in farm.processes[0].text()
