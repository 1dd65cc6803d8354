"""Tests phone clips with a rotation flag: Blender and the engine show the same, or the frames are rendered."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from tests.blender_cutout.host.test_strips import write_movie

pytestmark = pytest.mark.bpy
MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def turned(path: Path, degrees: int) -> Path:
    """A movie of the clip with a rotation flag, as phones write it."""
    write_movie(path, np.stack([kit.picture(n) for n in range(kit.LENGTH)]))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    place = at + (52 if data[at] == 1 else 40)
    a, b, c, d = (v << 16 for v in MATRICES[degrees])
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("degrees", sorted(MATRICES))
def test_the_mask_lies_on_the_object_however_the_clip_is_turned(blender: Any, tmp_path: Path, degrees: int) -> None:
    from blender_cutout.core.messages import ApplyRound
    from blender_cutout.formats import movie_rotation
    from blender_cutout.host import compat, rendered_frames, strips
    from blender_cutout.tasks import jobs

    movie = turned(tmp_path / "Handy.mp4", degrees)
    assert movie_rotation.rotation_of(movie) == degrees
    scene = kit.fresh_scene(blender)
    scene.render.resolution_x = scene.render.resolution_y = 260
    strip = compat.strips(scene.sequence_editor).new_movie("phone", str(movie), 2, 1)
    scene.sequence_editor.active_strip = strip
    scene.frame_set(5)
    assert blender.ops.cutout.new() == {"FINISHED"}
    if compat.IGNORES_ROTATION and degrees:
        assert f"rotated by {degrees}°" in blender.context.window_manager.cutout.text
        assert blender.ops.cutout.render_frames() == {"FINISHED"}
        assert rendered_frames.rendered_frames_of(strip) is not None
    else:
        assert rendered_frames.rendered_frames_of(strip) is None
    track = scene.cutout.tracks[0]
    render = kit.render_frame(blender, scene, 5, tmp_path / "r")
    red = (render[..., 0] > 0.7) & (render[..., 1] < 0.4)
    ys, xs = np.nonzero(red)
    middle = (xs.mean() + 0.5, ys.mean() + 0.5)
    nearest = np.argmin((xs + 0.5 - middle[0]) ** 2 + (ys + 0.5 - middle[1]) ** 2)
    picture = strips.picture_map(scene, strip, (track.width, track.height))
    point = picture.to_source((xs[nearest] + 0.5 - 130, 130 - ys[nearest] - 0.5))
    stroke = {"label": "keep", "radius": 3.0, "points": [list(point)]}
    uuid = track.uuid
    jobs.wait(jobs.submit(scene, track, "Drawing", lambda wire: ApplyRound(wire, uuid, 4, (stroke,))), 60)
    for step in ("propagate", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    cut = kit.render_frame(blender, scene, 9, tmp_path / "r")
    compat.strips(scene.sequence_editor)["phone"].modifiers[0].mute = True
    whole = kit.render_frame(blender, scene, 9, tmp_path / "r")
    seen = (whole[..., 0] > 0.7) & (whole[..., 1] < 0.4)
    left = cut.max(axis=-1) > 0.3
    assert (seen & left).sum() / (seen | left).sum() > 0.9
