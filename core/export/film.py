"""Writes the cutout as pictures or a movie, with transparency or over a background, and checks it after writing.

A movie is written under a temporary name, read back and compared, and only then renamed. The clip's sound is copied
unchanged if the movie can hold it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..clips.hdr import KINDS, to_hdr
from ..clips.opening import open_clip
from ..clips.source import VideoSource
from ..edges.refine_edge import refine_edge
from ..edges.settings import UNCHANGED, EdgeSettings
from ..errors import InputError, StoreError, store_errors
from ..propagation.steady_edges import SteadyEdges
from . import deep
from .composite import cover, over, rgba
from .pace import Pace, pace_of, time_of
from .picture_files import PictureFiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import EdgeNet
    from ..types import Matte
    from .sound import Sound
import re

DEFAULT_FPS = 25.0
_NO_SHAPE = "The clip's pixels are not square, which .mkv does not record here; .mp4 and .mov do."


@dataclass(frozen=True, slots=True)
class FilmStep:
    """A written frame of a film.

    Attributes:
        done, total: frames written, and their total: a movie shows some frames of a variable rate several times.
        frame: clip frame of this one.
        path: its picture; None for a movie, which exists after the last step.
        sound: with the last step: what became of the clip's sound and rate, as sentences.
        checked: frames of the finished movie that were read back; such steps come between the last two frames.
    """

    done: int
    total: int
    frame: int
    path: Path | None
    sound: str = ""
    checked: int = 0


@dataclass(frozen=True, slots=True)
class FilmLook:
    """The appearance of a film.

    Attributes:
        background: a colour, or the path of a picture, a folder of pictures or a movie; "" = transparency.
        edge: how the mattes' edge is refined.
        fps: frames per second, 0.1 to 1000; 0 = the clip's own, 25 for pictures.
        pictures: kind of the files in a folder, see `deep.PICTURES`.

    Raises:
        InputError: the frame rate is out of range, or there is no such kind.
    """

    background: str = ""
    edge: EdgeSettings = UNCHANGED
    fps: float = 0.0
    pictures: str = "png"

    def __post_init__(self) -> None:
        if self.pictures not in deep.PICTURES:
            raise InputError(
                f"There are no pictures of kind {self.pictures}.", f"Use one of {', '.join(deep.PICTURES)}."
            )
        if not (self.fps == 0 or 0.1 <= self.fps <= 1000):
            raise InputError(
                f"The frame rate {self.fps:g} is out of range.", "Give frames per second, for instance 25."
            )


def is_movie(target: Path) -> bool:
    """Returns True when the name is a movie's; otherwise it is a folder for pictures."""
    return bool(target.suffix) and not target.is_dir()


