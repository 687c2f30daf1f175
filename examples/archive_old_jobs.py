"""Keeps each job that has been over for a while as one zip, and then removes it from the master.

    python archive_old_jobs.py /archive --days 30 --master http://node1:8000

`netrender restore FILE.zip` brings such a job back, on this master or on another one.
"""

import argparse
import time
from pathlib import Path

import netrender_core

DAY_S = 24 * 60 * 60
OVER = ("finished", "failed", "cancelled")


def main() -> int:
    """Returns 0 if every old job was archived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=float, default=30.0, help="how long a job must be over")
    parser.add_argument("--keep", action="store_true", help="leave the jobs on the master")
    parser.add_argument("--master", default="auto")
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    latest = time.time() - wanted.days * DAY_S
    failures = 0
    with netrender_core.Client.connect(master=wanted.master) as client:
        for job in client.jobs():
            if job.state not in OVER or job.state_since > latest:
                continue
            path = wanted.folder / f"{job.id}.zip"
            try:
                # The file gets its name only when it is whole: what is removed afterwards is safe.
                client.archive(job.id, str(path))
            except netrender_core.NetrenderError as error:
                print(f"job {job.id} ({job.name}) stays: {error}")
                failures += 1
                continue
            print(f"job {job.id} ({job.name}) is in {path}, {path.stat().st_size} bytes")
            if not wanted.keep:
                client.remove(job.id)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
