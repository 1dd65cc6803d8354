"""Tests the engine's public face, which scripts, the command line and the worker rely on."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.engine import Engine, as_range
from blender_cutout.core.errors import FrameReadError, InputError, SizeMismatch
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, iou
from blender_cutout.core.ports import FrameSource
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke


def test_a_cut_from_the_first_guess_to_the_last_frame(engine: Engine, clip):
    guess = engine.foreground(clip[0])
    matte = engine.refine(clip[0], [Stroke([clip.centre(0)], 3, Label.KEEP)], previous=guess, zoom=1.0)
    results = dict(engine.propagate(clip, keyframes={0: matte}, frame_range=None, previous=None, locked=()))
    assert sorted(results) == list(range(len(clip)))
    assert min(iou(results[f], clip.matte(f)) for f in results) > 0.9


def test_propagates_a_movie_file_by_its_path(engine: Engine, clip, write_movie):
    path = write_movie([clip[n] for n in range(len(clip))], options={"crf": "10"})
    for frames in (path, str(path), Clip(str(path))):
        results = dict(engine.propagate(frames, {4: clip.matte(4)}, frame_range=(2, 9)))
        assert sorted(results) == list(range(2, 9))
        assert min(iou(results[f], clip.matte(f)) for f in results) > 0.9


def test_frames_may_be_a_plain_list_or_an_open_clip(engine: Engine, clip, write_movie):
    pictures = [clip[n] for n in range(4)]
    assert len(dict(engine.propagate(pictures, {0: clip.matte(0)}))) == 4
    with open_clip(write_movie(pictures)) as source:
        assert isinstance(source, FrameSource)
        assert len(dict(engine.propagate(source, {0: clip.matte(0)}))) == 4


def test_objects_in_are_objects_out(engine: Engine, two_discs):
    for _, mattes in engine.propagate(two_discs, {0: two_discs.mattes(0)}, (0, 5)):
        assert mattes.shape == (2, *two_discs.size)


def test_stopping_early_closes_the_movie(engine: Engine, clip, write_movie, monkeypatch):
    from blender_cutout.core.clips.movie import Movie

    closed = []
    original = Movie.close
    monkeypatch.setattr(Movie, "close", lambda self: closed.append(1) or original(self))
    stream = engine.propagate(write_movie([clip[n] for n in range(6)]), {0: clip.matte(0)})
    next(stream)
    next(stream)
    assert not closed
    stream.close()
    assert closed


def test_wrong_input_is_reported_by_the_call_itself_and_closes_the_movie(engine: Engine, clip, write_movie, tmp_path):
    path = write_movie([clip[n] for n in range(3)])
    with pytest.raises(SizeMismatch, match="20 x 10 pixels, the picture 200 x 120"):
        engine.propagate(path, {0: np.zeros((10, 20), np.float32)})
    with pytest.raises(InputError, match="uint8"):
        engine.propagate(path, {0: (clip.matte(0) * 255).astype(np.uint8)})
    with pytest.raises(FrameReadError, match="does not exist"):
        engine.propagate(tmp_path / "nothing.mp4", {0: clip.matte(0)})
    with pytest.raises(InputError, match="range"):
        engine.propagate(path, {0: clip.matte(0)}, frame_range=(2, 2))


def test_detailed_gives_kinds_directions_and_resumes(engine: Engine, clip):
    half = {f: m for f, m, _ in engine.propagate_detailed(clip, {3: clip.matte(3)}, frame_range=FrameRange(3, 10))}
    stream = engine.propagate_detailed(clip, {3: clip.matte(3)}, direction=Direction.FORWARD, known=half.get)
    results = list(stream)
    assert [f for f, _, _ in results] == list(range(3, 24))
    assert results[0][2] is MatteKind.DRAWN
    assert {kind for _, _, kind in results[1:]} == {MatteKind.PROPAGATED}
    assert results[4][1] is half[7]


@pytest.mark.parametrize("value", [3, "all", (1, 2, 3), (None, None)])
def test_senseless_range_is_a_clear_error(value):
    with pytest.raises(InputError, match="not understood"):
        as_range(value)


def test_engine_says_what_it_is():
    engine = Engine(FakeScribbleNet(), FakePropagationNet(), tier="draft", device="cpu", weights_id="abc")
    assert (engine.tier, engine.device, engine.weights_id) == ("draft", "cpu", "abc")
