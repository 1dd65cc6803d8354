"""Tests that a movie strip's frame rate is read once per file: each time, Blender opens the movie."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bpy


class Strip:
    """A movie strip that counts how often its file is opened."""

    def __init__(self, path: Path, rate: float) -> None:
        self.filepath, self._rate, self.opened = str(path), rate, 0

    @property
    def fps(self) -> float:
        self.opened += 1
        return self._rate


def test_a_file_is_opened_once_however_many_strips_show_it(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host.movie_rate import Rates

    file = tmp_path / "film é.mp4"
    file.write_bytes(b"movie")
    one, other, rates = Strip(file, 24.0), Strip(file, 24.0), Rates()
    assert [rates.of(strip) for strip in (one, other, one)] == [24.0] * 3
    assert (one.opened, other.opened) == (1, 0)


def test_a_file_that_changed_or_is_gone_is_asked_again(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host.movie_rate import Rates

    file, rates = tmp_path / "film.mp4", Rates()
    file.write_bytes(b"movie")
    assert rates.of(Strip(file, 24.0)) == 24.0
    file.write_bytes(b"another movie")
    os.utime(file, ns=(1, 1))
    assert rates.of(Strip(file, 30.0)) == 30.0
    file.unlink()
    gone = Strip(file, 0.0)
    assert [rates.of(gone), rates.of(gone)] == [0.0, 0.0]
    assert gone.opened == 2


def test_a_strip_that_is_as_long_as_its_movie_is_not_opened_at_all(
    blender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy_kit as kit

    from blender_cutout.host import compat, movie_rate, strips

    def opened(strip: Any) -> float:
        raise AssertionError("the movie was opened")

    scene = kit.fresh_scene(blender)
    path = Path(__file__).parents[2] / "fixtures" / "nowhere.mp4"
    strip = compat.strips(scene.sequence_editor).new_movie("film", str(path), 1, 1)
    length = int(compat.time_get(strip, "frame_final_duration"))
    monkeypatch.setattr(movie_rate, "fps", opened)
    assert strips.file_times(scene, strip, length).rate == 1.0
    with pytest.raises(AssertionError, match="opened"):
        strips.file_times(scene, strip, length + 40)


def test_a_movie_is_not_opened_while_its_cutout_is_made(
    blender: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bpy_kit as kit

    from blender_cutout.host import compat, movie_rate
    from blender_cutout.tasks import upkeep

    scene = kit.fresh_scene(blender)
    path = tmp_path / "film é.mp4"
    kit.write_movie(path, [kit.picture(n) for n in range(4)])
    scene.sequence_editor.active_strip = compat.strips(scene.sequence_editor).new_movie("film", str(path), 1, 1)
    blender.ops.cutout.new()
    opened: list[Any] = []
    monkeypatch.setattr(movie_rate, "fps", lambda strip: opened.append(strip) or 24.0)
    track = scene.cutout.tracks[0]
    upkeep.keeper.see()
    assert upkeep.keeper.facts(track).times is not None
    track.frame_count = 0  # as long as the engine has not opened it
    upkeep.keeper.see()
    assert upkeep.keeper.facts(track).times is None
    assert not opened
