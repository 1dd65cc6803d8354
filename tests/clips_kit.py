"""Small movies of real-world kinds whose pictures encode their number; run as a script by the engine's Python.

usage: python clips_kit.py FOLDER    writes the movies and facts.json: what the engine says of each
"""

from __future__ import annotations

import json
import random
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

COUNT = 36
X264 = {"crf": "12", "preset": "ultrafast", "g": "12", "bf": "2", "x264-params": "b-adapt=0:scenecut=0"}
NO_B = {**X264, "bf": "0"}
X265 = {"crf": "8", "preset": "ultrafast", "x265-params": "log-level=error:keyint=12:bframes=3:open-gop=1"}


def encode(
    path: Path,
    times: Sequence[Fraction | float],
    base: Fraction,
    rate: Fraction | int = 30,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    """Writes pictures 1, 2, … (see `fakes.numbered`) as a movie that shows them at these times in seconds."""
    import av

    from blender_cutout.core.fakes import numbered

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.height, stream.width = numbered(0).shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = stream.time_base = base
        for number, time in enumerate(times, start=1):
            frame: Any = av.VideoFrame.from_ndarray(numbered(number), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = round(Fraction(time) / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, target: Path, first: int = 0, shift: Fraction = Fraction(0)) -> Path:
    """Copies a movie's packets from number `first` on into another file, shifted to earlier times."""
    import av

    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        ticks = round(shift / old.streams.video[0].time_base)
        for number, packet in enumerate(old.demux(video=0)):
            if number >= first and packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - ticks, packet.dts - ticks, stream
                new.mux(packet)
    return target


def even(rate: Fraction | int, count: int = COUNT, without: Iterable[int] = ()) -> list[Fraction]:
    """Returns the times of pictures at a constant rate, some left out."""
    return [Fraction(n) / rate for n in range(count) if n not in set(without)]


def jittering(most: float) -> list[float]:
    """Returns times at 30 per second, each off by up to the given seconds."""
    noise = random.Random(3)
    return [n / 30 + noise.uniform(0, most) for n in range(COUNT)]


def _phone(path: Path, options: dict[str, str]) -> Path:
    times = [n / 30 for n in range(12)] + [12 / 30 + n / 15 for n in range(16)]
    return encode(path, times, Fraction(1, 90000), options=options)


def _recording(path: Path) -> Path:
    """Rounds times as when an .mkv, whose times are whole milliseconds, is copied into an .mp4."""
    return encode(path, [Fraction(round(1000 * time), 1000) for time in even(30)], Fraction(1, 1000), options=X264)


def _cut(path: Path) -> Path:
    whole = encode(path.with_name("whole.mp4"), even(24), Fraction(1, 24), 24, options=X264)
    return remux(whole, path, first=12, shift=Fraction(15, 24))


def _transport(path: Path, share: float = 0.0, twice: bool = False) -> Path:
    data = encode(path, even(24), Fraction(1, 24), 24, options=X264).read_bytes()
    start = 188 * int(len(data) / 188 * share)
    path.write_bytes(data[start:] + (data if twice else b""))
    return path


def _gif(path: Path) -> Path:
    steps = random.Random(5).choices((3, 5, 10, 20), k=COUNT)
    times = [Fraction(sum(steps[:n]), 100) for n in range(COUNT)]
    return encode(path, times, Fraction(1, 100), 100, "gif", "rgb8")


def _turned(path: Path) -> Path:
    """Upside down by a tag, in a container whose header only FFmpeg reads."""
    plain = encode(path.with_name("plain.mp4"), even(24), Fraction(1, 24), 24, options=X264)
    data = bytearray(plain.read_bytes())
    struct.pack_into(">9i", data, data.find(b"tkhd") + 44, -65536, 0, 0, 0, -65536, 0, 128 << 16, 64 << 16, 1 << 30)
    plain.write_bytes(data)
    return remux(plain, path)


NTSC = Fraction(1001, 30000)
CLIPS: dict[str, Callable[[Path], Path]] = {
    "even.mp4": lambda p: encode(p, even(24), Fraction(1, 24), 24, options=X264),
    "ntsc.mov": lambda p: encode(p, even(1 / NTSC), NTSC, 1 / NTSC, options=X264),
    "even.mkv": lambda p: encode(p, even(30), Fraction(1, 30), options=X264),
    "5994.mkv": lambda p: encode(p, even(2 / NTSC), NTSC / 2, 2 / NTSC, options=X264),
    "hevc.mov": lambda p: encode(p, even(24), Fraction(1, 24), 24, "libx265", "yuv420p10le", options=X265),
    "hevc-uneven.mp4": lambda p: encode(p, jittering(0.008), Fraction(1, 90000), 30, "libx265", options=X265),
    "lossless.mkv": lambda p: encode(p, even(25), Fraction(1, 25), 25, "ffv1", "bgr0"),
    "recorded.mp4": _recording,
    "phone.mp4": lambda p: _phone(p, NO_B),
    "phone-b.mp4": lambda p: _phone(p, X264),
    "dropped.mp4": lambda p: encode(p, even(30, 44, (7, 8, 21, 22, 23, 40)), Fraction(1, 90000), options=X264),
    "dropped.mkv": lambda p: encode(p, even(30, 44, (7, 8, 21, 22, 23, 40)), Fraction(1, 1000), options=X264),
    "jitter.mp4": lambda p: encode(p, jittering(0.0014), Fraction(1, 90000), options=X264),
    "jitter-much.mp4": lambda p: encode(p, jittering(0.01), Fraction(1, 90000), options=NO_B),
    "late.mkv": lambda p: encode(p, [t + 2 for t in even(25)], Fraction(1, 25), 25, options=X264),
    "cut.mp4": _cut,
    "cut.mov": _cut,
    "b.avi": lambda p: encode(p, even(24), Fraction(1, 24), 24, options=X264),
    "no-b.avi": lambda p: encode(p, even(24), Fraction(1, 24), 24, options=NO_B),
    "mpeg4-b.avi": lambda p: encode(p, even(24), Fraction(1, 24), 24, "mpeg4", options={"bf": "1", "g": "12"}),
    "null.avi": lambda p: encode(p, even(24, 40, (10, 11, 12, 30)), Fraction(1, 24), 24, "mpeg4", options={"g": "12"}),
    "stream.ts": _transport,
    "inside.ts": lambda p: _transport(p, 0.15),
    "joined.ts": lambda p: _transport(p, twice=True),
    "program.mpg": lambda p: encode(p, even(25), Fraction(1, 25), 25, "mpeg2video", options={"bf": "2", "g": "12"}),
    "slides.gif": _gif,
    "turned.mkv": _turned,
    "vp9.webm": lambda p: encode(
        p, even(30, 44, (5, 6, 30)), Fraction(1, 1000), 30, "libvpx-vp9", options={"deadline": "realtime", "crf": "10"}
    ),
}
UNTOLD = {"joined.ts", "program.mpg"}
"""Movies for which no rule predicts what Blender shows."""


def facts(path: Path) -> dict[str, Any]:
    """Returns what the engine reads from a movie: the number on each frame, and which frames Blender shows."""
    from blender_cutout.core.clips.opening import open_clip
    from blender_cutout.core.fakes import number_of

    with open_clip(path) as source:
        numbers = [number_of(source[n]) for n in range(len(source))]
        return {"numbers": numbers, "shown": source.shown, "turned": source.turned}


def main(folder: Path) -> None:
    """Writes all movies."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    found = {name: facts(make(folder / name)) for name, make in CLIPS.items()}
    (folder / "facts.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
