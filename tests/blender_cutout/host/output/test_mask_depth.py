"""Tests that a half-transparent mask is half transparent on clips of any bit depth, in every Blender."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

SIDE = 16
GREY = 200


def write_deep_png(path: Path, value: int) -> None:
    """A plain grey RGB picture of 16 bits a channel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + struct.pack(">H", value * 257) * 3 * SIDE) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_half_a_mask_leaves_half_of_the_picture(blender: Any, tmp_path: Path, bits: int) -> None:
    from blender_cutout.host import compat, strips
    from blender_cutout.host.output import mask_strip
    from blender_cutout.host.output.picture_strip import file_name

    scene = kit.fresh_scene(blender)
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    clip, folder = tmp_path / "clip.png", tmp_path / "matte"
    folder.mkdir()
    if bits == 16:
        write_deep_png(clip, GREY)
    else:
        kit.write_png(clip, np.full((SIDE, SIDE, 3), GREY, np.uint8))
    kit.write_png(folder / file_name(0), np.full((SIDE, SIDE), 128, np.uint8))
    strip = compat.strips(scene.sequence_editor).new_image("clip", str(clip), 2, 1)
    strips.tag(strip)
    place = next(p for p in strips.places(scene.sequence_editor) if p.strip == strip)
    assert mask_strip.write(scene, place, "track", "Object", folder, 1)
    scene.render.image_settings.color_mode = "RGBA"
    kit.render_frame(blender, scene, 1, tmp_path / "r")
    rendered = blender.data.images.load(str(tmp_path / "r" / "0001.png"))
    alpha = np.array(rendered.pixels[:]).reshape(SIDE, SIDE, 4)[SIDE // 2, SIDE // 2, 3] * 255
    assert abs(alpha - 128) < 2
