"""Tests the rotation flag of damaged or endless movies: an answer at once, and no error."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest
from pace_kit import slowness

from blender_cutout.formats import movie_rotation


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def movie(header: bytes) -> bytes:
    """A movie with a video track, whose header comes last."""
    handler = box(b"mdia", box(b"hdlr", bytes(8) + b"vide" + bytes(12)))
    return box(b"ftyp", b"isom") + box(b"moov", box(b"trak", handler + header))


QUARTER = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("header", "degrees"),
    [
        (box(b"tkhd", b"\0" + bytes(39) + QUARTER), 90),
        (box(b"tkhd", b"\1" + bytes(51) + QUARTER), 90),
        (box(b"tkhd"), 0),
        (box(b"tkhd", b"\0"), 0),
        (box(b"tkhd", b"\1" + bytes(39) + QUARTER), 0),
        (box(b"tkhd", bytes(60)), 0),
        (b"", 0),
    ],
)
def test_a_header_that_is_cut_tells_no_rotation(tmp_path: Path, header: bytes, degrees: int) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(movie(header))
    assert movie_rotation.rotation_of(path) == degrees


def test_boxes_without_an_end_cost_no_time(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(box(b"free") * (8 << 20))
    begun = time.process_time()
    assert movie_rotation.rotation_of(path) == 0
    assert time.process_time() - begun < 2 * slowness()


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_pipe_is_no_movie(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    os.mkfifo(path)
    assert movie_rotation.rotation_of(path) == 0
