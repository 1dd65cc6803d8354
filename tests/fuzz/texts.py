"""Fuzzes JSON: messages between the two processes, stroke files, splines for Blender's masks."""

from __future__ import annotations

import json
import math
import random
import typing
import zlib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np

from blender_cutout.commands.stills import read_strokes
from blender_cutout.core import messages
from blender_cutout.core.errors import CutoutError
from blender_cutout.core.export.delivery import splines_to_json
from blender_cutout.core.export.splines import Spline
from blender_cutout.core.fakes import FakeScribbleNet, SyntheticClip
from blender_cutout.core.frame_text import FrameText
from blender_cutout.core.refinement.paint import paint
from blender_cutout.core.refinement.refine import refine
from blender_cutout.core.refinement.stroke_maps import strokes_inside
from blender_cutout.core.types import Label, Paint, Stroke
from blender_cutout.formats import spline_file

from .mutate import any_value, change, change_bytes, change_list, dumped
from .target import need


class Messages:
    """A line between Blender's process and the engine's."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        warning = messages.Warn("job", FrameText("Another shot begins at ", 7, ", so ", (8, 9), " got no mask."))
        lines = [messages.encode(kind(**_values(kind))) for kind in messages._KINDS.values()]
        self._seeds = [*lines, messages.encode(warning)]

    def make(self, rng: random.Random) -> bytes:
        line = rng.choice(self._seeds)
        if rng.random() < 0.3:
            return change_bytes(rng, line)
        record = json.loads(line)
        for _ in range(rng.choice((1, 1, 2, 4))):
            change(rng, record)
        return dumped(record) + b"\n"

    def run(self, data: bytes) -> None:
        message = messages.decode(data)
        need(type(message).__name__ in messages._KINDS, "no message")
        try:
            again = messages.decode(messages.encode(message))
        except (UnicodeEncodeError, TypeError, ValueError):
            return  # only what the product itself makes is ever encoded
        need(type(again) is type(message), "another kind after encoding")


def _values(kind: type[Any]) -> dict[str, Any]:
    """Returns values for a message's fields without a default, and for some lists."""
    hints = typing.get_type_hints(kind, vars(messages))
    plain = {"int": 3, "str": "name", "float": 0.5, "bool": True}
    given: dict[str, Any] = {}
    for field in fields(kind):
        text = str(field.type)
        if text.startswith("tuple[dict"):
            given[field.name] = ({"label": "keep", "radius": 3.0, "points": [[1.0, 2.0]]},)
        elif text.startswith("tuple[tuple[int, int, str]"):
            given[field.name] = ((0, 5, "0123456789abcdef"),)
        elif text.startswith("tuple[tuple"):
            given[field.name] = ((0, 5), (7, 9))
        elif text.startswith("tuple[str"):
            given[field.name] = ("one", "two")
        elif text.startswith("tuple[int"):
            given[field.name] = (1, 2, 3)
        elif field.default is MISSING and field.default_factory is MISSING:
            given[field.name] = plain.get(hints[field.name].__name__, {})
    return given | ({"protocol": messages.PROTOCOL} if "protocol" in given else {})


