"""Packs the add-on into one zip that installs as a legacy add-on and, from Blender 4.2 on, as an extension.

    python packaging/make_addon.py [--core SITE_PACKAGES] [--output FOLDER]

`--core` names a folder that holds the installed package `netrender_core`; without it the zip has no native part, and
the add-on then uses one that is installed beside it. The same input gives the same zip, byte for byte.
"""

import argparse
import ast
import re
import sys
import zipfile
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
TOP = "netrender"
# The earliest time that a zip can hold: no clock gets into the file.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
ADDON_SUFFIXES = {".py", ".toml"}
CORE_SUFFIXES = {".py", ".pyi", ".so", ".pyd", ".typed"}


class PackagingError(Exception):
    """Why there is no zip."""


def main() -> int:
    """Writes the zip and prints its path."""
    parser = argparse.ArgumentParser(description="Packs the add-on into one zip.")
    parser.add_argument("--core", type=Path, help="folder that holds the installed package netrender_core")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for the zip (default: dist)")
    arguments = parser.parse_args()
    try:
        print(make_addon(arguments.core, arguments.output))
    except PackagingError as error:
        print(f"make_addon: {error}", file=sys.stderr)
        return 1
    return 0


def make_addon(core: Path | None, output: Path) -> Path:
    """Writes `netrender-<version>.zip` into `output` and returns its path."""
    version = agreed_version()
    members = {
        f"{TOP}/{path.relative_to(ROOT / 'addon').as_posix()}": path for path in files_below(ROOT / "addon", ADDON_SUFFIXES)
    }
    members[f"{TOP}/LICENSE"] = ROOT / "LICENSE"
    if core is not None:
        members.update(core_members(core / "netrender_core"))
    output.mkdir(parents=True, exist_ok=True)
    finished = output / f"{TOP}-{version}.zip"
    begun = finished.with_suffix(".zip.part")
    with zipfile.ZipFile(begun, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, members[name].read_bytes())
    begun.replace(finished)
    return finished


def agreed_version() -> str:
    """The version of Cargo.toml, once the manifest and bl_info say the same."""
    version: str = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    manifest = tomllib.loads((ROOT / "addon" / "blender_manifest.toml").read_text())["version"]
    legacy = ".".join(map(str, bl_info()["version"]))
    for name, other in (("addon/blender_manifest.toml", manifest), ("bl_info in addon/__init__.py", legacy)):
        if other != re.split(r"[-+]", version)[0]:
            raise PackagingError(f"{name} says version {other}, Cargo.toml says {version}")
    return version


def bl_info() -> dict[str, tuple[int, ...]]:
    """The add-on's `bl_info`, read as Blender reads it: without running the file."""
    tree = ast.parse((ROOT / "addon" / "__init__.py").read_text())
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "bl_info":
            found: dict[str, tuple[int, ...]] = ast.literal_eval(statement.value)
            return found
    raise PackagingError("addon/__init__.py has no bl_info")


def core_members(package: Path) -> dict[str, Path]:
    """The native part's files by their names in the zip."""
    if not any(package.glob("_core*.so")) and not any(package.glob("_core*.pyd")):
        raise PackagingError(f"{package} holds no native module _core: install the wheel there first")
    return {f"{TOP}/netrender_core/{path.relative_to(package).as_posix()}": path for path in files_below(package, CORE_SUFFIXES)}


def files_below(folder: Path, suffixes: set[str]) -> list[Path]:
    """The files with one of these suffixes, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes and "__pycache__" not in path.parts)


if __name__ == "__main__":
    sys.exit(main())
