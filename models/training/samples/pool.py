"""The training pictures, decoded once into one memory-mapped array.

The only module under `models` that may use OpenCV, lazily and while decoding only. The cache lies outside the
repository; the evaluation folder is never read.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..whole_files import replacing, write_text
from .sources import Classes, Source, rendered_clips, rendered_sources, sources

CACHE_VERSION = 2
GROUP_WEIGHTS = (1.0, 0.7, 0.4)
"""Weights in the loss of accuracy groups 1, 2 and 3."""

RENDERED = "rendered"
"""Folder of the rendered clips inside the cache."""

UNKNOWN = 255
"""Value in a mask of ids for unknown pixels, which count in no loss."""

SMALLEST_PART = 0.003
"""Share of the picture: smaller connected parts of a class are not objects."""

_LOG = logging.getLogger(__name__)


Read = Callable[[Source], tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """Where one decoded picture lies in the packed array: H*W*3 bytes of RGB at `offset`, then H*W bytes of mask."""

    name: str
    set: str
    kind: str  # object | regions | ids
    accuracy_group: int
    sequence: str
    offset: int
    height: int
    width: int
    frame: int = -1  # its number in the film it is from; -1 for stills


@dataclass(frozen=True, slots=True)
class Picture:
    """Views into the array: image (H, W, 3) uint8 RGB, mask (H, W) uint8 (0/255, region or object ids), loss weight."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    entry: PoolEntry
    weight: float

    def objects(self) -> dict[int, NDArray[np.bool_]]:
        """Returns the masks (H, W) of a film frame's objects by id, those that can be seen."""
        if self.entry.kind != "ids":
            return {1: self.mask > 127} if (self.mask > 127).any() else {}
        return {int(i): self.mask == i for i in np.unique(self.mask) if 0 < i < UNKNOWN}

    def visible(self) -> NDArray[np.bool_]:
        """Returns the mask (H, W) of all objects together."""
        if self.entry.kind != "ids":
            return np.asarray(self.mask > 127)
        return np.asarray((self.mask > 0) & (self.mask < UNKNOWN))

    def unknown(self) -> NDArray[np.bool_] | None:
        """Returns where the truth is unknown (H, W); None if it is known everywhere."""
        if self.entry.kind != "ids":
            return None
        unknown = np.asarray(self.mask == UNKNOWN)
        return unknown if unknown.any() else None


class Pool:
    """All training pictures, by index, by set and by video sequence.

    `rendered` is a pool of rendered clips, None where the cache holds none: they are drawn by a share of their own.
    """

    def __init__(self, cache: Path) -> None:
        self.folder = cache
        record = json.loads((cache / "index.json").read_text())
        self.entries = [PoolEntry(**e) for e in record["entries"]]
        self.damaged = len(record.get("damaged", ()))
        self.group_weights: Sequence[float] = GROUP_WEIGHTS
        self._bytes = np.memmap(cache / "pixels.bin", dtype=np.uint8, mode="r")
        self.by_set: dict[str, list[int]] = {}
        self.sequences: dict[str, list[int]] = {}
        for index, entry in enumerate(self.entries):
            if entry.sequence:
                self.sequences.setdefault(entry.sequence, []).append(index)
            self.by_set.setdefault(entry.set, []).append(index)
        self.rendered = Pool(cache / RENDERED) if (cache / RENDERED / "index.json").exists() else None

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Picture:
        e = self.entries[index]
        area = e.height * e.width
        flat = self._bytes[e.offset : e.offset + 4 * area]
        image = flat[: 3 * area].reshape(e.height, e.width, 3)
        return Picture(image, flat[3 * area :].reshape(e.height, e.width), e, self.group_weights[e.accuracy_group - 1])

    def weighted(self, group_weights: Sequence[float]) -> Pool:
        """Returns the same pictures with other weights of the accuracy groups 1, 2 and 3."""
        out = copy.copy(self)
        out.group_weights = tuple(group_weights)
        out.rendered = self.rendered and self.rendered.weighted(group_weights)
        return out


