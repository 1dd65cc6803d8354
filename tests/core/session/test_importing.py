"""Tests that mattes made elsewhere become keyframes, or are refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from session_kit import make_engine, write_film

from blender_cutout.core.clips.foreign_mask_sequence import ForeignMattes, place
from blender_cutout.core.clips.movie import ONE_THREAD
from blender_cutout.core.errors import InputError, SizeMismatch, StoreError
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

pytestmark = pytest.mark.libraries

FILM = SyntheticClip(length=12, height=60, width=100, radius=10)
ALL = FrameRange(0, len(FILM))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Bilder"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def soft(frame: int) -> np.ndarray:
    """Returns a matte with all kinds of values."""
    return np.asarray(cv2.GaussianBlur(FILM.matte(frame) * 255, (0, 0), 2), np.uint8)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "Masken ö"
    for frame in range(len(FILM)):
        save(folder / f"maske {frame}.png", soft(frame))
    (folder / "liesmich.txt").write_text("nothing")
    return folder


def grey(session: TrackSession, frame: int) -> np.ndarray:
    matte = session.matte(frame)
    assert matte is not None
    return np.rint(matte * 255).astype(np.uint8)


def take(session: TrackSession, path: Path, **how: Any) -> list[int]:
    return [step.done for step in session.import_mattes(path, **how)]


def test_a_sequence_becomes_keyframes_to_the_bit_and_one_undo_takes_it_back(session: TrackSession, masks: Path) -> None:
    assert take(session, masks) == list(range(1, 13))
    assert session.keyframes() == tuple(ALL)
    for frame in ALL:
        assert np.array_equal(grey(session, frame), soft(frame))
    assert session.undo() == ""
    assert (session.keyframes(), session.done_ranges()) == ((), ())


def test_every_fourth_one_and_the_rest_is_propagated(session: TrackSession, masks: Path) -> None:
    take(session, masks, every=4)
    assert session.keyframes() == (0, 4, 8)
    kinds = {frame: kind for frame, _, kind in session.propagate(ALL, Direction.BOTH)}
    assert [frame for frame, kind in kinds.items() if kind is MatteKind.DRAWN] == [0, 4, 8]
    for frame in ALL:
        assert iou(grey(session, frame) / 255, FILM.matte(frame)) > 0.85
    assert np.array_equal(grey(session, 4), soft(4))


def test_chosen_frames_only(session: TrackSession, masks: Path) -> None:
    take(session, masks, only=[3, 7])
    assert session.keyframes() == (3, 7)
    with pytest.raises(InputError, match="no mask for clip frame 2"):
        take(session, masks / "maske 5.png", at=5, only=[2])


def test_a_single_picture_needs_its_frame(session: TrackSession, masks: Path) -> None:
    with pytest.raises(InputError, match="1 mask, but the clip has 12 frames") as caught:
        take(session, masks / "maske 5.png")
    assert "Give the clip frame" in caught.value.hint
    take(session, masks / "maske 5.png", at=5)
    assert session.keyframes() == (5,)
    assert np.array_equal(grey(session, 5), soft(5))


def test_an_imported_keyframe_is_corrected_by_strokes_and_comes_back_after_an_undo(
    session: TrackSession, masks: Path
) -> None:
    take(session, masks, only=[3])
    session.apply_round(Round(3, (Stroke([(5, 5)], 4, Label.KEEP),)))
    assert session.matte(3)[5, 5] > 0.5  # type: ignore[index]
    session.undo()
    assert np.array_equal(grey(session, 3), soft(3))


def test_it_survives_closing_the_loss_of_all_derived_mattes_and_another_tier(
    session: TrackSession, masks: Path, media: Path
) -> None:
    take(session, masks, every=3)
    session.close()
    for file in (session.folder / "mattes").rglob("*.png"):
        file.unlink()
    with TrackSession.open(Clip(str(media)), session.folder, make_engine("fine"), limit=1) as again:
        assert again.keyframes() == (0, 3, 6, 9)
        for frame in again.keyframes():
            assert np.array_equal(grey(again, frame), soft(frame))
        path = again.matte_path(6)
        assert path is not None
        path.write_bytes(path.read_bytes()[:50])  # where the disk has hard links, that is the kept file too


def test_damage_to_the_derived_copy_alone_is_mended(
    session: TrackSession, masks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", none)
    take(session, masks, only=[2])
    path = session.matte_path(2)
    assert path is not None
    path.write_bytes(b"\x89PNG\r\n\x1a\n torn")
    assert np.array_equal(grey(session, 2), soft(2))


def test_an_imported_file_that_is_gone_is_named(session: TrackSession, masks: Path) -> None:
    take(session, masks, only=[2])
    session.apply_round(Round(7, (Stroke([FILM.centre(7)], 3, Label.KEEP),)))
    (file,) = (session.folder / "imported").iterdir()
    for damage in (file.read_bytes()[:40], None):
        file.unlink()
        if damage:
            file.write_bytes(damage)
        for copy in (session.folder / "mattes").rglob("000002.png"):
            copy.unlink()
        with pytest.raises(StoreError, match="imported mask of clip frame 2 is missing or damaged") as caught:
            session.matte_path(2)
        assert "Import it again from" in caught.value.hint
        assert session.matte_path(7), "the rest goes on"
    take(session, masks, only=[2])
    assert np.array_equal(grey(session, 2), soft(2))


def test_stopped_in_the_middle_nothing_has_changed(session: TrackSession, masks: Path) -> None:
    steps = session.import_mattes(masks)
    next(steps)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert (session.head, session.keyframes()) == ("", ())
    assert list((session.folder / "imported").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sixteen bits", lambda f: soft(f).astype(np.uint16) * 257),
        ("three channels", lambda f: np.dstack([soft(f)] * 3)),
        ("alpha", lambda f: np.dstack([cv2.cvtColor(FILM[f], cv2.COLOR_RGB2BGR), soft(f)])),
    ],
)
def test_kinds_of_pictures(session: TrackSession, tmp_path: Path, name: str, make: Any) -> None:
    save(tmp_path / "x" / "a.png", make(4))
    take(session, tmp_path / "x", at=4)
    assert np.array_equal(grey(session, 4), soft(4))


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [(".mkv", "ffv1", "bgra"), (".mov", "prores_ks", "yuva444p10le"), (".mkv", "ffv1", "gray")],
)
def test_movies_are_read_frame_by_frame_with_their_alpha(
    session: TrackSession, tmp_path: Path, suffix: str, codec: str, pixels: str
) -> None:
    path = tmp_path / f"masken{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height, stream.width = FILM.size
        stream.pix_fmt = pixels
        for frame in ALL:
            if pixels == "gray":
                picture: Any = av.VideoFrame.from_ndarray(soft(frame), format="gray")
            else:
                picture = av.VideoFrame.from_ndarray(np.dstack([FILM[frame], soft(frame)]), format="rgba")
                picture = picture.reformat(format=pixels, **ONE_THREAD)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    take(session, path)
    assert session.keyframes() == tuple(ALL)
    for frame in ALL:
        assert np.abs(grey(session, frame).astype(int) - soft(frame)).max() <= (3 if codec == "prores_ks" else 1)


def refused(session: TrackSession, path: Path, error: type, text: str, **how: Any) -> None:
    with pytest.raises(error, match=text) as caught:
        take(session, path, **how)
    assert caught.value.hint
    assert (session.head, session.keyframes()) == ("", ())
    assert not list((session.folder / "imported").glob("*"))


def test_what_is_no_mask_of_this_clip_is_refused_and_changes_nothing(
    session: TrackSession, media: Path, masks: Path, tmp_path: Path
) -> None:
    refused(session, tmp_path / "none.png", InputError, "do not exist")
    refused(session, media, InputError, "colour picture without transparency")
    (tmp_path / "empty").mkdir()
    refused(session, tmp_path / "empty", InputError, "holds no pictures")
    (tmp_path / "text.doc").write_text("hello")
    refused(session, tmp_path / "text.doc", InputError, "neither a picture nor a movie")
    save(tmp_path / "big" / "0.png", np.full((70, 100), 255, np.uint8))
    refused(session, tmp_path / "big", SizeMismatch, "0.png is 100 x 70 pixels, the clip 100 x 60", at=0)
    save(tmp_path / "black" / "0.png", np.zeros(FILM.size, np.uint8))
    refused(session, tmp_path / "black", InputError, "all black", at=0)
    save(tmp_path / "white" / "0.png", np.full(FILM.size, 255, np.uint8))
    refused(session, tmp_path / "white", InputError, "all white", at=0)
    (masks / "maske 7.png").write_bytes(b"not a picture")
    refused(session, masks, InputError, r"maske 7\.png is empty, damaged or not a picture")
    refused(session, masks, InputError, "do not fit: the clip has 12 frames", at=1)
    refused(session, masks, InputError, "every 0", every=0)


def test_a_sequence_of_the_wrong_length_says_both_numbers() -> None:
    with pytest.raises(InputError, match="90 masks, but the clip has 100 frames"):
        place(90, 100)
    assert place(3, 100, at=97) == {97: 0, 98: 1, 99: 2}
    assert place(5, 5, every=2) == {0: 0, 2: 1 * 2, 4: 4}


def test_masks_with_gaps_in_their_numbers_are_for_the_frames_that_they_name() -> None:
    assert place(3, 100, numbers=[4, 20, 21]) == {4: 0, 20: 1, 21: 2}
    assert place(3, 100, at=10, numbers=[1001, 1005, 1009]) == {10: 0, 14: 1, 18: 2}
    assert place(3, 3, numbers=[2, 4, 6]) == {0: 0, 1: 1, 2: 2}
    assert place(3, 100, numbers=[4, 20, 21], every=2) == {4: 0, 21: 2}
    with pytest.raises(InputError, match="do not fit"):
        place(2, 20, at=0, numbers=[0, 20])


def test_two_masks_of_a_folder_lie_on_the_frames_of_their_names(session: TrackSession, tmp_path: Path) -> None:
    for number in (3, 9):
        save(tmp_path / "few" / f"{number:05d}.png", soft(number))
    take(session, tmp_path / "few")
    assert session.keyframes() == (3, 9)


def test_black_frames_in_a_sequence_are_the_object_being_away(session: TrackSession, masks: Path) -> None:
    save(masks / "maske 3.png", np.zeros(FILM.size, np.uint8))
    take(session, masks)
    assert session.matte(3).max() == 0  # type: ignore[union-attr]


def test_locked_frames_are_not_imported_onto(session: TrackSession, masks: Path) -> None:
    session.apply_round(Round(4, (Stroke([FILM.centre(4)], 3, Label.KEEP),)))
    session.lock(FrameRange(4, 5))
    head = session.head
    with pytest.raises(InputError, match="Clip frame 4 is locked"):
        take(session, masks)
    assert session.head == head


def test_natural_order(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        save(tmp_path / f"m{number}.png", soft(1))
    with ForeignMattes(tmp_path, FILM.size) as mattes:
        assert [mattes.name(n) for n in range(3)] == ["m1.png", "m2.png", "m10.png"]
