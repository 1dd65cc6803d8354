"""Fuzzes PNG masks, as read by the engine and by Blender's side, and MP4 boxes."""

from __future__ import annotations

import random
import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from blender_cutout.core.errors import CutoutError
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.images.grey_png import SIGNATURE
from blender_cutout.core.images.matte import is_whole_png, read_grey, to_png
from blender_cutout.formats import movie_rotation, png

from .mutate import change_bytes, change_list
from .target import need

_SIDES = (0, 1, 2, 59, 60, 61, 100, 101, 4096, 16384, 30_000, 40_000, 2**20, 2**31 - 1, 2**31, 2**32 - 1)
_MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


class GreyPng:
    """A mask's file, read by the engine."""

    own: tuple[type[Exception], ...] = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        self._path = place / "mask.png"
        clip = SyntheticClip(height=60, width=100, radius=10)
        self.size = clip.size
        soft = np.clip(np.add.outer(np.arange(60) * 2, np.arange(100)), 0, 255).astype(np.uint8)
        greys = [(clip.matte(3) * 255).astype(np.uint8), soft, np.zeros(clip.size, np.uint8)]
        self.seeds = [to_png(grey) for grey in greys]
        # Other programs' files: every filter, and pictures that are no masks.
        for options in (
            [],
            [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FIXED],
            [cv2.IMWRITE_PNG_COMPRESSION, 9],
        ):
            self.seeds.append(cv2.imencode(".png", soft, options)[1].tobytes())
        self.seeds += [_filtered(soft, kind) for kind in range(5)]
        self.seeds.append(cv2.imencode(".png", clip[3])[1].tobytes())

    def make(self, rng: random.Random) -> bytes:
        data = rng.choice(self.seeds)
        if rng.random() < 0.2:
            return change_bytes(rng, data)
        chunks = _chunks(data)
        for _ in range(rng.choice((1, 1, 2, 3))):
            _change_png(rng, chunks)
        out = SIGNATURE + b"".join(_packed(rng, kind, body) for kind, body in chunks)
        return change_bytes(rng, out, 1) if rng.random() < 0.1 else out

    def run(self, data: bytes) -> None:
        whole = is_whole_png(data, self.size)
        need(isinstance(whole, bool), "neither whole nor not")
        self._path.write_bytes(data)
        grey = read_grey(self._path, self.size)
        need(grey.shape == self.size and grey.dtype == np.uint8, "a mask of another size")


class HostPng(GreyPng):
    """A mask's file, read by Blender's process."""

    own = (OSError, ValueError)

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        grey = self._read(self._path)
        need(grey.dtype == np.uint8 and grey.ndim == 2, "no grey picture")
        kinds = [kind for kind, _ in _chunks(data)]
        if not is_whole_png(data, grey.shape) or kinds != [b"IHDR", b"IDAT", b"IEND"]:
            return
        try:
            same = read_grey(self._path, grey.shape)
        except CutoutError:
            return
        need(bool(np.array_equal(grey, same)), "other pixels than in the engine")

    def _read(self, path: Path) -> Any:
        return png.read_grey(path)


