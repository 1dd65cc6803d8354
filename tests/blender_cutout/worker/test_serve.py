"""Tests the real engine process with fake networks, driven as Blender drives it."""

from __future__ import annotations

import time
from pathlib import Path

from serve_kit import FILM, SLOW, ends, stamps

from blender_cutout.core import messages as m
from blender_cutout.core.fakes import iou
from blender_cutout.core.images.matte import read_mask


def test_ready_is_said_at_once_and_again_when_the_choice_is_made(make_host) -> None:
    host = make_host(started=False)
    ready = host.start()
    assert (ready.protocol, ready.tier, ready.pid) == (m.PROTOCOL, "auto", host.client.pid)
    chosen = host.wait(lambda e: isinstance(e, m.Ready))
    assert chosen.tier == "draft"


def test_a_whole_cutout_from_drawing_to_export(host, tmp_path: Path) -> None:
    state = host.open()
    assert (state.frame_count, state.height, state.width, state.keyframes, state.done) == (16, 60, 100, (), ())
    job = host.draw(4)
    done = host.end(job)
    (matte,) = host.of(job, m.MatteReady)
    assert iou(read_mask(matte.path), FILM.matte(4)) > 0.9
    (state,) = host.of(job, m.TrackState)
    assert (state.head, state.parent, state.keyframes, state.done) == (done.result["head"], "", (4,), ((4, 5),))

    job = host.send(m.Propagate, "track", 0, 16, "both")
    assert host.end(job).result == {"frames": 16}
    mattes = host.of(job, m.MatteReady)
    assert sorted(e.frame for e in mattes) == list(range(16))
    for event in mattes:
        assert iou(read_mask(event.path), FILM.matte(event.frame)) > 0.9
    progress = host.of(job, m.Progress)
    assert (progress[-1].done, progress[-1].total) == (16, 16)
    state = host.state()
    assert state.done == ((0, 16),)
    for frame in range(16):  # the host can find every mask without asking
        assert iou(read_mask(host.folder / "track" / state.matte_file(frame)), FILM.matte(frame)) > 0.9

    out = tmp_path / "Masken ä"
    done = host.ask(m.Export, "track", (3, -1, 5), str(out))
    assert done.result == {"folder": str(out), "count": 3, "black": 1, "missing": 0}
    assert iou(read_mask(out / "000003.png"), FILM.matte(5)) > 0.9

    host.ask(m.Undo, "track")
    assert host.state().done == ((4, 5),)
    host.ask(m.Checkout, "track", state.head)
    assert host.state().done == ((0, 16),)
    new = tmp_path / "gespeichert" / "Spur"
    assert isinstance(host.ask(m.MoveTrack, "track", str(new)), m.Done)
    assert (new / "rounds.jsonl").is_file()


def test_auto_needs_no_strokes(host) -> None:
    host.open()
    job = host.send(m.ApplyRound, "track", 2, (), 1.0, True)
    host.end(job)
    assert iou(read_mask(host.of(job, m.MatteReady)[0].path), FILM.matte(2)) > 0.9


def test_progress_is_coalesced_and_estimates_the_time_left(make_host) -> None:
    host = make_host("--delay", "0.03")
    host.open()
    host.end(host.draw(0))
    start = time.monotonic()
    job = host.send(m.Propagate, "track", 0, 16, "both")
    host.end(job)
    took = time.monotonic() - start
    progress = host.of(job, m.Progress)
    assert 2 <= len(progress) <= took / 0.1 + 3
    assert progress[-1].eta == 0
    assert all(0 < e.eta < 100 for e in progress[1:-1])


