"""Tests the way from strokes to the rendered composite, in Blender, with the real engine process and fake networks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from blender_cutout.host.contents import picture_name

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
RENDER_ALONE = """
import os, sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
assert not hasattr(bpy.types.Scene, "cutout")
scene = bpy.context.scene
scene.frame_start = scene.frame_end = int(sys.argv[2])
scene.render.filepath = sys.argv[3]
bpy.ops.render.render(animation=True)
"""


def cut_out(bpy: Any) -> None:
    """Does what an artist does."""
    assert bpy.ops.cutout.new() == {"FINISHED"}
    assert bpy.ops.cutout.apply_strokes() == {"FINISHED"}
    assert bpy.ops.cutout.propagate(direction="BOTH") == {"FINISHED"}
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}


def written_matte(bpy: Any, scene: Any, index: int) -> np.ndarray:
    """Returns the mask on disk for the strip's index-th timeline frame."""
    from blender_cutout.host import storage
    from blender_cutout.host.output import mask_strip

    folder = mask_strip.folder_of(storage.resolve(scene.cutout.tracks[0].folder, bpy.data.filepath))
    return kit.load_picture(bpy, folder / picture_name(index))[..., 0]


def assert_composite(render: np.ndarray, layout: kit.Layout, frame: int, matte: np.ndarray) -> None:
    """Asserts that the render is the clip's frame through this matte: colours, and position to a fifth of a pixel."""
    wanted, alpha = kit.composite(layout, kit.picture(frame), matte)
    error = np.abs(render - wanted).max(axis=-1)
    # From 5.0 on Blender resamples the mask twice: soft edges are a little softer, but nothing moves.
    assert (error > 64 / 255).mean() < 0.001
    assert error.mean() < 1.5 / 255
    assert centre(1 - likeness(render, kit.GREEN)) == pytest.approx(centre(1 - likeness(wanted, kit.GREEN)), abs=0.2)
    assert alpha.sum() > 500, "the object must be in the picture for this to mean anything"


def likeness(image: np.ndarray, colour: tuple[float, ...]) -> np.ndarray:
    """Returns (h, w) in [0, 1]: 1 where the picture has that colour."""
    return np.clip(1 - np.abs(image - colour).max(axis=-1) / 0.3, 0, 1)


def centre(weights: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return float((x * weights).sum() / weights.sum()), float((y * weights).sum() / weights.sum())


@pytest.mark.parametrize("name", kit.LAYOUTS)
def test_strokes_become_a_composite_with_the_right_pixels(
    blender: Any, project: Project, tmp_path: Path, name: str
) -> None:
    scene, strip = project(name)
    layout = kit.LAYOUTS[name]
    cut_out(blender)
    assert strip.modifiers[0].type == "MASK"
    for frame in (0, 5, kit.LENGTH - 1):
        matte = written_matte(blender, scene, frame)
        truth = kit.truth(frame) > 0.5
        assert ((matte > 0.5) & truth).sum() / ((matte > 0.5) | truth).sum() > 0.9
        render = kit.render_frame(blender, scene, layout.start + frame, tmp_path / "render")
        assert_composite(render, layout, frame, matte)


def test_a_blender_without_the_add_on_renders_the_same_pixels(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = project("transformed")
    frame = kit.LAYOUTS["transformed"].start + 7
    cut_out(blender)
    blender.ops.wm.save_mainfile()
    with_add_on = kit.render_frame(blender, scene, frame, tmp_path / "with")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "another user")}
    script = tmp_path / "alone.py"
    script.write_text(RENDER_ALONE, encoding="utf-8")
    command = [sys.executable, str(script), blender.data.filepath, str(frame), str(tmp_path / "without") + "/"]
    subprocess.run(command, check=True, env=environment, timeout=120, stdout=subprocess.DEVNULL)
    without = kit.load_picture(blender, tmp_path / "without" / f"{frame:04d}.png")
    assert np.array_equal(with_add_on, without)
