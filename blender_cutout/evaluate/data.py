"""Reads clips and pictures with known masks from folders.

    DATA/video/<sequence>/frames/*, masks/*.png     (also video-sparse, video-train; or DATA is one, or such a folder)
    DATA/stills/images/*, masks/*.png               (or DATA itself such a folder)

A mask belongs to the picture of the same name. Masks of one object: 255 object, 0 background, 128 unknown. If any mask
of a clip has another value, the clip has several objects: 0 background, 1 to 254 object ids, 255 unknown. Unknown
pixels never count. Pictures without a mask, and pictures whose mask has region numbers, are left out. Damaged files are
listed in `skipped`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..core.clips.picture import read_picture
from ..core.clips.source import PICTURE_SUFFIXES, natural_key
from ..core.errors import CutoutError, InputError
from ..core.types import Clip
from .labels import read_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

IGNORED = 128
UNKNOWN_ID = 255
_VIDEO_FOLDERS = ("video", "video-sparse", "video-train")

Half = Literal["choose", "report"]
HALVES: tuple[Half, ...] = ("choose", "report")
_HALF_SALT = "6 "
"""Never changes. Chosen before any score was known, so that both halves have eight clips of eval-dev."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The known masks of a frame.

    Attributes:
        objects: (N, H, W) bool, one mask for each object of the clip.
        counted: (H, W) bool, False where the truth is unknown.
    """

    objects: NDArray[np.bool_]
    counted: Mask


@dataclass(frozen=True, slots=True)
class Sequence:
    """A clip with masks for some or all frames.

    Attributes:
        name: its folder's name.
        clip: its frames.
        truth: clip frame -> mask file; only files that can be read.
        ids: ids of its objects in the masks; empty = masks of one object (0, 128, 255).
        starts: frames whose mask shows an object, in order; None = all of `truth`.
    """

    name: str
    clip: Clip
    truth: dict[int, Path]
    ids: tuple[int, ...] = ()
    starts: tuple[int, ...] | None = None

    @property
    def dense(self) -> bool:
        """True if every frame has a mask."""
        return len(self.truth) == len(self.clip.files)

    @property
    def known(self) -> tuple[int, ...]:
        """Frames that it can be propagated from, in order."""
        return tuple(sorted(self.truth)) if self.starts is None else self.starts


@dataclass(frozen=True, slots=True)
class Still:
    """A picture with its mask."""

    name: str
    image: Path
    mask: Path


@dataclass(frozen=True, slots=True)
class Data:
    """The contents of a folder; `skipped` has a line for each clip, mask or picture that cannot be used."""

    sequences: tuple[Sequence, ...]
    stills: tuple[Still, ...]
    skipped: tuple[str, ...] = ()


def find_data(folder: Path) -> Data:
    """Returns the clips and pictures of a folder, in name order.

    Raises:
        InputError: it does not exist, or has nothing of the expected layout.
    """
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist.", "Give a folder with video/ or stills/.")
    sequences: list[Sequence] = []
    stills: list[Still] = []
    skipped: list[str] = []
    if (folder / "frames").is_dir():
        sequences += _sequence(folder, skipped)
    elif (folder / "images").is_dir():
        stills += _stills(folder, skipped)
    else:
        places = [folder / name for name in _VIDEO_FOLDERS if (folder / name).is_dir()]
        if (folder / "stills" / "images").is_dir():
            stills += _stills(folder / "stills", skipped)
        if not places and not stills:
            places = [folder]
        for place in places:
            for child in sorted(place.iterdir(), key=lambda p: natural_key(p.name)):
                if (child / "frames").is_dir():
                    sequences += _sequence(child, skipped)
    if not sequences and not stills:
        raise InputError(
            " ".join((f"The folder {folder} has no clips or pictures with masks.", *skipped)),
            "Expected: video/<name>/frames and masks, or stills/images and masks.",
        )
    return Data(tuple(sequences), tuple(stills), tuple(skipped))


def half(data: Data, which: Half) -> Data:
    """Returns one half of the clips and pictures; depends on the names alone, so a clip is always in the same half."""
    return replace(
        data,
        sequences=tuple(s for s in data.sequences if half_of(s.name) == which),
        stills=tuple(s for s in data.stills if half_of(s.name) == which),
    )


def half_of(name: str) -> Half:
    """Returns the half that a clip or picture of that name belongs to."""
    return HALVES[hashlib.sha256((_HALF_SALT + name).encode()).digest()[0] % 2]


def fingerprint(files: Several[Path]) -> str:
    """Returns a hash of the contents of files, in the given order."""
    seen = hashlib.sha256()
    for path in files:
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:16]


def files_of(item: Sequence | Still) -> list[Path]:
    """Returns all picture and mask files of a clip or picture."""
    if isinstance(item, Still):
        return [item.image, item.mask]
    return [*(Path(item.clip.path) / name for name in item.clip.files), *(item.truth[f] for f in sorted(item.truth))]


def one_object_clips(data: Data, dense: bool = True) -> list[Sequence]:
    """Returns the clips with one object and (if `dense`) a mask on every frame; names the others on standard error."""
    kept = [s for s in data.sequences if not s.ids and (s.dense or not dense)]
    for text in data.skipped:
        sys.stderr.write(text + "\n")
    for sequence in data.sequences:
        if sequence not in kept:
            what = "has several objects" if sequence.ids else "has masks on some frames only"
            sys.stderr.write(f"The clip {sequence.name} is skipped: it {what}.\n")
    return kept


def read_truth(path: Path) -> tuple[Mask, Mask] | None:
    """Returns (object, counted) pixels (H, W) of a mask of one object; None if it has other values than 0, 128, 255.

    Raises:
        InputError: it cannot be read.
    """
    labels = read_labels(path)
    return None if not np.isin(labels, (0, IGNORED, 255)).all() else (labels == 255, labels != IGNORED)


def read_objects(video: Sequence, frame: int) -> Truth:
    """Returns the known masks of a clip's frame.

    Raises:
        InputError: the frame has no mask, or it cannot be read.
    """
    if frame not in video.truth:
        raise InputError(f"The clip {video.name} has no mask for frame {frame}.", "Choose another frame.")
    labels = read_labels(video.truth[frame])
    if video.ids:
        return Truth(np.stack([labels == number for number in video.ids]), labels != UNKNOWN_ID)
    return Truth((labels == 255)[None], labels != IGNORED)


def frame_truth(video: Sequence, frame: int) -> Mask:
    """Returns the object's pixels (H, W) on a frame. Raises InputError if its mask is missing or unusable."""
    known = read_truth(video.truth[frame]) if frame in video.truth and not video.ids else None
    if known is None:
        raise InputError(f"The clip {video.name} has no usable mask for frame {frame}.", "It needs one on every frame.")
    return known[0]