def _filtered(grey: Any, kind: int) -> bytes:
    """Returns a PNG whose rows all use one filter."""
    rows, above = [], np.zeros(grey.shape[1], np.int64)
    for row in grey.astype(np.int64):
        left, corner = np.concatenate(([0], row[:-1])), np.concatenate(([0], above[:-1]))
        guess = left + above - corner
        near = np.abs(np.stack([guess - left, guess - above, guess - corner])).argmin(axis=0)
        paeth = np.choose(near, [left, above, corner])
        predicted = (0, left, above, (left + above) // 2, paeth)[kind]
        rows.append(bytes([kind]) + ((row - predicted) & 255).astype(np.uint8).tobytes())
        above = row
    header = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Returns (kind, body) of each chunk."""
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _packed(rng: random.Random, kind: bytes, body: bytes) -> bytes:
    """Returns a chunk, sometimes with a wrong checksum or length."""
    chunk = _chunk(kind, body)
    way = rng.randrange(40)
    if way == 0:
        return chunk[:-4] + rng.randbytes(4)
    return struct.pack(">I", rng.choice((0, 1, len(body) + 1, 2**31, 2**32 - 1))) + chunk[4:] if way == 1 else chunk


def _change_png(rng: random.Random, chunks: list[tuple[bytes, bytes]]) -> None:
    if not chunks:
        return
    at, way = rng.randrange(len(chunks)), rng.randrange(8)
    kind, body = chunks[at]
    if kind == b"IHDR" and way < 6 and len(body) == 13:
        header = list(struct.unpack(">IIBBBBB", body))
        place = rng.randrange(7)
        header[place] = rng.choice(_SIDES) if place < 2 else rng.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 255))
        if rng.random() < 0.3:
            side = rng.choice(_SIDES)
            header[:2] = rng.choice(((side, side), (side, rng.choice(_SIDES))))
        chunks[at] = kind, struct.pack(">IIBBBBB", *header)
    elif kind == b"IDAT" and way < 6:
        chunks[at] = kind, _repacked(rng, body)
    elif way == 6:
        extra = (b"PLTE", b"\0" * 6), (b"tRNS", b"\0\0"), (b"gAMA", b"\0\0\0\1"), (b"tEXt", b"a\0b"), (b"IDAT", b"")
        chunks.insert(at, rng.choice((*extra, (b"acTL", b"\0\0\0\1\0\0\0\0"), (b"eXIf", b"II*\0"), (b"sBIT", b"\1"))))
    elif way == 7:
        change_list(rng, chunks)
    else:
        chunks[at] = kind, change_bytes(rng, body)


@lru_cache
def _bomb(times: int) -> bytes:
    """Returns a stream that unpacks to this many times 4 MB."""
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(1 << 22)) for _ in range(times)), packer.flush()])


def _repacked(rng: random.Random, body: bytes) -> bytes:
    """Returns a pixel stream with changed rows; rarely one that unpacks to 256 MB."""
    try:
        raw = zlib.decompressobj().decompress(body, 1 << 20)  # it may be such a one already
    except zlib.error:
        raw = b""
    if not raw:
        return change_bytes(rng, body)
    way = rng.randrange(1000)
    if way < 10:
        return _bomb(rng.choice((8, 64)))
    if way < 200:
        return change_bytes(rng, body)
    if way < 400:
        return zlib.compress(raw[: rng.randrange(len(raw) + 1)])
    if way < 600:
        return zlib.compress(raw + raw[: rng.choice((1, 100, 101, 6060))])
    rows = bytearray(raw)
    width = 101 if len(raw) % 101 == 0 else len(raw)
    for row in rng.sample(range(0, len(rows), width), 1):
        rows[row] = rng.choice((0, 1, 2, 3, 4, 5, 255))
    return zlib.compress(bytes(rows), rng.choice((0, 1, 9)))


class Movie:
    """The rotation flag in a movie's boxes."""

    own: tuple[type[Exception], ...] = ()
    megabytes = 100

    def __init__(self, place: Path) -> None:
        self._path = place / "clip.mp4"
        clip = SyntheticClip(length=3, height=32, width=48, radius=8)
        self._seeds: list[tuple[bytes, int]] = []
        for options in ({}, {"movflags": "faststart"}):
            with av.open(str(self._path), "w", options=options) as container:
                stream = container.add_stream("libx264", rate=24)
                stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
                for frame in range(3):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(clip[frame], format="rgb24")))
                container.mux(stream.encode(None))
            self._seeds += [(_turned(self._path.read_bytes(), degrees), degrees) for degrees in _MATRICES]
            self._seeds.append((_header_last(_turned(self._path.read_bytes(), 90)), 90))
        for data, degrees in self._seeds:
            self._path.write_bytes(data)
            need(self._read() == degrees, "a valid movie's rotation is not read")

    def make(self, rng: random.Random) -> bytes:
        data = rng.choice(self._seeds)[0]
        if rng.random() < 0.3:
            return change_bytes(rng, data)
        boxes = _boxes(data, 0, len(data))
        for _ in range(rng.choice((1, 1, 2, 3))):
            data = _change_boxes(rng, data, boxes)
            boxes = _boxes(data, 0, len(data))
        return data

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        need(self._read() in _MATRICES, "an angle that does not exist")

    def _read(self) -> int:
        movie_rotation._read.cache_clear()
        return movie_rotation.rotation_of(self._path)


