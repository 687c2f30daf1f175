"""What tests need from outside: there, or the test is skipped; under CI it fails, so that nothing is skipped in silence."""

import os

import pytest


def required(found: str | None, what: str) -> str:
    """What was found; else skips the test, and fails it under CI."""
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is needed under CI", pytrace=False)
    pytest.skip(f"needs {what}")
