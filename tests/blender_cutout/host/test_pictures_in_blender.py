"""Tests EXR, DPX, TGA and deep pictures: the engine sees what Blender shows, or the panel says why not."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pictures_kit
import pytest

pytestmark = pytest.mark.bpy

PLAIN, LAYERED = sorted(pictures_kit.PICTURES), sorted(pictures_kit.LAYERED)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of `pictures_kit`, and what the engine reads from them."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([kit.engine_python(), str(Path(pictures_kit.__file__)), str(folder)], check=True)
    return folder


@pytest.fixture
def scene() -> Iterator[Any]:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = kit.fresh_scene(bpy)
    scene.render.resolution_x, scene.render.resolution_y = pictures_kit.WIDTH, pictures_kit.HEIGHT
    yield scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


def add(scene: Any, path: Path) -> Any:
    """Adds the picture over black, as a clip of one frame."""
    from blender_cutout.host import compat

    strips = compat.strips(scene.sequence_editor)
    black = strips.new_effect("black", "COLOR", 1, 1, **({"frame_end": 9} if compat.BEFORE_5_0 else {"length": 8}))
    black.color = (0, 0, 0)
    strip = strips.new_image("clip", str(path), 2, 1)
    strip.blend_type = "ALPHA_OVER"
    return strip


def check_same(scene: Any, read: np.ndarray, folder: Path) -> None:
    """Asserts that the picture rendered over black equals the engine's reading."""
    import bpy

    shown = kit.render_frame(bpy, scene, 1, folder) * 255
    expected = read[..., :3] * (read[..., 3:] / 255.0)
    assert np.abs(shown - expected)[1:].max() < 2  # row 0 is brighter than 1, which 8 bits do not hold
    assert expected.max() - expected.min() > 100 or not expected.std()


@pytest.mark.parametrize("name", PLAIN)
def test_the_engine_sees_what_blender_shows(name, pictures, scene, tmp_path):
    from blender_cutout.host import strip_source

    strip = add(scene, pictures / name)
    assert strip_source.source(scene, strip).reason == ""
    check_same(scene, np.load(pictures / f"{name}.npy"), tmp_path)


@pytest.mark.parametrize("name", LAYERED)
def test_of_layers_and_parts_the_engine_takes_the_one_that_blender_shows(name, pictures, scene, tmp_path):
    import bpy

    from blender_cutout.core.errors import StripError
    from blender_cutout.host import strip_source

    strip = add(scene, pictures / name)
    if bpy.app.version < (4, 5):
        with pytest.raises(StripError, match="shows nothing of the strip's picture"):
            strip_source.source(scene, strip)
        return
    assert strip_source.source(scene, strip).reason == ""
    check_same(scene, np.load(pictures / f"{name}.npy"), tmp_path)


def test_windows_of_different_sizes_ask_for_rendered_frames(blender, tmp_path):
    from blender_cutout.host import compat, frame_plan

    folder = tmp_path / "shot"
    folder.mkdir()
    script = (
        f"import sys; sys.path.insert(0, {str(Path(pictures_kit.__file__).parent)!r})\n"
        "import pictures_kit as kit; from pathlib import Path\n"
        "for n in range(3):\n"
        f"    kit.write(Path({str(folder)!r}, f'{{n}}.exr'), kit.light()[: 12 + n], window=(0, 0, 80, 60))\n"
    )
    subprocess.run([kit.engine_python(), "-c", script], check=True)
    scene = kit.fresh_scene(blender)
    strip = add(scene, folder / "0.exr")
    for n in (1, 2):
        strip.elements.append(f"{n}.exr")
    scene.sequence_editor.active_strip = strip
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project.blend"))
    scene.sequence_editor.active_strip = compat.strips(scene.sequence_editor)["clip"]
    with contextlib.suppress(RuntimeError):  # an operator's error message
        blender.ops.cutout.new()
    assert "data windows of different sizes" in frame_plan.needed(scene, scene.cutout.tracks[0])
    assert "data windows of different sizes" in frame_plan.plan(scene, scene.cutout.tracks[0]).reason


def test_a_mask_cuts_an_exr_as_exactly_as_any_clip(pictures, scene, tmp_path):
    import bpy

    from blender_cutout.host import strips
    from blender_cutout.host.output import mask_strip

    strip = add(scene, pictures / "float.exr")
    uuid = strips.tag(strip)
    folder = tmp_path / "masks"
    folder.mkdir()
    kit.write_png(folder / "000001.png", np.full((pictures_kit.HEIGHT, pictures_kit.WIDTH), 128, np.uint8))
    mask_strip.write(scene, strips.find(scene, uuid, "clip"), uuid, "clip", folder, 1)
    shown = kit.render_frame(bpy, scene, 1, tmp_path) * 255
    expected = np.load(pictures / "float.exr.npy")[..., :3] * (128 / 255)
    assert np.abs(shown - expected)[1:].max() < 2


def test_the_cutout_of_linear_light_is_shown_like_the_light_itself(pictures, scene, tmp_path):
    import bpy

    from blender_cutout.host import strips
    from blender_cutout.host.output import rgba_strip

    strip = add(scene, pictures / "half.exr")
    expected = kit.render_frame(bpy, scene, 1, tmp_path / "clip")
    (tmp_path / "matte-cutout").mkdir()
    shutil.copyfile(pictures / "half.exr", tmp_path / "matte-cutout" / "000001.exr")
    strips.tag(strip)
    place = next(p for p in strips.places(scene.sequence_editor) if p.strip == strip)
    assert rgba_strip.write(scene, place, "track", "Object", tmp_path / "matte-cutout", 1)
    assert strip.mute
    shown = kit.render_frame(bpy, scene, 1, tmp_path / "cutout")
    assert np.abs(shown - expected).max() * 255 < 1.5
