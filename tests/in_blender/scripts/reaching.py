"""Runs in Blender: how a farm is reached, called as a script calls it. Masters are found, keys kept, certificates changed."""

import stat
from pathlib import Path
from types import SimpleNamespace

import bpy
import start

(folder,) = start.arguments()
netrender = start.enable()
native, client, keys = netrender.native, netrender.client, netrender.keys
core, render = native.core, bpy.ops.render
settings = bpy.context.scene.network_render


def refused(operator, **arguments: object) -> str:
    """What an operator fails with."""
    try:
        operator(**arguments)
    except RuntimeError as error:
        return str(error)
    raise AssertionError(f"{operator} did it")


def search(*found: tuple[str, bool]) -> str:
    """Looks on a network where these masters answer, by their names and whether they can be used."""
    masters = [
        SimpleNamespace(name=name, url=f"http://{name}:8123", usable=usable, farm="2jtf28xt", version="0.0.9")
        for name, usable in found
    ]
    client.masters = lambda: SimpleNamespace(wait=lambda: masters)
    assert render.netclientscan() == {"FINISHED"}
    return netrender.search._said


def master(name: str, port: int = 0):
    """A master with a certificate of its own."""
    return core.Master.start(path=f"{folder}/{name}", address="127.0.0.1", port=port, broadcast=False, ssl="self-signed")


# The one that can be used is taken; of several none is.
assert search() == "No master answered on this network. Animation on Network starts one; one elsewhere needs its Address"
assert settings.server_address == "[default]"
assert "Several" in search(("studio", True), ("attic", True))
assert [one.name for one in netrender.search._found] == ["attic", "studio"]
assert "he key of studio is not known" in search(("studio", False))
keys._farms.append("2jtf28xt")
assert search(("studio", False)).startswith("Studio (0.0.9) is another version")
keys.look()
assert keys.farms() == []
assert search(("attic", False), ("studio", True)) == "Found studio"
assert (settings.server_address, settings.server_port, settings.use_ssl) == ("studio", 8123, False)
assert "is no address" in refused(render.netclientusemaster, url="nonsense")

# A key is kept for this user alone, and nowhere in Blender.
key = "5eed" * 16
assert "his is no farm key" in refused(render.netclientkey, key="abc")
assert render.netclientkey(key=key) == {"FINISHED"}
(kept,) = (Path(folder) / "config" / "keys").iterdir()
assert kept.read_text().strip() == key
assert stat.S_IMODE(kept.stat().st_mode) == 0o600
assert keys.farms() == [kept.stem]
preferences = bpy.context.preferences.addons["netrender"].preferences
preferences.key = "beef" * 16
assert set(preferences.key) == {"*"}, "what was pasted is not shown"
preferences.key = preferences.key
assert "is kept" in netrender.preferences._key_said, "the mask itself is no key"
assert len(keys.farms()) == 2
bpy.ops.wm.save_userpref()
bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/scene.blend", compress=False)
for saved in (*Path(folder, "home").rglob("userpref.blend"), Path(folder, "scene.blend")):
    assert key.encode() not in saved.read_bytes(), saved
    assert b"beef" * 16 not in saved.read_bytes(), saved

# A master is trusted at the first meeting; another certificate is asked about.
assert keys.own() is None
first = master("first")
url = first.url.rstrip("/")
keys.look()
assert keys.own() == first.key == netrender.session.farm_key(), "who starts a master can hand its key over later, too"
told = [line.split(", ")[1] for line in netrender.preferences._known_farms()]
assert told == ["of this computer", "of another computer", "of another computer"]
assert render.netclientusemaster(url=url) == {"FINISHED"}
assert settings.use_ssl
assert settings.connection().address == url
assert render.netclientstatus() == {"FINISHED"}
first.stop()
netrender.connection.forget()
# The next one makes itself another.
(Path(folder) / "config" / "self-signed.pem").unlink()
second = master("second", settings.server_port)
told = refused(render.netclientstatus)
assert "another certificate" in told, told
assert "netrender trust" not in told, "a hint for the command line helps nobody here"
address = native.changed_certificate(native.last_failure())
assert address == url, address
assert render.netclienttrust(url=address) == {"FINISHED"}
assert native.last_failure() is None
assert render.netclientstatus() == {"FINISHED"}

# What is sent from memory finds what the file beside it names, and is not left behind.
project = Path(folder, "project")
project.mkdir()
image = bpy.data.images.new("wood", 4, 4)
image.filepath_raw, image.file_format = str(project / "wood.png"), "PNG"
image.save()
bpy.ops.wm.save_as_mainfile(filepath=str(project / "shot.blend"))
image.filepath = "//wood.png"
image.use_fake_user = True
before = (project / "shot.blend").read_bytes()
netrender.job.is_sent_from_memory = lambda _scene: True
bpy.context.scene.render.engine = "CYCLES"
assert render.netclientsend() == {"FINISHED"}
(sent,) = client.jobs(settings.connection()).wait()
assert sent.id == settings.job_id
assert sent.name == "shot"
assert (project / "shot.blend").read_bytes() == before
assert bpy.data.filepath == str(project / "shot.blend")
assert not list(Path(bpy.app.tempdir).glob("netrender_send_*"))
second.stop()

assert render.netnotice(text="Told") == {"FINISHED"}
print("reached", flush=True)