def _sequence(folder: Path, skipped: list[str]) -> list[Sequence]:
    """Returns the clip in a folder, as a list of one; empty, with the reason in `skipped`, if it has no mask."""
    name = folder.absolute().name
    frames = _pictures(folder / "frames")
    masks = {path.stem: path for path in _pictures(folder / "masks")}
    if not masks:
        skipped.append(f"The clip {name} is skipped: it has no masks.")
        return []
    try:
        size = read_picture(frames[0]).shape[:2]
    except (CutoutError, IndexError) as error:
        skipped.append(f"The clip {name} is skipped: {getattr(error, 'text', 'it has no frames.')}")
        return []
    truth: dict[int, Path] = {}
    values: dict[int, NDArray[Any]] = {}
    for number, path in enumerate(frames):
        if path.stem in masks and (found := _values(masks[path.stem], size, skipped)) is not None:
            truth[number], values[number] = masks[path.stem], found
    ids = _ids(values.values())
    shown = tuple(f for f, found in values.items() if np.isin(found, ids or (255,)).any())
    if not shown:
        skipped.append(f"The clip {name} is skipped: none of its masks shows an object.")
        return []
    clip = Clip(str(folder / "frames"), tuple(path.name for path in frames))
    return [Sequence(name, clip, truth, ids, shown)]


def _ids(values: Any) -> tuple[int, ...]:
    """Returns the object ids in the values of a clip's masks; none for masks of one object."""
    every = {int(v) for found in values for v in found}
    return () if every <= {0, IGNORED, 255} else tuple(sorted(every - {0, UNKNOWN_ID}))


def _values(path: Path, size: tuple[int, ...], skipped: list[str]) -> NDArray[Any] | None:
    """Returns the values that occur in a mask; None, with the reason in `skipped`, if it cannot be used."""
    try:
        labels = read_labels(path)
    except InputError as error:
        skipped.append(f"Skipped: {error.text}")
        return None
    if labels.shape != tuple(size):
        height, width = labels.shape
        skipped.append(f"Skipped: The mask {path} is {width} x {height} pixels, the picture {size[1]} x {size[0]}.")
        return None
    return np.flatnonzero(np.bincount(labels.ravel(), minlength=256))


def _stills(folder: Path, skipped: list[str]) -> list[Still]:
    masks = {path.stem: path for path in _pictures(folder / "masks")}
    found = []
    for image in _pictures(folder / "images"):
        if image.stem in masks:
            try:
                read_picture(image)
                read_labels(masks[image.stem])
            except InputError as error:
                skipped.append(f"The picture {image.stem} is skipped: {error.text}")
                continue
            found.append(Still(image.stem, image, masks[image.stem]))
    return found


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith("."))
    return sorted(found, key=lambda p: natural_key(p.name))
