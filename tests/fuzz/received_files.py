"""Changes to received files and folders: links, pipes, masks, locks and session.json."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from functools import cache
from pathlib import Path

from session_kit import FILM

from blender_cutout.core.images.grey_png import wrapped

from .received_changes import LONG, MAY_REFUSE, OPENS, Change, add, line, opens, steps


@opens("links in the place of temporary files")
def _(folder: Path, outside: Path) -> None:
    add(folder, b"damaged\n")
    for name in ("rounds.jsonl.tmp", "session.json.part", f"lock.{os.getpid()}.part", "lock.1.part", "lock.1.stale"):
        (folder / name).symlink_to(outside / ".bashrc")
    record = json.loads((folder / "session.json").read_bytes())
    (folder / "session.json").write_text(json.dumps({**record, "version": 1}))  # so it is written again


@opens("a link in the place of the journal's copy")
def _(folder: Path, outside: Path) -> None:
    add(folder, b"damaged\n", line({"head": steps(folder)[-1]}))
    for number in range(1, 4):
        (folder / f"rounds.damaged-{number}.jsonl").symlink_to(outside / f"new-{number}")


@opens("confidences that are a pipe")
def _(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "confidences.txt").unlink(missing_ok=True)
        os.mkfifo(place / "confidences.txt")


@opens("confidences that are a link")
def _(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "confidences.txt").unlink(missing_ok=True)
        (place / "confidences.txt").symlink_to(outside / "thesis.txt")


@opens("confidences of 10^12 frames")
def _(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "confidences.txt").write_text(f"{LONG} 50\n{'9' * 5000} 50\n3 {'9' * 5000}\n-1 -1\n" + "x" * 10**6)


@opens("masks that are pipes")
def _(folder: Path, outside: Path) -> None:
    for mask in (folder / "mattes").rglob("*.png"):
        mask.unlink()
        os.mkfifo(mask)


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(300)), packer.flush()])


@opens("masks that unpack to 300 MB")
def _(folder: Path, outside: Path) -> None:
    for mask in (folder / "mattes").rglob("*.png"):
        mask.write_bytes(wrapped(FILM.width, FILM.height, _bomb()))


@opens("masks that are damaged")
def _(folder: Path, outside: Path) -> None:
    for mask in (folder / "mattes").rglob("*.png"):
        mask.write_bytes(mask.read_bytes()[:50])


@opens("masks of frames that the clip has not")
def _(folder: Path, outside: Path) -> None:
    mask = next((folder / "mattes").rglob("*.png"))
    for name in ("999999999999.png", f"{'9' * 200}.png", "000016.png"):
        shutil.copy(mask, mask.with_name(name))


@opens("an unreadable lock of the year 2096")
def _(folder: Path, outside: Path) -> None:
    (folder / "lock").write_bytes(b"no lock")
    os.utime(folder / "lock", (4e9, 4e9))


@opens("a lock of a process that is gone")
def _(folder: Path, outside: Path) -> None:
    (folder / "lock").write_text(json.dumps({"pid": 10**400, "started": [], "host": os.uname().nodename}))


@opens("a lock with nesting without end")
def _(folder: Path, outside: Path) -> None:
    (folder / "lock").write_bytes(b"[" * 100_000)
    os.utime(folder / "lock", (1e9, 1e9))


@opens("a journal of an earlier version")
def _(folder: Path, outside: Path) -> None:
    record = json.loads((folder / "session.json").read_bytes())
    (folder / "session.json").write_text(json.dumps({**record, "version": 1}))


def _link(name: str, target: str) -> Change:
    """Moves a file or folder out of the track and leaves a link to it, or to another place."""

    def change(folder: Path, outside: Path) -> None:
        place = folder / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        place.symlink_to(target.replace("OUTSIDE", str(outside)))

    return change


def _fifo(name: str) -> Change:
    def change(folder: Path, outside: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def _folder(name: str) -> Change:
    def change(folder: Path, outside: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name / "inside").mkdir(parents=True)

    return change


for _name in ("rounds.jsonl", "session.json", "lock"):
    MAY_REFUSE[f"{_name} is a pipe"] = _fifo(_name)
    MAY_REFUSE[f"{_name} is a folder"] = _folder(_name)
    MAY_REFUSE[f"{_name} is a link to a file"] = _link(_name, "OUTSIDE/thesis.txt")
    MAY_REFUSE[f"{_name} is a link to nothing"] = _link(_name, "OUTSIDE/new.txt")
    MAY_REFUSE[f"{_name} is a link to zeros"] = _link(_name, "/dev/zero")
for _name in ("mattes", "imported"):
    MAY_REFUSE[f"{_name} is a link"] = _link(_name, "OUTSIDE")
    MAY_REFUSE[f"{_name} is a pipe"] = lambda folder, outside, name=_name: (  # type: ignore[misc]
        shutil.rmtree(folder / name), os.mkfifo(folder / name))  # fmt: skip

for _name, _text in {
    "nesting without end": b"[" * 100_000, "a list": b"[]", "a number": b"7", "a version of 400 digits": b"9" * 400,
    "other types": b'{"version": 1e999, "clip": 7, "files": [1], "fingerprint": [], "count": "x", "size": {}}',
    "a newer version": b'{"version": 99, "clip": "x", "files": [], "fingerprint": "x"}',
    "another clip": b'{"version": 2, "clip": true, "files": [], "fingerprint": "x", "count": 3, "size": [1, []]}',
    "10 MB": b'{"version": 2, "clip": "' + b"x" * (10 << 20) + b'", "files": [], "fingerprint": "x"}',
}.items():  # fmt: skip
    MAY_REFUSE[f"session.json holds {_name}"] = lambda folder, outside, text=_text: (  # type: ignore[misc]
        (folder / "session.json").write_bytes(text))  # fmt: skip


def _masks_outside(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        shutil.rmtree(place)
        place.symlink_to(outside)


def _small_outside(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "small").symlink_to(outside)


def _more_outside(folder: Path, outside: Path) -> None:
    for name in ("extra", "0123456789abcdef", "feed-raw"):
        (folder / "mattes" / name).symlink_to(outside)


def _mask_links(folder: Path, outside: Path) -> None:
    for mask in (folder / "mattes").rglob("*.png"):
        mask.unlink()
        mask.symlink_to(outside / "000003.png")


def _imported_links(folder: Path, outside: Path) -> None:
    shutil.rmtree(folder / "mattes")
    for mask in (folder / "imported").iterdir():
        mask.unlink()
        mask.symlink_to(outside / "000003.png")


OPENS["the masks of each step are a link"] = _masks_outside
OPENS["the small masks are a link"] = _small_outside
OPENS["more masks that are links"] = _more_outside
OPENS["masks that are links"] = _mask_links
OPENS["imported masks that are links"] = _imported_links
