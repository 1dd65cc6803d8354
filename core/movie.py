"""Exact frames of a movie by number, with PyAV (FFmpeg).

A container is demuxed once, without decoding, to learn the presentation time stamps of all frames: frame n is the n-th
time stamp in rising order, whatever B-frames, start time or frame rate. To read a frame the decoder is put on the last
key frame at or before it and decodes on until that very time stamp appears; reading on from where it stands is free.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Colorspace

from .errors import FrameReadError
from .told import Told
from .video import VideoSource, fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Image

_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD_HEIGHT = 720


class _Packet(NamedTuple):
    """What a packet tells of its frame, in the stream's time base."""

    pts: int
    dts: int | None
    is_key: bool


class _Index(NamedTuple):
    """Time stamps of all frames and of the key frames, rising."""

    times: list[int]
    keys: list[int]


class Movie(VideoSource):
    """A movie file. Packets that do not decode at either end (a cut or truncated file) are not counted as frames.

    The colour matrix is the tagged one; untagged movies are taken as BT.709 from 720 lines on and BT.601 below.
    A tagged rotation by quarter turns is applied, as Blender does from 4.4 or 4.5 on (4.2 does not). Frames of a
    variable rate are numbered in order of presentation.

    Raises:
        FrameReadError: not a movie, damaged, or without a picture stream.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._container: Any = None
        self._decoder: Iterator[Any] = iter(())
        self._place = -1  # frame that the decoder gave last; -1 = it stands before the first
        self._by_count = False
        self._open()
        container: Any = self._container
        try:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else 0.0
            self._coded = int(stream.codec_context.height), int(stream.codec_context.width)
            self._turns = 0
            self._index = self._make_index(int(stream.frames or 0))
            self.size = self._coded[::-1] if self._turns % 2 else self._coded
            self.fingerprint = fingerprint([path])
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._index.times)

    def span(self, frame: int) -> tuple[Fraction, Fraction]:
        """When a frame begins and ends, in seconds of the file's own time; the last one lasts as long as the mean."""
        base, times = self._container.streams.video[0].time_base, self._index.times
        base = 1 / Fraction(self.fps or 25).limit_denominator(1001) if self._by_count else Fraction(base)
        mean = Fraction(times[-1] - times[0], max(1, len(times) - 1))
        end = times[frame + 1] if frame + 1 < len(times) else times[frame] + mean
        return times[frame] * base, end * base

    def close(self) -> None:
        """Closes the file."""
        super().close()
        self._decoder = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> None:
        """Opens the file, at its start."""
        if self._container is not None:
            self._container.close()
        try:
            self._container = av.open(str(self._path), metadata_errors="ignore")
        except (av.error.FFmpegError, OSError) as error:
            raise FrameReadError(
                f"{self._path} is not a movie, or it is damaged or cut off ({_reason(error)}).",
                "Choose a movie that plays; copy or export it again.",
            ) from error
        if not self._container.streams.video:
            self._container.close()
            self._container = None
            raise FrameReadError(f"{self._path} has no picture stream.", "Choose a movie with pictures.")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self._decoder = _decoded(self._container, stream)
        self._place = -1

    def _make_index(self, declared: int) -> _Index:
        """The index from packets; from decoding everything where packets cannot tell."""
        packets: list[_Packet] = []
        whole = True
        stream = self._container.streams.video[0]
        try:
            for packet in self._container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                whole = not packet.is_corrupt  # of the last one: damage amid the file does not shorten it
                packets.append(_Packet(packet.pts, packet.dts, packet.is_keyframe))
        except av.error.FFmpegError:
            whole = False
        if self._is_ragged() and len(packets) > 1:
            whole = False
            del packets[-1]  # half a picture, which the decoder would patch up without a word
        times = {p.pts for p in packets}
        if None not in times and len(times) == len(packets) and any(p.is_key for p in packets):
            start = self._first_decoded(sorted(times))
            if start is not None:
                if not whole or declared != len(packets):
                    packets = self._without_cut_end(packets, whole and not self._ends_early(packets, declared))
                kept = sorted(p.pts for p in packets if p.pts >= start)
                if kept:
                    return _Index(kept, sorted(p.pts for p in packets if p.is_key and p.pts >= start) or kept[:1])
        return self._index_by_decoding()

    def _first_decoded(self, times: list[int]) -> int | None:
        """Time stamp of the first frame that decodes; None when packets do not tell what is decoded."""
        self._open()
        decoded = [f for f, _ in zip(self._decoder, range(4), strict=False)]
        if decoded:
            # The display matrix: degrees against the clock by which to turn the coded picture.
            self._turns = round(getattr(decoded[0], "rotation", 0) / 90) % 4
        first = [f.pts for f in decoded]
        self._open()
        if not first or first[0] not in times:
            return None
        start = times.index(first[0])
        return times[start] if first == times[start : start + len(first)] else None

    def _ends_early(self, packets: list[_Packet], declared: int) -> bool:
        """Whether the file says that it has more frames, or lasts longer, than its packets do."""
        stream = self._container.streams.video[0]
        length, rate = self._container.duration, stream.average_rate
        if declared > len(packets):
            return True
        if not length or not rate or self._container.format.name in ("mpegts", "h264", "hevc"):
            return False
        # From 0 in some containers, from the first time stamp in others: the former is the safe guess.
        last = max(p.pts for p in packets)
        return bool(length / av.time_base - float(last * stream.time_base) > 2.5 / float(rate))

    def _is_ragged(self) -> bool:
        """Whether a transport stream, which nowhere tells its length, ends amid one of its packets."""
        size = self._path.stat().st_size
        return bool(self._container.format.name == "mpegts" and size % 188 and size % 192)

    def _without_cut_end(self, packets: list[_Packet], complete: bool) -> list[_Packet]:
        """The packets, in file order, without those at the end that do not decode.

        A cut also leaves frames behind that are shown after missing ones. Time stamps of decoding tell them: whatever
        is still to come is shown later than it is decoded, so up to the last good one nothing can be missing.

        Args:
            packets: in file order.
            complete: nothing but undecodable packets would speak for a cut end.
        """
        keys = [n for n, p in enumerate(packets) if p.is_key]
        # Frames shown before the key frame that they follow need the group of pictures before it: start there.
        open_group = len(keys) > 1 and self._leading(packets, keys[-1])
        for place in (*reversed(keys[-4:-1] if open_group else keys[-3:]), 0):
            good = self._strictly_decoded(packets[place].pts if place else None)
            if packets[place].pts not in good and place > 0:
                continue  # the container did not land on it, or it lies behind the cut
            good |= self._leading(packets, place)
            last = max((n for n in range(place, len(packets)) if packets[n].pts in good), default=-1)
            if complete and last == len(packets) - 1:
                return packets
            end = packets[last].dts
            if last >= 0 and end is not None:
                return [p for p in packets[: last + 1] if p.pts <= end]
        return packets

    @staticmethod
    def _leading(packets: list[_Packet], key: int) -> set[int]:
        """Time stamps of the frames that follow a key frame in the file but are shown before it."""
        return {p.pts for p in packets[key:] if p.pts < packets[key].pts}

    def _strictly_decoded(self, key: int | None) -> set[int]:
        """Time stamps of the frames from a key frame (None = the start) on that decode without any damage."""
        good: set[int] = set()
        with av.open(str(self._path), metadata_errors="ignore") as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            stream.codec_context.thread_count = 1
            try:
                if key is not None:
                    container.seek(key, stream=stream, backward=True, any_frame=False)
                for frame in _decoded(container, stream):
                    if frame.pts is not None and not frame.is_corrupt:
                        good.add(frame.pts)
            except av.error.FFmpegError:
                pass
        return good

    def _index_by_decoding(self) -> _Index:
        """The index by decoding the whole clip once: slow, for files whose packets have no usable time stamps."""
        self._open()
        times = [f.pts for f in self._decoder]
        self._open()
        if not times:
            raise FrameReadError(f"No frame of {self._path} can be decoded.", "Copy or export it again.")
        if None in times or any(b <= a for a, b in pairwise(times)):
            self._by_count = True
            times = list(range(len(times)))
        return _Index(times, [times[0]])

    def _seek(self, time: int) -> None:
        """Puts the decoder on the key frame of this time stamp, or on an earlier one."""
        stream = self._container.streams.video[0]
        self._container.seek(time, stream=stream, backward=True, any_frame=False)
        self._decoder = _decoded(self._container, stream)

    def _read(self, frame: int) -> Image:
        if self._container is None:
            raise FrameReadError(f"{self._path} is closed.", "Open the clip again.")
        if (passed := self._passed.take(frame)) is not None:
            return self._to_rgb(passed)
        times, keys = self._index
        key = bisect.bisect_right(keys, times[frame]) - 1
        # Reading on is cheaper than a seek when there is no key frame between the decoder's place and the frame.
        if 0 <= self._place < frame and (self._by_count or keys[key] <= times[self._place]):
            image = self._decode_to(frame)
            if image is not None:
                return image
        elif self._place == -1 and keys[key] == keys[0]:
            image = self._decode_to(frame)
            if image is not None:
                return image
        # Some containers land too late, or on a key frame that is no clean start: then from ever earlier.
        tries = [] if self._by_count else [keys[k] for k in (key, key - 1, key - 4) if k >= 0]
        for time in tries:
            try:
                self._seek(time)
            except av.error.FFmpegError:
                break
            self._place = -2
            image = self._decode_to(frame)
            if image is not None:
                return image
        self._open()
        image = self._decode_to(frame)
        if image is None:
            text = Told(frame, f" of {self._path} is damaged and cannot be decoded.")
            raise FrameReadError(text, "Export the clip again.")
        return image

    def _decode_to(self, frame: int) -> Image | None:
        """Decodes on to this frame; None when it is not met. Frames on the way are kept, the last of them."""
        times = self._index.times
        self._passed.clear()
        for decoded in self._decoder:
            number = self._number(decoded, times)
            if number is None:
                continue
            self._place = number
            if number == frame:
                return self._to_rgb(decoded)
            if number > frame:
                return None
            self._passed.add(number, decoded, self._passed_bytes)
        self._place = -2
        return None

    def _number(self, decoded: Any, times: list[int]) -> int | None:
        if self._by_count:
            return self._place + 1
        if decoded.pts is None:
            return None
        place = bisect.bisect_left(times, decoded.pts)
        return place if place < len(times) and times[place] == decoded.pts else None

    def _to_rgb(self, decoded: Any) -> Image:
        image = self._converted(decoded)
        if image.shape[:2] != self._coded:
            raise FrameReadError(
                f"{self._path} changes its picture size from {self._coded[1]} x {self._coded[0]} to "
                f"{image.shape[1]} x {image.shape[0]}.",
                "Export the clip with one size.",
            )
        return np.ascontiguousarray(np.rot90(image, self._turns))

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        """The pixels of a decoded frame."""
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
        return np.asarray(decoded.to_ndarray(format="rgb24", src_colorspace=colour_matrix(decoded)), np.uint8)


def colour_matrix(decoded: Any) -> int:
    """The right matrix from a decoded frame to RGB: PyAV's and OpenCV's default is BT.601 whatever the tag says."""
    source = int(decoded.colorspace)
    if source == _UNSPECIFIED or source not in {int(c) for c in Colorspace}:
        source = int(Colorspace.ITU709 if decoded.height >= _HD_HEIGHT else Colorspace.ITU601)
    return source


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames from where the container stands; damage is skipped, the end of what can be read is the end."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            packet = None
        try:
            yield from stream.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            pass
        if packet is None or packet.size == 0:
            return


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