def _turned(movie: bytes, degrees: int) -> bytes:
    """Returns the movie with a rotation flag, as phones write it."""
    data = bytearray(movie)
    at = data.index(b"tkhd") + 4
    a, b, c, d = (v << 16 for v in _MATRICES[degrees])
    struct.pack_into(">9i", data, at + (52 if data[at] == 1 else 40), a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return bytes(data)


def _header_last(data: bytes) -> bytes:
    """Returns the movie with its track's header last, which a truncated file loses first; boxes have no fixed order."""

    def body(inner: bytes, name: bytes) -> tuple[int, int]:
        return next((a, b) for a, b in _boxes(inner, 0, len(inner)) if inner[a + 4 : a + 8] == name)

    def box(name: bytes, inner: bytes) -> bytes:
        return struct.pack(">I4s", len(inner) + 8, name) + inner

    start, stop = body(data, b"moov")
    moov, rest = data[start + 8 : stop], data[:start] + data[stop:]
    first, last = body(moov, b"trak")
    trak, others = moov[first + 8 : last], moov[:first] + moov[last:]
    a, b = body(trak, b"tkhd")
    return rest + box(b"moov", others + box(b"trak", trak[:a] + trak[b:] + trak[a:b]))


def _boxes(data: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    """Returns where boxes begin and end, nested ones included."""
    found, at = [], start
    while at + 8 <= stop and len(found) < 200:
        length = int.from_bytes(data[at : at + 4], "big")
        if length < 8:
            break
        found.append((at, min(stop, at + length)))
        if data[at + 4 : at + 8] in (b"moov", b"trak", b"mdia"):
            found += _boxes(data, at + 8, min(stop, at + length))
        at += length
    return found


def _change_boxes(rng: random.Random, data: bytes, boxes: list[tuple[int, int]]) -> bytes:
    if not boxes:
        return change_bytes(rng, data)
    start, stop = rng.choice(boxes)
    box, way = data[start:stop], rng.randrange(9)
    if way == 0:
        length = rng.choice((0, 1, 2, 7, 8, 9, 16, len(box) - 1, len(box) + 1, 2**31, 2**32 - 1))
        return data[:start] + struct.pack(">I", length) + data[start + 4 :]
    if way == 1:
        length = rng.choice((0, 1, 8, 15, 16, 17, len(box) + 8, 2**63, 2**64 - 1))
        return data[:start] + struct.pack(">I4sQ", 1, box[4:8], length) + data[start + 8 :]
    if way == 2:
        name = rng.choice((b"moov", b"trak", b"mdia", b"tkhd", b"hdlr", b"free", b"\0\0\0\0"))
        return data[: start + 4] + name + data[start + 8 :]
    if way == 3:
        return data[:start] + box * rng.choice((2, 3, 100)) + data[stop:]
    if way == 4:
        return data[:start] + data[stop:]
    if way == 5:
        return data[: rng.choice((start, start + 8, start + 9, stop - 1))]
    if way == 6:
        body = change_bytes(rng, box[8:])
        return data[:start] + struct.pack(">I", len(body) + 8) + box[4:8] + body + data[stop:]
    if way == 7:
        small = struct.pack(">I4s", 8, rng.choice((b"free", b"moov", b"trak", b"mdia", b"hdlr", b"tkhd")))
        return data[:start] + small * rng.choice((1, 100, 2000, 2000)) + data[start:]
    return data[:start] + struct.pack(">I4s", 8, rng.choice((b"free", b"trak"))) * (
        1 << 17 if not rng.randrange(50) else 9
    )
