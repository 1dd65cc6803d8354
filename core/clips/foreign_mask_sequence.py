"""Mattes made by other programs (a folder of pictures, one picture, or a movie) as 8-bit grey by number.

The matte is the alpha channel if it holds anything, otherwise the brightness. A colour picture without alpha is
refused: it is almost certainly not a mask.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FrameReadError, InputError
from ..frame_text import FrameText
from ..images.foreign_masks import MaskReader, check_fits, check_header, fit, resized_note
from ..images.matte import from_grey, grey_of_picture
from .picture_sequence import numbers_of
from .source import PICTURE_SUFFIXES, VideoSource, natural_key

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ..types import Matte

_MOST_DIGITS = 18


class ForeignMattes:
    """The mattes of `path`, by number from 0; a context manager.

    Args:
        path: picture, folder of pictures (in natural name order), or movie.
        size: (height, width) of the clip; masks of half or double size are resized.
        object_id: which object of label masks; None = the only one.
        numbered: if a folder has files whose names are numbers alone, take only those.

    Raises:
        InputError: it does not exist, holds no pictures, or is no picture or movie; see `MaskReader` too.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        object_id: int | None = None,
        numbered: bool = False,
    ) -> None:
        self.path = Path(path)
        self._size = size
        self._movie: VideoSource | None = None
        self._files: list[Path] = []
        if not self.path.exists():
            raise InputError(
                f"The masks {self.path} do not exist.", "Choose a picture, a folder of pictures or a movie."
            )
        if self.path.is_dir():
            found = [p for p in self.path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.name[0] != "."]
            self._files = sorted(_numbered(found) if numbered else found, key=lambda p: natural_key(p.name))
            if not found:
                raise InputError(
                    f"The folder {self.path} holds no pictures.", f"Masks end in {', '.join(sorted(PICTURE_SUFFIXES))}."
                )
        elif self.path.suffix.lower() in PICTURE_SUFFIXES:
            self._files = [self.path]
        else:
            from .movie import MovieWithAlpha  # PyAV takes long to load

            try:
                self._movie = MovieWithAlpha(self.path)
            except FrameReadError as error:
                raise InputError(
                    f"{self.path} holds no masks: it is neither a picture nor a movie that can be read.", error.hint
                ) from error
            if object_id is not None:
                self.close()
                raise InputError(f"{self.path} is a movie, which holds no labels.", "Choose no object.")
        self._reader = MaskReader(size, object_id, self._files)
        self._notes: list[str] = []

    def __len__(self) -> int:
        return len(self._files) if self._movie is None else len(self._movie)

    @property
    def own_numbers(self) -> Sequence[int]:
        """Returns the numbers in their names; 0, 1, ... for movies and where the names do not number them."""
        if self._movie is not None:
            return range(len(self))
        if all(path.stem.isdecimal() for path in self._files):
            return [int(path.stem) for path in self._files]
        return numbers_of([path.name for path in self._files])

    @property
    def numbers(self) -> Sequence[int] | None:
        """Returns the numbers in their names if some are missing in between; None = consecutive."""
        numbers = numbers_of([path.name for path in self._files])
        return None if not numbers or numbers[-1] - numbers[0] == len(numbers) - 1 else numbers

    def name(self, number: int) -> str:
        """Returns a matte's name for messages."""
        return self._files[number].name if self._movie is None else f"frame {number} of {self.path.name}"

    def read(self, number: int) -> NDArray[np.uint8]:
        """Returns a matte (H, W) uint8.

        Raises:
            InputError: it cannot be read, or is a colour picture; SizeMismatch: its size does not fit the clip's.
        """
        if self._movie is None:
            return self._reader.read(self._files[number])
        size = self._movie.size
        check_fits(size, self._size, f"The mask {self.name(number)}")
        if tuple(size) != tuple(self._size) and (note := resized_note(size, self._size)) not in self._notes:
            self._notes.append(note)
        picture = np.asarray(self._movie[number])[..., [2, 1, 0, 3]]
        return fit(grey_of_picture(picture, self.name(number)), self._size, f"The mask {self.name(number)}")

    def check_sizes(self) -> None:
        """Raises InputError for an empty or damaged file, SizeMismatch for a size that does not fit, by headers."""
        if self._movie is not None:
            check_fits(self._movie.size, self._size, f"The mask {self.name(0)}")
        for path in self._files:
            check_header(path, self._size)

    def take_notes(self) -> list[str]:
        """Returns new facts about them for the user, as sentences; each only once."""
        notes = [*self._reader.take_notes(), *self._notes]
        self._notes = []
        return notes

    def close(self) -> None:
        """Closes the movie, if it is one."""
        if self._movie is not None:
            self._movie.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class MasksByFrame(Mapping[int, "Matte"]):
    """Foreign mattes by clip frame, read on access; a context manager. See `as_keyframes` and `as_masks`.

    Args:
        source: the mattes; closed with this.
        places: number of the matte of each clip frame.
        more: additional masks, which win where both have one.

    Raises:
        InputError: on access, what `ForeignMattes.read` raises.
    """

    def __init__(self, source: ForeignMattes, places: Mapping[int, int], more: Mapping[int, Matte]) -> None:
        self._source = source
        self._places = places
        self._more = more
        self._frames = dict.fromkeys(sorted({*places, *more}))

    def __getitem__(self, frame: int) -> Matte:
        if frame in self._more:
            return self._more[frame]
        return from_grey(self._source.read(self._places[frame]))

    def __contains__(self, frame: object) -> bool:
        return frame in self._frames

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def take_notes(self) -> list[str]:
        """See `ForeignMattes.take_notes`."""
        return self._source.take_notes()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()


