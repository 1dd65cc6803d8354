"""Clips and pictures with known masks, as they lie in folders.

    DATA/video/<sequence>/frames/*, masks/*.png     (also video-train, or DATA itself a folder of sequences, or one)
    DATA/stills/images/*, masks/*.png               (or DATA itself such a folder)

A mask belongs to the picture of the same name. Values: 255 object, 0 not, 128 not counted. Pictures without a mask, and
masks with other values (region numbers), are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.errors import InputError
from ..core.types import Clip
from ..core.video import PICTURE_SUFFIXES, natural_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

IGNORED = 128
_VIDEO_FOLDERS = ("video", "video-train")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A clip with masks of some or all frames; the first has one.

    Attributes:
        name: of its folder.
        clip: its frames.
        truth: clip frame -> mask file.
    """

    name: str
    clip: Clip
    truth: dict[int, Path]


@dataclass(frozen=True, slots=True)
class Still:
    """A picture with its mask."""

    name: str
    image: Path
    mask: Path


@dataclass(frozen=True, slots=True)
class Data:
    """What a folder holds."""

    sequences: tuple[Sequence, ...]
    stills: tuple[Still, ...]


def find_data(folder: Path) -> Data:
    """The clips and pictures of a folder, in name order.

    Raises:
        InputError: missing, or nothing of the expected layout in it.
    """
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist.", "Give a folder with video/ or stills/.")
    sequences: list[Sequence] = []
    stills: list[Still] = []
    if (folder / "frames").is_dir():
        sequences += _sequence(folder)
    elif (folder / "images").is_dir():
        stills += _stills(folder)
    else:
        places = [folder / name for name in _VIDEO_FOLDERS if (folder / name).is_dir()]
        if (folder / "stills" / "images").is_dir():
            stills += _stills(folder / "stills")
        if not places and not stills:
            places = [folder]
        for place in places:
            for child in sorted(place.iterdir(), key=lambda p: natural_key(p.name)):
                if (child / "frames").is_dir():
                    sequences += _sequence(child)
    if not sequences and not stills:
        raise InputError(
            f"The folder {folder} has no clips or pictures with masks.",
            "Expected: video/<name>/frames and masks, or stills/images and masks.",
        )
    return Data(tuple(sequences), tuple(stills))


def read_truth(path: Path) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """(object, counted) pixels (H, W) of a mask file; None when its values are not 0, 128, 255.

    Raises:
        InputError: it cannot be read.
    """
    data = np.fromfile(path, np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    if grey is None:
        raise InputError(f"The mask {path} is not a picture.", "Make it again.")
    if not np.isin(grey, (0, IGNORED, 255)).all():
        return None
    return grey == 255, grey != IGNORED


def frame_truth(video: Sequence, frame: int) -> NDArray[np.bool_]:
    """The object's pixels (H, W) on a frame. Raises InputError when its mask is missing or of another kind."""
    known = read_truth(video.truth[frame]) if frame in video.truth else None
    if known is None:
        raise InputError(f"The clip {video.name} has no usable mask of frame {frame}.", "It needs one on every frame.")
    return known[0]


def _sequence(folder: Path) -> list[Sequence]:
    """The sequence of a folder, as a list of one; empty when its first frame has no mask."""
    frames = _pictures(folder / "frames")
    masks = {path.stem: path for path in _pictures(folder / "masks")}
    truth = {number: masks[path.stem] for number, path in enumerate(frames) if path.stem in masks}
    if 0 not in truth:
        return []
    clip = Clip(str(folder / "frames"), tuple(path.name for path in frames))
    return [Sequence(folder.absolute().name, clip, truth)]


def _stills(folder: Path) -> list[Still]:
    masks = {path.stem: path for path in _pictures(folder / "masks")}
    return [Still(p.stem, p, masks[p.stem]) for p in _pictures(folder / "images") if p.stem in masks]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith("."))
    return sorted(found, key=lambda p: natural_key(p.name))
