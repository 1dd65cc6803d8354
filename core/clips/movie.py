"""Exact frames of a movie by number, with PyAV (FFmpeg).

A container is demuxed once, without decoding, to learn the time stamps of all frames (`movie_index`): frame n is the
n-th time stamp in ascending order, whatever B-frames, start time or frame rate. To read a frame, the decoder seeks to
the last key frame at or before it and decodes until exactly that time stamp appears; reading on from the current
position is free.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import Colorspace

from ..errors import FrameReadError
from ..frame_text import FrameText
from .hdr import KINDS, tone_mapped
from .movie_index import decoded_frames, is_clear, open_movie, read_index, stamp_of
from .planes import alpha_of, has_alpha, rgb_of
from .shown_frames import shown
from .source import VideoSource, fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte
from typing import TYPE_CHECKING

from .planes import ONE_THREAD as ONE_THREAD
from .planes import own_alpha

if TYPE_CHECKING:
    from numpy.typing import NDArray


DEEP_WHITE = 65280
"""White where FFmpeg's scaler turns YUV into 16-bit RGB, and back: 255/256 of the full scale (libswscale 9)."""
_CONSTANT_LUMINANCE = 10  # FFmpeg's AVCOL_SPC_BT2020_CL
_MOST_HELD = 24
"""Maximum consecutive damaged frames that the last good one replaces."""


