"""Fuzzes the journal with its session, and a folder's lock and session.json."""

from __future__ import annotations

import json
import os
import random
import shutil
import zlib
from pathlib import Path
from typing import Any

from session_kit import ALL, FILM, add_corner, keep, make_engine, run, write_film

from blender_cutout.commands.session import _clip
from blender_cutout.core import messages
from blender_cutout.core.errors import CutoutError
from blender_cutout.core.images.matte import write_mask
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.folder import check_clip
from blender_cutout.core.session.folder_lock import FolderLock
from blender_cutout.core.session.history import History
from blender_cutout.core.session.imported import ImportedMattes
from blender_cutout.core.session.journal import ROOT, Journal
from blender_cutout.core.session.store import MatteStore
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, FrameRange
from blender_cutout.worker.track_states import track_state

from .mutate import change, change_bytes, change_list, dumped
from .target import emptied, need

_FULLY = 16
"""One input in this many is opened as a whole session."""


class Seed:
    """Makes a session with the product: every kind of record, and an undo."""

    def __init__(self, place: Path) -> None:
        self.media = emptied(place / "media")
        write_film(self.media, FILM)
        self.folder = place / "seed"
        mask = place / "mask.png"
        write_mask(mask, FILM.matte(9))
        with TrackSession.open(Clip(str(self.media)), self.folder, make_engine()) as session:
            session.apply_round(keep(3))
            session.apply_round(Round(12, auto=True))
            run(session, ALL)
            session.apply_round(add_corner(6))
            session.lock(FrameRange(2, 5))
            list(session.import_mattes(mask, 9))
            session.undo()
            run(session, FrameRange(4, 9))
            session.lock(FrameRange(3, 4), locked=False)
        self.journal = (self.folder / "rounds.jsonl").read_bytes()
        self.records: list[Any] = [json.loads(line)["record"] for line in self.journal.splitlines()]


