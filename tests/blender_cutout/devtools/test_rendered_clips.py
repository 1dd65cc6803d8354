"""Tests rendered clips: ids match visible objects, thin things and smoke cut them, a seed gives one clip."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from blender_cutout.devtools.rendered_clips.looks import Looks

pytestmark = pytest.mark.bpy

WIDE, TALL = 64, 48
RED, BLUE = (0.8, 0.02, 0.02), (0.02, 0.02, 0.8)


@pytest.fixture
def looks() -> Iterator[Looks]:
    """An empty scene with a camera at the origin that looks along y, and the source of its materials."""
    import bpy

    from blender_cutout.devtools.rendered_clips import clip
    from blender_cutout.devtools.rendered_clips.looks import Looks
    from blender_cutout.devtools.rendered_clips.view import View

    bpy.ops.wm.read_factory_settings(use_empty=True)
    chance = np.random.default_rng(3)
    clip.prepare(View(WIDE, TALL, math.radians(50), 0.0, 1.0), chance, 1)
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.angle = "HORIZONTAL", math.radians(50)
    camera = bpy.data.objects.new("camera", data)
    camera.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    yield Looks(chance, (), 0.8)
    bpy.ops.wm.read_factory_settings(use_empty=True)


def add_ball(material: Any, index: int, x: float, y: float = 6.0) -> None:
    from blender_cutout.devtools.rendered_clips.bodies import add_mesh
    from blender_cutout.devtools.rendered_clips.shapes import ball

    thing = add_mesh(ball(), material)
    thing.location, thing.pass_index = (x, y, 0), index


def add_plane(material: Any, wide: float, tall: float, y: float) -> None:
    from blender_cutout.devtools.rendered_clips.bodies import add_mesh
    from blender_cutout.devtools.rendered_clips.shapes import Shape

    corners = np.array([(-wide, 0, -tall), (wide, 0, -tall), (wide, 0, tall), (-wide, 0, tall)])
    add_mesh(Shape(corners, [(0, 1, 2, 3)]), material, smooth=False).location = (0, y, 0)


def mask_of(folder: Path) -> np.ndarray:
    from blender_cutout.devtools.rendered_clips import clip

    return clip.render_masks(clip.Scene(1, 2, [0.0]), folder)[0]


def test_ids_lie_where_their_objects_are_seen(looks: Looks, tmp_path: Path) -> None:
    from blender_cutout.devtools.rendered_clips import clip

    add_ball(looks.plain(RED), 1, -1.2)
    add_ball(looks.plain(BLUE), 2, 0.0, y=7.5)  # partly behind the other
    scene = clip.Scene(1, 2, [0.0])
    (mask,) = clip.render_masks(scene, tmp_path)
    (picture,) = clip.render_pictures(scene, tmp_path)
    assert set(np.unique(mask)) == {0, 1, 2}
    red, blue = (picture[mask == i].mean(axis=0) for i in (1, 2))
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]
    columns = np.nonzero((mask == 1).any(axis=0))[0]
    half = math.tan(math.radians(25))
    # From its tangents, as the outline of a sphere is not the projection of its widest circle.
    edges = [math.tan(math.atan2(-1.2, 6) + s * math.asin(1 / math.hypot(1.2, 6))) / half for s in (-1, 1)]
    assert columns[0] == pytest.approx((edges[0] + 1) / 2 * WIDE, abs=1.5)
    assert columns[-1] == pytest.approx((edges[1] + 1) / 2 * WIDE, abs=1.5)
    assert os.listdir(tmp_path) == ["00000.jpg"]


def test_a_thin_bar_in_front_cuts_the_mask(looks: Looks, tmp_path: Path) -> None:
    add_ball(looks.plain(RED), 1, 0.0)
    whole = mask_of(tmp_path) == 1
    add_plane(looks.plain(BLUE), 0.03, 3.0, y=2.0)  # two pixels wide
    cut = mask_of(tmp_path) == 1
    row = cut[TALL // 2]
    middle = np.nonzero(~row[whole[TALL // 2]])[0] + np.nonzero(whole[TALL // 2])[0][0]
    assert 1 <= len(middle) <= 3
    assert abs(middle.mean() - (WIDE - 1) / 2) < 1.5
    assert np.array_equal(cut[:, : WIDE // 2 - 3], whole[:, : WIDE // 2 - 3])


def test_thin_smoke_leaves_the_mask_and_thick_smoke_takes_it(looks: Looks, tmp_path: Path) -> None:
    import bpy

    add_ball(looks.plain(RED), 1, 0.0)
    whole = mask_of(tmp_path) == 1
    add_plane(looks.puff((0.5, 0.5, 0.5), 0.3), 1.5, 1.5, y=3.0)
    assert np.array_equal(mask_of(tmp_path) == 1, whole)
    for y in (3.1, 3.2, 3.3, 3.4):  # each lets most through, all of them little
        add_plane(looks.puff((0.5, 0.5, 0.5), 0.3), 0.55, 0.55, y=y)
    smoky = mask_of(tmp_path)
    middle = smoky[TALL // 2 - 3 : TALL // 2 + 3, WIDE // 2 - 3 : WIDE // 2 + 3]
    assert (middle == 0).mean() > 0.5
    assert (smoky[whole] == 1).any()  # the rim of a puff is thin
    assert (smoky[whole] == 255).any()  # between the two nobody can say
    assert not smoky[~whole].any()
    bpy.context.scene.cycles.seed += 1
    assert np.array_equal(mask_of(tmp_path), smoky)  # no ray ends by chance


def test_a_seed_makes_one_clip_and_a_finished_one_stays(tmp_path: Path) -> None:
    from blender_cutout.devtools.rendered_clips import render_clips

    for name in ("a", "b"):
        assert render_clips.make(tmp_path / name, (5, 1), (), 2, ((WIDE, TALL),))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]
    names = sorted(p.relative_to(tmp_path / "a").as_posix() for p in (tmp_path / "a").rglob("*.*"))
    assert names == ["frames/00000.jpg", "frames/00001.jpg", "masks/00000.png", "masks/00001.png"]
    for name in names[2:]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        ids = palette_ids(tmp_path / "a" / name)
        assert ids.shape == (TALL, WIDE)
        assert set(np.unique(ids)) - {0}
    assert render_clips.make(tmp_path / "c", (5, 2), (), 2, ((WIDE, TALL),))
    assert (tmp_path / "c" / names[2]).read_bytes() != (tmp_path / "a" / names[2]).read_bytes()
    (tmp_path / "all" / "rendered__5_00000").mkdir(parents=True)
    render_clips.main(tmp_path / "all", 1, 5, ())
    assert not list((tmp_path / "all" / "rendered__5_00000").iterdir())


def palette_ids(path: Path) -> np.ndarray:
    """Returns the indices of a palette PNG whose rows have no filter."""
    body = path.read_bytes()
    wide, tall, depth, kind = struct.unpack(">IIBB", body[16:26])
    assert (depth, kind) == (8, 3)
    start = body.index(b"IDAT")
    (length,) = struct.unpack(">I", body[start - 4 : start])
    rows = np.frombuffer(zlib.decompress(body[start + 4 : start + 4 + length]), np.uint8).reshape(tall, wide + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def test_the_script_runs_in_a_process_of_its_own_with_pictures(tmp_path: Path) -> None:
    from blender_cutout.devtools.rendered_clips import launch

    (tmp_path / "clips" / "rendered__1_00000").mkdir(parents=True)  # nothing is left to do
    command = [sys.executable, str(launch.SCRIPT), str(tmp_path / "clips"), "1", "1", str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert "0 new clips" in answer.stdout
