"""Writes movies with PyAV (FFmpeg), whole or not at all: built under a temporary name, read back, then renamed.

.mp4   H.264, for viewing; of deeper clips HEVC with 10 bits; no alpha
.mkv   FFV1, lossless RGB, with or without alpha; Blender 4.2 to 5.2 read its alpha exactly
.mov   ProRes 4444 with or without alpha; for other programs: Blender's own reader breaks its soft alpha
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from ..atomic import is_file, leftovers, new_beside
from ..clips.movie import DEEP_WHITE, ONE_THREAD
from ..errors import InputError, StoreError
from .mkv_aspect import write_aspect
from .readback import Proof

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Self

    from .sound import Sound

SUFFIXES = (".mp4", ".mkv", ".mov")
_RGB, _BT709, _BT2020 = 0, 1, 9
"""Matrix coefficients (ITU-T H.273)."""
_DEEP_MP4, _LEAST_SIDE = "libx265", 16
_X265 = "log-level=error:bframes=0"
"""Without B-frames: with them x265 gives clips of one or two frames arbitrary decoding stamps (seen with PyAV 18.1)."""
_SPACES = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}


class MovieWriter:
    """Writes frames of one size; a context manager. Leaves no file behind after an exception.

    Args:
        path: ends in .mp4, .mkv or .mov.
        size_hw: (height, width).
        fps: frames per second.
        alpha: frames have an alpha channel.
        sound: copied in next to the frames.
        pixel_aspect: width of a pixel divided by its height.
        deep: frames have 16 bits, of which .mov and .mp4 keep 10, and .mkv all.
        hdr: transfer characteristics and primaries (ITU-T H.273) of HDR frames; None = BT.709.

    Attributes:
        keeps_shape: the finished movie has the pixel aspect.

    Raises:
        InputError: another file extension, or alpha in .mp4.
        StoreError: it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size_hw: tuple[int, int],
        fps: float,
        *,
        alpha: bool = False,
        sound: Sound | None = None,
        pixel_aspect: Fraction = Fraction(1),
        deep: bool = False,
        hdr: tuple[int, int] | None = None,
    ) -> None:
        self._path = path
        self._suffix = path.suffix.lower()
        check_movie(path, alpha)
        self._deep = deep
        self._hdr = hdr
        self._size, self._aspect = size_hw, pixel_aspect
        self.keeps_shape = True
        self._layout = ("rgba64le" if alpha else "rgb48le") if deep else "rgba" if alpha else "rgb24"
        self._proof = Proof(self._suffix, size_hw, alpha)
        self._sound = sound
        self._frames = 0
        self._checked = False
        self._rate = Fraction(fps or 25).limit_denominator(1001)
        try:
            for litter in filter(is_file, leftovers(path)):  # of a killed process
                litter.unlink(missing_ok=True)
            self._part, handle = new_beside(path)  # FFmpeg opens the file only at the first frame
            os.close(handle)
            self._container: Any = av.open(str(self._part), "w", format=_SPACES[self._suffix])
            self._stream = self._add_stream(size_hw, alpha)
            if pixel_aspect != 1:
                self._stream.codec_context.sample_aspect_ratio = pixel_aspect
            if sound is not None:
                sound.begin(self._container)
        except (OSError, av.FFmpegError) as error:
            self._discard()
            raise self._failure(error) from error

    def write(self, picture: NDArray[Any]) -> None:
        """Adds a frame (H, W, 3), or (H, W, 4) with alpha, RGB in uint8, or uint16 when deep. Raises StoreError."""
        self._proof.add(picture)
        if self._deep and self._suffix != ".mkv":
            picture = np.array(picture)
            picture[..., :3] = (picture[..., :3] * np.uint32(DEEP_WHITE) + 32767) // 65535
        frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=self._layout)
        if self._suffix == ".mkv" and self._deep:
            frame = frame.reformat(format=self._stream.pix_fmt, **ONE_THREAD)
        elif self._suffix != ".mkv":
            frame = frame.reformat(
                format=self._stream.pix_fmt,
                src_colorspace=Colorspace.DEFAULT,
                dst_colorspace=Colorspace.ITU709 if self._hdr is None else Colorspace.BT2020,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                **ONE_THREAD,
            )
            with contextlib.suppress(AttributeError):  # ProRes tags each picture; older PyAV cannot
                frame.color_trc, frame.color_primaries = self._hdr or (_BT709, _BT709)
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
            self._frames += 1
            self._add_sound(self._frames / self._rate)
        except (OSError, av.FFmpegError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            for _ in self.check():
                pass
            self._part.replace(self._path)
        except (OSError, av.FFmpegError) as failure:
            self._discard()
            raise self._failure(failure) from failure
        except StoreError:
            self._discard()
            raise

    def check(self) -> Iterator[int]:
        """Ends the file and reads it back; yields after each frame, for callers with other work to do meanwhile.

        Raises:
            StoreError: it cannot be written, or is not what was written.
        """
        if self._checked:
            return
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._add_sound(None)
            self._container.close()
            if self._suffix == ".mkv" and self._aspect != 1:
                self.keeps_shape = write_aspect(self._part, self._size, self._aspect)
        except (OSError, av.FFmpegError) as failure:
            raise self._failure(failure) from failure
        yield from self._proof.check(self._part, self._path)
        self._checked = True

    def _add_sound(self, until: Fraction | None) -> None:
        """Adds the sound's packets up to that time."""
        if self._sound is not None:
            for packet in self._sound.packets(until):
                self._container.mux(packet)

    def _add_stream(self, size_hw: tuple[int, int], alpha: bool) -> Any:
        odd = size_hw[0] % 2 or size_hw[1] % 2
        lossless = ("gbrap16le" if alpha else "gbrp16le") if self._deep else "bgra" if alpha else "bgr0"
        # 4:2:0 has no odd sizes, and pictures are never cropped: such movies are 4:4:4.
        layout = "yuv444p" if odd else "yuv420p"
        codec, pixels, options = {
            ".mp4": (_DEEP_MP4, f"{layout}10le", {"crf": "12", "x265-params": _X265})
            if self._deep
            else ("libx264", layout, {"crf": "16", "preset": "medium"}),
            ".mkv": ("ffv1", lossless, {"level": "3", "slicecrc": "1"}),
            ".mov": ("prores_ks", "yuva444p10le" if alpha else "yuv444p10le", {"profile": "4444"}),
        }[self._suffix]
        stream: Any = self._container.add_stream(codec, rate=self._rate, options=options)
        stream.height, stream.width = size_hw
        stream.pix_fmt = pixels
        context = stream.codec_context
        if codec == _DEEP_MP4:
            context.codec_tag = "hvc1"  # without it Apple's programs do not play it
        if self._suffix != ".mkv":
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = ColorRange.MPEG
        if self._hdr is not None:
            context.color_trc, context.color_primaries = self._hdr
            context.colorspace = _RGB if self._suffix == ".mkv" else _BT2020
        return stream

    def _discard(self) -> None:
        with contextlib.suppress(OSError, av.FFmpegError, AttributeError):
            self._container.close()
        with contextlib.suppress(OSError, AttributeError):
            self._part.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> StoreError:
        reason = getattr(error, "strerror", None) or str(error)
        return StoreError(
            f"The movie {self._path} cannot be written ({reason}).", "Choose another place or free some space."
        )


def can_be_deep_mp4(size_hw: tuple[int, int]) -> bool:
    """Returns whether an .mp4 of this size can have 10 bits: with FFmpeg's x265, from 16 pixels a side on."""
    return _DEEP_MP4 in av.codecs_available and min(size_hw) >= _LEAST_SIDE


def check_movie(path: Path, alpha: bool) -> None:
    """Raises InputError when the extension is not a movie's, or the format holds no alpha."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path} is not a supported kind of movie.", f"Use {', '.join(SUFFIXES)}, or a folder.")
    if alpha and suffix == ".mp4":
        raise InputError("An .mp4 movie holds no transparency.", "Use .mkv or .mov, or a folder of PNG.")
