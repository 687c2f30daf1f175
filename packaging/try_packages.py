"""Installs what `make packages` made, each in a clean environment, and tries it there.

    python packaging/try_packages.py FOLDER [--blender PATH] [--bpy PYTHON]

The wheel must be good for every Linux since 2014, and must start a master and talk to it; so must what the source gives.
The zip must install in each Blender that is named, as an add-on and, in one that knows them, as an extension.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLATFORM = "manylinux_2_17_x86_64"
# A master that listens, and a client that it answers.
TRIAL = """
import sys, netrender_core as core
with core.Master.start(path=sys.argv[1], address="127.0.0.1", port=0, broadcast=False) as master:
    with core.Client.connect(master=master.url) as client:
        assert client.jobs() == []
"""


def main() -> int:
    """Tries everything in a folder and says what was tried."""
    parser = argparse.ArgumentParser(description="Tries the packages of a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--blender", default=shutil.which("blender"), help="an executable (default: the one on PATH)")
    parser.add_argument("--bpy", help="a Python that has Blender as a module")
    arguments = parser.parse_args()
    try:
        wheel, source, addon = (_only(arguments.folder, pattern) for pattern in ("*.whl", "*.tar.gz", "netrender-*.zip"))
        with tempfile.TemporaryDirectory(prefix="netrender_packages_") as name:
            folder = Path(name)
            _audit(wheel)
            _try_in_python(wheel, folder / "wheel")
            _try_in_python(source, folder / "source")
            if arguments.blender:
                _try_in_blender(addon, "executable", arguments.blender, "addon", folder / "executable")
            for way in ("addon", "extension") if arguments.bpy else ():
                _try_in_blender(addon, "module", arguments.bpy, way, folder / way)
    except (subprocess.CalledProcessError, AssertionError, OSError) as error:
        print(f"try_packages: {error}", file=sys.stderr)
        return 1
    return 0


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise AssertionError(f"{folder} holds {len(found)} of {pattern}, not one")
    return found[0].resolve()


def _audit(wheel: Path) -> None:
    told = subprocess.run([sys.executable, "-m", "auditwheel", "show", str(wheel)], check=True, capture_output=True, text=True)
    if f'"{PLATFORM}"' not in told.stdout:
        raise AssertionError(f"{wheel.name} is not good for {PLATFORM}:\n{told.stdout}")
    print(f"{wheel.name}: {PLATFORM}")


def _try_in_python(package: Path, folder: Path) -> None:
    venv.create(folder, with_pip=True)
    # The source is built as the tests build theirs, so that dependencies which are compiled already are not compiled again
    # (and it itself is: see `make packages`).
    build = {"CARGO_TARGET_DIR": str(ROOT / "target"), "MATURIN_PEP517_ARGS": "--profile dev --locked"}
    _run([str(folder / "bin" / "pip"), "install", "-q", str(package)], folder, **build)
    _run([str(folder / "bin" / "netrender"), "--version"], folder)
    _run([str(folder / "bin" / "python"), "-P", "-c", TRIAL, str(folder / "master")], folder)
    print(f"{package.name}: installed, a master started and asked")


def _try_in_blender(addon: Path, kind: str, program: str, way: str, home: Path) -> None:
    sys.path.insert(0, str(ROOT / "tests" / "in_blender"))
    from blender_child import Blender

    home.mkdir()
    told = Blender(kind, program, home).run("install.py", addon, way)
    print(f"{addon.name}: {next(line for line in told.splitlines() if line.startswith('installed '))} in {program}")


def _run(command: Sequence[str], home: Path, **settings: str) -> None:
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "NETRENDER", "VIRTUAL"))}
    subprocess.run(command, check=True, cwd=home, env=clean | {"NETRENDER_CONFIG": str(home / "config")} | settings)


if __name__ == "__main__":
    sys.exit(main())
