"""Starts engines with the fake networks from a process that has loaded their libraries already: it forks.

An engine is a process of its own as always, with its own id, pipes and log; only loading its libraries, which takes
longer than what most tests ask of it, is done once. Run as a script, this file is the process that forks.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

FAKE = Path(__file__).parent / "blender_cutout" / "worker" / "fake_entry.py"
LOADED = (
    "worker.serve", "compose", "core.engine", "core.fakes", "core.session.track_session", "core.clips.opening",
    "core.export.delivery", "core.images.preview", "core.session.edge_record",
)  # fmt: skip
"""Modules that nearly every engine imports."""


def starter(command: Sequence[str]) -> SimpleNamespace:
    """Returns what stands in for `subprocess` where engines are started: it forks those with exactly this command.

    Every other command is started as always, and on Windows every one.
    """
    names = {name: getattr(subprocess, name) for name in ("PIPE", "TimeoutExpired")}
    return SimpleNamespace(**names, Popen=functools.partial(_started, list(command)))


def _started(known: list[str], command: Sequence[str], **more: Any) -> Any:
    if sys.platform == "win32" or list(command) != known:
        return subprocess.Popen(command, **more)
    return Forked(_loaded(tuple(known))[0], more["stderr"], more["env"])


@functools.cache
def _loaded(command: tuple[str, ...]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Returns the connection to the process that forks, and it; it ends when the connection does, with this process."""
    here, there = socket.socketpair()
    words = [str(Path(__file__).resolve()) if word == str(FAKE) else word for word in command]
    process = subprocess.Popen([*words, str(there.fileno())], pass_fds=[there.fileno()], stdin=subprocess.DEVNULL)
    there.close()
    return here, process


class Forked:
    """An engine, with what the client uses of `subprocess.Popen`."""

    def __init__(self, server: socket.socket, log: IO[bytes], environment: dict[str, str]) -> None:
        (given, stdin), (stdout, wanted), (told, tells) = os.pipe(), os.pipe(), os.pipe()
        request = json.dumps({"environment": environment, "folder": os.getcwd()}).encode()
        passed = [given, wanted, log.fileno(), tells]
        socket.send_fds(server, [len(request).to_bytes(4, "little")], passed)
        server.sendall(request)
        for descriptor in (given, wanted, tells):
            os.close(descriptor)
        self.stdin, self.stdout = os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0)
        self.returncode: int | None = None
        self._told = os.fdopen(told, "rb", 0)
        self.pid = int(self._told.read(8))
        os.set_blocking(told, False)

    def poll(self) -> int | None:
        """Returns the exit code as `Popen` does; None while it runs."""
        if self.returncode is None and (text := self._told.read(8)) is not None:
            self.returncode = int(text or -signal.SIGKILL)  # nothing = even its keeper was killed
            self._told.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end and returns the exit code; raises TimeoutExpired."""
        if self.poll() is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("the engine", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# ------------------------------------------------------------------------------------------ in the process that forks


def serve(server: socket.socket) -> None:
    """Forks an engine for each request, until the connection ends."""
    main = _fake_entry()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets the keepers as they end
    while True:
        head, descriptors, *_ = socket.recv_fds(server, 4, 4)
        if not head:
            return
        request = json.loads(server.recv(int.from_bytes(head, "little"), socket.MSG_WAITALL))
        if os.fork() == 0:
            _end(functools.partial(_keep, server, main, descriptors, request))
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(server: socket.socket, main: Callable[[], int], descriptors: list[int], request: dict[str, Any]) -> int:
    """Forks the engine, tells its id, waits for it, and tells its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    server.close()
    *pipes, tells = descriptors
    engine = os.fork()
    if engine == 0:
        os.close(tells)
        _end(functools.partial(_engine, main, pipes, request))
    for descriptor in pipes:
        os.close(descriptor)
    os.write(tells, b"%8d" % engine)
    code = os.waitstatus_to_exitcode(os.waitpid(engine, 0)[1])
    with suppress(BrokenPipeError):
        os.write(tells, b"%8d" % code)
    return 0


def _engine(main: Callable[[], int], pipes: list[int], request: dict[str, Any]) -> int:
    """Becomes what starting the engine's command would have started."""
    os.setsid()
    for number, descriptor in enumerate(pipes):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = []
    return main()


def _end(work: Callable[[], int]) -> None:
    """Runs what a forked process is for, and ends it as Python ends."""
    code = 1
    try:
        code = work()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _fake_entry() -> Callable[[], int]:
    """Returns the function that is an engine, when what it needs is loaded."""
    spec = importlib.util.spec_from_file_location("fake_entry", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entry_spec = importlib.util.spec_from_file_location("entry", module.ENTRY)
    assert entry_spec is not None
    assert entry_spec.loader is not None
    entry = importlib.util.module_from_spec(entry_spec)
    entry_spec.loader.exec_module(entry)
    entry.register_package()
    for name in LOADED:
        importlib.import_module(f"blender_cutout.{name}")
    main: Callable[[], int] = module.main
    return main


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
