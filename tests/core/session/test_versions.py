"""Tests kept versions: returning gives the same masks to the bit, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from session_kit import FILM, add_corner, keep, make_engine, reopened, run, snapshot, write_film

from blender_cutout.core.errors import InputError
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.session.versions import BEFORE, FILE
from blender_cutout.core.types import Clip, Direction, FrameRange


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Fassungen"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "Spur", make_engine()) as found:
        found.apply_round(keep(0))
        run(found)
        yield found


def named(session: TrackSession) -> dict[str, str]:
    return {version.name: version.head for version in session.versions.all()}


def test_returning_gives_the_same_masks_and_what_was_left_comes_back(session: TrackSession) -> None:
    first = snapshot(session)
    session.versions.keep("Für den Kunden 1")
    session.apply_round(add_corner(8))
    run(session)
    second = snapshot(session)
    assert second != first
    session.versions.go_to("Für den Kunden 1")
    assert snapshot(session) == first
    assert list(named(session)) == ["Für den Kunden 1", BEFORE]
    session.versions.go_to(BEFORE)
    assert snapshot(session) == second


def test_a_versions_settings_come_back_with_it(session: TrackSession) -> None:
    """Also where only the settings differ; and those that are left are kept, even after a rename."""
    session.versions.keep("soft", "feather 2")
    session.versions.rename("soft", "softer")
    assert session.versions.go_to("softer", "feather 0") == "feather 2"
    assert session.versions.go_to(BEFORE, "feather 2") == "feather 0"
    session.versions.keep("from an earlier release")
    assert session.versions.go_to("from an earlier release", "feather 1") == ""


def test_settings_without_end_are_refused(session: TrackSession) -> None:
    session.versions.keep("one", "x")
    with pytest.raises(InputError, match="too much space"):
        session.versions.keep("two", "x" * (2**20 + 1))
    assert list(named(session)) == ["one"]


def test_a_version_survives_reopening_and_moving(session: TrackSession, media: Path, tmp_path: Path) -> None:
    first = snapshot(session)
    session.versions.keep("one")
    session.apply_round(add_corner(8))
    session.move(tmp_path / "elsewhere")
    again = reopened(session, media)
    assert list(named(again)) == ["one"]
    again.versions.go_to("one")
    assert snapshot(again) == first
    again.versions.keep("nothing's new name")
    again.move(tmp_path / "and back")
    assert list(named(again)) == ["one", BEFORE, "nothing's new name"]
    again.close()


def test_the_disk_limit_keeps_a_versions_masks_until_it_is_deleted(session: TrackSession) -> None:
    first = snapshot(session)
    session.versions.keep("one")
    for frame in (8, 4, 12):  # each run replaces the one before
        session.apply_round(add_corner(frame))
        run(session)
    session.disk.limit = 1
    session.disk.keep()
    session.versions.go_to("one")
    assert snapshot(session) == first
    session.versions.go_to(BEFORE)
    session.versions.delete("one")
    assert session.disk.keep() > 0


def test_an_interrupted_propagation_that_was_kept_is_not_resumed(media: Path, tmp_path: Path) -> None:
    with TrackSession.open(Clip(str(media)), tmp_path / "Spur", make_engine()) as session:
        session.apply_round(keep(0))
        steps = session.propagate(FrameRange(0, len(FILM)), Direction.BOTH)
        for _ in range(5):
            next(steps)
        steps.close()
        half = snapshot(session)
        assert 0 < len(half) < len(FILM)
        session.versions.keep("half")
        run(session)
        assert len(snapshot(session)) == len(FILM)
        session.versions.go_to("half")
        assert snapshot(session) == half


def test_renaming_and_deleting(session: TrackSession) -> None:
    session.versions.keep("one")
    session.versions.keep("two")
    session.versions.rename("one", "uno")
    session.versions.delete("two")
    assert named(session) == {"uno": session.head}
    for name in ("uno", "", " a", "a\nb", "x" * 81):
        with pytest.raises(InputError, match="name"):
            session.versions.keep(name)
    with pytest.raises(InputError, match="no version named two"):
        session.versions.go_to("two")
    assert named(session) == {"uno": session.head}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "null",
        '{"versions": 5}',
        '{"versions": [1, {"name": "a"}, {"name": "x", "head": "../../a"}, {"name": 3, "head": ""}]}',
        '{"versions": [{"name": "gone", "head": "0123456789abcdef"}]}',
    ],
)
def test_a_damaged_file_counts_as_none_and_the_track_opens(session: TrackSession, media: Path, text: str) -> None:
    (session.folder / FILE).write_text(text)
    again = reopened(session, media)
    assert again.versions.all() == ()
    again.versions.keep("new")
    assert list(named(again)) == ["new"]
    again.close()
