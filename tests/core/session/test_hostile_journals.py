"""Tests received journals: they name no paths, and opening one ends soon, with its valid part."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from pace_kit import slowness
from session_kit import FILM, keep, make_engine

from blender_cutout.core.errors import StoreError
from blender_cutout.core.session.journal import Journal
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip

A, B, C, D = (digit * 16 for digit in "abcd")
NAME = "12ab" * 6
STROKE = {"label": "keep", "radius": 3.0, "points": [[9.0, 30.0]]}


def line(record: Any) -> bytes:
    """Returns a line with the right checksum, which anyone can compute."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(text), text)


def raw(text: bytes) -> bytes:
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(text), text)


def drawn(name: str, parent: str = "", frame: Any = 0, **other: Any) -> dict[str, Any]:
    record = {"action": "round", "id": name, "parent": parent, "frame": frame, "strokes": [STROKE], "zoom": 1.0}
    return {**record, "auto": False, **other}


def lock(name: str, parent: str, start: Any, stop: Any) -> dict[str, Any]:
    return {"action": "lock", "id": name, "parent": parent, "start": start, "stop": stop}


def given(contents: Any) -> dict[str, Any]:
    return {"action": "import", "id": C, "parent": B, "contents": contents, "source": ""}


GOOD = line(drawn(A)) + line(drawn(B, A, 3))
HOSTILE = {
    "a zoom that is no number": line(drawn(C, B, 5, zoom="nan")),
    "a zoom without end": raw(line(drawn(C, B, 5)).split(b'"record":')[1][:-2].replace(b'"zoom":1.0', b'"zoom":1e400')),
    "a zoom of nothing": line(drawn(C, B, 5, zoom=0)),
    "an absolute id": line(drawn("/tmp/abs", B)),
    "an id that climbs": line(drawn("../../outside", B)),
    "an id with a zero": line(drawn("a\0b", B)),
    "an id of capitals": line(drawn("A" * 16, B)),
    "an id of other digits": line(drawn("١" * 16, B)),
    "an id with a line break": line(drawn("c" * 16 + "\n", B)),
    "an id that is a list": line(drawn([C], B)),  # type: ignore[arg-type]
    "an id that is a number": line(drawn(1234567890123456, B)),  # type: ignore[arg-type]
    "an id twice": line(drawn(A, B, 5)),
    "its own parent": line(drawn(C, C)),
    "a parent that comes later": line(drawn(C, D)) + line(drawn(D, C)),
    "a parent that is a list": line(drawn(C, [B])),  # type: ignore[arg-type]
    "an import of an absolute name": line(given([[1, "/etc/x"]])),
    "an import that climbs": line(given([[1, "../" * 8]])),
    "an import of nothing": line(given([])),
    "a lost step with a path": line({"action": "lost", "id": "~/Downloads", "parent": B}),
    "a head that is a path": line({"head": "../.."}),
    "a head that is a list": line({"head": [B]}),
    "a lock of a million million frames": line(lock(C, B, 0, 10**12)),
    "a lock of no whole frames": line(lock(C, B, 0.5, 3)),
    "a frame before the clip": line(drawn(C, B, -1)),
    "a frame of 400 digits": raw(json.dumps(drawn(C, B, 77)).encode().replace(b"77", b"9" * 400)),
    "a zoom of 400 digits": raw(json.dumps(drawn(C, B, zoom=77)).encode().replace(b"77", b"9" * 400)),
    "a frame of 5000 digits": raw(json.dumps(drawn(C, B, 77)).encode().replace(b"77", b"9" * 5000)),
    "a frame that is true": line(drawn(C, B, True)),
    "no object": line([1, 2]),
    "no record": b"7\n",
    "deep nesting": b'{"sum":"00000000","record":' + b"[" * 200_000 + b"\n",
    "deep nesting with a checksum": raw(b"[" * 200_000 + b"]" * 200_000),
    "10 MB in a line": line(drawn(C, B, strokes=[{**STROKE, "points": [[1, 2]] * 1_600_000}])),
    "10 MB of brackets": b"[" * 10_000_000 + b"\n",
    "a joint run with a path": line(
        {"action": "propagation", "id": C, "parent": B, "start": 0, "stop": 9, "direction": "both", "group": "../x"}
    ),
    "a million bad lines": b"\n" * 1_000_000,
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, media: Path) -> Path:
    folder = tmp_path / "somebody_cutout" / "track"
    with TrackSession.open(Clip(str(media)), folder, make_engine()):
        pass
    return folder


