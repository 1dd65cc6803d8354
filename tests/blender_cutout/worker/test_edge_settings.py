"""Tests that what the engine writes has the edge that the artist chose, and that at 0 nothing changes by a byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.core import messages as m
from blender_cutout.core.edges.settings import UNCHANGED, EdgeSettings
from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.session.edge_record import read_edges

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
FRAMES = (3, 4, 5)


@pytest.fixture
def drawn(host: Any) -> Any:
    """A host with a track that has masks on frames 3 to 5."""
    host.open()
    host.end(host.draw(4))
    assert isinstance(host.ask(m.Propagate, "track", 3, 6, "both"), m.Done)
    return host


def raw(host: Any, frame: int) -> Path:
    return Path(host.folder / "track" / host.state().matte_file(frame))


def write(host: Any, folder: Path, *edges: dict[str, float], form: str = "mask", **more: Any) -> list[Path]:
    plans = (edges,) if edges else ()
    done = host.ask(m.Export, "track", FRAMES, str(folder), form=form, edges=plans, **more)
    assert isinstance(done, m.Done), done
    return sorted(folder.iterdir()) if folder.is_dir() else [folder]


def refined(host: Any, frame: int, **edge: float) -> np.ndarray:
    engine = Engine(FakeScribbleNet(), FakePropagationNet())
    settings = EdgeSettings(**{"detail": 0.0, "decontaminate": 0.0, **edge})
    return np.asarray(np.rint(engine.refine_edge(FILM[frame], read_mask(raw(host, frame)), settings)[0] * 255))


def grey(path: Path) -> np.ndarray:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))


@pytest.mark.parametrize("form", ["mask", "cutout", "splines", "film"])
def test_with_all_at_0_every_byte_is_as_without_settings(drawn: Any, tmp_path: Path, form: str) -> None:
    without = write(drawn, tmp_path / "without", form=form)
    zero = write(drawn, tmp_path / "zero", UNCHANGED.to_json(), form=form)
    named = write(drawn, tmp_path / "named", dict.fromkeys(("grow", "feather", "decontaminate"), 0.0), form=form)
    assert [p.read_bytes() for p in without] == [p.read_bytes() for p in zero] == [p.read_bytes() for p in named]
    if form == "mask":
        assert [p.read_bytes() for p in without] == [raw(drawn, frame).read_bytes() for frame in FRAMES]


def test_masks_have_the_refined_edge_and_those_of_the_track_stay(drawn: Any, tmp_path: Path) -> None:
    before = [raw(drawn, frame).read_bytes() for frame in FRAMES]
    files = write(drawn, tmp_path / "masks", {"grow": 3.0, "feather": 2.0})
    for frame, file in zip(FRAMES, files, strict=True):
        assert np.array_equal(grey(file), refined(drawn, frame, grow=3.0, feather=2.0))
    assert [raw(drawn, frame).read_bytes() for frame in FRAMES] == before


def test_keyed_settings_change_from_picture_to_picture(drawn: Any, tmp_path: Path) -> None:
    files = write(drawn, tmp_path / "masks", {}, {"grow": 2.0}, {"grow": -2.0})
    assert files[0].read_bytes() != files[1].read_bytes()
    for number, (frame, grow) in enumerate(zip(FRAMES, (0.0, 2.0, -2.0), strict=True)):
        assert np.array_equal(grey(files[number]), refined(drawn, frame, grow=grow))


def test_cutouts_and_films_have_clean_colours_along_the_edge(drawn: Any, tmp_path: Path) -> None:
    edge = {"feather": 4.0, "decontaminate": 1.0}
    engine = Engine(FakeScribbleNet(), FakePropagationNet())
    for form in ("cutout", "film"):
        files = write(drawn, tmp_path / form, edge, form=form)
        for frame, file in zip(FRAMES, files, strict=True):
            settings = EdgeSettings(**{"detail": 0.0, **edge})
            alpha, colours = engine.refine_edge(FILM[frame], read_mask(raw(drawn, frame)), settings)
            picture = grey(file)
            assert np.array_equal(picture[..., 3], np.rint(alpha * 255))
            seen = alpha > 0.02
            assert np.array_equal(picture[..., 2::-1][seen], colours[seen])
            assert not np.array_equal(colours[seen], FILM[frame][seen])


def test_several_objects_have_an_edge_each_and_splines_follow_it(drawn: Any, tmp_path: Path) -> None:
    job = drawn.send(m.OpenTrack, "other", str(drawn.media), (), str(drawn.folder / "other"))
    drawn.end(job)
    for frame in FRAMES:
        drawn.end(drawn.draw(frame, "other"))
    plans = (({"grow": -4.0},), ({"grow": 5.0},))
    for form in ("mask", "splines"):
        done = drawn.ask(m.Export, "track", FRAMES, str(tmp_path / form), ("other",), form, edges=plans)
        assert isinstance(done, m.Done), done
    masks = sorted((tmp_path / "mask").iterdir())
    plain = write(drawn, tmp_path / "plain")
    assert all((grey(a) > 127).sum() > (grey(b) > 127).sum() * 1.5 for a, b in zip(masks, plain, strict=True))
    small = write(drawn, tmp_path / "small", {"grow": -3.0}, form="splines")
    assert small[0].stat().st_size
    assert small[0].read_bytes() != (tmp_path / "splines" / "splines.json").read_bytes()


@pytest.mark.parametrize(
    "edges",
    [
        (({"grow": 1e9},),),
        (({"grow": "3"},),),
        (({"grow": None},),),
        (({"unheard": 1.0},),),
        (({}, {}),),
        (({},), ({},)),
        (({"clip_black": 0.9, "clip_white": 0.9},),),
    ],
)
def test_settings_that_make_no_sense_fail_with_text_and_hint_and_write_nothing(
    drawn: Any, tmp_path: Path, edges: Any
) -> None:
    for form in ("mask", "film"):
        failed = drawn.ask(m.Export, "track", FRAMES, str(tmp_path / "out"), form=form, edges=edges)
        assert isinstance(failed, m.Failed)
        assert failed.code == "InputError"
        assert failed.text
        assert failed.hint
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("edges", [3, "grow", [[3]], [[["grow", 3]]], {"grow": 3}])
def test_settings_of_another_shape_are_no_message(edges: Any) -> None:
    import json

    from blender_cutout.core.errors import ProtocolError

    record = json.loads(m.encode(m.Export("j", "t", FRAMES, "/out")))
    with pytest.raises(ProtocolError):
        m.decode(json.dumps({**record, "edges": edges}))


def test_a_preview_is_the_refined_mask_where_the_host_wants_it_also_during_a_long_job(
    drawn: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a preview é.png"
    long = drawn.send(m.Propagate, "track", 0, 16, "both")
    done = drawn.ask(m.PreviewEdge, "track", 4, str(path), {"grow": 3.0})
    assert isinstance(done, m.Done)
    assert np.array_equal(grey(path), refined(drawn, 4, grow=3.0))
    assert isinstance(drawn.end(long), m.Done)
    drawn.ask(m.Undo, "track")
    drawn.ask(m.Undo, "track")
    failed = drawn.ask(m.PreviewEdge, "track", 9, str(tmp_path / "none.png"), {"grow": 3.0})
    assert (failed.code, "has no mask" in failed.text) == ("InputError", True)
    failed = drawn.ask(m.PreviewEdge, "track", 4, str(tmp_path / "none.png"), {"grow": 1e9})
    assert failed.code == "InputError"
    assert not (tmp_path / "none.png").exists()


def test_writing_refined_strips_shows_its_progress_and_can_be_cancelled(make_host: Any, tmp_path: Path) -> None:
    host = make_host("--edge", "0.2")
    host.open()
    host.end(host.draw(4))
    assert isinstance(host.ask(m.Propagate, "track", 0, 16, "both"), m.Done)
    earlier = write(host, tmp_path / "masks")
    before = [path.read_bytes() for path in earlier]
    frames = tuple(range(16))
    job = host.send(m.Export, "track", frames, str(tmp_path / "masks"), edges=(({"detail": 1.0},),))
    host.wait(lambda e: isinstance(e, m.Progress) and e.job == job and e.done >= 2)
    host.client.send(m.Cancel(job))
    end = host.end(job)
    assert isinstance(end, m.Cancelled)
    assert host.of(job, m.Progress)[-1].total == 16
    assert host.of(job, m.Progress)[-1].done < 16
    assert [path.read_bytes() for path in sorted((tmp_path / "masks").iterdir())] == before, "the old strips stay"


def on_a_large_clip(host: Any, folder: Path) -> Any:
    """Opens a picture of 1500 × 900 pixels and makes its mask."""
    host.media = folder
    folder.mkdir()
    picture = cv2.resize(FILM[4], (1500, 900), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(folder / "0.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    host.open()
    host.end(host.send(m.ApplyRound, "track", 0, (), auto=True))
    return host


def test_a_slow_preview_gives_way_to_a_stroke(make_host: Any, tmp_path: Path) -> None:
    host = on_a_large_clip(make_host("--edge", "0.4"), tmp_path / "large")
    path = tmp_path / "a.png"
    job = host.send(m.PreviewEdge, "track", 0, str(path), {"detail": 1.0}, True)
    stroke = host.send(m.ApplyRound, "track", 0, (), auto=True)
    assert isinstance(host.end(stroke), m.Done)
    assert isinstance(host.end(job), m.Cancelled)
    assert not path.exists()
    assert isinstance(host.ask(m.PreviewEdge, "track", 0, str(path), {"detail": 1.0}, True), m.Done)
    assert path.exists()


def test_a_preview_of_a_large_mask_is_its_small_copy_until_all_is_wanted(make_host: Any, tmp_path: Path) -> None:
    host = on_a_large_clip(make_host(), tmp_path / "large")
    path, small = tmp_path / "out" / "a.png", tmp_path / "out" / "small" / "a.png"
    path.parent.mkdir()
    edge = {"grow": 20.0}
    assert isinstance(host.ask(m.PreviewEdge, "track", 0, str(path), edge), m.Done)
    assert not path.exists()
    assert grey(small).shape == (576, 960)
    before = cv2.resize(grey(raw(host, 0)), (960, 576), interpolation=cv2.INTER_AREA)
    assert (grey(small) > 127).sum() > (before > 127).sum() + 2000
    assert isinstance(host.ask(m.PreviewEdge, "track", 0, str(path), edge, True), m.Done)
    assert grey(path).shape == (900, 1500)
    assert np.abs(cv2.resize(grey(path), (960, 576), interpolation=cv2.INTER_AREA).astype(int) - grey(small)).mean() < 1


def test_detail_strokes_open_the_band_where_the_mask_has_moved_to(make_host: Any, tmp_path: Path) -> None:
    host = make_host("--edge", "0")  # refines by colour
    host.open()
    for frame in FRAMES:
        host.end(host.draw(frame))
    x, y = FILM.centre(4)
    stroke = {"label": "keep", "radius": 3.0, "points": [[x, y - 20]]}
    details = (({"frame": 4, "strokes": (stroke,)},),)
    counts = []
    for number, given in enumerate(((), details)):
        folder = tmp_path / f"out {number}"
        done = host.ask(m.Export, "track", FRAMES, str(folder), edges=(({"detail": 1.0},),), details=given)
        assert isinstance(done, m.Done), done
        counts.append([grey(path) for path in sorted(folder.iterdir())])
    for frame, plain, painted in zip(FRAMES, *counts, strict=True):
        centre = FILM.centre(frame)
        rows, columns = np.nonzero(np.ones_like(plain))
        near = (np.hypot(columns + 0.5 - centre[0], rows + 0.5 - (centre[1] - 20)) < 8).reshape(plain.shape)
        assert np.array_equal(plain[~near], painted[~near])
        expected = np.where(FILM[frame][..., 0] > FILM[frame][..., 2], 255, 0)
        core = (np.hypot(columns + 0.5 - centre[0], rows + 0.5 - (centre[1] - 20)) < 1.5).reshape(plain.shape)
        assert (np.abs(painted[core].astype(int) - expected[core]) < 30).all()
    failed = host.ask(m.Export, "track", FRAMES, str(tmp_path / "no"), details=(({"frame": "4"},),))
    assert failed.code == "InputError"


def test_the_settings_lie_next_to_the_masks_and_move_with_the_folder(drawn: Any, tmp_path: Path) -> None:
    assert not (drawn.folder / "track" / "edges.json").exists()
    write(drawn, tmp_path / "masks", {"grow": 1.5})
    assert read_edges(drawn.folder / "track").at(FRAMES[0]) == EdgeSettings(detail=0.0, decontaminate=0.0, grow=1.5)
    assert isinstance(drawn.ask(m.MoveTrack, "track", str(tmp_path / "moved")), m.Done)
    assert (tmp_path / "moved" / "edges.json").is_file()
