"""The training pictures of the automatic modes, decoded once: people, heads and sky as bits of a label."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import class_labels
from .pool import Pool, build, is_whole, read_pair
from .sources import Source, sources

FOLDER = "classes"
"""Folder of these pictures inside the cache."""
HELD = "held out: "
"""What the set of a picture begins with that is not trained on."""

SETS = ("ccp", "human290", "horses", "davis", "camvid701", "msrc591", "oxford_pets600", "powerlines_thin")
STRETCH = 1200
"""Frames of a driving film that are held out together: neighbours look alike."""

_LOG = logging.getLogger(__name__)


def open_class_pool(data: Path, cache: Path, clothing: Path | None) -> Pool:
    """Returns the pool; decodes `data` into `cache` first if that was not done before.

    Args:
        data: folder of the training data.
        cache: where the decoded pictures go.
        clothing: maps of the clothing classes, PNG named as the stills of set `ccp`; None = heads are not known there.

    Raises:
        FileNotFoundError: `data` is not the training data, or `clothing` is no folder.
    """
    folder = cache / FOLDER
    if not is_whole(folder):
        if clothing is not None and not clothing.is_dir():
            raise FileNotFoundError(f"There is no folder {clothing} with maps of clothing.")
        build(data, _named(data), folder, lambda source: _labelled(source, clothing))
    return Pool(folder)


class HeldOut(NamedTuple):
    """A picture that is never trained on.

    Attributes:
        set, name: of the picture.
        image: (H, W, 3) uint8 RGB.
        truth: where a mode is, by its name, each (H, W).
        known: where that is known.
    """

    set: str
    name: str
    image: NDArray[np.uint8]
    truth: dict[str, NDArray[np.bool_]]
    known: dict[str, NDArray[np.bool_]]


def held_out(data: Path, cache: Path, clothing: Path | None, most: int = 0) -> Iterator[HeldOut]:
    """Yields the held-out pictures, at most so many of each set (0 = all); see `open_class_pool`."""
    pool = open_class_pool(data, cache, clothing)
    for name in sorted(name for name in pool.by_set if name.startswith(HELD)):
        for index in np.random.default_rng(0).permutation(pool.by_set[name])[: most or None]:
            picture = pool[int(index)]
            known = {mode: (picture.mask & bit << class_labels.KNOWN) > 0 for mode, bit in class_labels.BITS.items()}
            truth = {mode: ((picture.mask & bit) > 0) & known[mode] for mode, bit in class_labels.BITS.items()}
            image = np.ascontiguousarray(picture.image)
            yield HeldOut(name.removeprefix(HELD), picture.entry.name, image, truth, known)


def _named(data: Path) -> Iterator[Source]:
    known = (*class_labels.FILMS.alone, *class_labels.FILMS.person, *class_labels.FILMS.nobody)
    for source in sources(data):
        if source.set not in SETS or (source.set == "davis" and source.sequence not in known):
            continue
        held = class_labels.is_held_out(_unit(source))
        yield replace(source, set=HELD + source.set) if held else source


def _unit(source: Source) -> str:
    """Returns the name of what is held out as a whole: a still, a film, or a stretch of a driving film."""
    if source.set == "davis":
        return source.sequence
    if source.set == "camvid701":
        film, _, number = source.image.stem.rpartition("_")
        return f"{film} {int(''.join(filter(str.isdigit, number)) or 0) // STRETCH}"
    return source.name


def _labelled(source: Source, clothing: Path | None) -> tuple[int, NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns the accuracy group, picture and labels of a source. Raises FileNotFoundError, ValueError."""
    of = source.set.removeprefix(HELD)
    image, mask = read_pair(source.image, source.mask, ids=source.kind == "ids")
    return int(source.group), image, labels_of(of, source, mask, clothing)


def labels_of(of: str, source: Source, mask: NDArray[np.uint8], clothing: Path | None) -> NDArray[np.uint8]:
    """Returns the labels (H, W) of a picture of the set `of`, given its mask as it is on disk."""
    if of == "camvid701":
        return class_labels.of_classes(mask, (10, 11), None, (1,))
    if of == "msrc591":
        return class_labels.of_classes(mask, (11, 22), (11,), (7,))
    if of in ("oxford_pets600", "powerlines_thin"):
        return class_labels.of_other(mask == 1)
    if of == "horses":
        return class_labels.of_other(mask > 127)
    if of == "davis":
        labels = class_labels.of_film(source.sequence, mask > 127)
        if labels is None:
            raise ValueError(f"nothing is known about the people in {source.sequence}")
        return labels
    return class_labels.of_person(mask > 127, clothing=_clothing(source, mask.shape, clothing) if of == "ccp" else None)


def _clothing(source: Source, shape: tuple[int, ...], folder: Path | None) -> NDArray[np.uint8] | None:
    import cv2

    path = folder / f"{source.image.stem}.png" if folder is not None else None
    if path is None or not path.is_file():
        return None
    found = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if found is None:
        raise FileNotFoundError(f"{path} cannot be read as a picture.")
    return np.asarray(cv2.resize(found, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST))
