"""Runs the engine's process from Blender: start, send, poll, close. Nothing here ever waits, except `close`.

No Blender, no threads, only the standard library: Blender calls `poll` from a timer. Messages are lines of JSON
(`core/messages.py`) over the child's standard input and output; whatever libraries print goes to the log file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ..core.errors import EnvironmentMissing, ProtocolError, WorkerDied
from ..core.messages import (
    EVENTS,
    PROTOCOL,
    TERMINAL,
    Cancel,
    Event,
    Failed,
    Hello,
    Ready,
    Request,
    Shutdown,
    decode,
    encode,
)
from .pipes import READ_BYTES, make_non_blocking, read_available, write_available

ENTRY = Path(__file__).resolve().parents[1] / "worker" / "entry.py"
"""The script that the engine's process starts with."""
LOG_LIMIT = 2_000_000
"""Size in bytes at which an earlier log is renamed to `<name>.old`."""
EXIT_CODE_WAIT = 1.0
"""Most seconds to wait for the exit code before reporting that the process died."""
MOST_BYTES, MOST_LINES = 1 << 20, 1000
"""Most bytes that one `poll` reads, so that a child that never stops writing does not block Blender's window."""
LONGEST_LINE = 1 << 26
"""Most bytes of a message; a child that sends more is not the engine."""
LAST_WORDS = 5.0
"""Seconds during which the remaining output of a dead child is still read."""
UNKNOWN_INSTRUCTION = (-4, 0xC000001D, 0xC000001D - 2**32)
"""Exit codes of a process that its processor could not run: SIGILL, and how Windows reports it."""
CUT_SHORT = (-7, 0xC0000006, 0xC0000006 - 2**32) if sys.platform != "darwin" else (-10,)
"""Exit codes of a process that used a file's missing end: SIGBUS, and how Windows reports it."""
OLD_PROCESSOR = "This processor lacks instructions that the engine's libraries use."
OLD_PROCESSOR_HINT = (
    "Use a computer with AVX2, or choose an existing Python with libraries for this processor in the preferences."
)
_SAME_VERSION = "Install the same version of the add-on and of its engine."


def worker_command(
    python: str | os.PathLike[str], entry: Path = ENTRY, libraries: str | os.PathLike[str] | None = None
) -> list[str]:
    """Returns the command line that starts the engine with that Python, and a folder of libraries besides its own.

    Isolated (`-I`), so that nothing of Blender's leaks in; unbuffered; in UTF-8 whatever the system's code page.
    """
    more = [] if libraries is None else ["--libraries", str(libraries)]
    return [str(python), "-I", "-u", "-X", "utf8", str(entry), *more]


