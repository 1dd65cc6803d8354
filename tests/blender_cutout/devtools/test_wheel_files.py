"""Tests the zips that bring their libraries: the right wheels, as listed, and a manifest that names them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.devtools import package, wheel_facts, wheel_files
from blender_cutout.environment import pinned_files
from blender_cutout.environment.pinned_files import Pinned

NAME = "cutout_first-1.0-cp311-abi3-win_amd64.whl"


def make_wheel(folder: Path, name: str = NAME, text: str = "", licence: str = "MIT License") -> Path:
    """A wheel with nothing but its metadata and its licence."""
    folder.mkdir(exist_ok=True)
    project, version, *tag = name.removesuffix(".whl").split("-")
    info = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as archive:
        head = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nLicense: {licence}\n{text}"
        archive.writestr(f"{info}/METADATA", head)
        archive.writestr(f"{info}/LICENSE.txt", "Permission is hereby granted")
        archive.writestr("cutout_first.libs/libx264-d6533a8d.so.165", "")
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
    assert pythons == ({"cp311"} if platform == "macos-x64" else {"cp311", "cp313", "cp314"})


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


def test_the_zip_holds_its_wheels_licences_and_the_manifest_names_them(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index")
    archive = package.build(tmp_path, platform="windows-x64", wheels=[wheel], website="https://example.org/cutout")
    with zipfile.ZipFile(archive) as opened:
        assert opened.read("licences/cutout_first-1.0/LICENSE.txt") == b"Permission is hereby granted"
        assert "cutout_first 1.0: MIT" in opened.read("licences/README.txt").decode()
        assert "with x264" in opened.read("licences/README.txt").decode()
        opened.extract(package.MANIFEST, tmp_path)
    manifest = package.read_toml(tmp_path / package.MANIFEST)
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later", "SPDX:MIT"]
    assert manifest["website"] == "https://example.org/cutout"


def test_a_wheel_of_unknown_licence_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "index", licence="Ask us")
    with pytest.raises(EnvironmentMissing, match="licence as 'Ask us'"):
        package.build(tmp_path, platform="windows-x64", wheels=[wheel])
    wheel.write_bytes(b"torn")
    with pytest.raises(EnvironmentMissing, match="cannot be read as a wheel"):
        package.build(tmp_path, platform="windows-x64", wheels=[wheel])


def test_a_website_is_an_address(tmp_path: Path) -> None:
    with pytest.raises(package.PackageError, match="not the address of a web page"):
        package.build(tmp_path, website='x" # here')
    assert not list(tmp_path.iterdir())


def test_whoever_builds_sees_sizes_licences_and_pythons(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, f"cutout_first-1.0-cp3{n}-cp3{n}-win_amd64.whl") for n in (11, 9, 14)]
    lines = wheel_facts.summary([wheel_facts.read(path) for path in wheels], wheel_files.notes("macos-x64"))
    assert "0.0 MB  MIT" in lines[0]
    assert "Python 3.9, 3.11, 3.14" in lines[3]
    assert "ONNX Runtime has no wheel for Python 3.14" in lines[4]


@pytest.mark.bpy
def test_blenders_own_checker_accepts_a_platforms_zip(tmp_path: Path) -> None:
    import bpy

    wheels, page = [make_wheel(tmp_path / "index")], "https://example.org/cutout"
    archive = package.build(tmp_path, platform="windows-x64", wheels=wheels, website=page)
    scripts = Path(bpy.utils.resource_path("LOCAL")) / "scripts"
    checker = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    command = [sys.executable, str(checker), "validate", f"--valid-tags={tags}", str(archive)]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "rror" not in answer.stdout + answer.stderr
