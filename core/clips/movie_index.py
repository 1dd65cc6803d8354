"""Indexes a movie file's frames and their time stamps, from its packets without decoding where possible.

Time stamps are those of the decoded frames: presentation stamps, or decoding stamps where there are no others (.avi),
as in Blender. FFmpeg is kept from generating presentation stamps for such files, which are wrong with B-frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av

from ..errors import FrameReadError
from .shown_frames import Stamps

_MAKE_UP_STAMPS = 1  # FFmpeg's AVFMT_FLAG_GENPTS, which PyAV sets
_PROBED = 4
"""Frames that are decoded to find out which packets' stamps they carry."""
_MOST_DELAY = 16
"""Most frames that a decoder holds back."""
_STILLS = (".avif", ".heic", ".heif")
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_SEARCHED_BY_DECODING = "mov"
_JOINED = "The movie's time stamps are missing or run backwards, so it is not known which picture Blender shows."
_CUT_OFF = "The movie is cut off or damaged at its end, so it is not known which picture Blender shows there."
_PROGRAM = "Blender does not find the right picture in MPEG program streams (.mpg, .vob)."


class Packet(NamedTuple):
    """What a packet says about its frame, in the stream's time base."""

    pts: int | None
    dts: int | None
    is_key: bool


@dataclass(frozen=True, slots=True)
class MovieIndex:
    """The frames of a movie.

    Attributes:
        times: time stamp of each frame, ascending; the frames' numbers when `by_count`.
        keys: time stamps of the key frames, ascending.
        by_count: there are no usable time stamps.
        unstamped: frames at the end without a stamp when decoded; their entries in `times` are made up.
        delay: ticks by which `times` lag behind presentation, as decoding stamps do.
        is_cut: the file ends early.
        turns: quarter turns counter-clockwise that the file requests.
        end: time stamp at which the last frame ends by the file's header, 0 = unknown.
        stamps: what Blender goes by.
    """

    times: list[int]
    keys: list[int]
    by_count: bool = False
    unstamped: int = 0
    delay: int = 0
    is_cut: bool = False
    turns: int = 0
    end: int = 0
    stamps: Stamps | None = None


@dataclass(slots=True)
class _Scan:
    """The result of demuxing the whole file."""

    packets: list[Packet] = field(default_factory=list)
    hidden: int = 0  # packets that the file declares but that show no frame of their own
    whole: bool = True
    other_end: Fraction = Fraction(0)  # where other streams, such as sound, end, in seconds