def as_keyframes(
    path: Path,
    length: int,
    size: tuple[int, int],
    at: int | None,
    every: int,
    more: Mapping[int, Matte],
    object_id: int | None = None,
) -> MasksByFrame:
    """Returns masks that are keyframes of a clip.

    Args:
        path: see `ForeignMattes`.
        length: frames of the clip.
        size: (height, width) of the clip.
        at: see `place`.
        every: see `place`.
        more: additional keyframes, which win where both have one.
        object_id: see `ForeignMattes`.

    Raises:
        InputError: no masks there, or none that fit the clip.
    """
    source = ForeignMattes(path, size, object_id)
    try:
        return MasksByFrame(source, place(len(source), length, at, every, numbers=source.numbers), more)
    except InputError:
        source.close()
        raise


def as_masks(path: Path, length: int, size: tuple[int, int], object_id: int | None = None) -> MasksByFrame:
    """Returns the masks of a clip's frames: the number in a file's name is its frame, unless all frames have one.

    As many masks as frames are taken in order, whatever number they begin with. In folders with files named by numbers
    alone, others are ignored. All sizes are checked at once where the file's beginning states them.

    Args:
        path: see `ForeignMattes`.
        length: frames of the clip.
        size: (height, width) of the clip.
        object_id: see `ForeignMattes`.

    Raises:
        InputError: no masks there; SizeMismatch: see `ForeignMattes.read`.
    """
    source = ForeignMattes(path, size, object_id, numbered=True)
    try:
        source.check_sizes()
    except InputError:
        source.close()
        raise
    numbers = source.own_numbers
    if len(source) == length:
        numbers = range(length)
    return MasksByFrame(source, {frame: number for number, frame in enumerate(numbers)}, {})


def _numbered(paths: Sequence[Path]) -> list[Path]:
    """Returns the files whose names are numbers alone, one for each number, or all if there are none.

    Of several with one number a PNG is preferred, and of those the name with six digits, as `cutout propagate` writes.
    """
    plain = [path for path in paths if path.stem.isdecimal() and len(path.stem) <= _MOST_DIGITS]
    if not plain:
        return list(paths)
    ranked = sorted(plain, key=lambda path: (path.suffix.lower() == ".png", path.stem == f"{int(path.stem):06d}"))
    return list({int(path.stem): path for path in ranked}.values())


def place(
    count: int,
    length: int,
    at: int | None = None,
    every: int = 1,
    only: Sequence[int] | None = None,
    numbers: Sequence[int] | None = None,
) -> dict[int, int]:
    """Returns which mattes become which keyframes: clip frame -> number of the matte.

    Args:
        count: number of mattes.
        length: frames of the clip.
        at: clip frame of the first matte; None = they cover the whole clip, or `numbers` are clip frames.
        every: take only every n-th of them, starting with the first.
        only: take only those of these clip frames.
        numbers: those in their names, if some are missing; None = consecutive.

    Raises:
        InputError: they do not fit the clip, or none is left.
    """
    if numbers is None or (at is None and count == length):
        numbers = range(count)
    elif at is None:
        at = numbers[0]
    offsets = [number - numbers[0] for number in numbers]
    last = offsets[-1] if count else -1
    masks = "1 mask" if count == 1 else f"{count} masks"
    if at is None and count != length:
        raise InputError(
            f"There are {masks}, but the clip has {length} frames.",
            "Give the clip frame of the first mask.",
        )
    first = at or 0
    if first < 0 or first + last >= length:
        raise InputError(
            FrameText(f"{masks} from ", first, f" on do not fit: the clip has {length} frames."),
            "Choose an earlier first frame, or masks of this clip.",
        )
    if every < 1:
        raise InputError(f"Cannot take every {every} masks.", "Give 1 for all, 10 for every tenth.")
    chosen = {first + offsets[number]: number for number in range(0, count, every)}
    if only is not None:
        wanted = set(only)
        chosen = {first + offset: number for number, offset in enumerate(offsets) if first + offset in wanted}
        if missing := sorted(wanted - chosen.keys()):
            raise InputError(
                FrameText("There is no mask for ", missing[0], "."),
                FrameText("The masks are for ", (first, first + last), "."),
            )
    return chosen


def check_drawn(extremes: Mapping[int, tuple[int, int]], what: str) -> None:
    """Raises InputError when mattes, given as frame -> (least, greatest) value, cut nothing out."""
    if all(greatest < 128 for _, greatest in extremes.values()):
        raise InputError(f"There is no mask in {what}: it is all black.", "Choose masks that are white inside.")
    if all(least > 127 for least, _ in extremes.values()):
        raise InputError(f"There is no mask in {what}: it is all white.", "Choose masks that are black outside.")
