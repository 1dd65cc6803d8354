"""The picture that Blender renders at each frame of a movie strip is the one that the add-on says, for all kinds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bpy_kit as kit
import clips_kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy
bpy = pytest.importorskip("bpy")

SIZE = (128, 64)
BITS = 8


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The movies of `clips_kit`, and what the engine says of them."""
    folder = tmp_path_factory.mktemp("movies")
    script = Path(clips_kit.__file__)
    subprocess.run([kit.engine_python(), str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def scene() -> Iterator[object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = kit.fresh_scene(bpy)
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    yield scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


def number_on(picture: np.ndarray) -> int:
    """The number of `fakes.numbered` on a rendered picture (h, w, 3) in [0, 1]."""
    block = SIZE[0] // BITS
    middle = picture[SIZE[1] // 2, block // 2 :: block, 1]
    return sum(1 << bit for bit in range(BITS) if middle[bit] > 0.5)


@pytest.mark.parametrize("name", sorted(clips_kit.CLIPS))
def test_every_strip_frame_has_the_picture_that_blender_renders(name, movies, scene, tmp_path):
    from blender_cutout.core.errors import StripError
    from blender_cutout.host import compat, strips

    facts = json.loads((movies / "facts.json").read_text(encoding="utf-8"))[name]
    strip = compat.strips(scene.sequence_editor).new_movie("clip", str(movies / name), 2, 1)
    uuid = strips.tag(strip)
    strips.keep_shown(scene, uuid, facts["shown"])
    if name in clips_kit.UNTOLD:
        with pytest.raises(StripError, match="Render Frames"):
            strips.time_map(scene, strip, len(facts["numbers"]))
        return
    times = strips.time_map(scene, strip, len(facts["numbers"]))
    said, rendered = [], []
    for frame in range(times.left, times.right):
        said.append(facts["numbers"][times.clip_frame(frame)])
        rendered.append(number_on(kit.render_frame(bpy, scene, frame, tmp_path)))
    assert said == rendered
    assert len(set(said)) > clips_kit.COUNT // 2
