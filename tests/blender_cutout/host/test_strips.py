"""Tests which movie frame a strip shows when: the add-on's answer against the number in the rendered picture."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

COUNT = 60
WRITE_MOVIE = """
import sys
from fractions import Fraction
import av, numpy as np

path, source, rate = sys.argv[1], sys.argv[2], int(sys.argv[3])
images = np.load(source)
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=rate, options={"bf": "3", "g": "24", "crf": "10"})
    stream.height, stream.width = images[0].shape[:2]
    stream.pix_fmt = "yuv420p"
    for number, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
"""


def write_movie(path: Path, images: np.ndarray, rate: int = 24) -> Path:
    """An H.264 movie with B-frames; written by the engine's Python, since Blender's has no encoder for it."""
    source = path.with_suffix(".npy")
    np.save(source, images)
    command = [kit.engine_python(), "-I", "-c", WRITE_MOVIE, str(path), str(source), str(rate)]
    subprocess.run(command, check=True, timeout=60)
    return path


def numbered(number: int) -> np.ndarray:
    """A picture with its number in eight black or white blocks, grey elsewhere."""
    image = np.full((64, 160, 3), 128, np.uint8)
    for bit in range(8):
        image[16:48, 20 * bit : 20 * bit + 20] = 255 if number >> bit & 1 else 0
    return image


def number_on(picture: np.ndarray) -> int | None:
    """The number on a rendered picture, None where no clip is shown."""
    if picture[4, 4].max() < 0.2:
        return None
    return sum(1 << bit for bit in range(8) if picture[32, 20 * bit + 10, 0] > 0.5)


@pytest.fixture
def counting(blender: Any, tmp_path: Path) -> Callable[..., Any]:
    """A function: (rate of the scene) → (scene, strip of the counting movie, its 60 frames from timeline frame 10)."""
    movie = write_movie(tmp_path / "Zähler 1.mp4", np.stack([numbered(n) for n in range(COUNT)]))

    def make(fps: int = 24, by_artist: bool = False) -> tuple[Any, Any]:
        from blender_cutout.host import compat

        blender.ops.wm.read_factory_settings(use_empty=True)
        scene = kit.fresh_scene(blender)
        scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 160, 64, fps
        strips = compat.strips(scene.sequence_editor)
        if not by_artist:
            return scene, strips.new_movie("count", str(movie), 1, 10)
        window = blender.context.window_manager.windows[0]
        area = window.screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        region = next(r for r in area.regions if r.type == "WINDOW")
        with blender.context.temp_override(window=window, area=area, region=region):
            blender.ops.sequencer.movie_strip_add(
                filepath=str(movie), frame_start=10, channel=1, sound=False, use_framerate=False
            )
        return scene, strips[0]

    return make


def test_the_computed_clip_frame_is_the_one_that_blender_renders(
    blender: Any, counting: Callable[..., Any], tmp_path: Path
) -> None:
    from blender_cutout.host import compat, strips

    def trimmed(strip: Any) -> None:
        compat.time_set(strip, "frame_offset_start", 5)
        compat.time_set(strip, "frame_offset_end", 7)

    changes: dict[str, Callable[[Any], None]] = {
        "plain": lambda strip: None,
        "moved": lambda strip: compat.time_set(strip, "frame_start", 17),
        "trimmed": trimmed,
        "offset into the file": lambda strip: compat.time_set(strip, "animation_offset_start", 4),
        "held at its ends": lambda strip: compat.time_set(strip, "frame_final_end", 80),
        "reversed": lambda strip: setattr(strip, "use_reverse_frames", True),
        "strobe": lambda strip: setattr(strip, "strobe", 3),
    }
    for name, change in changes.items():
        scene, strip = counting()
        change(strip)
        times = strips.time_map(scene, strip, COUNT)
        frames = sorted({9, 10, 11, 20, 33, times.left, times.right - 1, times.right})
        shown = {f: number_on(kit.render_frame(blender, scene, f, tmp_path / "r")) for f in frames}
        assert {f: times.clip_frame(f) for f in frames} == shown, name


def test_a_clip_added_by_script_to_a_scene_of_another_rate_plays_frame_by_frame(
    blender: Any, counting: Callable[..., Any], tmp_path: Path
) -> None:
    from blender_cutout.host import strips

    scene, strip = counting(fps=30)
    times = strips.time_map(scene, strip, COUNT)
    assert times.rate == 1.0
    for frame in (10, 11, 40, 69):
        assert times.clip_frame(frame) == number_on(kit.render_frame(blender, scene, frame, tmp_path / "r"))


def test_a_clip_added_by_the_artist_to_a_scene_of_another_rate_plays_in_real_time(
    blender: Any, counting: Callable[..., Any], tmp_path: Path
) -> None:
    from blender_cutout.host import compat, strips

    if not compat.BEFORE_5_0:
        # Adding strips as the artist does crashes these Blenders in background mode, and what they show with a rate
        # depends on what was rendered before: the add-on warns. Nothing to be compared.
        return
    scene, strip = counting(fps=30, by_artist=True)
    times = strips.time_map(scene, strip, COUNT)
    assert times.rate == pytest.approx(0.8)
    assert times.right - times.left == 75
    for frame in (10, 11, 12, 13, 40, 83, 84):
        assert times.clip_frame(frame) == number_on(kit.render_frame(blender, scene, frame, tmp_path / "r"))


def test_a_trimmed_movie_gets_every_mask_on_its_own_frame(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import compat, storage
    from blender_cutout.host.output import mask_strip

    images = np.full((kit.LENGTH, kit.HEIGHT, kit.WIDTH, 3), 100, np.uint8)
    for n, image in enumerate(images):
        image[kit.truth(n) > 0.5] = (220, 40, 40)
    movie = write_movie(tmp_path / "film.mp4", images)
    scene = kit.fresh_scene(blender, kit.LAYOUTS["plain"])
    strip = compat.strips(scene.sequence_editor).new_movie("film", str(movie), 2, 1)
    compat.time_set(strip, "frame_offset_start", 2)
    compat.time_set(strip, "frame_offset_end", 3)
    scene.sequence_editor.active_strip = strip
    scene.frame_set(5)
    for step in ("new", "auto", "propagate", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    track = scene.cutout.tracks[0]
    assert track.frame_count == kit.LENGTH
    assert track.done_count == kit.LENGTH - 5, "frames that the strip does not show cost no time"
    assert track.keyframes == "5"
    folder = mask_strip.folder_of(storage.resolve(track.folder, blender.data.filepath))
    files = sorted(folder.iterdir())
    assert len(files) == kit.LENGTH - 5
    for number, file in enumerate(files):
        matte = kit.load_picture(blender, file)[..., 0] > 0.5
        overlap = {n: (matte & (kit.truth(n) > 0.5)).sum() for n in range(kit.LENGTH)}
        assert max(overlap, key=lambda n: overlap[n]) == number + 2
