"""Tests zips and machines on which the zip that brings its engine cannot work: one clear message each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zip_kit

from blender_cutout.devtools import package, wheel_files
from tests.blender_cutout.devtools.test_repository import checkout
from tests.blender_cutout.devtools.test_wheel_files import make_wheel

pytestmark = [pytest.mark.bpy, pytest.mark.timeout(290)]

REFUSED = """
try:
    install(sys.argv[1])
except RuntimeError as error:
    print("SAYS", " ".join(str(error).split()))
print("ENABLED", addon_utils.check(MODULE))
print("DONE")
"""
BROKEN = (
    zip_kit.PROJECT
    + """
import shutil
install(sys.argv[1])
libraries = ours("environment.engine_place").extension_libraries()
status = lambda: bpy.context.window_manager.cutout
def tell(name):
    try:
        bpy.ops.cutout.new()
        bpy.ops.cutout.apply_strokes()
    except RuntimeError as error:
        print(name, " ".join(str(error).split()), "|", status().text, "|", status().hint)
    else:
        print(name, "nothing |", status().text, "|", status().hint)
    ours("tasks.jobs").close()
user = Path(bpy.utils.user_resource("EXTENSIONS")) / ".user"
shutil.rmtree(user, ignore_errors=True)
user.write_text("no folder can be made here")  # as for whoever may not write: the tests may run as root
project(sys.argv[2])
tell("READONLY")
user.unlink()
try:
    assert bpy.ops.cutout.check_installation() == {"FINISHED"}
finally:
    print("CHECK", ours("tasks.engine_setup").setup.installer.progress)
ours("tasks.jobs").close()
program = next((libraries / "onnxruntime" / "capi").glob("onnxruntime_pybind11_state*"))
program.write_bytes(program.read_bytes()[:100_000])
tell("TORN")
shutil.rmtree(libraries / "onnxruntime")
importlib.invalidate_caches()
tell("MISSING")
print("DONE")
"""
)


@pytest.fixture(scope="module")
def archive() -> Iterator[Path]:
    with zip_kit.built_zip() as path:
        yield path


def test_half_an_engine_and_a_folder_that_cannot_be_written(archive: Path, tmp_path: Path) -> None:
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, BROKEN, archive, tmp_path)
    assert "cannot write into Blender's folder for extensions" in zip_kit.said(output, "READONLY")
    assert "phase='done'" in zip_kit.said(output, "CHECK")
    assert "tier " in zip_kit.said(output, "CHECK"), "this machine was timed"
    assert "A library that the engine loads is incomplete" in zip_kit.said(output, "TORN")
    assert "install it again" in zip_kit.said(output, "TORN")
    assert "not complete (onnxruntime is missing)" in zip_kit.said(output, "MISSING")
    assert "install the zip for this system again" in zip_kit.said(output, "MISSING")


def test_a_zip_for_another_system_python_or_blender_is_refused_by_blender(tmp_path: Path) -> None:
    root = checkout(tmp_path / "root", "1.0.0")
    here = wheel_files.platform_here()
    other = "macos-arm64" if here != "macos-arm64" else "windows-x64"
    tag = {"windows-x64": "win_amd64", "macos-arm64": "macosx_11_0_arm64"}.get(here, "manylinux_2_28_x86_64")
    old = make_wheel(tmp_path, f"cutout_first-1.0-cp38-cp38-{tag}.whl")
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, REFUSED, package.build(tmp_path, root, other))
    assert "(False, False)" in zip_kit.said(output, "ENABLED")
    assert other in output
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, REFUSED, package.build(tmp_path, root, here, [old]))
    assert "(False, False)" in zip_kit.said(output, "ENABLED")
    assert "3.8" in output
    manifest = root / "blender_cutout" / package.MANIFEST
    manifest.write_text(manifest.read_text().replace('"4.2.0"', '"9.9.0"'))
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, REFUSED, package.build(tmp_path, root, here))
    assert "(False, False)" in zip_kit.said(output, "ENABLED")
    assert "9.9.0" in output
