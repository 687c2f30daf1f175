"""Shows what a farm does, a line for each job and slave, until there is nothing left to do.

Run it as `python watch_farm.py --master http://node1:8000`.
"""

import argparse
import time

import netrender_core

LOOK_S = 2.0
OVER = ("finished", "failed", "cancelled")


def show(client: netrender_core.Client) -> bool:
    """Prints the farm as it is; returns whether something is still to be done."""
    jobs = [job for job in client.jobs() if job.state not in OVER]
    for slave in client.slaves():
        presence = "online" if slave.online else "away"
        print(f"slave {slave.name:20} {presence:8} {'; '.join(slave.explanation)}")
    for job in jobs:
        print(f"job   {job.name:20} {job.state:8} {job.done}/{job.total}, uses {job.usage:.0%}; {'; '.join(job.explanation)}")
    print(f"{len(jobs)} jobs to do")
    return bool(jobs)


def main() -> int:
    """Returns 0 once everything is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--master", default="auto")
    wanted = parser.parse_args()
    with netrender_core.Client.connect(master=wanted.master) as client:
        while show(client):
            time.sleep(LOOK_S)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