class Movie(VideoSource):
    """A movie file. Packets that do not decode at either end (a cut or truncated file) are not counted as frames.

    The colour matrix is the tagged one; untagged movies count as BT.601 whatever their size, as in Blender. A tagged
    rotation by quarter turns is applied, as Blender does from 4.4 or 4.5 on (4.2 does not). Frames of a variable rate
    are numbered in order of presentation.

    Attributes:
        pixel_aspect: width of a pixel divided by its height.

    Raises:
        FrameReadError: not a movie, damaged, or without a picture stream.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._container: Any = None
        self._stream: Any = None
        self._decoder: Iterator[Any] = iter(())
        self._alphas: dict[int, NDArray[np.uint8]] = {}
        self._place = -1  # frame that the decoder returned last; -1 = it stands before the first
        self._index = read_index(path)
        self._by_count = self._index.by_count
        stream = self._open()
        try:
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else 0.0
            self._base = Fraction(stream.time_base)
            self._guessed = Fraction(stream.guessed_rate or 0)
            self._coded = int(stream.codec_context.height), int(stream.codec_context.width)
            self._turns = self._index.turns
            self.turned = 90 * self._turns
            aspect = Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)
            self.pixel_aspect = 1 / aspect if self._turns % 2 and aspect else aspect or Fraction(1)
            self._transfer = int(getattr(stream.codec_context, "color_trc", 0) or 0)
            if kind := KINDS.get(self._transfer):
                self._notes.append(
                    f"The clip is HDR ({kind}): its pictures are converted to BT.709, with highlights rolled off; "
                    ".mov, .mp4 and opaque .mkv films stay HDR. Convert it yourself first for another look."
                )
            self._is_clear = has_alpha(stream.codec_context.format) or is_clear(stream)
            self.size = self._coded[::-1] if self._turns % 2 else self._coded
            self.fingerprint = fingerprint([path])
            self.shown = shown(self._index.stamps) if self._index.stamps else ""
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._index.times)

    @property
    def bits(self) -> int:
        """Returns the bits of a channel in the file."""
        layout = self._stream.codec_context.format if self._stream is not None else None
        return max((component.bits for component in layout.components), default=8) if layout is not None else 8

    @property
    def hdr(self) -> tuple[int, int] | None:
        """Returns the transfer characteristics and primaries of an HDR movie, see `VideoSource.hdr`."""
        if self._transfer not in KINDS or self._stream is None:
            return None
        return self._transfer, int(getattr(self._stream.codec_context, "color_primaries", 0) or 0)

    def deep(self, keep_hdr: bool = False) -> VideoSource:
        """Returns the same movie with all bits, see `VideoSource.deep`."""
        return DeepMovie(self._path, keep_hdr)

    @property
    def rates(self) -> tuple[Fraction, ...]:
        """Returns the frame rates that the clip may be meant to have, likeliest first."""
        mean = Fraction(self.fps).limit_denominator(1001)
        return tuple(rate for rate in dict.fromkeys((self._guessed, mean)) if rate > 0)

    def span(self, frame: int) -> tuple[Fraction, Fraction]:
        """Returns when a frame begins and ends, in seconds of the file's own time.

        The last one lasts as long as the header says, otherwise the mean duration.
        """
        times, delay = self._index.times, self._index.delay
        base = 1 / Fraction(self.fps or 25).limit_denominator(1001) if self._by_count else self._base
        mean = Fraction(times[-1] - times[0], max(1, len(times) - 1))
        last = self._index.end if self._index.end > times[-1] else times[-1] + mean
        end = times[frame + 1] if frame + 1 < len(times) else last
        return (times[frame] - delay) * base, (end - delay) * base

    def alpha(self, frame: int) -> Matte | None:
        """Returns the movie's own transparency, see `VideoSource.alpha`."""
        if not self._is_clear:
            return None
        with self._lock:
            if frame not in self._alphas:
                self._kept.pop(frame, None)
            _ = self[frame]
            found = self._alphas.get(frame)
        return None if found is None else np.asarray(found / np.float32(255), np.float32)

    def close(self) -> None:
        """Closes the file."""
        super().close()
        self._alphas.clear()
        self._decoder = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> Any:
        """Opens the file at its start and returns its picture stream."""
        if self._container is not None:
            self._container.close()
        self._container, self._stream = open_movie(self._path)
        self._decoder = decoded_frames(self._container, self._stream)
        self._place = -1
        return self._stream

    def _seek(self, time: int) -> None:
        """Moves the decoder to the key frame with this time stamp, or to an earlier one."""
        self._container.seek(time, stream=self._stream, backward=True, any_frame=False)
        self._decoder = decoded_frames(self._container, self._stream)

    def _read(self, frame: int) -> Image:
        if self._container is None:
            raise FrameReadError(f"{self._path} is closed.", "Open the clip again.")
        if (passed := self._passed.take(frame)) is not None:
            return self._to_rgb(passed, frame)
        times, keys = self._index.times, self._index.keys
        key = bisect.bisect_right(keys, times[frame]) - 1
        # Reading on is cheaper than seeking unless there is a key frame between the decoder's position and the frame.
        if 0 <= self._place < frame and (self._by_count or keys[key] <= times[self._place]):
            image = self._decode_to(frame)
            if image is not None:
                return image
        elif self._place == -1 and keys[key] == keys[0]:
            image = self._decode_to(frame)
            if image is not None:
                return image
        skipped = False
        # Some containers land too late, or on a key frame that is no clean start: retry from ever earlier.
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
            skipped = len(self._passed) > 0 and self._place > frame
            if skipped:
                break
        if not skipped:
            self._open()
            image = self._decode_to(frame)
        return self._held(frame) if image is None else image

    def _held(self, frame: int) -> Image:
        """Returns the replacement for a damaged frame: the last good one before it, as in Blender."""
        for good in () if self.strict else range(frame - 1, max(-1, frame - 1 - _MOST_HELD), -1):
            if (passed := self._passed.take(good)) is not None:
                self.note_damage(frame)
                return self._to_rgb(passed, frame)
        text = FrameText(frame, f" of {self._path} is damaged and cannot be decoded.")
        after = () if self.strict else self._good_keys(frame)
        rest = next((f"{good}:{len(self)}" for good in after), f"0:{frame}" if frame else "")
        raise FrameReadError(
            text, "Export the clip again" + (f", or leave out that part: --range {rest}." if rest else ".")
        )

    def _good_keys(self, frame: int) -> Iterator[int]:
        """Yields the numbers of key frames after this one that can be decoded; tries the next few."""
        times, keys = self._index.times, self._index.keys
        after = bisect.bisect_right(keys, times[frame])
        for key in keys[after : after + _MOST_HELD]:
            number = bisect.bisect_left(times, key)
            with suppress(av.error.FFmpegError):
                self._seek(key)
                self._place = -2
                if self._decode_to(number) is not None:
                    yield number

    def _decode_to(self, frame: int) -> Image | None:
        """Decodes on to this frame; None when it does not come. Caches frames on the way, and returns the last."""
        times = self._index.times
        self._passed.clear()
        for decoded in self._decoder:
            number = self._number(decoded, times)
            if number is None:
                continue
            self._place = number
            if number == frame:
                return self._to_rgb(decoded, frame)
            if number > frame:
                return None
            self._passed.add(number, decoded, self._passed_bytes)
        self._place = -2
        return None

    def _number(self, decoded: Any, times: list[int]) -> int | None:
        if self._by_count:
            return self._place + 1
        stamp = stamp_of(decoded)
        if stamp is None:
            following = self._place + 1
            return following if self._place >= 0 and following >= len(times) - self._index.unstamped else None
        place = bisect.bisect_left(times, stamp)
        return place if place < len(times) and times[place] == stamp else None

    def _to_rgb(self, decoded: Any, frame: int) -> Image:
        image = self._converted(decoded)
        if image.shape[:2] != self._coded:
            raise FrameReadError(
                f"{self._path} changes its picture size from {self._coded[1]} x {self._coded[0]} to "
                f"{image.shape[1]} x {image.shape[0]}.",
                "Export the clip at one size.",
            )
        if self._is_clear and has_alpha(decoded.format):
            self._alphas[frame] = np.ascontiguousarray(np.rot90(alpha_of(decoded), self._turns))
            while len(self._alphas) > self._capacity:
                del self._alphas[next(iter(self._alphas))]
        return np.ascontiguousarray(np.rot90(image, self._turns))

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        """Returns the pixels of a decoded frame."""
        if self._transfer in KINDS:
            return tone_mapped(decoded, self._transfer, colour_matrix(decoded))
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgb24"), np.uint8)
        return rgb_of(decoded, colour_matrix(decoded))


