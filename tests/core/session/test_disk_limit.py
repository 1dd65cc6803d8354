"""Tests the disk use of a track's mattes, and which are removed above the limit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from session_kit import ALL, FILM, make_engine, write_film

from blender_cutout.core.images import preview
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.disk_limit import DiskUse, joint
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, PropagationOptions, Stroke, size_text

BLOCK = preview.BLOCK


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Bilder ä"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def draw(session: TrackSession, frame: int, corner: bool = False) -> None:
    point = (5.0, 5.0) if corner else FILM.centre(frame)
    session.apply_round(Round(frame, (Stroke([point], 3, Label.KEEP),)))


def run(session: TrackSession, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> None:
    for _ in session.propagate(frames, direction):
        pass


def shown(session: TrackSession) -> dict[int, bytes]:
    return {f: path.read_bytes() for f in ALL if (path := session.matte_path(f)) is not None}


def on_disk(session: TrackSession) -> int:
    return len(list((session.folder / "mattes").rglob("*.png")))


def test_use_counts_what_is_on_disk_and_tells_beforehand_what_a_propagation_takes(session: TrackSession) -> None:
    assert session.disk.use().used == 0
    draw(session, 4)
    before = session.disk.use()
    assert (before.used, before.frame) == (BLOCK, 2 * BLOCK), "as computed, and as shown when stabilised"
    for _ in session.propagate(ALL, Direction.BOTH, PropagationOptions(stability=1.0)):
        pass
    after = session.disk.use()
    assert after.used == pytest.approx(before.used + before.needed(len(FILM) - 1), rel=0.1)
    assert after.frame == pytest.approx(before.frame, rel=0.1), "from then on the mean of what is there"
    assert 0 < after.free == pytest.approx(shutil.disk_usage(session.folder).free, rel=0.05)
    session.disk._store._used = None
    assert session.disk.use().used == after.used, "a recount gives the same"


def test_of_stabilised_mattes_those_beside_them_are_counted_too_and_kept(session: TrackSession) -> None:
    draw(session, 4)
    list(session.propagate(ALL, Direction.BOTH, PropagationOptions(stability=1.0)))
    raw = list((session.folder / "mattes").glob("*-raw/*.png"))
    use = session.disk.use()
    assert raw
    assert use.used == on_disk(session) * BLOCK
    assert use.frame == pytest.approx((use.used - BLOCK) / (len(FILM) - 1), rel=0.15)
    session.disk.limit = 1
    session.disk.keep()
    assert all(path.exists() for path in raw), "the run can go on from them"
    session.undo()
    session.undo()
    draw(session, 2)
    session.disk.keep()
    assert on_disk(session) == 2, "both strokes' mattes"


def test_without_a_limit_nothing_ever_goes(session: TrackSession) -> None:
    draw(session, 4)
    run(session)
    number = on_disk(session)
    assert session.disk.keep(10**15) == 0
    assert on_disk(session) == number


def test_replaced_and_undone_mattes_go_first_and_what_is_shown_stays(session: TrackSession, media: Path) -> None:
    draw(session, 0)
    run(session)
    draw(session, 8)
    run(session)
    session.apply_round(Round(12, (Stroke([FILM.centre(12)], 3, Label.REMOVE),)))
    run(session)
    session.undo()
    head = session.head
    states = {head: shown(session)}
    session.checkout(session.parent)
    states[session.head] = shown(session)
    session.checkout(head)
    number = on_disk(session)
    session.disk.limit = 1
    assert session.disk.keep() > 0
    left = on_disk(session)
    assert left < number
    for at in reversed(states):
        session.checkout(at)
        assert shown(session) == states[at]
    session.checkout(head)
    assert session.disk.keep() == 0, "all that may go is gone"
    assert len(session._journal.operations) == 6, "rounds are never removed"


def test_what_the_next_run_is_fused_with_stays(media: Path, tmp_path: Path) -> None:
    results = []
    for name, limit in (("free", 0), ("small", 1)):
        with TrackSession.open(Clip(str(media)), tmp_path / name, make_engine(), limit) as session:
            draw(session, 0)
            run(session)
            draw(session, 8, corner=True)
            run(session, direction=Direction.FORWARD)
            session.disk.keep()
            run(session, direction=Direction.BACKWARD)
            draw(session, 12, corner=True)
            session.disk.keep()
            run(session)
            results.append((session.head, shown(session)))
    assert results[0] == results[1]


def test_only_as_much_goes_as_must(session: TrackSession) -> None:
    draw(session, 0)
    run(session)
    session.undo()
    session.undo()
    draw(session, 3)
    used = session.disk.use().used
    session.disk.limit = used + 10 * BLOCK
    assert session.disk.keep(13 * BLOCK) == 3 * BLOCK
    assert session.disk.use().used == used - 3 * BLOCK


def test_folders_that_no_operation_knows_go_before_everything_else(session: TrackSession) -> None:
    draw(session, 0)
    run(session)
    stray = session.folder / "mattes" / "0123456789abcdef"
    shutil.copytree(session.folder / "mattes" / session.head, stray)
    session.disk._store._used = None
    before = shown(session)
    session.disk.limit = session.disk.use().used - BLOCK
    assert session.disk.keep() == BLOCK
    assert len(list(stray.glob("*.png"))) == len(FILM) - 2
    assert shown(session) == before


def test_a_long_run_keeps_to_the_limit_while_it_goes_on(session: TrackSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blender_cutout.core.session.disk_limit._EVERY", 2)
    draw(session, 0)
    run(session)
    session.undo()
    session.undo()
    session.disk.limit = session.disk.use().used + BLOCK
    draw(session, 2)
    most = 0
    for _ in session.propagate(ALL, Direction.BOTH):
        most = max(most, session.disk.use().used)
    assert most <= session.disk.limit + 2 * BLOCK
    assert session.disk.use().used <= session.disk.limit
    assert len(shown(session)) == len(FILM)


def test_opening_removes_nothing_for_the_head_may_be_moved_then(session: TrackSession, media: Path) -> None:
    draw(session, 0)
    run(session)
    saved, pictures = session.head, shown(session)
    session.undo()
    session.undo()
    draw(session, 5)
    session.close()
    with TrackSession.open(Clip(str(media)), session.folder, make_engine(), 5 * BLOCK) as again:
        again.checkout(saved)
        assert shown(again) == pictures


def test_what_does_not_fit_is_said_before() -> None:
    use = DiskUse(used=10, frame=50_000, free=10**8, limit=0)
    assert use.warning(1000) == ""
    assert use.warning(10_000) == "10000 masks take about 500 MB, but only 100 MB are free on the disk."
    limited = DiskUse(used=10, frame=50_000, free=10**10, limit=10**8)
    assert "more than the limit of 100 MB" in limited.warning(10_000)
    both = joint([use, limited])
    assert both.warning(2000) == ""
    assert "2001 masks take about 100 MB, but only 100 MB" in both.warning(2001)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (740_000, "740 KB"), (1.24e9, "1.2 GB"), (5e12, "5000 GB")],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert size_text(size) == text