def write_film(
    clip: VideoSource,
    media: Path,
    frames: Sequence[int],
    matte_of: Callable[[int], Matte],
    target: Path,
    look: FilmLook | None = None,
    net: EdgeNet | None = None,
    objects: Mapping[str, Callable[[int], Matte]] | None = None,
    edge_at: Callable[[int], EdgeSettings] | None = None,
) -> Generator[FilmStep, None, None]:
    """Writes a film of these clip frames, in this order; yields after each one written, and after each read back.

    Args:
        clip: the frames.
        media: the clip's own file or folder, for its sound.
        frames: the clip frames.
        matte_of: the matte (H, W) of a clip frame.
        target: .mp4, .mkv or .mov; or a folder, for pictures named 000000.png by clip frame.
        look: see `FilmLook`.
        net: finds alpha along the edge where the look asks for detail; see `refine_edge`.
        objects: further mattes of a clip frame by name; each becomes a channel of EXR pictures.
        edge_at: how the edge of a clip frame is refined; None = as the look says, on all of them.

    Raises:
        InputError: nothing to write, no such background, or a kind of file that cannot be written or has no alpha.
        StoreError: it cannot be written, or reads back as something else.
        FrameReadError: a frame of the clip or of the background cannot be read.
    """
    look = look or FilmLook()
    if not frames:
        raise InputError("There is no frame to write.", "Choose a range with at least one frame.")
    bits = bits_of_film(clip, target, look)
    with ExitStack() as stack:
        untouched = edge_at is None and look.edge == UNCHANGED
        hdr = clip.hdr if bits > 8 and is_movie(target) and untouched else None
        source = stack.enter_context(clip.deep(hdr is not None)) if bits > 8 else clip
        source.take_notes() if source is not clip else None
        stack.callback(lambda: clip.add_notes(source.take_notes()) if source is not clip else None)
        background = open_background(look.background, clip.size, stack, bits > 8, hdr) if look.background else None

        wanted = set(frames)
        refine: Any = deep.refined if bits > 8 else refine_edge

        def alpha_of(frame: int, edge: EdgeSettings) -> Matte | None:
            if frame not in wanted:
                return None
            return np.asarray(refine(net, source[frame], matte_of(frame), replace(edge, decontaminate=0.0))[0])

        steady = SteadyEdges(clip, alpha_of)
        blend: Any = deep.over if bits > 8 else over
        clear: Any = deep.rgba if bits > 8 else rgba

        def picture(frame: int, time: Fraction) -> NDArray[Any]:
            own = source.alpha(frame)
            edge = edge_at(frame) if edge_at else look.edge
            if edge.detail:
                matte: Any = steady.at(frame, edge)
                edge = EdgeSettings(detail=0.0, decontaminate=edge.decontaminate)
            else:
                matte = matte_of(frame)
            matte, image = refine(net, source[frame], matte, edge)
            matte = matte if own is None else np.asarray(matte * own, np.float32)
            result = clear(image, matte) if background is None else blend(image, matte, background(frame, time))
            return np.asarray(result)

        if is_movie(target):
            yield from _write_movie(source, media, frames, picture, target, look, background is None, bits, hdr)
        else:
            fps, aspect = look.fps or clip.fps or DEFAULT_FPS, getattr(clip, "pixel_aspect", Fraction(1))
            files = PictureFiles(target, look.pictures, aspect, objects or {})
            timed = _pictures(frames, lambda frame: picture(frame, time_of(clip, frame, fps)), files)
            yield from (replace(step, sound=_joined(step.sound, _lost_bits(clip, bits))) for step in timed)


def bits_of_film(clip: VideoSource, target: Path, look: FilmLook) -> int:
    """Returns the bits of a channel in a film of a clip.

    Movies have 8, those of deeper clips more, except FFV1 with alpha: movies with alpha of more than 8 bits are misread
    by Blender 4.5 to 5.2, which divide their colours by alpha once too often.
    """
    if not is_movie(target):
        return deep.BITS[look.pictures]
    suffix = target.suffix.lower()
    if clip.bits <= 8 or (suffix == ".mkv" and not look.background):
        return 8
    if suffix == ".mp4":
        from .movie_writer import can_be_deep_mp4

        return 10 if can_be_deep_mp4(clip.size) else 8
    return {".mov": 10, ".mkv": 16}.get(suffix, 8)


def _lost_bits(clip: VideoSource, kept: int) -> str:
    """Returns a sentence if a film with so many bits holds less than its clip, "" otherwise."""
    if clip.unbounded and kept < deep.BITS["exr"]:
        return "Anything brighter than white in the clip is cut off: EXR pictures keep it."
    if kept >= clip.bits:
        return ""
    return f"The clip has {clip.bits} bits a channel, the film {kept}: 16-bit PNG and EXR pictures keep more."


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _pictures(
    frames: Sequence[int], picture: Callable[[int], NDArray[Any]], files: PictureFiles
) -> Generator[FilmStep, None, None]:
    with store_errors(files.folder):
        files.folder.mkdir(parents=True, exist_ok=True)
    for done, frame in enumerate(frames, start=1):
        files.write(frame, picture(frame))
        yield FilmStep(done, len(frames), frame, files.path(frame), "Pictures hold no sound." * (done == len(frames)))