class WorkerClient:
    """One engine process and the messages to and from it.

    Attributes:
        log_path: file with everything that the process and its libraries print.
        jobs: ids of the jobs that were sent and have no terminal event yet.
        ready: the last Ready received; None before the first.
    """

    def __init__(self, command: Sequence[str], log_path: str | os.PathLike[str]) -> None:
        self.command = list(command)
        self.log_path = Path(log_path)
        self.jobs: set[str] = set()
        self.ready: Ready | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._lines: list[bytes] = []
        """Lines received but not yet decoded."""
        self._gone_since: float | None = None

    @property
    def alive(self) -> bool:
        """True from `start` until `poll` notices that the process has ended, or until `close`."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The process's id; None if there is none."""
        return self._process.pid if self._process else None

    def start(self, hello: Hello) -> None:
        """Starts the process and sends `hello`, ending an earlier process; `poll` returns Ready later.

        Raises:
            EnvironmentMissing: the command's Python does not exist or cannot be started.
        """
        self.close()
        self.ready = None
        self._incoming.clear()
        self._lines.clear()
        self._outgoing.clear()
        self._gone_since = None
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            if self.log_path.exists() and self.log_path.stat().st_size > LOG_LIMIT:
                os.replace(self.log_path, self.log_path.with_name(self.log_path.name + ".old"))
            with open(self.log_path, "ab") as log:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    bufsize=0,
                    env=clean_environment(os.environ.items()),
                    # Ctrl+C in the terminal that Blender was started from must not reach the engine.
                    start_new_session=sys.platform != "win32",
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            make_non_blocking(self._stdout, writing=False)
            make_non_blocking(self._stdin, writing=True)
        except OSError as error:
            self.close()
            raise EnvironmentMissing(
                f"The cutout engine cannot be started ({error}).",
                "Run `python install.py` in Blender Cutout's folder, or choose an engine's Python in the preferences.",
            ) from error
        self.send(hello)

    def send(self, message: Request) -> None:
        """Sends a message; what the pipe does not accept yet is kept for the next `poll`.

        Raises:
            WorkerDied: there is no process.
        """
        if not self.alive:
            raise WorkerDied("The cutout engine is not running.", "Start it again.")
        job = getattr(message, "job", "")
        if job and not isinstance(message, Cancel):
            self.jobs.add(job)
        self._outgoing += encode(message)
        self._flush()

    def poll(self) -> list[Event]:
        """Returns the events received since the last call, oldest first; never waits.

        Once the process has ended: its remaining events, then one Failed("WorkerDied") for each open job, or for job ""
        if there is none.
        """
        if not self.alive:
            return []
        self._flush()
        # Checked before reading: whatever a process wrote before its end is then certainly in the pipe.
        ended = self._process is not None and self._process.poll() is not None
        closed, more = (False, True) if self._lines else self._read()
        events = self._take_events()
        if not self._lines and len(self._incoming) > LONGEST_LINE:
            return events + self._give_up()
        more = more or bool(self._lines)
        if closed or ended:
            now = time.monotonic()
            self._gone_since = self._gone_since or now
            patience = LAST_WORDS if more else 0.0 if ended else EXIT_CODE_WAIT
            if now - self._gone_since >= patience:
                events += self._bury()
        return events

    def log_tail(self, lines: int = 20) -> str:
        """Returns the last lines of the log, "" if there is none."""
        try:
            with open(self.log_path, "rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 200 * lines))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def close(self, timeout: float = 2.0) -> None:
        """Ends the process: asks, terminates after `timeout` seconds, kills after as many more. Forgets open jobs."""
        process = self._process
        if process is None:
            return
        self._outgoing += encode(Shutdown())
        deadline = time.monotonic() + timeout
        while self._outgoing and process.poll() is None and time.monotonic() < deadline:
            self._flush()
            self._read()  # a child blocked on its own output would never read our message
            self._incoming.clear()
            time.sleep(0.005)
        # End-of-file on both sides: even a child that ignores messages notices it.
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        for stop in (None, process.terminate, process.kill):
            if stop:
                with suppress(OSError):
                    stop()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout if stop != process.kill else None)
                break
        self._process = None
        self.jobs.clear()
        self._outgoing.clear()

    @property
    def _stdin(self) -> int:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    @property
    def _stdout(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _flush(self) -> None:
        """Writes as much as the pipe accepts."""
        while self._outgoing:
            try:
                taken = write_available(self._stdin, bytes(self._outgoing[:65536]))
            except OSError:
                self._outgoing.clear()  # the reader is gone: `poll` will notice and report it
                return
            if not taken:
                return
            del self._outgoing[:taken]

    def _read(self) -> tuple[bool, bool]:
        """Reads the child's output, up to a limit; returns (it closed its output, more may be waiting)."""
        for _ in range(MOST_BYTES // READ_BYTES):
            try:
                piece = read_available(self._stdout)
            except OSError:
                return True, False
            if piece is None:
                return False, False
            if not piece:
                return True, False
            self._incoming += piece
        return False, True

    def _take_events(self) -> list[Event]:
        """Returns the complete lines received, up to a limit, as events."""
        if b"\n" in self._incoming:
            *lines, rest = bytes(self._incoming).split(b"\n")
            self._lines += lines
            self._incoming = bytearray(rest)
        taken, self._lines = self._lines[:MOST_LINES], self._lines[MOST_LINES:]
        return [self._noted(line) for line in taken if line.strip()]

    def _noted(self, line: bytes) -> Event:
        """Returns a line's event after updating the open jobs."""
        try:
            event = decode(line)
        except ProtocolError as error:
            return Failed(job="", code=error.code, text=error.text, hint=error.hint)
        if not isinstance(event, EVENTS):
            text = f"The engine sent {type(event).__name__}, which only the add-on may send."
            return Failed(job="", code=ProtocolError.__name__, text=text, hint=_SAME_VERSION)
        if isinstance(event, TERMINAL):
            self.jobs.discard(event.job)
        if isinstance(event, Ready):
            if event.protocol != PROTOCOL:
                text = f"The engine uses protocol {event.protocol}, the add-on {PROTOCOL}."
                return Failed(job="", code=ProtocolError.__name__, text=text, hint=_SAME_VERSION)
            self.ready = event
        return event

    def _give_up(self) -> list[Event]:
        """Ends a child that does not behave like the engine."""
        jobs = sorted(self.jobs) or [""]
        self.close(timeout=0.0)
        text = f"The cutout engine sent a message of more than {LONGEST_LINE >> 20} MB and was stopped."
        return [Failed(job=job, code=ProtocolError.__name__, text=text, hint=_SAME_VERSION) for job in jobs]

    def _bury(self) -> list[Event]:
        """Returns the events to report after the child's end."""
        process = self._process
        assert process
        code = process.poll()
        jobs = sorted(self.jobs) or [""]
        self.jobs.clear()
        self._process = None
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if code is None:  # it closed its output but is still alive: useless
            process.kill()
            process.wait()
        how = f"exit code {code}" if code is not None else "it closed the connection"
        text = f"The cutout engine stopped unexpectedly ({how})."
        if code in CUT_SHORT:
            text = f"A library that the engine loads is incomplete (exit code {code})."
            hint = "Uninstall the add-on, restart Blender, and install it again; for a GPU engine, press Set Up Again."
            return [Failed(job, WorkerDied.__name__, text, hint) for job in jobs]
        if code in UNKNOWN_INSTRUCTION:
            return [Failed(job, WorkerDied.__name__, OLD_PROCESSOR, OLD_PROCESSOR_HINT) for job in jobs]
        hint = f"Start it again: no finished work is lost. Its last messages are in {self.log_path}"
        return [Failed(job=job, code=WorkerDied.__name__, text=text, hint=hint) for job in jobs]


def clean_environment(variables: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the variables without those that steer a Python interpreter: the engine's Python is not Blender's."""
    return {k: v for k, v in variables if not k.upper().startswith("PYTHON") and k != "__PYVENV_LAUNCHER__"}
