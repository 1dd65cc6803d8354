"""Exact frames of a movie by number, with PyAV (FFmpeg).

A container is demuxed once, without decoding, to learn the presentation time stamps of all frames: frame n is the n-th
time stamp in rising order, whatever B-frames, start time or frame rate. To read a frame the decoder is put on the last
key frame at or before it and decodes on until that very time stamp appears; reading on from where it stands is free.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import Colorspace

from .errors import FrameReadError
from .video import VideoSource, fingerprint

if TYPE_CHECKING:
    from .types import Image

_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD_HEIGHT = 720


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
        self._decoder = self._frames()
        self._place = -1

    def _frames(self) -> Iterator[Any]:
        """Decoded frames from where the container stands; ends at damage, as at the end of the file."""
        stream = self._container.streams.video[0]
        packets = self._container.demux(stream)
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

    def _make_index(self, declared: int) -> _Index:
        """The index from packets; from decoding everything where packets cannot tell."""
        times: list[int] = []
        keys: list[int] = []
        whole = True
        stream = self._container.streams.video[0]
        try:
            for packet in self._container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                whole = whole and not packet.is_corrupt
                times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
        except av.error.FFmpegError:
            whole = False
        usable = bool(keys) and None not in times and len(set(times)) == len(times)
        if usable:
            index = self._without_undecodable(_Index(sorted(times), sorted(keys)), whole and declared == len(times))
            if index is not None:
                return index
        return self._index_by_decoding()

    def _without_undecodable(self, index: _Index, whole: bool) -> _Index | None:
        """The index without packets at both ends that do not decode; None when it does not fit what is decoded.

        Args:
            index: from packets.
            whole: the file is known to be complete, so that its end needs no check.
        """
        self._open()
        decoded = [f for f, _ in zip(self._decoder, range(4), strict=False)]
        first = [f.pts for f in decoded]
        if decoded:
            # The display matrix: degrees against the clock by which to turn the coded picture.
            self._turns = round(getattr(decoded[0], "rotation", 0) / 90) % 4
        if not first or first[0] not in index.times:
            return None
        start = index.times.index(first[0])
        if first != index.times[start : start + len(first)]:
            return None
        times = index.times[start:]
        if not whole:
            for key in [k for k in reversed(index.keys) if k >= times[0]]:
                self._seek(key)
                tail = [f.pts for f in self._decoder if f.pts is not None]
                if tail:
                    times = times[: bisect.bisect_right(times, max(tail))]
                    break
        self._open()
        return _Index(times, [k for k in index.keys if times[0] <= k <= times[-1]] or [times[0]])

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
        self._decoder = self._frames()

    def _read(self, frame: int) -> Image:
        if self._container is None:
            raise FrameReadError(f"{self._path} is closed.", "Open the clip again.")
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
            raise FrameReadError(
                f"Frame {frame} of {self._path} is damaged and cannot be decoded.", "Export the clip again."
            )
        return image

    def _decode_to(self, frame: int) -> Image | None:
        """Decodes on to this frame; None when it is not met. Frames on the way are kept as far as the cache reaches."""
        times = self._index.times
        kept_from = frame - self._capacity // 2
        for decoded in self._decoder:
            number = self._number(decoded, times)
            if number is None:
                continue
            self._place = number
            if number == frame:
                return self._to_rgb(decoded)
            if number > frame:
                return None
            if number >= kept_from and number not in self._kept:
                self._keep(number, self._to_rgb(decoded))
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
        """RGB with the right matrix: PyAV's and OpenCV's default is BT.601 whatever the tag says."""
        source = int(decoded.colorspace)
        if source == _UNSPECIFIED or source not in {int(c) for c in Colorspace}:
            source = int(Colorspace.ITU709 if decoded.height >= _HD_HEIGHT else Colorspace.ITU601)
        if decoded.format.is_rgb:
            image = decoded.to_ndarray(format="rgb24")
        else:
            image = decoded.to_ndarray(format="rgb24", src_colorspace=source)
        if image.shape[:2] != self._coded:
            raise FrameReadError(
                f"{self._path} changes its picture size from {self._coded[1]} x {self._coded[0]} to "
                f"{image.shape[1]} x {image.shape[0]}.",
                "Export the clip with one size.",
            )
        return np.ascontiguousarray(np.rot90(image, self._turns))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
