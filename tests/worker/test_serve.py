"""The real engine process with fake networks, driven as Blender drives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_cutout.core import messages as m
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.lock import process_start
from blender_cutout.core.matte import read_mask

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
FAKE_ENTRY = Path(__file__).with_name("fake_entry.py")
SLOW = ("--delay", "0.1")


def stamps(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted(folder.rglob("mattes/*/*.png"))}


def ends(host, job: str) -> int:
    return sum(isinstance(e, m.TERMINAL) and e.job == job for e in host.events)


def test_ready_is_said_at_once_and_again_when_the_choice_is_made(make_host) -> None:
    host = make_host(started=False)
    start = time.monotonic()
    ready = host.start()
    assert time.monotonic() - start < 10
    assert (ready.protocol, ready.tier, ready.pid) == (m.PROTOCOL, "auto", host.client.pid)
    chosen = host.wait(lambda e: isinstance(e, m.Ready))
    assert chosen.tier == "draft"


def test_a_whole_cutout_from_drawing_to_export(host, tmp_path: Path) -> None:
    state = host.open()
    assert (state.frame_count, state.height, state.width, state.keyframes, state.done) == (16, 60, 100, (), ())
    job = host.draw(4)
    done = host.end(job)
    (matte,) = host.of(job, m.MatteReady)
    assert matte.matte_kind == "drawn"
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
    assert all(0 < e.eta < 20 for e in progress[1:-1])


def test_a_cancel_is_noticed_between_frames_and_what_is_done_stays(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    job = host.send(m.Propagate, "track", 0, 16, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 3)
    start = time.monotonic()
    host.client.send(m.Cancel(job))
    end = host.end(job)
    assert isinstance(end, m.Cancelled)
    assert time.monotonic() - start < 5
    assert end.at >= 4
    assert host.state().done == ((0, end.at),)
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
    host.send(m.Propagate, "track", 0, 3, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady))
    start = time.monotonic()
    host.client.send(m.Ping())
    host.wait(lambda e: isinstance(e, m.Pong))
    assert time.monotonic() - start < 2


def test_killed_in_the_middle_it_goes_on_after_a_restart_with_the_masks_it_had(make_host) -> None:
    host = make_host(*SLOW)
    host.open()
    host.end(host.draw(0))
    job = host.send(m.Propagate, "track", 0, 16, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 5)
    os.kill(host.client.pid, signal.SIGKILL)
    end = host.end(job)
    assert (end.code, host.client.alive) == ("WorkerDied", False)
    assert "exit code -9" in end.text
    before = stamps(host.folder)
    assert len(before) >= 6

    host.start()
    state = host.open()
    assert state.done[0][0] == 0
    assert state.done[0][1] >= 6
    assert any("taken over" in e.text for e in host.events if isinstance(e, m.Warn))
    assert host.ask(m.Propagate, "track", 0, 16, "forward").result == {"frames": 16}
    after = stamps(host.folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == 16


def test_a_torn_journal_is_told_and_costs_one_step(host, make_host) -> None:
    host.open()
    host.end(host.draw(0))
    host.end(host.draw(7))
    host.client.close()
    journal = host.folder / "track" / "rounds.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    host.start()
    assert host.open().keyframes == (0,)
    assert any("not written completely" in e.text for e in host.events if isinstance(e, m.Warn))


def test_what_libraries_print_does_no_harm_and_is_in_the_log(make_host) -> None:
    host = make_host("--chatty")
    host.open()
    host.end(host.draw(0))
    assert isinstance(host.ask(m.Propagate, "track", 0, 16, "forward"), m.Done)
    assert not [e for e in host.events if isinstance(e, m.Pong | m.Failed)]
    host.client.close()
    assert "downloading 100%" in host.client.log_tail(200)
    assert "warning: slow" in host.client.log_tail(200)


@pytest.mark.parametrize(
    ("fail", "code", "text"),
    [("memory", "OutOfMemory", "memory"), ("cuda", "OutOfMemory", "memory"), ("surprise", "CutoutError", "division")],
)
def test_any_error_is_one_end_with_advice_and_the_process_lives_on(make_host, fail: str, code: str, text: str) -> None:
    host = make_host("--fail", fail)
    host.open()
    host.end(host.draw(0))
    job = host.send(m.Propagate, "track", 0, 16, "forward")
    end = host.end(job)
    assert (end.code, ends(host, job)) == (code, 1)
    assert text in end.text
    assert end.hint
    assert "Traceback" in end.traceback
    assert isinstance(host.end(host.draw(1)), m.Done)


def test_wrong_requests_are_failures_of_that_job_only(host, tmp_path: Path) -> None:
    wrong = [
        (m.Undo, ("nobody",), "InputError"),
        (m.OpenTrack, ("x", str(tmp_path / "no such film.mp4"), (), str(tmp_path / "x")), "FrameReadError"),
        (m.Propagate, ("track", 0, 16, "both"), "InputError"),
        (m.Propagate, ("track", 5, 5, "both"), "InputError"),
        (m.Propagate, ("track", 0, 16, "sideways"), "InputError"),
        (m.ApplyRound, ("track", 3, ({"label": "keep"},)), "StrokeError"),
        (m.ApplyRound, ("track", 99, (), 1.0, True), "InputError"),
        (m.ApplyRound, ("track", "three", (), 1.0, True), "CutoutError"),
        (m.Export, ("track", (), str(tmp_path / "y")), "InputError"),
        (m.Checkout, ("track", "0123"), "InputError"),
    ]
    host.open()
    for kind, fields, code in wrong:
        end = host.ask(kind, *fields)
        assert isinstance(end, m.Failed), (kind, fields, end)
        assert end.code == code, end
    assert isinstance(host.end(host.draw(1)), m.Done)


def test_missing_weights_are_told_unasked_and_for_the_job(make_host) -> None:
    host = make_host("--no-weights")
    assert "weights of the tier draft are missing" in host.wait(lambda e: isinstance(e, m.Warn)).text
    assert host.client.alive
    job = host.send(m.OpenTrack, "track", str(host.media), (), str(host.folder / "track"))
    end = host.end(job)
    assert (end.code, end.hint) == ("WeightsError", "Run the installer again.")


def test_another_protocol_is_refused_and_no_job_is_done(make_host) -> None:
    host = make_host(started=False)
    host.client.start(m.Hello(m.PROTOCOL + 1, "auto", "cpu", ""))
    failed = host.wait(lambda e: isinstance(e, m.Failed))
    assert (failed.code, failed.job) == ("ProtocolError", "")
    assert "same version" in failed.hint
    assert host.ask(m.Undo, "track").code == "ProtocolError"


def raw(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", str(FAKE_ENTRY), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_lines_that_are_no_messages_are_answered_and_survived() -> None:
    child = raw()
    lines = [b"rubbish", b"", b'{"v":1,"kind":"Nothing","job":"j9"}', b'{"v":1,"kind":"Undo","job":"j8"}', b"\xff\xfe"]
    out, _ = child.communicate(b"\n".join([*lines, m.encode(m.Ping())]), timeout=60)
    events = [m.decode(line) for line in out.splitlines()]
    assert [e.job for e in events if isinstance(e, m.Failed)] == ["", "j9", "j8", ""]
    assert events[-1] == m.Pong()
    assert child.returncode == 0


@pytest.mark.parametrize("delay", ["0.2", "30"])
def test_the_process_ends_when_its_parent_is_gone_and_unlocks(media: Path, tmp_path: Path, delay: str) -> None:
    """A parent of its own, killed: nobody closes the pipe in order, no signal reaches the child."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from blender_cutout.core import messages as m\n"
        "child = subprocess.Popen([sys.executable, '-I', sys.argv[2], '--delay', sys.argv[5]], stdin=-1, stdout=-1)\n"
        "for x in (m.Hello(1, 'auto', 'cpu', ''), m.OpenTrack('a', 't', sys.argv[3], (), sys.argv[4]),\n"
        "          m.ApplyRound('b', 't', 0, (), 1.0, True), m.Propagate('c', 't', 0, 16, 'both')):\n"
        "    child.stdin.write(m.encode(x))\n"
        "child.stdin.flush()\n"
        "for line in child.stdout:\n"
        '    if b\'"job":"c"\' in line: break\n'
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n",
        encoding="utf-8",
    )
    folder = tmp_path / "track"
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, str(script), str(root), str(FAKE_ENTRY), str(media), str(folder), delay]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert (folder / "lock").exists()
        parent.kill()
    deadline = time.monotonic() + 15
    while process_start(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_start(pid) is None
    assert not (folder / "lock").exists()
    assert not list(folder.rglob("*.part"))


def test_a_goodbye_ends_it_in_order_even_in_a_long_step(make_host: Callable) -> None:
    host = make_host("--delay", "30")
    host.open()
    host.end(host.draw(0))
    host.send(m.Propagate, "track", 0, 16, "both")
    host.wait(lambda e: isinstance(e, m.MatteReady))
    start = time.monotonic()
    host.client.close()
    assert time.monotonic() - start < 10
    assert not (host.folder / "track" / "lock").exists()


def test_what_was_asked_just_before_the_goodbye_is_still_done(host, tmp_path: Path) -> None:
    host.open()
    host.end(host.draw(0))
    host.send(m.MoveTrack, "track", str(tmp_path / "saved"))
    host.client.close(timeout=20)
    assert (tmp_path / "saved" / "rounds.jsonl").is_file()
    assert not (host.folder / "track").exists()


def test_a_locked_frame_is_told_and_kept_and_drawing_on_it_is_refused(host) -> None:
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


def test_how_sure_the_network_is_is_told_for_each_frame(host) -> None:
    host.open()
    host.end(host.draw(4))
    host.send(m.Propagate, "track", 0, 16, "both", 1.0)
    host.wait(lambda e: isinstance(e, m.Done))
    host.ask(m.LockFrames, "track", 9, 10)
    told = host.state().confidence
    cells = [told[i : i + 2] for i in range(0, len(told), 2)]
    assert len(cells) == 16
    assert [i for i, cell in enumerate(cells) if cell == "--"] == [4, 9]  # drawn, and locked
    assert all(int(cell) > 90 for cell in cells if cell != "--")


def test_where_a_propagation_stops_in_doubt_is_told(host) -> None:
    host.open()
    host.end(host.draw(4))
    job = host.send(m.Propagate, "track", 0, 16, "forward", 0.0, True, 1.0)
    assert host.end(job).result == {"frames": 2}
    assert "looks wrong on clip frame 5" in host.of(job, m.Warn)[0].text
    failed = host.ask(m.Propagate, "track", 0, 16, "forward", 7.0)
    assert isinstance(failed, m.Failed)
    assert "stability" in failed.text