def open_pool(data: Path, cache: Path, rendered: Path | None = None) -> Pool:
    """Returns the pool; decodes `data` into `cache` first if that was not done before, or not completed.

    Entries that are damaged are reported, left out, and counted (`Pool.damaged`).

    Args:
        data: folder of the training data.
        cache: where the decoded pictures go.
        rendered: folder of rendered clips; decoded again when its clips are others than in the cache.

    Raises:
        FileNotFoundError: `data` has no stills index or no training video, or nothing in it is usable; `rendered` has
            no clip.
    """
    if not is_whole(cache):
        build(data, sources(data), cache)
    if rendered is not None:
        if not rendered.is_dir() or not rendered_clips(rendered):
            raise FileNotFoundError(
                f"{rendered} has no clips. Render some: python install.py clips --output {rendered}"
            )
        decoded = cache / RENDERED
        if not is_whole(decoded) or _clips_in(decoded) != {clip.name for clip in rendered_clips(rendered)}:
            build(rendered, rendered_sources(rendered), decoded)
    return Pool(cache)


def _clips_in(cache: Path) -> set[str]:
    record = json.loads((cache / "index.json").read_text())
    names = [*(entry["name"] for entry in record["entries"]), *record["damaged"]]
    return {name.rpartition("_")[0] for name in names}


def is_whole(cache: Path) -> bool:
    """Returns whether a cache holds all that its index promises."""
    try:
        record = json.loads((cache / "index.json").read_text())
        last = record["entries"][-1]
        end = last["offset"] + 4 * last["height"] * last["width"]
        return bool(record["version"] == CACHE_VERSION and (cache / "pixels.bin").stat().st_size >= end)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return False


def build(data: Path, entries_there: Iterable[Source], cache: Path, read: Read | None = None) -> None:
    """Decodes sources into a cache; damaged ones are reported, left out and recorded.

    Args:
        data: their folder, for messages.
        entries_there: the sources.
        cache: where the decoded pictures go.
        read: gives the accuracy group, picture and mask of a source; None = the mask as it is.

    Raises:
        FileNotFoundError: none is usable.
    """
    read = read or _checked
    cache.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, object]] = []
    damaged: list[str] = []
    offset = 0
    with replacing(cache / "pixels.bin") as part, open(part, "wb") as out:
        for source in entries_there:
            try:
                group, image, mask = read(source)
            except (FileNotFoundError, ValueError) as error:
                damaged.append(source.name)
                _LOG.warning("Skipped %s: %s", source.name, error)
                continue
            height, width = mask.shape
            out.write(image.tobytes())
            out.write(mask.tobytes())
            entry = PoolEntry(
                source.name, source.set, source.kind, group, source.sequence, offset, height, width, source.frame
            )
            entries.append(asdict(entry))
            offset += 4 * height * width
        if not entries:
            raise FileNotFoundError(f"{data} holds no usable picture; {len(damaged)} entries are damaged.")
    if damaged:
        _LOG.warning("%d damaged entries were skipped, %d pictures are usable.", len(damaged), len(entries))
    write_text(cache / "index.json", json.dumps({"version": CACHE_VERSION, "entries": entries, "damaged": damaged}))


def _checked(source: Source) -> tuple[int, NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns the accuracy group, picture and mask of a source.

    Raises:
        FileNotFoundError: a file cannot be read.
        ValueError: the index is invalid, or a still has no object.
    """
    if not source.set or source.kind not in ("object", "regions", "ids") or source.group not in ("1", "2", "3"):
        raise ValueError(f"set {source.set!r}, kind {source.kind!r}, accuracy group {source.group!r} cannot be.")
    image, mask = read_pair(source.image, source.mask, ids=source.kind == "ids")
    if source.classes is not None:
        mask = connected_parts(mask, source.classes)
    if source.kind == "ids" and not source.sequence and not ((mask > 0) & (mask < UNKNOWN)).any():
        raise ValueError(f"{source.mask} shows no object.")
    if source.kind == "object" and not source.sequence and not (mask > 127).any():
        raise ValueError(f"{source.mask} shows no object.")
    return int(source.group), image, mask


def connected_parts(classes: NDArray[np.uint8], kinds: Classes) -> NDArray[np.uint8]:
    """Returns a mask (H, W) whose ids are the connected parts of a mask of classes (H, W), the largest first.

    Parts that are too small, or of a background class, are background; unknown stays unknown.
    """
    import cv2

    out = np.zeros_like(classes)
    unknown = (classes == UNKNOWN) | np.isin(classes, kinds.unknown)
    joined = classes.copy()
    for part, whole in kinds.joined:
        joined[classes == part] = whole
    found: list[tuple[int, NDArray[np.bool_]]] = []
    for number in np.unique(joined[~unknown]):
        if number == 0 or number in kinds.ground:
            continue
        count, labelled, stats, _ = cv2.connectedComponentsWithStats(np.uint8((joined == number) & ~unknown), None)
        for label in range(1, count):
            area = int(stats[label, cv2.CC_STAT_AREA])
            if area >= SMALLEST_PART * classes.size:
                found.append((area, np.asarray(labelled == label)))
    found.sort(key=lambda part: -part[0])
    for identity, (_, region) in enumerate(found[: UNKNOWN - 1], 1):
        out[region] = identity
    out[unknown] = UNKNOWN
    return out


def read_pair(image_path: Path, mask_path: Path, ids: bool = False) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns a picture (H, W, 3) RGB and its mask (H, W) as they are on disk, the mask at the picture's size.

    With `ids` the numbers of a palette are the mask, whatever colours they stand for.

    Raises:
        FileNotFoundError: one of them cannot be read.
    """
    import cv2  # decoding only; see the module docstring

    try:
        image = cv2.imread(str(image_path), cv2.IMREAD_COLOR)
        mask: Any = _palette_ids(mask_path) if ids else None
        mask = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE) if mask is None else mask
    except cv2.error:  # a header that promises more than there can be
        image = mask = None
    if image is None or mask is None:
        raise FileNotFoundError(f"{image_path} or {mask_path} cannot be read as a picture.")
    if mask.shape != image.shape[:2]:
        mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(image[..., ::-1]), np.ascontiguousarray(mask)


