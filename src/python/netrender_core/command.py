"""The `netrender` command of the wheel: everything happens in Rust."""

import signal
import sys

from netrender_core._core import main as run


def main() -> int:
    """Runs the command with the process's own arguments and returns its exit status."""
    # Rust handles Ctrl-C; Python's handler would raise a second time once Rust returns.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(sys.argv[1:])