def open_movie(path: Path) -> tuple[Any, Any]:
    """Opens a container and returns it with its picture stream, at the start.

    Raises:
        FrameReadError: not a movie, or without moving pictures.
    """
    try:
        container: Any = av.open(str(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError) as error:
        raise FrameReadError(
            f"{path} is not a movie, or it is damaged or cut off ({_reason(error)}).",
            "Choose a movie that plays; copy or export it again.",
        ) from error
    container.flags = int(container.flags) & ~_MAKE_UP_STAMPS
    stream = next((s for s in container.streams.video if not _is_cover(s)), None)
    if stream is None:
        container.close()
        raise FrameReadError(f"{path} has no picture stream.", "Choose a movie with pictures.")
    if path.suffix.lower() in _STILLS and len(container.streams.video) > 1:
        container.close()
        raise FrameReadError(f"{path} is a tiled picture, which is not supported.", "Export it as .png or .jpg.")
    stream.thread_type = "AUTO"
    return container, stream


def stamp_of(frame: Any) -> int | None:
    """Returns a decoded frame's time stamp: of presentation, otherwise of decoding."""
    stamp: int | None = frame.dts if frame.pts is None else frame.pts
    return stamp


def is_clear(stream: Any) -> bool:
    """Returns whether a stream has an alpha channel that FFmpeg's own decoder drops: VP8 and VP9 in .webm."""
    return stream.codec_context.name in _WITH_ALPHA and stream.metadata.get("alpha_mode") == "1"


def decoded_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yields decoded frames from the container's position to the end of what can be read; damage is skipped."""
    packets = container.demux(stream)
    decoder = _decoder_of(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            packet = None
        if packet is not None and packet.size == 0 and packet.dts is not None:
            continue  # means "repeat the previous picture" in .avi; the decoder would take it for the end
        try:
            yield from decoder.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            pass
        if packet is None or packet.size == 0:
            return


def _decoder_of(stream: Any) -> Any:
    """Returns the decoder for a stream: for hidden alpha a fresh one of another library, if available."""
    name = _WITH_ALPHA.get(stream.codec_context.name, "")
    if not is_clear(stream) or name not in av.codecs_available:
        return stream
    return av.CodecContext.create(name, "r")


def read_index(path: Path) -> MovieIndex:
    """Returns the index from packets, or by decoding everything if the packets are not enough.

    Raises:
        FrameReadError: not a movie, or no frame of it can be decoded.
    """
    container, stream = open_movie(path)
    with container:
        scan = _scan(container, stream)
        name = str(container.format.name)
        first, turns = _probe(path)
        found = _by_presentation(path, container, stream, scan, first) or _by_decoding_order(scan, first)
        found = found or replace(_by_decoding_all(path), is_cut=not scan.whole)
        keys = [(p.dts, p.pts) for p in scan.packets if p.is_key and p.dts is not None and p.pts is not None]
        start = found.times[0] if stream.start_time is None else int(stream.start_time)
        doubt = _JOINED if found.by_count else _PROGRAM if name == "mpeg" else _CUT_OFF if found.is_cut else ""
        stamps = Stamps(
            found.times[: len(found.times) - found.unstamped] or found.times,
            Fraction(stream.time_base),
            start,
            Fraction(stream.guessed_rate or 0),
            _seconds(container, stream),
            keys if name.startswith(_SEARCHED_BY_DECODING) else (),
            doubt,
        )
        end = 0 if stream.duration is None or found.by_count else start + int(stream.duration) + found.delay
        return replace(found, turns=turns, end=end, stamps=stamps)


def _is_cover(stream: Any) -> bool:
    """Returns whether a picture stream is the cover of a song."""
    attached = getattr(getattr(av.stream, "Disposition", None), "attached_pic", None)
    return attached is not None and bool(stream.disposition & attached)


def _scan(container: Any, stream: Any) -> _Scan:
    """Demuxes the whole file."""
    scan = _Scan()
    try:
        for packet in container.demux():
            if packet.stream.index != stream.index:
                if packet.pts is not None and packet.size:
                    end = (packet.pts + (packet.duration or 0)) * Fraction(packet.stream.time_base)
                    scan.other_end = max(scan.other_end, end)
                continue
            if packet.size == 0 or packet.is_discard:
                scan.hidden += packet.size > 0 or packet.dts is not None
                continue
            scan.whole = not packet.is_corrupt  # of the last one: damage in the middle does not shorten the file
            scan.packets.append(Packet(packet.pts, packet.dts, packet.is_keyframe))
    except av.error.FFmpegError:
        scan.whole = False
    return scan


def _probe(path: Path) -> tuple[list[int | None], int]:
    """Returns the time stamps of the first frames as decoded, and the quarter turns that they request."""
    container, stream = open_movie(path)
    with container:
        frames = [frame for frame, _ in zip(decoded_frames(container, stream), range(_PROBED), strict=False)]
        # The display matrix: degrees counter-clockwise by which to turn the coded picture.
        turns = round(getattr(frames[0], "rotation", 0) / 90) % 4 if frames else 0
        return [stamp_of(frame) for frame in frames], turns


def _by_presentation(
    path: Path, container: Any, stream: Any, scan: _Scan, first: list[int | None]
) -> MovieIndex | None:
    """Returns the index if every packet has its own presentation stamp, otherwise None."""
    packets = list(scan.packets)
    whole = scan.whole
    if _is_ragged(path, container) and len(packets) > 1:
        whole = False
        del packets[-1]  # half a picture, which the decoder would silently patch up
    times = sorted({p.pts for p in packets if p.pts is not None})
    if len(times) != len(packets) or not any(p.is_key for p in packets):
        return None
    if not first or first[0] not in times:
        return None
    start = times.index(first[0])
    if times[start : start + len(first)] != first:
        return None
    declared = int(stream.frames or 0)
    if not whole or declared != len(packets) + scan.hidden:
        early = _ends_early(container, stream, packets, scan, declared)
        packets = _without_cut_end(path, packets, whole and not early)
    kept = [p for p in packets if p.pts is not None and p.pts >= times[start]]
    if not kept:
        return None
    stamps = sorted(_pts(p) for p in kept)
    keys = sorted(_pts(p) for p in kept if p.is_key) or stamps[:1]
    return MovieIndex(stamps, keys, is_cut=not whole or len(packets) < len(times))


def _by_decoding_order(scan: _Scan, first: list[int | None]) -> MovieIndex | None:
    """Returns the index if frames carry the decoding stamps of packets, some packets later; otherwise None."""
    packets = scan.packets
    ticks = [p.dts for p in packets if p.dts is not None]
    if len(ticks) != len(packets) or len(ticks) < _PROBED or any(b <= a for a, b in pairwise(ticks)):
        return None
    if not scan.whole or not packets[0].is_key or first[0] not in ticks[: _MOST_DELAY + 1]:
        return None
    late = ticks.index(first[0])
    if ticks[late : late + len(first)] != first:
        return None
    step = max(1, ticks[-1] - ticks[-2])
    times = ticks[late:] + [ticks[-1] + step * (n + 1) for n in range(late)]
    keys = [times[n] for n, packet in enumerate(packets) if packet.is_key]
    return MovieIndex(times, keys, unstamped=late, delay=times[0] - ticks[0])


def _by_decoding_all(path: Path) -> MovieIndex:
    """Returns the index by decoding the whole clip once: slow, for files without usable time stamps in packets."""
    container, stream = open_movie(path)
    with container:
        found = [stamp_of(frame) for frame in decoded_frames(container, stream)]
    if not found:
        raise FrameReadError(f"No frame of {path} can be decoded.", "Copy or export it again.")
    times = [time for time in found if time is not None]
    if len(times) < len(found) or any(b <= a for a, b in pairwise(times)):
        return MovieIndex(list(range(len(found))), [0], by_count=True)
    return MovieIndex(times, [times[0]])


def _seconds(container: Any, stream: Any) -> Fraction:
    """Returns the stream's duration as Blender computes it; 0 = unknown."""
    base = Fraction(stream.time_base)
    if stream.duration is not None:
        return Fraction(stream.duration * base)
    if container.duration is None:
        return Fraction(0)
    sound = next(iter(container.streams.audio), None)
    begin = Fraction((stream.start_time or 0) * base)
    heard = Fraction((sound.start_time or 0) * Fraction(sound.time_base)) if sound is not None else Fraction(0)
    return Fraction(container.duration, av.time_base) - max(Fraction(0), begin - heard)


def _ends_early(container: Any, stream: Any, packets: list[Packet], scan: _Scan, declared: int) -> bool:
    """Returns whether the file claims more frames, or a longer duration, than its packets have."""
    length, rate = container.duration, stream.average_rate
    if declared > len(packets) + scan.hidden:
        return True
    if not length or not rate or container.format.name in ("mpegts", "h264", "hevc"):
        return False
    # Some containers count from 0, others from the first time stamp: the former is the safe guess.
    last = max(max(_pts(p) for p in packets) * Fraction(stream.time_base), scan.other_end)
    return bool(length / av.time_base - float(last) > 2.5 / float(rate))


def _is_ragged(path: Path, container: Any) -> bool:
    """Returns whether a transport stream, which nowhere states its length, ends within one of its packets."""
    size = path.stat().st_size
    return bool(container.format.name == "mpegts" and size % 188 and size % 192)


def _without_cut_end(path: Path, packets: list[Packet], complete: bool) -> list[Packet]:
    """Returns the packets, in file order, without those at the end that do not decode.

    A cut also leaves frames that are shown after missing ones. Decoding stamps reveal them: any later frame is shown
    later than it is decoded, so up to the last good one nothing can be missing.

    Args:
        path: the movie.
        packets: in file order.
        complete: only undecodable packets would indicate a cut end.
    """
    keys = [n for n, p in enumerate(packets) if p.is_key]
    # Frames shown before the key frame that they follow need the group of pictures before it: start there.
    open_group = len(keys) > 1 and _leading(packets, keys[-1])
    for place in (*reversed(keys[-4:-1] if open_group else keys[-3:]), 0):
        good = _strictly_decoded(path, packets[place].pts if place else None)
        if packets[place].pts not in good and place > 0:
            continue  # the container did not land on it, or it lies beyond the cut
        good |= _leading(packets, place)
        last = max((n for n in range(place, len(packets)) if packets[n].pts in good), default=-1)
        if complete and last == len(packets) - 1:
            return packets
        end = packets[last].dts
        if last >= 0 and end is not None:
            return [p for p in packets[: last + 1] if _pts(p) <= end]
    return packets


def _leading(packets: list[Packet], key: int) -> set[int | None]:
    """Returns the time stamps of the frames that follow a key frame in the file but are shown before it."""
    return {p.pts for p in packets[key:] if _pts(p) < _pts(packets[key])}


def _strictly_decoded(path: Path, key: int | None) -> set[int | None]:
    """Returns the time stamps of the frames from a key frame (None = the start) on that decode without damage."""
    good: set[int | None] = set()
    container, stream = open_movie(path)
    with container:
        stream.codec_context.options = {"err_detect": "explode"}
        stream.codec_context.thread_count = 1
        try:
            if key is not None:
                container.seek(key, stream=stream, backward=True, any_frame=False)
            for frame in decoded_frames(container, stream):
                if frame.pts is not None and not frame.is_corrupt:
                    good.add(frame.pts)
        except av.error.FFmpegError:
            pass
    return good


def _pts(packet: Packet) -> int:
    """Returns a packet's presentation stamp, where it is known to have one."""
    return packet.pts if packet.pts is not None else 0


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
