"""Tests the zip that brings its engine as an artist meets it: dropped in, no set-up, no network, no PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy_kit as kit
import numpy as np
import pytest
import zip_kit

from blender_cutout.formats.png import read_grey

pytestmark = pytest.mark.bpy

REMAINS = ("cutout", "onnxruntime", "cv2", "engine", "tier.json")
JOURNEY = (
    zip_kit.PROJECT
    + """
install(sys.argv[1])
assert addon_utils.check(MODULE) == (True, True), addon_utils.check(MODULE)
scene, strip = project(sys.argv[2])
for step in ("new", "apply_strokes"):
    assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}, step
track = scene.cutout.tracks[0]
assert track.keyframe_count == 1
assert bpy.ops.cutout.propagate(direction="BOTH") == {"FINISHED"}
assert bpy.ops.cutout.write_strips() == {"FINISHED"}
modifier, = strip.modifiers
print("MASKS", bpy.path.abspath(modifier.input_mask_strip.directory))
print("ENGINE", ours("environment.engine_place").find_engine().libraries)
print("PROCESS", sorted({name.partition(".")[0] for name in sys.modules} & {"onnxruntime", "cv2", "av", "torch"}))
venv, own_folder = ours("environment.venv"), ours("environment.own_folder")
own_folder.keep(venv.engine_folder())  # as if an engine for the graphics card had been set up once
(venv.environment_folder() / "tier.json").write_text("{}")
assert bpy.ops.cutout.remove_everything() == {"FINISHED"}
print("SAYS", bpy.context.window_manager.cutout.text, bpy.context.window_manager.cutout.hint)
repos = bpy.context.preferences.extensions.repos
place = next(n for n, repo in enumerate(repos) if repo.module == "user_default")
bpy.ops.extensions.package_uninstall(repo_index=place, pkg_id="blender_cutout")
assert not hasattr(bpy.types.Scene, "cutout")
print("DONE")
"""
)


@pytest.fixture(scope="module")
def archive() -> Iterator[Path]:
    with zip_kit.built_zip() as path:
        yield path


@pytest.mark.timeout(290)
def test_from_the_zip_to_written_strips_with_nothing_else_on_the_machine(archive: Path, tmp_path: Path) -> None:
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, JOURNEY, archive, tmp_path)
        assert str(home / "blender" / "extensions") in zip_kit.said(output, "ENGINE")
        assert zip_kit.said(output, "PROCESS") == "[]", "a crash of the engine's libraries must not be Blender's"
        folder = Path(zip_kit.said(output, "MASKS"))
        assert tmp_path / "film_cutout" in folder.parents
        assert folder.is_dir()
        masks = [read_grey(path) > 127 for path in sorted(folder.glob("*.png"))]
        assert len(masks) == kit.LENGTH
        for frame, mask in enumerate(masks):
            truth = kit.truth(frame) > 0.5
            assert (mask & truth).sum() / (mask | truth).sum() > 0.85, f"frame {frame}"
            assert np.abs(mask.sum() / truth.sum() - 1) < 0.15
        assert "next to your .blend files" in zip_kit.said(output, "SAYS")
        left = [path for path in home.rglob("*") if any(word in path.name for word in REMAINS)]
        assert not left, "uninstalled, nothing stays but the artist's masks"


UNSAVED = (
    zip_kit.PROJECT.replace("    bpy.ops.wm.save_as_mainfile", "    dict")
    + """
install(sys.argv[1])
scene, strip = project(sys.argv[2])
for step in ("new", "apply_strokes"):
    assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}, step
print("FOLDER", scene.cutout.tracks[0].folder)
assert bpy.ops.cutout.remove_everything() == {"FINISHED"}
print("SAYS", bpy.context.window_manager.cutout.hint)
repos = bpy.context.preferences.extensions.repos
place = next(n for n, repo in enumerate(repos) if repo.module == "user_default")
bpy.ops.extensions.package_uninstall(repo_index=place, pkg_id="blender_cutout")
print("DONE")
"""
)


@pytest.mark.timeout(290)
def test_masks_of_a_file_that_was_never_saved_outlive_the_add_on_and_are_named(archive: Path, tmp_path: Path) -> None:
    with zip_kit.bare_machine() as home:
        output = zip_kit.run_blender(home, UNSAVED, archive, tmp_path)
        folder = Path(zip_kit.said(output, "FOLDER"))
        assert home in folder.parents, "the file was not saved"
        assert str(folder.parent) in zip_kit.said(output, "SAYS")
        masks = list(folder.rglob("mattes/*/*.png"))
        assert len(masks) == 1
        assert (read_grey(masks[0]) > 127).any()