class Strokes:
    """A STROKES.json, read until its strokes give a mask."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        clip = SyntheticClip(height=60, width=100, radius=10)
        self._image, self._matte = clip[5], clip.matte(4)
        self._path, self._net = place / "strokes.json", FakeScribbleNet()
        x, y = clip.centre(5)
        keep = Stroke([(x, y), (x + 6, y + 2), (x + 9, y - 4)], 4, Label.KEEP)
        remove = Stroke([(5, 5)], 3.5, Label.REMOVE)
        line = Stroke([(x + i, y + 5 * math.sin(i)) for i in range(20)], 2, Label.KEEP)
        self._seeds = [
            json.dumps({"strokes": [s.to_json() for s in strokes]})
            for strokes in ([keep], [remove], [keep, remove], [line], [line, remove, keep])
        ]
        shapes = [Paint(line.points, 2, Label.KEEP, 3), Paint(line.points, 0, Label.REMOVE)]
        self._seeds.append(json.dumps({"strokes": [keep.to_json()], "paint": [shape.to_json() for shape in shapes]}))

    def make(self, rng: random.Random) -> bytes:
        text = rng.choice(self._seeds)
        if rng.random() < 0.25:
            return change_bytes(rng, text.encode())
        record = json.loads(text)
        for _ in range(rng.choice((1, 1, 2, 3))):
            if rng.random() < 0.5:
                change(rng, record)
            else:
                self._change_stroke(rng, record)
        return dumped(record)

    @staticmethod
    def _change_stroke(rng: random.Random, record: dict[str, Any]) -> None:
        """Changes places and sizes so that it is still a stroke."""
        strokes = record.get("strokes")
        if not isinstance(strokes, list) or not strokes or not isinstance(stroke := rng.choice(strokes), dict):
            return
        number = rng.choice((0, -1, 0.001, 3, 50, 119.5, 200, 1000, 1e6, 1e12, 1e30, 1e154, 1e300, -1e9))
        points = stroke.get("points")
        if rng.random() < 0.4 or not isinstance(points, list) or not points:
            stroke["radius"] = number
        elif rng.random() < 0.8:
            points[rng.randrange(len(points))] = [number, rng.choice((0, 60, number))]
        else:
            stroke["points"] = points * rng.choice((2, 100))

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        strokes, shapes = read_strokes(self._path)
        previous = self._matte if zlib.crc32(data) % 2 else None
        strokes_inside(strokes, self._image.shape[:2])
        matte = paint(refine(self._net, self._image, strokes, previous, working_px=64), shapes)
        need(matte.shape == self._image.shape[:2], "a mask of another size")
        need(matte.dtype == np.float32, "a mask of another type")
        need(bool(matte.min() >= 0 and matte.max() <= 1), "a mask outside 0 to 1")


class Splines:
    """The file of outlines that Blender reads line by line."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        self._path = place / "splines.json"
        rng = np.random.default_rng(0)
        shapes = [
            Spline(first, hole, 100 * rng.random((frames, points, 6)))
            for first, hole, frames, points in ((0, False, 4, 8), (2, True, 1, 3), (4, False, 2, 12))
        ]
        self._seeds = [splines_to_json(shapes[:n], (120, 200), 6, bool(n % 2)) for n in range(4)]

    def make(self, rng: random.Random) -> bytes:
        text = rng.choice(self._seeds)
        kind = rng.random()
        if kind < 0.3:
            return change_bytes(rng, text.encode())
        lines: list[bytes] = text.encode().splitlines()
        if kind < 0.5:
            change_list(rng, lines, (b"]}", b"[[", b"{", b"[[1]]", b'{"first":0,"hole":false,"points":[', b""))
            return b"\n".join(lines)
        at = rng.randrange(len(lines))
        ending = b"]}" if lines[at].startswith(b"{") else b""
        try:
            record = json.loads(lines[at].rstrip(b",") + ending)
        except ValueError:
            return change_bytes(rng, text.encode())
        for _ in range(rng.choice((1, 1, 2))):
            if isinstance(record, list) and rng.random() < 0.2:
                record[rng.randrange(len(record))] = any_value(rng)
            elif record:
                change(rng, record)
        packed = dumped(record)
        lines[at] = packed.removesuffix(ending) if ending else packed + b"," * lines[at].endswith(b",")
        return b"\n".join(lines)

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        reader, found = spline_file.read(self._path), None
        try:
            while True:
                next(reader)
        except StopIteration as end:
            found = end.value
        need(isinstance(found, spline_file.Splines), "no splines")
        for shape in found.shapes:
            need(len({len(points) for points in shape.points}) == 1, "a spline of no or changing points")
            need(0 <= shape.first <= found.frames - len(shape.points), "a spline outside the clip")
            for points in shape.points:
                for point in points:
                    need(isinstance(point, list) and len(point) == 6, "a point that is not six numbers")
                    need(all(type(v) in (int, float) and abs(v) < 1e30 for v in point), "a point that is not finite")
