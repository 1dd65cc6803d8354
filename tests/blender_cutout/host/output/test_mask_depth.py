"""Tests that half-transparent masks and cutouts are half transparent at any bit depth, in every Blender."""

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


def write_deep_png(path: Path, value: int, alpha: int | None = None) -> None:
    """A plain grey picture of 16 bits a channel, RGB or RGBA; the values are in 255ths."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixel = struct.pack(">H", value * 257) * 3 + (b"" if alpha is None else struct.pack(">H", alpha * 257))
    rows = (b"\0" + pixel * SIDE) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2 if alpha is None else 6, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_half_a_mask_leaves_half_of_the_picture(blender: Any, tmp_path: Path, bits: int) -> None:
    from blender_cutout.host import compat, strips
    from blender_cutout.host.contents import picture_name
    from blender_cutout.host.output import mask_strip

    scene = kit.fresh_scene(blender)
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    clip, folder = tmp_path / "clip.png", tmp_path / "matte"
    folder.mkdir()
    if bits == 16:
        write_deep_png(clip, GREY)
    else:
        kit.write_png(clip, np.full((SIDE, SIDE, 3), GREY, np.uint8))
    kit.write_png(folder / picture_name(0), np.full((SIDE, SIDE), 128, np.uint8))
    strip = compat.strips(scene.sequence_editor).new_image("clip", str(clip), 2, 1)
    strips.tag(strip)
    place = next(p for p in strips.places(scene.sequence_editor) if p.strip == strip)
    assert mask_strip.write(scene, place, "track", "Object", folder, 1)
    scene.render.image_settings.color_mode = "RGBA"
    kit.render_frame(blender, scene, 1, tmp_path / "r")
    rendered = blender.data.images.load(str(tmp_path / "r" / "0001.png"))
    alpha = np.array(rendered.pixels[:]).reshape(SIDE, SIDE, 4)[SIDE // 2, SIDE // 2, 3] * 255
    assert abs(alpha - 128) < 2


def test_half_a_deep_cutout_is_half_of_the_picture(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import compat, strips
    from blender_cutout.host.output import rgba_strip

    scene = kit.fresh_scene(blender)
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    clip, folder = tmp_path / "clip.png", tmp_path / "matte-cutout"
    folder.mkdir()
    write_deep_png(clip, GREY)
    write_deep_png(folder / "000001.png", GREY, 128)
    own = compat.strips(scene.sequence_editor)
    black = own.new_effect("black", "COLOR", 1, 1, **({"frame_end": 9} if compat.BEFORE_5_0 else {"length": 8}))
    black.color = (0, 0, 0)
    strip = own.new_image("clip", str(clip), 2, 1)
    strips.tag(strip)
    place = next(p for p in strips.places(scene.sequence_editor) if p.strip == strip)
    assert rgba_strip.write(scene, place, "track", "Object", folder, 1)
    picture = kit.render_frame(blender, scene, 1, tmp_path / "r")
    assert np.abs(picture[..., :3] * 255 - GREY * 128 / 255).max() < 1.5
