"""Tests that the engine sees the colours of movies as Blender shows them, of any matrix, range and depth."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

PATCH = 32
COLOURS = ((255, 255, 255), (0, 0, 0), (128, 128, 128), (220, 40, 40), (40, 190, 60), (30, 60, 200), (230, 210, 40))
X264 = {"qp": "1", "preset": "ultrafast"}
X265 = {"crf": "1", "preset": "ultrafast", "x265-params": "log-level=error:bframes=0"}
MOVIES: dict[str, tuple[str, str, int, int, int, dict[str, str]]] = {
    "bt709.mp4": ("libx264", "yuv420p", 1, 1, 64, X264),
    "smpte170m.mp4": ("libx264", "yuv420p", 6, 1, 64, X264),
    "bt470bg.mkv": ("libx264", "yuv420p", 5, 1, 64, X264),
    "untagged-hd.mp4": ("libx264", "yuv420p", 2, 1, 720, X264),
    "hd-as-170m.mp4": ("libx264", "yuv420p", 6, 1, 720, X264),
    "full-range.mp4": ("libx264", "yuvj420p", 1, 2, 64, X264),
    "deep.mov": ("libx265", "yuv420p10le", 1, 1, 64, X265),
    "bt2020.mp4": ("libx265", "yuv420p10le", 9, 1, 64, X265),
    "prores.mov": ("prores_ks", "yuv422p10le", 1, 1, 64, {"profile": "hq"}),
    "lossless.mkv": ("ffv1", "bgr0", 2, 2, 64, {}),
}
"""Codec, layout, matrix and range (ITU-T H.273, FFmpeg's AVColorRange), height, options."""
HDR = {"hlg.mov": (18, 3), "pq.mov": (16, 14)}
"""Transfer characteristics; how far an 8-bit picture may be off: of PQ's steps few are bright."""


def write(folder: Path) -> None:
    """Writes the movies, and what the engine reads of each, in the engine's Python."""
    sys.path[:0] = [str(Path(__file__).parents[3])]
    import av

    from blender_cutout.core.clips.opening import open_clip

    for name, (codec, layout, matrix, spread, height, options) in MOVIES.items():
        row = np.repeat(np.array(COLOURS, np.uint8), PATCH, axis=0)[None]
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=24, options=dict(options))
            stream.width, stream.height, stream.pix_fmt = row.shape[1], height, layout
            context = stream.codec_context
            context.colorspace, context.color_range = matrix, spread
            context.color_primaries = context.color_trc = 1  # otherwise .mov has no tag but in ProRes frames
            frame: Any = av.VideoFrame.from_ndarray(np.repeat(row, height, axis=0), format="rgb24")
            if layout != "bgr0":
                target = {2: 5}.get(matrix, matrix)  # untagged is BT.601
                frame = frame.reformat(format="gbrp16le").reformat(
                    format=layout, dst_colorspace=5 if target == 6 else target, dst_color_range=spread
                )
            for number in range(3):
                frame.pts, frame.time_base = number, Fraction(1, 24)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with open_clip(folder / name) as clip:
            np.save(folder / f"{name}.npy", clip[1])
    for name, (transfer, _) in HDR.items():
        write_hdr(folder / name, transfer)


def write_hdr(path: Path, transfer: int) -> None:
    """Writes an HDR movie of shades, and a cutout of the whole picture."""
    import av

    from blender_cutout.core.clips.opening import open_clip
    from blender_cutout.core.export.delivery import cutout_kind, save_cutout

    width, height = len(COLOURS) * PATCH, 64
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx265", rate=24, options=dict(X265))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, transfer, 1
        frame: Any = av.VideoFrame(width, height, "yuv420p10le")
        shades = np.linspace(64, 760, len(COLOURS)).astype(np.uint16)
        tints = np.linspace(500, 540, len(COLOURS)).astype(np.uint16)
        for plane, values in zip(frame.planes, (shades, tints, tints[::-1]), strict=True):
            rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            rows[:, : plane.width] = np.repeat(values, plane.width // len(COLOURS))
            plane.update(rows)
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    folder = path.with_name(f"{path.stem}-cutout")
    folder.mkdir()
    with open_clip(path) as clip, clip.deep(keep_hdr=True) as opened:
        save_cutout(cutout_kind(clip), opened[1], np.ones(clip.size, np.float32))(folder / "000001.png")


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The movies, and the engine's frame 1 of each."""
    folder = tmp_path_factory.mktemp("colours")
    paths = [str(Path(__file__).parent), str(Path(kit.__file__).parent)]
    lines = (
        f"import sys; sys.path[:0] = {paths!r}",
        f"from {Path(__file__).stem} import *",
        "write(Path(sys.argv[1]))",
    )
    subprocess.run([kit.engine_python(), "-c", "\n".join(lines), str(folder)], check=True)
    return folder


@pytest.mark.parametrize("name", MOVIES)
def test_the_engine_sees_the_colours_that_blender_shows(blender: Any, movies: Path, tmp_path: Path, name: str) -> None:
    from blender_cutout.host import compat

    read = np.load(movies / f"{name}.npy").astype(float)
    scene = kit.fresh_scene(blender)
    scene.render.resolution_y, scene.render.resolution_x = read.shape[:2]
    compat.strips(scene.sequence_editor).new_movie("clip", str(movies / name), 1, 1)
    shown = kit.render_frame(blender, scene, 2, tmp_path / "r")[..., :3] * 255
    middles = np.arange(len(COLOURS)) * PATCH + PATCH // 2
    seen = read[read.shape[0] // 2, middles]
    assert np.abs(seen - COLOURS).max() < 6
    most = 2 if "10le" in MOVIES[name][1] else 3
    assert np.abs(seen - shown[read.shape[0] // 2, middles]).max() <= most


@pytest.mark.parametrize("name", HDR)
def test_the_cutout_of_an_hdr_movie_looks_like_the_movie(blender: Any, movies: Path, tmp_path: Path, name: str) -> None:
    from blender_cutout.host import compat, strips
    from blender_cutout.host.output import rgba_strip

    scene = kit.fresh_scene(blender)
    scene.render.resolution_x, scene.render.resolution_y = len(COLOURS) * PATCH, 64
    strip = compat.strips(scene.sequence_editor).new_movie("clip", str(movies / name), 1, 1)
    clip = kit.render_frame(blender, scene, 2, tmp_path / "clip")[32, PATCH // 2 :: PATCH, :3] * 255
    strips.tag(strip)
    place = next(p for p in strips.places(scene.sequence_editor) if p.strip == strip)
    assert rgba_strip.write(scene, place, "track", "Object", movies / f"{Path(name).stem}-cutout", 1)
    cutout = kit.render_frame(blender, scene, 2, tmp_path / "cutout")[32, PATCH // 2 :: PATCH, :3] * 255
    assert clip.max() - clip.min() > 150
    assert np.abs(cutout - clip).max() <= HDR[name][1]
