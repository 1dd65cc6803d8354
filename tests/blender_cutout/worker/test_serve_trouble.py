"""Tests the engine's process in trouble: killed, noisy libraries, errors, other versions, a host that is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from serve_kit import FAKE_ENTRY, SLOW, ends, stamps

from blender_cutout.client.process import worker_command
from blender_cutout.core import messages as m
from blender_cutout.core.session.folder_lock import process_start


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
    assert any("ended abruptly" in e.text for e in host.events if isinstance(e, m.Warn))
    assert host.ask(m.Propagate, "track", 0, 16, "forward").result == {"frames": 16}
    after = stamps(host.folder)
    assert {name: after[name] for name in before} == before
    assert len(after) == 16


def test_a_torn_journal_is_reported_and_costs_one_step(host, make_host) -> None:
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
    assert "Traceback" in host.client.log_tail(200)
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
        (m.ApplyRound, ("track", "three", (), 1.0, True), "ProtocolError"),
        (m.Export, ("track", (), str(tmp_path / "y")), "InputError"),
        (m.Checkout, ("track", "0123"), "InputError"),
    ]
    host.open()
    for kind, fields, code in wrong:
        end = host.ask(kind, *fields)
        assert isinstance(end, m.Failed), (kind, fields, end)
        assert end.code == code, end
    assert isinstance(host.end(host.draw(1)), m.Done)


def test_missing_weights_are_reported_unasked_and_for_the_job(make_host) -> None:
    host = make_host("--no-weights")
    assert "weights of the tier draft are missing" in host.wait(lambda e: isinstance(e, m.Warn)).text
    assert host.client.alive
    job = host.send(m.OpenTrack, "track", str(host.media), (), str(host.folder / "track"))
    end = host.end(job)
    assert (end.code, end.hint) == ("WeightsError", "Run the installer again.")


def test_another_protocol_is_refused_and_no_job_is_done(make_host) -> None:
    host = make_host(started=False)
    host.client.start(m.Hello(m.PROTOCOL + 1, "auto", "cpu"))
    failed = host.wait(lambda e: isinstance(e, m.Failed))
    assert (failed.code, failed.job) == ("ProtocolError", "")
    assert "same version" in failed.hint
    assert host.ask(m.Undo, "track").code == "ProtocolError"


def raw(*arguments: str) -> subprocess.Popen[bytes]:
    command = [*worker_command(sys.executable, FAKE_ENTRY), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_lines_that_are_no_messages_are_answered_and_survived() -> None:
    child = raw()
    lines = [b"rubbish", b"", b'{"v":1,"kind":"Nothing","job":"j9"}', b'{"v":1,"kind":"Undo","job":"j8"}', b"\xff\xfe"]
    out, _ = child.communicate(b"\n".join([*lines, m.encode(m.Ping())]), timeout=60)
    events = [m.decode(line) for line in out.splitlines()]
    assert [e.job for e in events if isinstance(e, m.Failed)] == ["", "j9", "j8", ""]
    assert events[-1] == m.Pong()
    assert child.returncode == 0


@pytest.mark.parametrize("delay", ["0.2", "600"])
def test_the_process_ends_when_its_parent_is_gone_and_unlocks(media: Path, tmp_path: Path, delay: str) -> None:
    """Kills a parent process: the pipe is not closed in order, and no signal reaches the child."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from blender_cutout.core import messages as m\n"
        "child = subprocess.Popen([sys.executable, '-I', sys.argv[2], '--delay', sys.argv[5]], stdin=-1, stdout=-1)\n"
        "for x in (m.Hello(1, 'auto', 'cpu'), m.OpenTrack('a', 't', sys.argv[3], (), sys.argv[4]),\n"
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
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, str(script), str(root), str(FAKE_ENTRY), str(media), str(folder), delay]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert (folder / "lock").exists()
        parent.kill()
    deadline = time.monotonic() + 120
    while process_start(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_start(pid) is None
    assert not (folder / "lock").exists()
    assert not list(folder.rglob("*.part"))


def test_a_goodbye_ends_it_in_order_even_in_a_long_step(make_host: Callable) -> None:
    host = make_host("--delay", "600")
    host.open()
    host.end(host.draw(0))
    host.send(m.Propagate, "track", 0, 16, "both")
    time.sleep(1.0)  # by now it is in its first pass; where it is not, it ends even sooner
    host.client.close(timeout=120)
    assert not (host.folder / "track" / "lock").exists()


def test_what_was_asked_just_before_the_goodbye_is_still_done(host, tmp_path: Path) -> None:
    host.open()
    host.end(host.draw(0))
    host.send(m.MoveTrack, "track", str(tmp_path / "saved"))
    host.client.close(timeout=120)
    assert (tmp_path / "saved" / "rounds.jsonl").is_file()
    assert not (host.folder / "track").exists()
