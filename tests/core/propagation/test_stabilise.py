"""Tests stabilised mattes: flicker goes, the object stays in place, and the artist's mattes do not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from session_kit import write_film

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.propagation.stabilise import stabilised
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.propagation_run import PropagationRun
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, PropagationOptions, Stroke
from blender_cutout.evaluate.flicker import FlickerMeter

FILM = SyntheticClip(length=14, height=60, width=100, radius=12)
ALL = FrameRange(0, len(FILM))
STEADY = PropagationOptions(stability=1.0)


def trembling(frame: int, matte: np.ndarray) -> np.ndarray:
    """Returns the matte with its rim moved in and out by turns."""
    kernel = np.ones((3, 3), np.uint8)
    return cv2.dilate(matte, kernel) if frame % 2 else cv2.erode(matte, kernel)


def flicker(mattes: dict[int, np.ndarray], film: SyntheticClip) -> float:
    meter = FlickerMeter()
    for frame in sorted(mattes):
        meter.add(frame, film[frame], mattes[frame] > 0.5, film.matte(frame) > 0.5)
    assert meter.mean is not None
    return meter.mean


def results(kind: Callable[[int], MatteKind] = lambda f: MatteKind.PROPAGATED) -> Iterator[tuple]:
    for frame in range(len(FILM)):
        yield frame, trembling(frame, FILM.matte(frame)), kind(frame)


def test_trembling_is_less_and_the_object_fits_better() -> None:
    before = {frame: matte for frame, matte, _ in results()}
    after = {step.frame: step.matte for step in stabilised(results(), FILM, 1.0)}
    half = {step.frame: step.matte for step in stabilised(results(), FILM, 0.5)}
    assert list(after) == list(before)
    assert flicker(after, FILM) < 0.5 * flicker(before, FILM)
    soft = [float(np.mean([np.abs(m[f] - FILM.matte(f)).mean() for f in range(1, 13)])) for m in (before, half, after)]
    assert soft[0] > soft[1] > soft[2]


@pytest.mark.parametrize("film", [FILM, SyntheticClip(), SyntheticClip(length=60), SyntheticClip(absent=range(8, 12))])
def test_what_is_right_stays_right(film: SyntheticClip) -> None:
    """Also where the object appears, disappears, and moves far between frames."""
    given = ((f, film.matte(f), MatteKind.PROPAGATED) for f in range(len(film)))
    for step in stabilised(given, film, 1.0):
        assert iou(step.matte, film.matte(step.frame)) > 0.98


def test_strength_nothing_changes_nothing() -> None:
    for step in stabilised(results(), FILM, 0.0):
        assert step.matte is step.raw


@pytest.mark.parametrize("kind", [MatteKind.DRAWN, MatteKind.LOCKED, MatteKind.KEPT])
def test_what_is_not_computed_is_not_changed(kind: MatteKind) -> None:
    found = list(stabilised(results(lambda f: kind if f in (0, 6) else MatteKind.PROPAGATED), FILM, 1.0))
    assert {step.frame for step in found if step.matte is step.raw} == {0, 6}


def test_nothing_is_mixed_across_a_cut() -> None:
    class Cut:
        size = FILM.size

        def __len__(self) -> int:
            return len(FILM)

        def __getitem__(self, frame: int) -> np.ndarray:
            rng = np.random.default_rng(1 if frame < 7 else 2)  # the same picture all along, then another
            blobs = cv2.resize(rng.integers(0, 255, (6, 10, 3), np.uint8), (100, 60), interpolation=cv2.INTER_NEAREST)
            return blobs if frame < 7 else np.roll(255 - blobs // 3, 1, axis=2)

    wide, nothing = np.ones(FILM.size, np.float32), np.zeros(FILM.size, np.float32)
    given = ((f, wide if f < 7 else nothing, MatteKind.PROPAGATED) for f in range(14))
    for step in stabilised(given, Cut(), 1.0):
        assert np.array_equal(step.matte, wide if step.frame < 7 else nothing)


def test_each_result_comes_one_frame_late_and_whatever_stops_it_closes_the_source() -> None:
    asked: list[int] = []
    closed: list[bool] = []

    def source() -> Iterator[tuple]:
        try:
            for result in results():
                asked.append(result[0])
                yield result
        finally:
            closed.append(True)

    stream = stabilised(source(), FILM, 1.0)
    assert next(stream).frame == 0
    assert asked == [0, 1]
    assert next(stream).frame == 1
    assert asked == [0, 1, 2]
    stream.close()
    assert closed == [True]


def test_frames_that_are_pending_pass_at_once() -> None:
    given = [(f, FILM.matte(f), MatteKind.PENDING) for f in (3, 2, 1)] + [(1, FILM.matte(1), MatteKind.FUSED)]
    found = list(stabilised(iter(given), FILM, 1.0))
    assert [(step.frame, step.kind) for step in found][:3] == [(f, MatteKind.PENDING) for f in (3, 2, 1)]
    assert found[3].kind is MatteKind.FUSED


class Trembling(FakePropagationNet):
    """Its masks flicker."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def segment(self, query, memory, previous=None):  # type: ignore[no-untyped-def]
        self.number += 1
        return np.stack([trembling(self.number, m) for m in super().segment(query, memory, previous)])


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Zittern"), FILM)


