"""Tests received cutout folders: opening ends, keeps what is valid, and reaches nothing outside.

Each is the product's own folder with one change, opened by the engine's process with messages (which then draws in it)
and by `cutout session`.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from session_kit import ALL, FILM, add_corner, keep, make_engine, run, write_film

from blender_cutout.core import errors
from blender_cutout.core.images.grey_png import wrapped
from blender_cutout.core.images.matte import write_mask
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, FrameRange, Round

from .opener import Opener

MOST_SECONDS, MOST_MEGABYTES = 2.0, 200.0
BUSY = 4.0
"""Factor on the time limits: other programs may be using the processors."""
KEYFRAMES = (3, 6, 9, 12)
OUTSIDE = "../../../outside"
"""Path from a folder of masks to the victims."""
Change = Callable[[Path, Path], None]
OPENS: dict[str, Change] = {}
"""Changes after which the track must open with everything that is still valid."""
MAY_REFUSE: dict[str, Change] = {}
"""Changes after which the track may also be refused."""


def opens(name: str) -> Callable[[Change], Change]:
    return lambda change: OPENS.setdefault(name, change)


def line(record: Any) -> bytes:
    """Returns a complete line of a journal, whatever the record."""
    body = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(body), body)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text)["record"] for text in (folder / "rounds.jsonl").read_bytes().splitlines()]


def add(folder: Path, *data: bytes) -> None:
    with (folder / "rounds.jsonl").open("ab") as file:
        file.writelines(data)


def steps(folder: Path) -> list[str]:
    """Returns the ids of the operations, the oldest first."""
    return [record["id"] for record in records(folder) if "id" in record]


def with_step(**fields: Any) -> Change:
    """Appends one more record to the journal."""

    def change(folder: Path, outside: Path) -> None:
        record = {"id": "feedfeedfeedfeed", "parent": steps(folder)[-1], **fields}
        add(folder, line(json.loads(json.dumps(record).replace("OUTSIDE", str(outside)))))

    return change


def with_lines(*data: bytes) -> Change:
    return lambda folder, outside: add(folder, *data)


STROKE = {"label": "keep", "radius": 3.0, "points": [[50.0, 30.0]]}
A_ROUND: dict[str, Any] = {"action": "round", "frame": 7, "strokes": [STROKE], "zoom": 1.0, "auto": False}
LOST, LOCK = {"action": "lost"}, {"action": "lock", "start": 0, "stop": 2}
LONG = 10**12

for _name, _id in {
    "leads out": OUTSIDE, "is a place": "OUTSIDE", "is the folder above": "..", "is the folder itself": ".",
    "is empty": "", "has a separator": "aa/bb", "has a backslash": "..\\..\\outside", "has a NUL": "a\0b",
    "is half a character": "\ud800", "is a shell command": "$(touch OUTSIDE/ran)", "is very long": "a" * 5000,
    "is in capitals": "FEEDFEEDFEEDFEED", "is a number": 7, "is a list": [["feed"]], "is nothing": None,
    "has a line break": "feed\nfeed",
}.items():  # fmt: skip
    OPENS[f"the id of a round {_name}"] = with_step(**{**A_ROUND, "id": _id})
    OPENS[f"the id of a lost step {_name}"] = with_step(**{**LOST, "id": _id})

for _name, _action in {
    "a lock of 10^12 frames": {"action": "lock", "start": 0, "stop": LONG},
    "a lock far beyond the clip": {"action": "lock", "start": LONG, "stop": 2 * LONG},
    "an unlock of 10^12 frames": {"action": "unlock", "start": 0, "stop": LONG},
    "a propagation of 10^12 frames": {"action": "propagation", "start": 0, "stop": LONG, "direction": "both"},
    "a round on frame 10^12": {**A_ROUND, "frame": LONG},
    "a round on a frame below 0": {**A_ROUND, "frame": -3},
    "a radius of 400 digits": {**A_ROUND, "strokes": [{**STROKE, "radius": 10**400}]},
    "a point at infinity": {**A_ROUND, "strokes": [{**STROKE, "points": [[float("inf"), 2.0]]}]},
    "a zoom that is no number": {**A_ROUND, "zoom": float("nan")},
    "a frame of 400 digits": {**A_ROUND, "frame": 10**400},
    "strokes that are no list": {**A_ROUND, "strokes": 7},
    "an import of a place": {"action": "import", "contents": [[7, "OUTSIDE/000003"]], "source": "x"},
    "an import from outside": {"action": "import", "contents": [[7, "../../../outside/000003"]], "source": "x"},
    "an import of what is not there": {"action": "import", "contents": [[7, "f" * 24]], "source": "x"},
    "an import on frame 10^12": {"action": "import", "contents": [[LONG, "f" * 24]], "source": "x"},
    "an import of a list": {"action": "import", "contents": [[7, ["f"]]], "source": 7},
}.items():  # fmt: skip
    OPENS[_name] = with_step(**_action)

OPENS["a head that is not there"] = with_lines(line({"head": "0123456789abcdef"}))
OPENS["a head that is a list"] = with_lines(line({"head": [["a"]]}))
OPENS["a record that is no record"] = with_lines(line(7), line(["head"]), line("head"), line(None), b"7\n", b"[]\n")
OPENS["nesting without end"] = with_lines(b"[" * 200_000 + b"\n")
OPENS["nesting without end in a record"] = with_lines(b'{"sum":"0","record":' + b'{"a":' * 100_000 + b"\n")
OPENS["a number of a million digits"] = with_lines(b'{"sum":"0","record":' + b"9" * 10**6 + b"}\n")
OPENS["a line of 10 MB"] = with_lines(b"x" * (10 << 20) + b"\n")
OPENS["a whole line of 10 MB"] = with_step(**{**A_ROUND, "note": "x" * (10 << 20)})
OPENS["20 MB of nothing"] = with_lines(bytes(20 << 20))
OPENS["a half line of 20 MB"] = with_lines(b'{"sum":"', b"0" * (20 << 20))
OPENS["100,000 damaged lines"] = with_lines(b'{"sum":"00000000","record":{}}\n' * 100_000)
OPENS["100,000 empty lines"] = with_lines(b"\n" * 100_000)


@opens("its own parent")
def _(folder: Path, outside: Path) -> None:
    last = records(folder)[-1]
    add(folder, line({**last, "parent": last["id"]}))


@opens("two steps that are each other's parents")
def _(folder: Path, outside: Path) -> None:
    first, *_, last = (record for record in records(folder) if "id" in record)
    add(folder, line({**first, "parent": last["id"]}), line({**last, "parent": first["id"]}))


@opens("a cycle through all steps")
def _(folder: Path, outside: Path) -> None:
    first = next(record for record in records(folder) if "id" in record)
    add(folder, line({**first, "parent": steps(folder)[-1]}), line({"head": steps(folder)[-1]}))


@opens("a second step with an id that is taken")
def _(folder: Path, outside: Path) -> None:
    add(folder, line({**A_ROUND, "id": steps(folder)[0], "parent": ""}))


@opens("100,000 moves of the head")
def _(folder: Path, outside: Path) -> None:
    ids = steps(folder)
    add(folder, *[line({"head": ids[-1 - n % 2]}) for n in range(99_999)], line({"head": ids[-1]}))


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
        (place / "confidence.txt").unlink(missing_ok=True)
        os.mkfifo(place / "confidence.txt")


@opens("confidences that are a link")
def _(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "confidence.txt").unlink(missing_ok=True)
        (place / "confidence.txt").symlink_to(outside / "thesis.txt")


@opens("confidences of 10^12 frames")
def _(folder: Path, outside: Path) -> None:
    for place in (folder / "mattes").iterdir():
        (place / "confidence.txt").write_text(f"{LONG} 50\n{'9' * 5000} 50\n3 {'9' * 5000}\n-1 -1\n" + "x" * 10**6)


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
MAY_REFUSE["a step of a newer version"] = with_step(action="dance")


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


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("clip"), FILM)


@pytest.fixture(scope="module")
def opener(media: Path) -> Iterator[Opener]:
    found = Opener(media)
    yield found
    found.close()


@pytest.fixture(scope="module")
def good(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder with the product: drawn, proposed, propagated, corrected, locked, imported."""
    place = tmp_path_factory.mktemp("good")
    write_mask(place / "mask.png", FILM.matte(9))
    with TrackSession.open(Clip(str(media)), place / "track", make_engine()) as session:
        session.apply_round(keep(3))
        session.apply_round(Round(12, auto=True))
        run(session, ALL)
        session.apply_round(add_corner(6))
        list(session.import_mattes(place / "mask.png", 9))
        session.lock(FrameRange(2, 5))
    return place / "track"


