"""HyperQueue beside our dispatch bench: trivial tasks on as many one-core workers as there are slaves in ours.

Run by `make bench`, if HyperQueue is installed (`pip install hyperqueue`); nothing depends on it. What PyPI has can run
programs only, so each task is a process (`true`), and the figure says how fast processes are started as much as how fast
tasks are handed out: the rate at which this machine starts them one after the other is shown beside it.
"""

import importlib
import importlib.util
import resource
import subprocess
import tempfile
import time
from pathlib import Path

TASKS = 2_000
WORKERS = 50
# Enough to tell the rate; more only take longer.
STARTS = 1_000


def processes_a_second() -> float:
    """How many processes this machine starts and ends in a second, one after the other."""
    began = time.monotonic()
    for _ in range(STARTS):
        subprocess.run(["true"], check=True)
    return STARTS / (time.monotonic() - began)


def tasks_a_second(folder: Path) -> tuple[float, float]:
    """Tasks a second from the submit to the last one's end, and microseconds of processor time a task of server and workers."""
    cluster_module = importlib.import_module("hyperqueue.cluster")
    job = importlib.import_module("hyperqueue.job").Job(default_workdir=folder)
    for _ in range(TASKS):
        job.program(["true"], stdout=None, stderr=None)
    with cluster_module.LocalCluster(server_dir=str(folder / "server")) as cluster:
        for _ in range(WORKERS):
            cluster.start_worker(cluster_module.WorkerConfig(cores=1))
        client = cluster.client()
        used_before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        client.wait_for_jobs([client.submit(job)])
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_SELF)
    used_s = used.ru_utime + used.ru_stime - used_before.ru_utime - used_before.ru_stime
    return TASKS / seconds, used_s / TASKS * 1e6


def main() -> None:
    """Measures, or says why not."""
    if importlib.util.find_spec("hyperqueue") is None:
        print("HyperQueue is not measured: it is not installed (pip install hyperqueue)")
        return
    alone = processes_a_second()
    with tempfile.TemporaryDirectory() as folder:
        rate, used_us = tasks_a_second(Path(folder))
    print(
        f"HyperQueue, {WORKERS} workers, {TASKS} tasks that are processes: {rate:,.0f} tasks/s, {used_us:.0f} us of processor "
        f"time a task of server and workers; this machine alone starts {alone:,.0f} processes/s one after the other"
    )


if __name__ == "__main__":
    main()