def encoded(image: NDArray[np.uint8], mask: NDArray[np.uint8], side: int) -> tuple[bytes, bytes]:
    """Returns a picture (H, W, 3) RGB as WebP and its mask (H, W) as PNG, their shorter side at most `side` pixels."""
    import cv2

    height, width = mask.shape
    share = min(side / min(height, width), 1.0)
    size = (round(width * share), round(height * share))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if share < 1 else image
    ids = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) if share < 1 else mask
    picture = cv2.imencode(".webp", small[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 70])[1]
    return picture.tobytes(), cv2.imencode(".png", ids, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _palette_ids(path: Path) -> NDArray[np.uint8] | None:
    """Returns the numbers (H, W) of a palette PNG, None for other files: OpenCV gives the palette's colours."""
    import av

    with path.open("rb") as file:
        head = file.read(26)
    if len(head) < 26 or head[25] != 3:
        return None
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            if frame.format.name != "pal8":
                return None
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            return np.ascontiguousarray(rows[: frame.height, : frame.width])
    except (av.FFmpegError, StopIteration) as error:
        raise FileNotFoundError(f"{path} cannot be read as a picture.") from error


def choose(pool: Pool, share: Mapping[str, float], rng: np.random.Generator) -> Picture:
    """Returns a random picture, its set drawn by `share`; missing sets are skipped.

    Raises:
        FileNotFoundError: none of the sets is there.
    """
    names = [name for name in share if name in pool.by_set]
    if not names:
        raise FileNotFoundError(f"The training data has none of the sets {', '.join(share)}.")
    weights = np.array([share[name] for name in names])
    chosen = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return pool[int(rng.choice(pool.by_set[chosen]))]


def pick_object(picture: Picture, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """Returns the mask (H, W) of one object in the picture, or None where there is none worth training on.

    In a picture of regions any region between 1 % and 50 % of it can be the object, sometimes joined with a neighbour.
    """
    if picture.entry.kind == "object":
        chosen = picture.mask > 127
    elif picture.entry.kind == "ids":
        ids = np.unique(picture.mask)
        ids = ids[(ids > 0) & (ids < UNKNOWN)]
        if len(ids) == 0:
            return None
        chosen = picture.mask == rng.choice(ids)
    else:
        region = _region(picture.mask, rng)
        if region is None:
            return None
        chosen = region
    area = float(chosen.mean())
    return chosen if 0.002 < area < 0.9 else None


def _region(mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.bool_] | None:
    ids, counts = np.unique(mask, return_counts=True)
    share = counts / mask.size
    fit = ids[(share > 0.01) & (share < 0.5)]
    if len(fit) == 0:
        return None
    chosen = mask == rng.choice(fit)
    if rng.random() < 0.35:
        rim = np.zeros_like(chosen)
        rim[1:] |= chosen[:-1]
        rim[:, 1:] |= chosen[:, :-1]
        around = np.setdiff1d(mask[rim & ~chosen], [])
        around = around[np.isin(around, fit)]
        if len(around):
            chosen = chosen | (mask == rng.choice(around))
    return chosen


def object_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
    """Returns (x0, y0, x1, y1) in pixels around a mask (H, W), or None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