def victims(root: Path, but: Path) -> dict[str, tuple[int, bytes]]:
    """Returns name -> mode and content of everything below `root`, except the folder `but`."""
    found = {}
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(place, name) != but]
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[str(path.relative_to(root))] = mode, content
    return found


@pytest.mark.parametrize("way", ["engine", "command"])
@pytest.mark.parametrize("case", [*OPENS, *MAY_REFUSE])
def test_a_received_folder_opens_or_is_refused_and_nothing_outside_is_touched(
    opener: Opener, good: Path, tmp_path: Path, case: str, way: str
) -> None:
    folder = tmp_path / "film_cutout" / "0123456789abcdef0123456789abcdef"
    shutil.copytree(good, folder)
    outside = tmp_path / "outside"
    (outside / "small").mkdir(parents=True)
    for name in ("thesis.txt", ".bashrc", "half.part", "000003.png.part", "small/half.part", "confidence.txt"):
        (outside / name).write_bytes(b"not yours")
    write_mask(outside / "000003.png", FILM.matte(14))
    (outside / "000007.png").write_bytes((outside / "000003.png").read_bytes())
    private = (outside / "000003.png").read_bytes()
    journal = (good / "rounds.jsonl").read_bytes()
    (OPENS | MAY_REFUSE)[case](folder, outside)
    before = victims(tmp_path, folder)

    found = opener.ask(way, folder)

    assert victims(tmp_path, folder) == before
    copies = [p.name for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.read_bytes() == private]
    assert not copies, "another's file was copied into the project"
    assert found["cpu"] <= MOST_SECONDS, found
    assert found["seconds"] <= BUSY * MOST_SECONDS, found
    assert found["megabytes"] <= MOST_MEGABYTES, found
    if way == "engine":
        opened = _answered_by_the_engine(found)
    else:
        opened = _answered_by_the_command(found)
    assert opened or case in MAY_REFUSE, found
    now = folder / "rounds.jsonl"
    if not opened and now.is_file() and not now.is_symlink():
        assert now.read_bytes().startswith(journal)


