"""Tests how the overlay shows several objects."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from overlay_kit import cut, texture

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def test_all_visible_objects_are_shown_each_in_its_colour_and_read_once(
    blender: Any, project: Project, files: list[str]
) -> None:
    from blender_cutout.geometry.mask_looks import TINT, look
    from blender_cutout.ui import mask_layers, mask_overlay

    scene, _ = project()
    cut(blender, "propagate")
    for _ in range(2):
        blender.ops.cutout.new()
        blender.ops.cutout.auto()
        blender.ops.cutout.propagate()
    first, second, third = scene.cutout.tracks
    scene.cutout.mask_view = TINT
    seen = mask_overlay.Overlay()

    def drawn() -> list[Any]:
        found, picture = mask_layers.find_layers(scene)
        assert (picture is None) == (not found)
        for layer in found:
            assert texture(seen, *layer.files) is not None
        return [layer.look for layer in found]

    looks = [look(TINT, tuple(track.colour), scene.cutout.mask_opacity) for track in scene.cutout.tracks]
    assert len(set(looks)) == 3
    assert drawn() == looks
    assert drawn() == looks
    assert files == ["000004.png"] * 3, "one for each, however often it is drawn"
    second.visible = False
    assert drawn() == [looks[0], looks[2]]
    second.solo = True
    assert drawn() == [looks[1]]
    second.solo = False
    scene.frame_set(scene.frame_current + 1)
    assert drawn() == [looks[0], looks[2]]
    assert files[3:] == ["000005.png"] * 2, "nothing is read that is not shown"
    first.visible = third.visible = False
    assert drawn() == []


@pytest.mark.parametrize("view", ["CHECKER", "GREY"])
def test_what_covers_the_picture_leaves_all_visible_objects_free(
    blender: Any, project: Project, files: list[str], view: str
) -> None:
    from blender_cutout.ui import mask_layers, mask_overlay

    scene, _ = project()
    cut(blender)
    blender.ops.cutout.new()
    blender.ops.cutout.auto()
    scene.cutout.mask_view = view
    (layer,), _ = mask_layers.find_layers(scene)
    masks = []
    for path in layer.files:
        left = np.zeros((kit.HEIGHT, kit.WIDTH), np.uint8)
        left[:, len(masks) * 100 : len(masks) * 100 + 60] = 200 if masks else 255
        kit.write_png(path, left)
        masks.append(left)
    shown = texture(mask_overlay.Overlay(), *layer.files)
    np.testing.assert_array_equal(shown.texture, masks[0] + masks[1])
    assert len(files) == 2
    kit.write_png(layer.files[0], np.full((kit.HEIGHT, kit.WIDTH), 100, np.uint8))
    os.utime(layer.files[0], ns=(1, 1))
    assert texture(mask_overlay.Overlay(), *layer.files).texture.max() == 255, "a pixel that both claim counts once"