class DeepMovie(Movie):
    """Like `Movie`, but with all bits, see `VideoSource.deep`."""

    def __init__(self, path: Path, keep_hdr: bool = False) -> None:
        super().__init__(path)
        self._keep_hdr = keep_hdr

    @property
    def _capacity(self) -> int:
        return 2

    def _converted(self, decoded: Any) -> Any:
        if self._transfer in KINDS and not self._keep_hdr:
            return tone_mapped(decoded, self._transfer, colour_matrix(decoded), deep=True)
        if decoded.format.is_rgb:
            return decoded.to_ndarray(format="rgb48le", **ONE_THREAD) / np.float32(65535)
        signal = decoded.to_ndarray(format="rgb48le", src_colorspace=colour_matrix(decoded), **ONE_THREAD)
        return np.minimum(signal / np.float32(DEEP_WHITE), 1)


def colour_matrix(decoded: Any) -> int:
    """Returns the matrix from a decoded frame to RGB: the tagged one, or BT.601 for untagged frames, as in Blender.

    PyAV has no names for FFmpeg's codes of SMPTE 170M (which is BT.601 too) and of BT.2020 with constant luminance.
    """
    source = int(decoded.colorspace)
    if source == _CONSTANT_LUMINANCE:
        return int(Colorspace.BT2020)
    return source if source in {int(c) for c in Colorspace} else int(Colorspace.ITU601)


class MovieWithAlpha(Movie):
    """Like `Movie`, but its frames are (H, W, 4) uint8: RGB and straight alpha, 255 where the movie has none.

    Attributes:
        has_alpha: whether it has alpha; known once a frame was read.
    """

    has_alpha = False

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        self.has_alpha = has_alpha(decoded.format)
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgba", **ONE_THREAD), np.uint8)
        matrix, plane = colour_matrix(decoded), own_alpha(decoded)
        if self.has_alpha and plane is None:
            return np.asarray(decoded.to_ndarray(format="rgba", src_colorspace=matrix, **ONE_THREAD), np.uint8)
        # Not straight to RGBA: from 4:2:0 and 4:2:2 FFmpeg's scaler drops the last two or four columns where the width
        # is that much more than a multiple of 32 (seen with PyAV 18.1, libswscale 9.5); RGB alone is right.
        picture = np.empty((decoded.height, decoded.width, 4), np.uint8)
        picture[..., :3] = rgb_of(decoded, matrix, **ONE_THREAD)
        picture[..., 3] = 255 if plane is None else plane
        return picture
