"""Tests that the client never waits and always reports the engine's state. The child processes are small scripts."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pace_kit import slowness

from blender_cutout.client import process as module
from blender_cutout.client.process import WorkerClient, worker_command
from blender_cutout.core import messages as m
from blender_cutout.core.errors import EnvironmentMissing, WorkerDied

ROOT = Path(__file__).resolve().parents[3]

HELLO = m.Hello(m.PROTOCOL, "auto", "cpu")
READY = '{"v":1,"kind":"Ready","protocol":1,"version":"1","device":"cpu","tier":"x","pid":1}'
PRELUDE = """
import os, sys, time
def say(text): os.write(1, text.encode())
def line(text): say(text + "\\n")
"""

Make = Callable[[str], WorkerClient]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Starts a child that runs the given code; it is terminated afterwards."""
    clients: list[WorkerClient] = []

    def start(code: str) -> WorkerClient:
        script = tmp_path / "Kind ü 1.py"
        script.write_text(PRELUDE + textwrap.dedent(code), encoding="utf-8")
        client = WorkerClient([sys.executable, "-I", str(script)], tmp_path / "Logs ä" / "engine.log")
        clients.append(client)
        client.start(HELLO)
        return client

    yield start
    for client in clients:
        client.close()


def until(client: WorkerClient, enough: Callable[[list[m.Event]], bool], seconds: float = 120) -> list[m.Event]:
    events: list[m.Event] = []
    deadline = time.monotonic() + seconds
    while not enough(events):
        assert time.monotonic() < deadline, (events, client.log_tail())
        events += client.poll()
        time.sleep(0.002)
    return events


def test_hello_is_answered_and_close_ends_the_child(make: Make) -> None:
    client = make(f"for text in sys.stdin:\n    line('{READY}') if 'Hello' in text else sys.exit()")
    (ready,) = until(client, bool)
    assert client.ready == ready
    assert client.alive
    client.close()
    assert (client.alive, client.pid, client.poll()) == (False, None, [])
    with pytest.raises(WorkerDied):
        client.send(m.Ping())


def test_a_line_in_pieces_and_lines_in_one_piece_are_whole_events(make: Make) -> None:
    client = make(
        """
        say('{"v":1,"kind":"Warn","job":"j","text":"'); time.sleep(0.1)
        os.write(1, "ä".encode()[:1]); time.sleep(0.1); os.write(1, "ä".encode()[1:]); time.sleep(0.1)
        say('"}\\n{"v":1,"kind":"Pong"}\\n{"v":1,"kind":"Pong"}\\n{"v":1,'); time.sleep(0.1); say('"kind":"Pong"}\\n')
        sys.stdin.read()
        """
    )
    assert until(client, lambda e: len(e) == 4) == [m.Warn("j", "ä"), m.Pong(), m.Pong(), m.Pong()]


def test_a_silent_child_is_polled_without_waiting(make: Make) -> None:
    client = make("sys.stdin.read()")
    start = time.monotonic()
    for _ in range(2000):
        assert client.poll() == []
    assert time.monotonic() - start < 60, "30 ms each, on the busiest machine"


def test_a_child_that_does_not_read_blocks_nobody_and_gets_everything_later(make: Make, tmp_path: Path) -> None:
    client = make(
        """
        sent = os.path.join(os.path.dirname(__file__), "sent")
        while not os.path.exists(sent): time.sleep(0.01)
        data = sys.stdin.buffer.readline() + sys.stdin.buffer.readline()
        line('{"v":1,"kind":"Warn","job":"","text":"%d"}' % len(data))
        sys.stdin.read()
        """
    )
    big = m.Export("j", "t", tuple(range(200_000)), "/out")
    client.send(big)  # must come back while the child does not read
    (tmp_path / "sent").touch()
    (event,) = until(client, bool)
    assert event == m.Warn("", str(len(m.encode(HELLO)) + len(m.encode(big))))