@pytest.mark.parametrize("what", HOSTILE)
def test_the_good_part_is_used_and_the_rest_kept_aside(place: Path, media: Path, what: str) -> None:
    whole = GOOD + HOSTILE[what] + line(drawn("e" * 16, B, 7))
    (place / "rounds.jsonl").write_bytes(whole)
    begin = time.process_time()
    with TrackSession.open(Clip(str(media)), place, make_engine()) as session:
        took = time.process_time() - begin
        assert set(session.keyframes()) in ({0, 3}, {0, 3, 7}), "a million bad lines end the reading"
        paths = [path for frame in range(len(FILM)) if (path := session.matte_path(frame))]
        assert all(path.resolve().is_relative_to(place) for path in paths)
        assert any("is damaged" in text for text in session.warnings)
    assert took < 2 * slowness()
    assert (place / "rounds.damaged-1.jsonl").read_bytes() == whole
    again = Journal(place / "rounds.jsonl")
    assert again.warnings == []
    assert {A, B} <= set(again.operations)


@pytest.mark.parametrize("what", HOSTILE)
def test_opening_takes_little_memory(place: Path, media: Path, what: str) -> None:
    if len(HOSTILE[what]) < 100_000:
        return
    (place / "rounds.jsonl").write_bytes(GOOD + HOSTILE[what])
    code = (
        "import resource, sys; from pathlib import Path; from blender_cutout.core.session.journal import Journal\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Journal(Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place / "rounds.jsonl")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 200e6


def test_locks_beyond_the_clip_cost_nothing(place: Path, media: Path) -> None:
    steps, parent = GOOD, B
    for number in range(2000):
        name = f"{number:016x}"
        steps += line({**lock(name, parent, 0, 2**31 - 1), "action": "unlock" if number % 2 else "lock"})
        parent = name
    (place / "rounds.jsonl").write_bytes(steps + line(lock(C, parent, 5, 2**31 - 1)))
    begin = time.process_time()
    with TrackSession.open(Clip(str(media)), place, make_engine()) as session:
        assert tuple(session.overview.locked()) == ((5, len(FILM)),)
        session.undo()
        assert tuple(session.overview.locked()) == ()
    assert time.process_time() - begin < 2 * slowness()


def test_strokes_that_are_none_are_an_error_of_our_own_when_they_are_needed(place: Path, media: Path) -> None:
    bad = [{**STROKE, "points": "x"}, 7, {**STROKE, "radius": "1" * 400}, {**STROKE, "points": [[1]]}]
    (place / "rounds.jsonl").write_bytes(GOOD + line(drawn(C, B, 5, strokes=bad)))
    with TrackSession.open(Clip(str(media)), place, make_engine()) as session:
        assert session.keyframes() == (0, 3, 5)
        with pytest.raises(Exception, match="stroke") as caught:
            session.matte_path(5)
        assert type(caught.value).__name__ == "StrokeError"
        assert session.matte_path(3) is not None
        session.undo()
        session.apply_round(keep(5))


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_pipe, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["rounds.jsonl", "session.json", "lock"])
def test_what_is_no_ordinary_file_is_refused_at_once(place: Path, media: Path, name: str, make: Any) -> None:
    (place / name).unlink(missing_ok=True)
    make(place / name)
    begin = time.process_time()
    with pytest.raises(StoreError, match=name):
        TrackSession.open(Clip(str(media)), place, make_engine())
    assert time.process_time() - begin < 2 * slowness()


def test_a_huge_journal_is_refused(place: Path) -> None:
    with open(place / "rounds.jsonl", "wb") as file:
        file.truncate(10**12)
    with pytest.raises(StoreError, match="larger than"):
        Journal(place / "rounds.jsonl")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2e9


def test_a_step_that_could_not_be_read_again_is_not_written(place: Path) -> None:
    from blender_cutout.core.session.actions import Import, Operation

    journal = Journal(place / "rounds.jsonl")
    with pytest.raises(StoreError, match="too large"):
        journal.append(Operation(A, "", Import(dict.fromkeys(range(300_000), NAME), "")))
    assert journal.head == ""
