"""Runs `cutout queue` from Blender: start, poll, cancel. Nothing here waits, except `close`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..core.errors import EnvironmentMissing
from .process import clean_environment, worker_command


def queue_command(
    python: str | os.PathLike[str], folder: Path, device: str, libraries: Path | None = None
) -> list[str]:
    """Returns the command line that does a folder's job files with that Python and a folder of libraries besides."""
    more = [] if libraries is None else ["--libraries", str(libraries)]
    words = ["queue", str(folder), "--device", device, "--json", "--end-with-input", *more]
    return [*worker_command(python, libraries=libraries), "--cutout", *words]


class QueueProcess:
    """One process that does a folder of jobs; it ends when its standard input does, so with Blender too.

    Attributes:
        log: file with what it printed.
        code: the exit code of the last run; None = it was cancelled, or there was none.
    """

    def __init__(self) -> None:
        self.log = Path()
        self.code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Returns True until `poll` or `close` has noticed the end."""
        return self._process is not None

    @property
    def cancelling(self) -> bool:
        """Returns True while it runs although it was asked to stop."""
        return self.running and self._cancelled

    def start(self, words: Sequence[str], log: Path) -> None:
        """Starts it. Raises EnvironmentMissing if it cannot be started."""
        self.close()
        self.log, self.code, self._cancelled = log, None, False
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "wb") as output:
                self._process = subprocess.Popen(
                    list(words),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=clean_environment(os.environ.items()),
                    start_new_session=sys.platform != "win32",
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            raise EnvironmentMissing(
                f"{words[0]} cannot be started ({error.strerror or error}).",
                "If a virus scanner blocked it, allow it there; or choose an existing Python.",
            ) from error

    def poll(self) -> bool:
        """Returns True while it runs."""
        if self._process is None or self._process.poll() is None:
            return self.running
        self._bury()
        return False

    def cancel(self) -> None:
        """Asks it to stop; finished masks stay."""
        if self._process is not None and self._process.stdin is not None:
            self._cancelled = True
            with suppress(OSError):
                self._process.stdin.close()

    def close(self, timeout: float = 2.0) -> None:
        """Asks it to stop, and kills it after that many seconds: its job notices that, and leaves no half file."""
        if self._process is None:
            return
        self.cancel()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._bury()

    def _bury(self) -> None:
        assert self._process is not None
        self.code = None if self._cancelled else self._process.returncode
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None