def test_more_output_than_a_pipe_holds_is_read_in_time(make: Make) -> None:
    client = make('for n in range(20000): line(\'{"v":1,"kind":"Cancelled","job":"j","at":%d}\' % n)')
    events = until(client, lambda e: bool(e) and isinstance(e[-1], m.Failed))
    assert [e.at for e in events[:-1]] == list(range(20000))  # type: ignore[union-attr]


def test_open_jobs_are_known_and_each_reports_the_childs_death(make: Make) -> None:
    client = make(
        """
        for text in sys.stdin:
            if "Ping" in text: break
        line('{"v":1,"kind":"Done","job":"first"}')
        os.write(2, "Segmentation fault: ach\\n".encode())
        os._exit(139)
        """
    )
    client.send(m.Undo("first", "t"))
    client.send(m.Undo("second", "t"))
    client.send(m.Propagate("third", "t", 0, 9, "both"))
    client.send(m.Cancel("third"))
    assert client.jobs == {"first", "second", "third"}
    client.send(m.Ping())
    done, *rest = until(client, lambda e: len(e) == 3)
    assert done == m.Done("first")
    assert [(e.job, e.code) for e in rest] == [("second", "WorkerDied"), ("third", "WorkerDied")]  # type: ignore[union-attr]
    for event in rest:
        assert isinstance(event, m.Failed)
        assert "exit code 139" in event.text
        assert str(client.log_path) in event.hint
        assert "ach" in client.log_tail()
    assert (client.alive, client.jobs, client.poll()) == (False, set(), [])


def test_a_child_that_dies_at_once_is_reported_even_without_jobs(make: Make) -> None:
    client = make("import nothing_of_that_name")
    (event,) = until(client, bool)
    assert isinstance(event, m.Failed)
    assert (event.job, event.code) == ("", "WorkerDied")
    assert "nothing_of_that_name" in client.log_tail()


@pytest.mark.parametrize(
    ("code", "text"), [("SIGILL", "processor lacks instructions"), ("SIGBUS", "library that the engine loads")]
)
def test_what_a_death_means_is_said(make: Make, code: str, text: str) -> None:
    (failed,) = until(make(f"import signal; os.kill(os.getpid(), signal.{code})"), bool)
    assert isinstance(failed, m.Failed)
    assert text in failed.text
    assert "preferences" in failed.hint or "install it again" in failed.hint


def test_a_child_that_closes_its_output_but_hangs_is_ended(make: Make) -> None:
    client = make("os.close(1); time.sleep(600)")
    (event,) = until(client, bool)
    assert isinstance(event, m.Failed)
    assert event.code == "WorkerDied"
    assert not client.alive


