"""Sends a .blend, and brings its frames into a folder as they get done.

    python submit_and_wait.py shot.blend frames/ --master http://node1:8000 --frames 1-100

Needs the module `netrender_core` (the wheel of netrender), and Blender on the PATH to read the file with.
"""

import argparse

import netrender_core

SEND_TIMEOUT_S = 3600.0
# How long the last frames may take from the master to the folder.
GATHER_TIMEOUT_S = 600.0


def main() -> int:
    """Returns 0 if every frame came."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blend")
    parser.add_argument("folder")
    parser.add_argument("--master", default="auto")
    parser.add_argument("--frames", help="such as 1-10,20; the scene's own range if not given")
    parser.add_argument("--blender", help="the Blender to read the file with")
    wanted = parser.parse_args()

    with netrender_core.Client.connect(master=wanted.master) as client:
        blender = [wanted.blender] if wanted.blender else None
        submission = client.submit(wanted.blend, blender=blender, frames=wanted.frames)
        job = submission.wait(SEND_TIMEOUT_S)
        if job is None:
            submission.cancel()
            print(f"the job could not be sent within {SEND_TIMEOUT_S:.0f} s: {submission.progress().text}")
            return 1
        print(f"job {job} is with the master")

        gather = client.gather(job, wanted.folder)
        seen = None
        while (info := client.wait(job, timeout=1.0)).state not in ("finished", "failed", "cancelled"):
            if (info.done, info.explanation) != seen:
                seen = (info.done, info.explanation)
                print(f"{info.done} of {info.total} frames: {'; '.join(info.explanation)}")
        complete = gather.wait(GATHER_TIMEOUT_S)
        print(f"job {job} is {info.state}; {gather.done()} of {info.total} frames are in {wanted.folder}")
        return 0 if complete and info.state == "finished" else 1


if __name__ == "__main__":
    raise SystemExit(main())