def make_engine() -> Engine:
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    return Engine(FakeScribbleNet(), Trembling(), settings, tier="draft", weights_id="fake")


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "Spur", make_engine()) as opened:
        opened.apply_round(Round(0, (Stroke([FILM.centre(0)], 3, Label.KEEP),)))
        yield opened


def run(session: TrackSession, options: PropagationOptions, frames: FrameRange = ALL) -> dict[int, MatteKind]:
    return {frame: kind for frame, _, kind in session.propagate(frames, Direction.BOTH, options)}


def shown(session: TrackSession) -> dict[int, np.ndarray]:
    return {frame: matte for frame in ALL if (matte := session.matte(frame)) is not None}


def test_a_track_is_steadier_and_its_keyframe_untouched(session: TrackSession) -> None:
    key = session.matte_path(0)
    assert key is not None
    before = key.read_bytes()
    run(session, PropagationOptions())
    rough = flicker(shown(session), FILM)
    session.undo()
    run(session, STEADY)
    assert flicker(shown(session), FILM) < 0.6 * rough
    assert key.read_bytes() == before


class NoNetwork:
    """Answers only how large things are."""

    def megabytes(self, key: object, value: object) -> float:
        return 0.0


def test_another_strength_needs_no_network_and_none_gives_the_raw_mattes_back(session: TrackSession) -> None:
    run(session, PropagationOptions())
    rough = shown(session)
    run(session, STEADY)
    steady = shown(session)
    assert any(not np.array_equal(steady[f], rough[f]) for f in range(1, 14))
    session._engine._propagation = NoNetwork()  # type: ignore[assignment]
    run(session, PropagationOptions(stability=0.5))
    half = shown(session)
    assert any(not np.array_equal(half[f], steady[f]) for f in range(1, 14))
    run(session, PropagationOptions())
    assert all(np.array_equal(shown(session)[f], rough[f]) for f in ALL)
    run(session, STEADY)
    assert all(np.array_equal(shown(session)[f], steady[f]) for f in ALL)


def test_a_track_that_began_steady_has_its_raw_mattes_too(session: TrackSession) -> None:
    run(session, STEADY)
    steady = shown(session)
    session._engine._propagation = NoNetwork()  # type: ignore[assignment]
    run(session, PropagationOptions())
    rough = shown(session)
    assert flicker(steady, FILM) < 0.6 * flicker(rough, FILM)


def test_stopped_and_asked_again_it_goes_on(session: TrackSession) -> None:
    stream = session.propagate(ALL, Direction.BOTH, STEADY)
    for _ in range(6):
        next(stream)
    stream.close()  # type: ignore[attr-defined]
    done = {frame: path.stat().st_mtime_ns for frame in range(6) if (path := session.matte_path(frame))}
    assert sorted(done) == list(range(6))
    run(session, STEADY)
    assert sorted(shown(session)) == list(ALL)
    assert all(session.matte_path(f).stat().st_mtime_ns == t for f, t in done.items())  # type: ignore[union-attr]
    head = session.head
    run(session, STEADY)
    assert session.head == head


def test_locked_frames_stay_as_they_are_when_the_strength_changes(session: TrackSession) -> None:
    run(session, STEADY)
    session.lock(FrameRange(4, 7))
    before = {f: session.matte_path(f).read_bytes() for f in range(4, 7)}  # type: ignore[union-attr]
    run(session, PropagationOptions())
    assert {f: session.matte_path(f).read_bytes() for f in range(4, 7)} == before  # type: ignore[union-attr]


def test_several_objects_are_stabilised_and_share_no_pixel(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    film = SyntheticClip(length=10, height=70, width=100, radius=12, objects=2)
    for frame in range(10):
        data = cv2.imencode(".png", cv2.cvtColor(film[frame], cv2.COLOR_RGB2BGR))[1]
        (tmp_path / f"{frame:03d}.png").write_bytes(data.tobytes())
    places = [tmp_path_factory.mktemp(f"Spur {n}") for n in range(2)]
    tracks = [TrackSession.open(Clip(str(tmp_path)), place, make_engine()) for place in places]
    for n, track in enumerate(tracks):
        track.apply_round(Round(0, (Stroke([film.centre(0, n)], 3, Label.KEEP),)))
    parts = [track.part() for track in tracks]
    list(PropagationRun(parts, "ab", make_engine(), FrameRange(0, 10), Direction.BOTH, PropagationOptions()).steps())
    rough = [track.matte(5) for track in tracks]
    list(PropagationRun(parts, "ab", make_engine(), FrameRange(0, 10), Direction.BOTH, STEADY).steps())
    for frame in range(10):
        mattes = np.stack([track.matte(frame) for track in tracks])  # type: ignore[misc]
        assert (mattes > 0.5).sum(axis=0).max() <= 1
        assert iou(mattes[0], film.mattes(frame)[0]) > 0.75
    assert any(not np.array_equal(tracks[n].matte(5), rough[n]) for n in range(2))  # type: ignore[arg-type]
    for track in tracks:
        track.close()