class Journals:
    """A journal, read as when a track is opened."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        self._seed = Seed(place)
        self._lines = self._seed.journal.splitlines(keepends=True)
        # Deep enough that no id of these inputs leads out of the fuzzer's own folder.
        self._folder = place / "a" / "b" / "c" / "d" / "track"
        self._outside = place / "a" / "b" / "c" / "d" / "escape"
        self._whole = emptied(place / "a" / "b" / "c" / "d").joinpath("track")
        self._engine = make_engine()
        emptied(self._outside)
        (self._outside / "mine.part").write_bytes(b"not ours")
        self._operations = Journal(self._seed.folder / "rounds.jsonl").operations

    def make(self, rng: random.Random) -> bytes:
        kind = rng.random()
        if kind < 0.1:
            return change_bytes(rng, self._seed.journal)
        lines = list(self._lines)
        if kind < 0.2:
            change_list(rng, lines, (b"\n", b"\0" * 50 + b"\n", b"[" * 9999 + b"\n", b"{}\n", b"x" * 10**5))
            return b"".join(lines)
        records: list[Any] = json.loads(json.dumps(self._seed.records))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at = rng.randrange(len(records))
            if isinstance(records[at], dict) and rng.random() < 0.4:
                _change_ids(rng, records, at)
            elif rng.random() < 0.7 and isinstance(records[at], dict):
                change(rng, records[at])
            else:
                change_list(rng, records, json.loads(json.dumps(self._seed.records)))
        out = b"".join(encoded(record) for record in records)
        return change_bytes(rng, out, 1) if rng.random() < 0.05 else out

    def run(self, data: bytes) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        path = self._folder / "rounds.jsonl"
        path.write_bytes(data)
        journal = Journal(path)
        self._check(journal, data)
        store = MatteStore(self._folder / "mattes", FILM.size)
        imported = ImportedMattes(self._folder / "imported", FILM.size)
        history = History(journal, store, lambda *_: None, imported.path, len(FILM), (FILM.height, FILM.width))  # type: ignore[arg-type,return-value]
        need(all(0 <= frame < len(FILM) for frame in history.keyframes()), "a keyframe outside the clip")
        need(len(history.locked()) < 10**6, "a million locked frames")
        need(set(history.owners().values()) <= set(journal.operations), "a matte of nobody")
        history.beyond()
        again = Journal(path)
        need(again.operations == journal.operations or _has_nan(data), "other steps when opened again")
        need(again.head == journal.head, "another head when opened again")
        need(not again.warnings, f"damaged again: {again.warnings}")
        if zlib.crc32(data) % _FULLY == 0:
            shutil.copytree(self._seed.folder / "imported", self._folder / "imported")
            self._open()
        need([p.name for p in self._outside.iterdir()] == ["mine.part"], "the reader reached outside the folder")

    def _check(self, journal: Journal, data: bytes) -> None:
        """Checks that all lines before the damage are there, and that every chain of parents ends."""
        need(journal.head == ROOT or journal.head in journal.operations, "a head that is not there")
        for operation in journal.operations:
            need(len(journal.chain(operation)) <= len(journal.operations), "a cycle")
        for line, record, found in zip(self._lines, self._seed.records, data.splitlines(keepends=True), strict=False):
            if line != found:
                break
            if "id" in record:
                name = record["id"]
                need(
                    journal.operations.get(name) == self._operations[name], f"the step {name} before the damage is lost"
                )

    def _open(self) -> None:
        with TrackSession.open(Clip(str(self._seed.media)), self._folder, self._engine) as session:
            for frame in session.keyframes():
                try:
                    session.matte_path(frame)
                except CutoutError as error:
                    need(bool(error.text), "an error without a text")
            state = track_state("job", "track", session)
            messages.decode(messages.encode(state))
            need(all(0 <= a < b <= len(FILM) for a, b in (*state.done, *state.locked)), "a range outside the clip")
            for frame in range(0, len(FILM), 3):
                try:
                    path = session.matte_path(frame)
                except CutoutError:
                    continue
                need(path is None or self._folder in path.resolve().parents, "a matte outside the folder")
            session.checkout(ROOT)
            session.apply_round(keep(5))


def encoded(record: Any) -> bytes:
    """Returns a line of the journal with the right checksum, whatever the record."""
    body = dumped(record)
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(body), body)


def _has_nan(data: bytes) -> bool:
    return b"NaN" in data


def _change_ids(rng: random.Random, records: list[Any], at: int) -> None:
    """Changes records: swapped, repeated and invented ids, cycles of parents, ranges of any length."""
    record = records[at]
    ids = [r["id"] for r in records if isinstance(r, dict) and isinstance(r.get("id"), str)] or [""]
    way = rng.randrange(8)
    if way == 0:
        record["parent"] = record.get("id", "")
    elif way == 1:
        record["parent"] = rng.choice(ids)
    elif way == 2:
        record["id"] = rng.choice(ids)
    elif way == 3:
        again = {**record, "id": rng.choice(ids), "parent": rng.choice(ids)}
        records.insert(rng.randrange(len(records) + 1), again)
    elif way == 4:
        invented = ("../../escape", "a/b", "..", ".", "", "x" * 300, "\0", "0" * 16, "con", "a-raw", "ä" * 16, "F" * 16)
        old, new = record.get("id"), rng.choice(invented)
        for other in records:  # a whole branch under another name
            if isinstance(other, dict):
                other.update({k: new for k in ("id", "parent", "head") if old is not None and other.get(k) == old})
    elif way == 5:
        records.insert(rng.randrange(len(records) + 1), {"head": rng.choice((*ids, "", "nobody"))})
    elif way == 6 and "start" in record:
        record["start"], record["stop"] = rng.choice(
            ((0, 10**12), (0, 10**6), (10**9, 10**12), (5, 5), (-3, 4), (0, 2**63))
        )
    elif "frame" in record:
        record["frame"] = rng.choice((-1, 16, 17, 10**6, 10**12, 2**63, 0.5))


class Folder:
    """The lock or the session.json of a folder, by the first byte of the input."""

    own = (CutoutError,)
    megabytes = 200

    def __init__(self, place: Path) -> None:
        self._seed = Seed(place)
        self._folder = emptied(place / "track")
        self._clip = Clip(str(self._seed.media))
        record = json.loads((self._seed.folder / "session.json").read_bytes())
        files = [{**record, "files": ["a.png", "b.png"]}, {**record, "version": 1}, {**record, "fingerprint": "x"}]
        self._known = str(record["fingerprint"]), int(record["count"]), tuple(record["size"])
        lock = FolderLock(self._folder)
        owner = json.loads(lock.path.read_bytes())
        lock.release()
        owners = [owner, {**owner, "started": "long ago"}, {**owner, "pid": 2**22 + 1}, {**owner, "host": "elsewhere"}]
        self._seeds = [(b"S", json.dumps(r)) for r in (record, *files)] + [(b"L", json.dumps(r)) for r in owners]

    def make(self, rng: random.Random) -> bytes:
        kind, text = rng.choice(self._seeds)
        if rng.random() < 0.3:
            return kind + change_bytes(rng, text.encode())
        document: list[Any] = [json.loads(text)]
        for _ in range(rng.choice((1, 1, 2, 3))):
            change(rng, document if rng.random() < 0.1 else document[0] if isinstance(document[0], dict) else document)
            if not document:
                break
        return kind + (dumped(document[0]) if document else b"")

    def run(self, data: bytes) -> None:
        if data[:1] == b"L":
            self._take_lock(data[1:])
        else:
            self._open(data[1:])

    def _take_lock(self, data: bytes) -> None:
        path = self._folder / "lock"
        path.write_bytes(data)
        times = (1e9, 4e9) if zlib.crc32(data) % 2 else (1e9, 1e9)
        os.utime(path, times)
        try:
            lock = FolderLock(self._folder)
        except CutoutError:
            need(path.read_bytes() == data, "a lock that holds was changed")
            raise
        lock.release()
        need(not path.exists(), "a lock that stays")

    def _open(self, data: bytes) -> None:
        path = self._folder / "session.json"
        path.write_bytes(data)
        try:
            check_clip(path, self._clip, *self._known)  # type: ignore[arg-type]
        finally:
            for clip in (None, self._seed.media):
                try:
                    found = _clip(self._folder, clip)
                except CutoutError:
                    continue
                need(isinstance(found.path, str) and all(isinstance(f, str) for f in found.files), "no clip")
