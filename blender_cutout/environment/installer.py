"""Starts, polls and cancels the set-up process from Blender; only `close` waits. Needs no Blender.

See `install_process.py` for its messages.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..client.pipes import make_non_blocking, read_available
from ..client.process import ENTRY, clean_environment
from ..core.errors import EnvironmentMissing

OFFLINE = "Blender is set to stay offline, so nothing can be downloaded."
OFFLINE_HINT = "Turn on Allow Online Access (Preferences, System, Network), or choose a folder of wheels."
PUBLISHED = "published"
"""The action that gets a published network; see `published_install.py`."""
PATIENCE = 5.0
"""Seconds that a cancelled process has to clean up before it is killed."""
_CANCELLED = "The set-up was cancelled."
_CANCELLED_HINT = "The incomplete installation is not used; press Set Up Engine again to continue."
_STOPPED = "The download was cancelled."
_STOPPED_HINT = "What has arrived is kept: the next try goes on from there."


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """Progress of a set-up or check.

    Attributes:
        phase: "idle", "running", "cancelling", "done", "failed" or "cancelled".
        action: "setup", "check" or "published".
        step: the current step.
        share: overall progress, 0 to 1.
        line: pip's last line.
        text, hint: the outcome.
        engine: the tier and device of the self-test, "" before.
        python: the Python that was tested.
        findings: the findings of the check: (ok, text).
    """

    phase: str = "idle"
    action: str = ""
    step: str = ""
    share: float = 0.0
    line: str = ""
    text: str = ""
    hint: str = ""
    engine: str = ""
    python: str = ""
    findings: tuple[tuple[bool, str], ...] = ()

    @property
    def active(self) -> bool:
        """Returns True while its process runs."""
        return self.phase in ("running", "cancelling")


def command(python: str | os.PathLike[str], request: dict[str, str]) -> list[str]:
    """Returns the command that starts the process with that Python."""
    file = Path(__file__).resolve().parent / "install_process.py"
    return [str(python), "-I", "-u", "-X", "utf8", str(file), str(ENTRY), json.dumps(request)]


class Installer:
    """Runs one set-up or check at a time; `progress` holds its state or outcome."""

    def __init__(self) -> None:
        self.progress = SetupProgress()
        self._process: subprocess.Popen[bytes] | None = None
        self._incoming = bytearray()
        self._deadline = 0.0
        self._log = Path()

    @property
    def running(self) -> bool:
        """Returns True until `poll` or `close` has noticed the end of the process."""
        return self._process is not None

    def start(self, words: Sequence[str], action: str, log: Path) -> None:
        """Starts the process.

        Args:
            words: the result of `command`.
            action: "setup", "check" or "published".
            log: file for all output.

        Raises:
            EnvironmentMissing: it cannot be started.
        """
        self.close()
        self._incoming.clear()
        self._log = log
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "wb") as output:
                self._process = subprocess.Popen(
                    list(words),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    bufsize=0,
                    env=clean_environment(os.environ.items()),
                    start_new_session=sys.platform != "win32",
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
            assert self._process.stdout
            make_non_blocking(self._process.stdout.fileno(), writing=False)
        except OSError as error:
            self.close()
            raise EnvironmentMissing(
                f"{words[0]} cannot be started ({error.strerror or error}).",
                "If a virus scanner blocked it, allow it there; or choose an existing Python.",
            ) from error
        self.progress = SetupProgress("running", action)

    def poll(self) -> SetupProgress:
        """Reads new output; never waits."""
        process = self._process
        if process is None:
            return self.progress
        # Checked before reading, so that everything the process wrote is in the pipe.
        ended = process.poll() is not None
        self._read(process)
        *lines, rest = bytes(self._incoming).split(b"\n")
        self._incoming = bytearray(rest)
        for line in lines:
            self._take(line)
        if ended:
            self._bury(process)
        elif self.progress.phase == "cancelling" and time.monotonic() > self._deadline:
            _kill(process)
        return self.progress

    def cancel(self) -> None:
        """Asks the process to stop; `poll` reports when it has."""
        if self._process is not None and self._process.stdin and self.progress.phase == "running":
            with suppress(OSError):
                self._process.stdin.close()
            self._deadline = time.monotonic() + PATIENCE
            self.progress = replace(self.progress, phase="cancelling", step="Cancelling")

    def close(self, timeout: float = 2.0) -> None:
        """Kills the process and waits for its end."""
        process = self._process
        if process is None:
            return
        self.cancel()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        self._bury(process)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        while True:
            try:
                piece = read_available(process.stdout.fileno())
            except OSError:
                return
            if not piece:
                return
            self._incoming += piece

    def _take(self, line: bytes) -> None:
        """Handles one record of the process."""
        try:
            record: dict[str, Any] = json.loads(line)
            kind = record.pop("kind")
        except (ValueError, KeyError):
            return
        if kind == "finding":
            self.progress = replace(
                self.progress, findings=(*self.progress.findings, (record["ok"], record["text"])), line=record["text"]
            )
        elif kind == "step":
            self.progress = replace(self.progress, step=record["text"], share=record["share"], line="")
        elif kind == "line":
            self.progress = replace(self.progress, line=record["text"])
        elif kind == "share":
            self.progress = replace(self.progress, share=record["share"])
        elif kind in ("done", "failed"):
            self.progress = replace(self.progress, **{"phase": kind, **record})

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Stores the outcome."""
        code = process.poll()
        _kill(process)  # pip may outlive its parent
        process.wait()
        self._process = None
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if self.progress.phase == "cancelling":
            setup = self.progress.action != PUBLISHED
            text, hint = (_CANCELLED, _CANCELLED_HINT) if setup else (_STOPPED, _STOPPED_HINT)
            self.progress = replace(self.progress, phase="cancelled", text=text, hint=hint)
        elif self.progress.phase == "running":
            text = f"The set-up ended unexpectedly (exit code {code})."
            hint = f"The incomplete installation is not used. Press Set Up Engine again. Its log is {self._log}"
            if self.progress.action == PUBLISHED:
                hint = _STOPPED_HINT
            self.progress = replace(self.progress, phase="failed", text=text, hint=hint)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the process and its children."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