def _answered_by_the_engine(found: dict[str, Any]) -> bool:
    """Returns whether it opened with the valid steps; asserts that every answer is one of our own messages."""
    assert found["end"] in ("Done", "Failed"), found
    assert found["ended"] == 0, found
    for kind, code, text in [(found["end"], found["code"], found["text"]), *found["later"]]:
        assert kind in ("Done", "Failed"), found
        if kind == "Failed":
            assert issubclass(getattr(errors, code), errors.CutoutError), found
            assert "unexpected" not in text, found
            assert 0 < len(text) < 10_000, found
    if found["end"] == "Failed":
        return False
    if found["state"]["keyframes"]:  # none where there was no journal to be read
        assert set(KEYFRAMES) <= set(found["state"]["keyframes"]), found
        assert all(0 <= first < stop <= len(FILM) for first, stop in found["state"]["locked"]), found
    return True


def _answered_by_the_command(found: dict[str, Any]) -> bool:
    assert found["ended"] in (0, 2), found
    assert "internal error" not in found["said"], found
    assert "Traceback" not in found["said"], found
    assert len(found["said"]) < 20_000, found["said"][:8000]
    if found["ended"] == 2:
        return False
    shown = next(text for text in found["said"].splitlines() if text.startswith("Keyframes: "))
    frames = shown.removeprefix("Keyframes: ").rstrip(".").split(", ")
    assert frames == ["none"] or set(map(str, KEYFRAMES)) <= set(frames), found
    return True