def test_a_cancel_is_noticed_between_frames_and_what_is_done_stays(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    job = host.send(m.Propagate, "track", 0, 16, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 3)
    host.client.send(m.Cancel(job))
    end = host.end(job)
    assert isinstance(end, m.Cancelled)
    assert 4 <= end.at < 16
    ((first, stop),) = host.state().done
    assert first == 0
    assert stop in (end.at, end.at + 1), "one more mask may be on its way to the disk when the cancel is noticed"
    before = stamps(host.folder)
    assert host.ask(m.Propagate, "track", 0, 16, "forward").result == {"frames": 16}
    after = stamps(host.folder)
    assert {name: after[name] for name in before} == before
    assert host.state().done == ((0, 16),)


def test_a_waiting_job_can_be_cancelled_and_a_finished_one_is_left_alone(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    first = host.send(m.Propagate, "track", 0, 6, "forward")
    second = host.send(m.Propagate, "track", 6, 16, "forward")
    host.client.send(m.Cancel(second))
    assert host.end(second) == m.Cancelled(second, 0)
    assert isinstance(host.end(first), m.Done)
    host.client.send(m.Cancel(first))
    host.client.send(m.Ping())
    host.wait(lambda e: isinstance(e, m.Pong))
    assert (ends(host, first), ends(host, second)) == (1, 1)


def test_drawing_stops_the_propagation_of_the_same_track_and_comes_first(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    long = host.send(m.Propagate, "track", 0, 16, "forward")
    waiting = host.send(m.Export, "track", (0,), str(host.folder / "out"))
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 2)
    job = host.draw(9)
    assert isinstance(host.end(job), m.Done)
    assert isinstance(host.end(long), m.Cancelled)
    assert ends(host, waiting) == 0 or host.events.index(host.end(waiting)) > host.events.index(host.end(job))
    assert isinstance(host.end(waiting), m.Done)
    assert host.state().keyframes == (0, 9)


def test_drawing_on_another_track_goes_on_while_one_is_propagated(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    long = host.send(m.Propagate, "track", 0, 16, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 2)
    host.open("other")
    job = host.draw(5, "other")
    assert isinstance(host.end(job), m.Done)
    assert ends(host, long) == 0
    assert host.end(long).result == {"frames": 16}


def test_a_ping_is_answered_while_a_job_runs(make_host) -> None:
    host = make_host("--delay", "4")
    host.open()
    host.end(host.draw(0))
    job = host.send(m.Propagate, "track", 0, 3, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady))
    host.client.send(m.Ping())
    host.wait(lambda e: isinstance(e, m.Pong))
    assert ends(host, job) == 0


def test_a_locked_frame_is_reported_and_kept_and_drawing_on_it_is_refused(host) -> None:
    host.open()
    host.end(host.draw(4))
    host.ask(m.Propagate, "track", 0, 16, "both")
    job = host.send(m.LockFrames, "track", 6, 9)
    assert isinstance(host.end(job), m.Done)
    assert host.state().locked == ((6, 9),)
    mask = host.folder / "track" / str(host.state().matte_file(7))
    kept = mask.read_bytes()
    failed = host.end(host.draw(7))
    assert isinstance(failed, m.Failed)
    assert "Clip frame 7 is locked" in failed.text
    host.end(host.draw(10))
    host.ask(m.Propagate, "track", 0, 16, "both")
    assert host.folder / "track" / str(host.state().matte_file(7)) == mask
    assert mask.read_bytes() == kept
    host.ask(m.LockFrames, "track", 8, 9, False)
    assert host.state().locked == ((6, 8),)
    failed = host.ask(m.LockFrames, "track", 0, 99)
    assert isinstance(failed, m.Failed)


def test_absent_frames_are_reported_and_empty_and_closed_to_strokes(host) -> None:
    host.open()
    host.end(host.draw(4))
    host.ask(m.Propagate, "track", 0, 16, "both")
    host.ask(m.MarkAbsent, "track", 6, 9)
    assert host.state().absent == ((6, 9),)
    mask = host.folder / "track" / str(host.state().matte_file(7))
    assert not read_mask(mask).any()
    failed = host.end(host.draw(7))
    assert isinstance(failed, m.Failed)
    assert "Clip frame 7 is marked Not Here" in failed.text
    host.ask(m.MarkAbsent, "track", 7, 8, False)
    assert host.state().absent == ((6, 7), (8, 9))
    assert read_mask(host.folder / "track" / str(host.state().matte_file(7))).any()


def test_paint_and_a_box_are_rounds(host) -> None:
    host.open()
    line = {"label": "keep", "radius": 1.5, "points": [[5, 20.5], [60, 20.5]]}
    assert isinstance(host.ask(m.ApplyRound, "track", 4, (), paint=(line,)), m.Done)
    found = read_mask(host.folder / "track" / str(host.state().matte_file(4)))
    assert (found[:, 20:50].sum(axis=0) == 3).all()
    assert isinstance(host.ask(m.ApplyRound, "track", 6, (), auto=True, box=(0.0, 0.0, 30.5, 60.0)), m.Done)
    found = read_mask(host.folder / "track" / str(host.state().matte_file(6)))
    assert not found[:, 31:].any()
    failed = host.ask(m.ApplyRound, "track", 6, (), auto=True, box=(3.0, 4.0))
    assert isinstance(failed, m.Failed)


def test_each_frame_comes_with_the_networks_confidence(host) -> None:
    host.open()
    host.end(host.draw(4))
    host.send(m.Propagate, "track", 0, 16, "both", stability=1.0)
    host.wait(lambda e: isinstance(e, m.Done))
    host.ask(m.LockFrames, "track", 9, 10)
    encoded = host.state().confidence
    cells = [encoded[i : i + 2] for i in range(0, len(encoded), 2)]
    assert len(cells) == 16
    assert [i for i, cell in enumerate(cells) if cell == "--"] == [4, 9]  # drawn, and locked
    assert all(int(cell) > 90 for cell in cells if cell != "--")


def test_where_a_propagation_stops_in_doubt_is_reported(host) -> None:
    host.open()
    host.end(host.draw(4))
    job = host.send(m.Propagate, "track", 0, 16, "forward", stop_below=1.0)
    assert host.end(job).result == {"frames": 2}
    assert "looks wrong on clip frame 5" in host.of(job, m.Warn)[0].text
    failed = host.ask(m.Propagate, "track", 0, 16, "forward", stability=7.0)
    assert isinstance(failed, m.Failed)
    assert "stability" in failed.text
