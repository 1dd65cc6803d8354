"""Tests that Blender renders the frame that the add-on predicts at each frame of a movie strip, for all kinds."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy_kit as kit
import clips_kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

SIZE = (128, 64)
BITS = 8


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The movies of `clips_kit`, and what the engine reports for each."""
    folder = tmp_path_factory.mktemp("movies")
    script = Path(clips_kit.__file__)
    subprocess.run([kit.engine_python(), str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def scene() -> Iterator[object]:
    import bpy

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
    import bpy

    from blender_cutout.core.errors import StripError
    from blender_cutout.host import compat, strips

    facts = json.loads((movies / "facts.json").read_text(encoding="utf-8"))[name]
    strip = compat.strips(scene.sequence_editor).new_movie("clip", str(movies / name), 2, 1)
    uuid = strips.tag(strip)
    strips.keep_shown(scene, uuid, facts["shown"], facts["turned"])
    if name in clips_kit.UNTOLD or (facts["turned"] and compat.IGNORES_ROTATION):
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


def change(strip: Any, name: str) -> None:
    """What an artist may do to a strip."""
    from blender_cutout.host import compat

    if name == "trimmed":
        compat.time_set(strip, "frame_offset_start", 5)
        compat.time_set(strip, "frame_offset_end", 7)
    elif name == "offset into the file":
        compat.time_set(strip, "animation_offset_start", 14)
    elif name == "held at its end":
        compat.time_set(strip, "frame_final_end", 60)
    elif name == "reversed":
        strip.use_reverse_frames = True
    elif name == "strobe":
        strip.strobe = 3


@pytest.mark.parametrize("how", ["trimmed", "offset into the file", "held at its end", "reversed", "strobe"])
def test_a_variable_rate_goes_with_trims_reverse_and_strobe(how, movies, scene, tmp_path):
    import bpy

    from blender_cutout.host import compat, strips

    facts = json.loads((movies / "facts.json").read_text(encoding="utf-8"))["phone.mp4"]
    strip = compat.strips(scene.sequence_editor).new_movie("clip", str(movies / "phone.mp4"), 2, 1)
    strips.keep_shown(scene, strips.tag(strip), facts["shown"])
    change(strip, how)
    times = strips.time_map(scene, strip, len(facts["numbers"]))
    frames = range(times.left, times.right, 3)
    said = {frame: facts["numbers"][times.clip_frame(frame)] for frame in frames}
    assert said == {frame: number_on(kit.render_frame(bpy, scene, frame, tmp_path)) for frame in frames}


def test_a_variable_rate_in_a_scene_of_another_rate_is_shown_in_real_time(movies, scene, tmp_path):
    import bpy
    from frames_kit import in_timeline

    from blender_cutout.host import compat, strips

    if not compat.BEFORE_5_0:
        return  # adding strips as the artist does crashes these Blenders in background mode
    facts = json.loads((movies / "facts.json").read_text(encoding="utf-8"))["phone.mp4"]
    scene.render.fps = 24
    with in_timeline(bpy):
        path = str(movies / "phone.mp4")
        bpy.ops.sequencer.movie_strip_add(filepath=path, frame_start=1, channel=1, sound=False, use_framerate=False)
    strip = compat.strips(scene.sequence_editor)[0]
    strips.keep_shown(scene, strips.tag(strip), facts["shown"])
    times = strips.time_map(scene, strip, len(facts["numbers"]))
    assert times.rate == pytest.approx(1.25)
    frames = range(times.left, times.right, 3)
    said = {frame: facts["numbers"][times.clip_frame(frame)] for frame in frames}
    assert said == {frame: number_on(kit.render_frame(bpy, scene, frame, tmp_path)) for frame in frames}


def new_cutout(blender: Any, movie: Path, folder: Path) -> tuple[Any, Any]:
    """(scene, strip) of a movie after New Cutout."""
    from blender_cutout.host import compat

    scene = kit.fresh_scene(blender)
    strip = compat.strips(scene.sequence_editor).new_movie("clip", str(movie), 2, 1)
    scene.sequence_editor.active_strip = strip
    blender.ops.wm.save_as_mainfile(filepath=str(folder / "project.blend"))
    strip = compat.strips(scene.sequence_editor)["clip"]
    with contextlib.suppress(RuntimeError):  # an operator's error message
        blender.ops.cutout.new()
    return scene, strip


def test_new_cutout_learns_what_blender_shows(movies, blender, tmp_path):
    from blender_cutout.host import strips

    facts = json.loads((movies / "facts.json").read_text(encoding="utf-8"))
    scene, strip = new_cutout(blender, movies / "dropped.mp4", tmp_path)
    assert strips.shown_of(strip) == facts["dropped.mp4"]["shown"]
    assert scene.cutout.tracks[0].frame_count == 38
    assert strips.time_map(scene, strip, 38).clip_frame(9) == 6


def test_a_clip_of_a_constant_rate_needs_no_word(movies, blender, tmp_path):
    from blender_cutout.host import strips

    _, strip = new_cutout(blender, movies / "even.mp4", tmp_path)
    assert strips.SHOWN_KEY not in strip


def test_new_cutout_asks_for_rendered_frames_where_no_rule_is_exact(movies, blender, tmp_path):
    from blender_cutout.host import frame_plan

    scene, _ = new_cutout(blender, movies / "joined.ts", tmp_path)
    assert "run backwards" in frame_plan.needed(scene, scene.cutout.tracks[0])
    assert "run backwards" in frame_plan.plan(scene, scene.cutout.tracks[0]).reason
