"""Tests the extension repository: Blender adds it by its address, installs from it, and updates from it."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zip_kit

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.devtools import blenders, manual_pages, package, repository, suites

ROOT = Path(__file__).resolve().parents[3]
ADDON = "def register(): pass\ndef unregister(): pass\n"
VISIT = """
bpy.context.preferences.system.use_online_access = True
repos = bpy.context.preferences.extensions.repos
repo = repos.new(name="Cutout", module="cutout_pages", remote_url=sys.argv[1] + "/index.json")
repo.use_remote_url = True
place = list(repos).index(repo)
def version():
    import tomllib
    file = Path(repo.directory) / "blender_cutout" / "blender_manifest.toml"
    return tomllib.loads(file.read_text())["version"]
bpy.ops.extensions.repo_sync(repo_index=place)
bpy.ops.extensions.package_install(repo_index=place, pkg_id="blender_cutout", enable_on_install=True)
assert addon_utils.check("bl_ext.cutout_pages.blender_cutout") == (True, True)
print("FIRST", version(), flush=True)
sys.stdin.readline()
bpy.ops.extensions.repo_sync(repo_index=place)
bpy.ops.extensions.package_upgrade_all()
print("SECOND", version(), flush=True)
print("DONE", flush=True)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def checkout(folder: Path, version: str) -> Path:
    """A checkout of an add-on that does nothing."""
    manifest = (ROOT / "blender_cutout" / package.MANIFEST).read_text(encoding="utf-8")
    own = package.read_toml(ROOT / "pyproject.toml")["project"]["version"]
    (folder / "blender_cutout").mkdir(parents=True)
    (folder / "blender_cutout" / "__init__.py").write_text(ADDON)
    (folder / "blender_cutout" / package.MANIFEST).write_text(manifest.replace(f'"{own}"', f'"{version}"'))
    (folder / "core").mkdir()
    (folder / "models").mkdir()
    (folder / "models" / "net.safetensors").write_text("")
    (folder / "LICENSE").write_text("")
    (folder / "docs").mkdir()
    for name in manual_pages.PAGES:
        (folder / "docs" / f"{name}.md").write_text("# A page\n")
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An empty folder, served from this machine, and its address."""
    folder = tmp_path / "pages"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.bpy
@pytest.mark.timeout(200)
def test_blender_installs_from_the_address_and_updates(tmp_path: Path, pages: tuple[Path, str]) -> None:
    import bpy

    scripts = Path(bpy.utils.resource_path("LOCAL")) / "scripts"
    command = [sys.executable, str(scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py")]
    folder, address = pages

    def publish(version: str) -> None:
        root = checkout(tmp_path / version, version)
        archives = [package.build(folder, root, platform) for platform in ("linux-x64", "windows-x64", "macos-arm64")]
        repository.write_index(folder, archives, command)
        assert {path.name for path in folder.glob("*.zip")} == {path.name for path in archives}

    publish("1.0.9")
    with zip_kit.bare_machine() as home, zip_kit.started_blender(home, VISIT, address, direct=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert "FIRST 1.0.9\n" in lines
        publish("1.0.10")
        process.stdin.write("\n")
        process.stdin.flush()
        assert "SECOND 1.0.10\n" in lines


def test_without_a_blender_it_is_said_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "development_folder", lambda: tmp_path)
    monkeypatch.setattr(blenders, "_places", lambda: iter(()))
    with pytest.raises(EnvironmentMissing, match="no Blender was found") as caught:
        repository.index_command()
    assert "--blender PATH" in caught.value.hint


def test_what_is_no_blender_is_named_before_anything_is_built(tmp_path: Path) -> None:
    words = [sys.executable, "-I", str(ROOT / "install.py"), "repository", "--output", str(tmp_path / "pages")]
    answer = subprocess.run([*words, "--blender", str(tmp_path / "none")], capture_output=True, text=True)
    assert answer.returncode == 1
    assert "is not a Blender that starts" in answer.stderr
    assert not (tmp_path / "pages").exists()


def test_a_blender_that_lists_nothing_is_reported(tmp_path: Path) -> None:
    (tmp_path / "blender_cutout-1.0.0.zip").write_text("")
    speaks = [sys.executable, "-c", "print('no room on the moon')"]
    with pytest.raises(EnvironmentMissing, match=r"did not list blender_cutout-1\.0\.0\.zip: no room on the moon"):
        repository.write_index(tmp_path, [tmp_path / "blender_cutout-1.0.0.zip"], speaks)
