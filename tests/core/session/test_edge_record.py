"""Tests the edge settings kept in a track's folder: read back as written, for every frame; damage is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_cutout.core.edges.settings import UNCHANGED, EdgePlan, EdgeSettings
from blender_cutout.core.errors import InputError
from blender_cutout.core.session.edge_record import FILE, read_edges, save_edges
from blender_cutout.core.types import Label, Stroke

STROKE = Stroke([(3.0, 4.5), (8.0, 9.0)], 6.0, Label.KEEP)


def test_settings_and_strokes_are_read_back(tmp_path: Path) -> None:
    edge = EdgeSettings(feather=2.5, grow=-1)
    save_edges(tmp_path, range(5, 9), EdgePlan((edge,), {6: (STROKE,)}))
    found = read_edges(tmp_path)
    assert [found.at(frame) for frame in (0, 7, 100)] == [edge] * 3
    assert {frame: [s.to_json() for s in strokes] for frame, strokes in found.painted.items()} == {
        6: [STROKE.to_json()]
    }
    assert not found.is_keyed


def test_keyed_settings_belong_to_clip_frames_whatever_the_order_they_are_shown_in(tmp_path: Path) -> None:
    settings = tuple(EdgeSettings(feather=float(n)) for n in (3, 2, 2, 1))
    save_edges(tmp_path, (12, 11, 11, 10), EdgePlan(settings))
    found = read_edges(tmp_path)
    assert [found.at(frame).feather for frame in (0, 10, 11, 12, 50)] == [1, 1, 2, 3, 3]
    assert found.is_keyed


def test_without_any_settings_the_folder_stays_as_it_was_and_a_reset_is_kept(tmp_path: Path) -> None:
    save_edges(tmp_path, (1, 2), EdgePlan())
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="no edge settings"):
        read_edges(tmp_path)
    save_edges(tmp_path, (1, 2), EdgePlan((EdgeSettings(),)))
    save_edges(tmp_path, (1, 2), EdgePlan())
    assert read_edges(tmp_path).at(1) == UNCHANGED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ('{"version": 1, "frames": [], "settings": [], "strokes": []}', "damaged"),
        ('{"version": 1, "frames": [2, 1], "settings": [{}, {"grow": 1}], "strokes": []}', "damaged"),
        ('{"version": 1, "frames": [], "settings": [{"grow": 1e9}], "strokes": []}', "damaged"),
        ('{"version": 2}', "newer"),
    ],
)
def test_what_is_not_ours_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError, match=message):
        read_edges(tmp_path)
