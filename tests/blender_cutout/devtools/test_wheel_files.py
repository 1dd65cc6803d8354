"""Tests the zips that bring their libraries: the right wheels, as listed, and a manifest that names them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.devtools import package, wheel_files
from blender_cutout.environment import pinned_files
from blender_cutout.environment.pinned_files import Pinned

NAME = "cutout_first-1.0-cp311-abi3-win_amd64.whl"


def make_wheel(folder: Path, name: str = NAME, text: str = "") -> Path:
    """A wheel with nothing but its metadata."""
    folder.mkdir(exist_ok=True)
    project, version, *tag = name.removesuffix(".whl").split("-")
    info = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n{text}")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {'-'.join(tag)}\n")
        archive.writestr(f"{info}/RECORD", "")
    return folder / name


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """The list of a platform with one wheel, which lies in a folder `index`."""
    path = make_wheel(tmp_path / "index")
    folder = tmp_path / "lists"
    folder.mkdir()
    item = Pinned(path.name, "cutout-first", "1.0", hashlib.sha256(path.read_bytes()).hexdigest())
    (folder / "windows-x64.txt").write_text(pinned_files.text_of([item], "a test"), encoding="utf-8")
    return folder


def fetch(tmp_path: Path, lists: Path) -> list[Path]:
    sources = ("--no-index", "--find-links", str(tmp_path / "index"))
    return wheel_files.fetch("windows-x64", tmp_path / "got", lambda line: None, sources, lists)


def test_another_platforms_wheel_is_fetched_once(tmp_path: Path, lists: Path) -> None:
    (found,) = fetch(tmp_path, lists)
    assert found.read_bytes() == (tmp_path / "index" / NAME).read_bytes()
    (tmp_path / "index" / NAME).unlink()
    assert fetch(tmp_path, lists) == [found], "what is there is not fetched again"


def test_a_wheel_of_other_contents_is_refused(tmp_path: Path, lists: Path) -> None:
    make_wheel(tmp_path / "index", text="Summary: another\n")
    with pytest.raises(EnvironmentMissing, match="cutout_first"):
        fetch(tmp_path, lists)
    assert not list((tmp_path / "got").glob("*.whl"))


@pytest.mark.parametrize("platform", wheel_files.PLATFORMS)
def test_every_platform_has_the_engines_libraries_for_its_blenders(platform: str) -> None:
    items = list(pinned_files.read(wheel_files.LISTS / f"{platform}.txt"))
    assert {item.name for item in items} == {"onnxruntime", "opencv-python-headless", "av"}
    pythons = {item.file.split("-")[2] for item in items if item.name == "onnxruntime"}
    assert pythons == ({"cp311"} if platform == "macos-x64" else {"cp311", "cp313"})


def test_a_platforms_zip_holds_its_wheels_and_names_them(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index")
    archive = package.build(tmp_path, platform="windows-x64", wheels=[wheel])
    assert archive.name.endswith("-windows_x64.zip")
    with zipfile.ZipFile(archive) as opened:
        assert opened.read(f"wheels/{NAME}") == wheel.read_bytes()
        opened.extract(package.MANIFEST, tmp_path)
    manifest = package.read_toml(tmp_path / package.MANIFEST)
    assert manifest["platforms"] == ["windows-x64"]
    assert manifest["wheels"] == [f"./wheels/{NAME}"]
    assert (
        manifest["permissions"] == package.read_toml(package.ROOT / "blender_cutout" / package.MANIFEST)["permissions"]
    )


@pytest.mark.bpy
def test_blenders_own_checker_accepts_a_platforms_zip(tmp_path: Path) -> None:
    import bpy

    archive = package.build(tmp_path, platform="windows-x64", wheels=[make_wheel(tmp_path / "index")])
    checker = Path(bpy.utils.resource_path("LOCAL")) / "scripts" / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    answer = subprocess.run([sys.executable, str(checker), "validate", str(archive)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