def _write_movie(
    clip: VideoSource,
    media: Path,
    frames: Sequence[int],
    picture: Callable[[int, Fraction], NDArray[Any]],
    target: Path,
    look: FilmLook,
    alpha: bool,
    bits: int,
    hdr: tuple[int, int] | None,
) -> Generator[FilmStep, None, None]:
    from .movie_writer import MovieWriter, check_movie  # PyAV takes long to load

    check_movie(target, alpha)
    pace = pace_of(clip, frames, look.fps, DEFAULT_FPS)
    total = len(pace.frames)
    with store_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        sound, sound_note = _sound(clip, media, frames, pace, target.suffix.lower(), stack)
        aspect = getattr(clip, "pixel_aspect", Fraction(1))
        options: dict[str, Any] = {"alpha": alpha, "sound": sound, "pixel_aspect": aspect, "deep": bits > 8, "hdr": hdr}
        with MovieWriter(target, clip.size, float(pace.rate), **options) as writer:
            begin = time_of(clip, frames[0], float(pace.rate))
            for done, frame in enumerate(pace.frames, start=1):
                result = picture(frame, begin + (done - 1) / pace.rate)
                writer.write(deep.in_16_bits(result) if bits > 8 else result)
                if done < total:
                    yield FilmStep(done, total, frame, None)
            for checked in writer.check():
                yield FilmStep(total, total, frames[-1], None, checked=checked)
    shape = "" if writer.keeps_shape else _NO_SHAPE
    kind = "" if hdr is None else f"The film is HDR ({KINDS[hdr[0]]}) like its clip."
    yield FilmStep(total, total, frames[-1], None, _joined(sound_note, pace.note, shape, kind, _lost_bits(clip, bits)))


def _sound(
    clip: VideoSource, media: Path, frames: Sequence[int], pace: Pace, suffix: str, stack: ExitStack
) -> tuple[Sound | None, str]:
    """Returns the clip's sound for these frames if it can be copied, and a sentence about it."""
    from ..clips.movie import Movie

    if not isinstance(clip, Movie):
        return None, "The clip has no sound."
    from .sound import Sound

    try:
        start, stop = clip.span(frames[0]), clip.span(frames[-1])
        sound = stack.enter_context(Sound(media, start[0], stop[1]))
    except OSError as error:
        raise StoreError(f"The sound of {media} cannot be read ({error}).", "Check the file.") from error
    if not sound.codec:
        return None, "The clip has no sound."
    if not pace.in_time:
        return None, "The clip's sound was left out: it fits only frames in their order, at the clip's own rate."
    if not sound.fits(suffix):
        return None, f"The clip's sound ({sound.codec}) was left out: {suffix} does not hold it, .mkv does."
    return sound, f"The clip's sound ({sound.codec}) was copied as it is."


def open_background(
    text: str,
    size_hw: tuple[int, int],
    stack: ExitStack,
    all_bits: bool = False,
    hdr: tuple[int, int] | None = None,
) -> Callable[[int, Fraction], NDArray[Any]]:
    """Returns a function from clip frame and seconds since the clip's start to the background (H, W, 3).

    It has the type uint8, or with `all_bits` float32, see `VideoSource.deep`; with `hdr` the values of such a clip.

    A movie runs at its own speed and repeats; of several pictures, each is for one frame. Files are closed by `stack`.

    Raises:
        InputError: neither a colour nor a file; FrameReadError: it cannot be read.
    """

    def fitted(picture: NDArray[Any]) -> NDArray[Any]:
        fitting = cover(picture, size_hw)
        if hdr is not None:
            return to_hdr(deep.in_floats(fitting), *hdr)
        return deep.in_floats(fitting) if all_bits else fitting

    colour = parse_colour(text)
    if colour is not None:
        plain = fitted(np.full((*size_hw, 3), colour, np.uint8))
        return lambda frame, time: plain
    if not Path(text).exists():
        raise InputError(
            f"The background {text!r} is neither a colour nor a file.",
            f"Use #rrggbb, one of {', '.join(sorted(NAMES))}, or the path of a picture or movie.",
        )
    source = stack.enter_context(open_clip(text))
    if all_bits and source.bits > 8:
        source = stack.enter_context(source.deep())
    if len(source) == 1:
        still = fitted(source[0])
        return lambda frame, time: still
    if not source.fps:
        return lambda frame, time: fitted(source[frame % len(source)])
    pace = pace_of(source, range(len(source)), 0.0, DEFAULT_FPS)

    def moving(frame: int, time: Fraction) -> NDArray[Any]:
        place = math.floor(time * pace.rate + Fraction(1, 2))
        return fitted(source[pace.frames[place % len(pace.frames)]])

    return moving


NAMES = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "gray": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 165, 0),
}
_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def parse_colour(text: str) -> tuple[int, int, int] | None:
    """Returns (red, green, blue) 0 to 255 of "#rrggbb", "#rgb" or a name; None when it is none of these.

    Raises:
        InputError: it begins with # but is no colour.
    """
    if text.startswith("#"):
        match = _HEX.fullmatch(text)
        if not match:
            raise InputError(f"{text} is not a colour.", "Write it as #rrggbb, for instance #00b140.")
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    return NAMES.get(text.lower())
