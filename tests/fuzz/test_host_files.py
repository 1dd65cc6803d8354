"""Tests movies and splines as Blender reads them: whatever they contain, they are read or refused at once."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from pace_kit import slowness

from blender_cutout.core.errors import StoreError
from blender_cutout.formats import movie_rotation, spline_file

POINT = [1.0, 2.0, 0.5, 1.5, 1.5, 2.5]
HEAD = {"width": 200, "height": 120, "frames": 3, "invert": False, "splines": []}
SHAPE = {"first": 1, "hole": False, "points": []}


def box(name: bytes, *inner: bytes) -> bytes:
    body = b"".join(inner)
    return struct.pack(">I4s", len(body) + 8, name) + body


def test_a_track_header_that_the_end_of_the_file_cuts_off_says_nothing(tmp_path: Path) -> None:
    media = box(b"mdia", box(b"hdlr", bytes(8), b"vide"))
    (tmp_path / "cut.mp4").write_bytes(box(b"moov", box(b"trak", media, box(b"tkhd"))))
    assert movie_rotation.rotation_of(tmp_path / "cut.mp4") == 0


@pytest.mark.parametrize("inside", [b"", b"moov", b"trak"])
def test_a_movie_of_millions_of_boxes_is_given_up(tmp_path: Path, inside: bytes) -> None:
    boxes = box(b"free") * (6 << 20)
    data = {b"": boxes, b"moov": box(b"moov", boxes), b"trak": box(b"moov", *[box(b"trak", box(b"mdia"))] * (1 << 20))}
    (tmp_path / "long.mp4").write_bytes(data[inside])
    started = time.process_time()
    assert movie_rotation.rotation_of(tmp_path / "long.mp4") == 0
    assert time.process_time() - started < slowness()


@pytest.mark.timeout(120)
def test_a_pipe_is_no_movie(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert movie_rotation.rotation_of(tmp_path / "pipe.mp4") == 0


def written(path: Path, head: dict[str, Any], shape: dict[str, Any], frames: list[Any]) -> Path:
    """Returns a file of one spline, as `core.delivery.splines_to_json` lays it out."""
    lines = [
        json.dumps(head)[:-2],
        json.dumps(shape)[:-2],
        *[json.dumps(points) + "," for points in frames],
        "]}",
        "]}",
    ]
    path.write_text("\n".join(lines))
    return path


def read(path: Path) -> spline_file.Splines:
    reader = spline_file.read(path)
    try:
        while True:
            next(reader)
    except StopIteration as end:
        found: spline_file.Splines = end.value
    return found


def test_splines_are_read_as_they_were_written(tmp_path: Path) -> None:
    found = read(written(tmp_path / "s.json", HEAD, SHAPE, [[POINT, POINT], [POINT, POINT]]))
    assert (found.width, found.height, found.frames, found.invert) == (200, 120, 3, False)
    assert [(s.first, s.hole, s.points) for s in found.shapes] == [(1, False, [[POINT, POINT]] * 2)]


@pytest.mark.parametrize(
    ("head", "shape", "frames"),
    [
        ({}, {}, []),
        ({}, {}, [[POINT], [POINT, POINT]]),
        ({}, {}, [[POINT]] * 3),
        ({}, {}, [[POINT[:5]]]),
        ({}, {}, [[[*POINT[:5], "6"]]]),
        ({}, {}, [[[*POINT[:5], float("nan")]]]),
        ({}, {}, [[[*POINT[:5], 1e300]]]),
        ({}, {}, [[[*POINT[:5], [6.0]]]]),
        ({}, {"first": -1}, [[POINT]]),
        ({}, {"first": 1e999}, [[POINT]]),
        ({}, {"first": 10**400}, [[POINT]]),
        ({"frames": 10**12}, {}, [[POINT]]),
        ({"frames": 1e999}, {}, [[POINT]]),
        ({"width": "200"}, {}, [[POINT]]),
        ({"height": 10**400}, {}, [[POINT]]),
    ],
)
def test_splines_that_no_engine_would_write_are_refused(
    tmp_path: Path, head: dict[str, Any], shape: dict[str, Any], frames: list[Any]
) -> None:
    with pytest.raises(StoreError, match="outlines cannot be read"):
        read(written(tmp_path / "s.json", {**HEAD, **head}, {**SHAPE, **shape}, frames))


@pytest.mark.parametrize("line", [0, 2])
def test_splines_with_nesting_without_end_are_refused(tmp_path: Path, line: int) -> None:
    path = written(tmp_path / "s.json", HEAD, SHAPE, [[POINT]])
    lines = path.read_text().splitlines()
    lines[line] = "[" * 100_000
    path.write_text("\n".join(lines))
    with pytest.raises(StoreError, match="outlines cannot be read"):
        read(path)
