"""Lists the contents of the data folder: one `Source` for each picture with a mask, not opened yet.

Besides `stills` and `video-train`, which are required, `video-train-2` and `stills-2` are read if present. Their
masks hold ids (0 = background, 255 = unknown). Where one id stands for all that moves, or for a class, its connected
parts are the objects: a similar thing that enters later must not be taken for the first one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

GROUPS = {"A": "1", "B": "2"}
"""Accuracy groups of the grades of `video-train-2`."""

PICTURES = (".webp", ".jpg")

MOVERS = ("ucsd_bgsub",)
"""Sets of grade A whose single id is everything that moves; those of grade B are all like that."""


@dataclass(frozen=True, slots=True)
class Classes:
    """How a set's class numbers become objects: unknown ones, background classes, and ones that belong together."""

    unknown: tuple[int, ...] = ()
    ground: tuple[int, ...] = ()
    joined: tuple[tuple[int, int], ...] = ()


STILLS_2: Mapping[str, tuple[str, str, Classes | None]] = {
    # kind, accuracy group, classes. Sky, road, water and grass are background; a face belongs to its body.
    "camvid701": ("ids", "2", Classes(unknown=(0,), ground=(1, 4, 5))),
    "msrc591": ("ids", "2", Classes(unknown=(0,), ground=(2, 7, 8, 10, 19), joined=((11, 22),))),
    "oxford_pets600": ("ids", "1", None),
    "powerlines_thin": ("ids", "2", None),
}


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of the data folder as recorded there.

    `kind` is `object` (mask 0 or 255), `regions` (any region id) or `ids`. With `classes` an id's connected parts are
    separate objects. `frame` is the picture's number in its film, -1 for stills.
    """

    name: str
    set: str
    kind: str
    group: str
    sequence: str
    image: Path
    mask: Path
    frame: int = -1
    classes: Classes | None = None


def sources(data: Path) -> Iterator[Source]:
    """Yields the entries of the data folder; its index may be wrong.

    Raises:
        FileNotFoundError: it has no stills index or no training video.
    """
    index, video = data / "stills" / "index.csv", data / "video-train"
    if not index.exists() or not video.is_dir():
        raise FileNotFoundError(
            f"{data} is not the training data: stills/index.csv and video-train/ are expected in it."
        )
    return _all(data, index, video)


def rendered_clips(folder: Path) -> list[Path]:
    """Returns the folders of the rendered clips in a folder; those that are still being rendered are left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def rendered_sources(folder: Path) -> Iterator[Source]:
    """Yields the frames of all rendered clips in a folder."""
    for clip in rendered_clips(folder):
        yield from _film(clip, Source("", "rendered", "ids", "1", clip.name, clip, clip))


def _all(data: Path, index: Path, video: Path) -> Iterator[Source]:
    yield from _stills(data / "stills", index)
    for folder in sorted(p for p in video.iterdir() if p.is_dir()):
        yield from _film(folder, Source("", "davis", "object", "1", folder.name, folder, folder))
    yield from _more_video(data / "video-train-2")
    for name, (kind, group, classes) in STILLS_2.items():
        for image in sorted((data / "stills-2" / name / "images").glob("*.webp")):
            mask = image.parent.parent / "masks" / f"{image.stem}.png"
            yield Source(f"{name}_{image.stem}", name, kind, group, "", image, mask, classes=classes)


def _stills(folder: Path, index: Path) -> Iterator[Source]:
    for number, row in _rows(index):
        kind, name = row.get("kind"), row.get("name") or f"line {number} of {index}"
        if kind == "unlabelled":
            continue
        image, mask = folder / "images" / f"{name}.webp", folder / "masks" / f"{name}.png"
        yield Source(name, row.get("set") or "", kind or "", row.get("accuracy_group") or "", "", image, mask)


def _more_video(video: Path) -> Iterator[Source]:
    for number, row in _rows(video / "index.csv") if (video / "index.csv").exists() else ():
        name, of = row.get("sequence") or f"line {number} of {video / 'index.csv'}", row.get("set") or ""
        group = GROUPS.get(row.get("grade") or "", f"grade {row.get('grade')}")
        movers = of in MOVERS or row.get("grade") == "B"
        folder = video / name
        if not (folder / "frames").is_dir():
            yield Source(name, of, "ids", group, name, folder, folder)  # reading it will report that it is missing
            continue
        # Parts have no identity from frame to frame: these films are used as stills.
        kind = Source(name, "movers", "ids", group, "", folder, folder, classes=Classes()) if movers else None
        yield from _film(folder, kind or Source("", of, "ids", group, name, folder, folder))


def _film(folder: Path, like: Source) -> Iterator[Source]:
    for image in sorted(p for p in (folder / "frames").glob("*") if p.suffix in PICTURES):
        mask = folder / "masks" / f"{image.stem}.png"
        if not mask.exists():
            continue
        digits = "".join(c for c in image.stem if c.isdigit())
        yield Source(
            f"{folder.name}_{image.stem}",
            like.set,
            like.kind,
            like.group,
            like.sequence,
            image,
            mask,
            int(digits) if digits and like.sequence else -1,
            like.classes,
        )


def _rows(index: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with open(index, newline="", encoding="utf-8", errors="replace") as lines:
        yield from enumerate(csv.DictReader(lines), 2)