def test_a_child_that_ignores_everything_is_killed(make: Make) -> None:
    client = make(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); line('{READY}'); time.sleep(600)")
    until(client, bool)
    pid = client.pid
    client.close(timeout=0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


def test_closing_does_not_hang_on_a_child_that_floods_its_output(make: Make) -> None:
    client = make('while True: line(\'{"v":1,"kind":"Pong"}\')')
    until(client, bool)
    client.close(timeout=1)
    assert not client.alive


def test_after_a_death_it_can_be_started_again(make: Make) -> None:
    client = make(f"line('{READY}'); sys.stdin.readline(); sys.stdin.readline(); os._exit(3)")
    until(client, bool)
    client.send(m.Undo("j", "t"))
    until(client, bool)
    client.start(HELLO)
    assert client.ready is None
    assert client.jobs == set()
    until(client, bool)
    assert client.ready is not None


def test_rubbish_and_another_protocol_are_reported_as_such(make: Make) -> None:
    other = READY.replace('protocol":1', 'protocol":7')
    client = make(f"line('rubbish'); line('{other}'); sys.stdin.read()")
    events = until(client, lambda e: len(e) == 2)
    assert [e.code for e in events] == ["ProtocolError", "ProtocolError"]  # type: ignore[union-attr]
    assert "7" in events[1].text  # type: ignore[union-attr]
    assert client.ready is None


def test_nothing_of_blenders_python_reaches_the_child(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("OTHER", "stays")
    client = make(
        """
        text = ",".join(k for k in os.environ if k.startswith("PYTHON")) + os.environ["OTHER"]
        line('{"v":1,"kind":"Warn","job":"","text":"%s"}' % text); sys.stdin.read()
        """
    )
    assert until(client, bool) == [m.Warn("", "stays")]


@pytest.mark.parametrize("python", ["/no/such/python", ""])
def test_a_missing_python_is_a_clear_error(tmp_path: Path, python: str) -> None:
    client = WorkerClient([python or str(tmp_path), "-I"], tmp_path / "log")
    with pytest.raises(EnvironmentMissing) as caught:
        client.start(HELLO)
    assert "install.py" in caught.value.hint
    assert not client.alive


def test_the_command_names_that_python_and_the_engines_first_file() -> None:
    command = worker_command("/opt/my python/bin/python")
    assert command[0] == "/opt/my python/bin/python"
    assert Path(command[-1]) == ROOT / "blender_cutout" / "worker" / "entry.py"
    assert Path(command[-1]).is_file()


def test_a_long_log_is_put_aside(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT", 10)
    client = make("os.write(2, b'0123456789 first'); sys.stdin.read()")
    deadline = time.monotonic() + 120
    while "first" not in client.log_tail() and time.monotonic() < deadline:
        time.sleep(0.01)
    client.start(HELLO)
    assert client.log_path.with_name("engine.log.old").read_text() == "0123456789 first"


def test_a_child_that_writes_for_ever_holds_no_poll(make: Make) -> None:
    client = make('text = b\'{"v":1,"kind":"Pong"}\\n\' * 3000\nwhile True: os.write(1, text)')
    until(client, bool)
    longest = 0.0
    for _ in range(40):
        begun = time.process_time()
        assert len(client.poll()) < 5000
        longest = max(longest, time.process_time() - begun)
    assert longest < 1.5 * slowness()
    client.close()


def test_a_line_without_an_end_ends_the_child(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 5 << 20)
    client = make('text = b"x" * 60000\nwhile True: os.write(1, text)')
    client.send(m.Undo("j", "t"))
    (failed,) = until(client, bool)
    assert isinstance(failed, m.Failed)
    assert (failed.job, failed.code) == ("j", "ProtocolError")
    assert "5 MB" in failed.text
    assert not client.alive


@pytest.mark.parametrize(
    "line",
    [
        '{"v":1,"kind":"TrackState","job":"j","track":"t","head":3,"parent":"","keyframes":[],"done":[],'
        '"frame_count":1,"height":1,"width":1}',
        '{"v":1,"kind":"Progress","job":"j","done":"1","total":2,"stage":"","eta":1}',
        '{"v":1,"kind":"Done","job":["j"]}',
        '{"v":1,"kind":"Done","job":"j","result":[]}',
        '{"v":1,"kind":"Cancelled","job":"j","at":1' + "0" * 400 + "}",
        '{"v":1,"kind":"Warn","job":"j","text":' + "[" * 100_000,
    ],
)
def test_a_message_of_another_shape_is_reported_and_harms_nothing(make: Make, line: str) -> None:
    client = make(f"line('{line}'); line('{READY}'); sys.stdin.read()")
    failed, ready = until(client, lambda events: len(events) == 2)
    assert isinstance(failed, m.Failed)
    assert (failed.job, failed.code) == ("", "ProtocolError")
    assert ready == client.ready


def test_what_only_the_addon_may_say_is_no_event(make: Make) -> None:
    client = make("""line('{"v": 1, "kind": "Cancel", "job": "j"}'); sys.stdin.read()""")
    (event,) = until(client, bool)
    assert isinstance(event, m.Failed)
    assert (event.job, event.code) == ("", "ProtocolError")
    assert "Cancel" in event.text
    assert client.alive
