"""Sets up or checks the engine in a process that Blender starts: `python -I install_process.py`.

Runs in Blender's own Python, but not inside Blender, because making an environment takes minutes. The arguments are the
path of the engine's first file and a request as JSON: {"action": "setup" or "check", "python", "libraries", "device",
"tier", "wheels"}, or {"action": "published"} with a `published_install.Request`. The answer is lines of JSON on
standard output, each with "kind": step (text, share), line (text), share (share), finding (ok, text, remedy), and
finally done (text, engine, python) or failed (text, hint). All output, pip's included, is also copied to standard
error, which is a log.

When its standard input is closed, by the Cancel button or because Blender is gone, it ends together with pip.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import checkup

PACKAGE = "blender_cutout"
INTERVAL = 0.5
"""Seconds between checks of the download's progress."""
_DOWNLOADING = re.compile(r"Downloading \S*?([^/\s]+\.whl)\S* \(([\d.]+) ([kMG])B\)")
_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}
# Where the steps end on the progress bar: PyTorch is most of the download.
_VENV, _FIRST_LIBRARIES, _TORCH, _LIBRARIES, _LOOKED = 0.08, 0.2, 0.7, 0.9, 0.95


class _Stopped(BaseException):
    """Raised when the process was asked to stop."""


class RecordWriter:
    """Writes records for Blender, and reports progress while pip downloads.

    Args:
        write: writes a line; gets it without its end.
        scratch: folder that pip downloads into.
    """

    def __init__(self, write: Callable[[str], None], scratch: Path) -> None:
        self._write = write
        self._scratch = scratch
        self._lock = threading.Lock()
        self._start, self._end, self._size, self._reported = 0.0, 0.0, 0.0, -1.0

    def write(self, kind: str, **fields: Any) -> None:
        """Writes one record."""
        with self._lock:
            self._write(json.dumps({"kind": kind, **fields}))

    def step(self, text: str, start: float, end: float) -> None:
        """Begins a step that covers the bar from `start` to `end`."""
        self._start, self._end, self._size = start, end, 0.0
        self.write("step", text=text, share=start)

    def line(self, text: str) -> None:
        """Passes a line on; reads the size of the current download from pip's lines."""
        found = _DOWNLOADING.search(text)
        if found:
            self._size = float(found[2]) * _UNITS[found[3]]
        self.write("line", text=text)

    def look(self) -> None:
        """Reports the progress of the current download, which pip itself does only since version 24.1."""
        if not self._size:
            return
        done = min(1.0, max(map(_size, self._scratch.glob("pip-unpack-*/*")), default=0) / self._size)
        share = self._start + (self._end - self._start) * done
        if abs(share - self._reported) > 0.001:
            self._reported = share
            self.write("share", share=share)


def setup(request: dict[str, str], records: RecordWriter) -> None:
    """Makes the environment and tests it."""
    from . import venv

    wheels = Path(request["wheels"]) if request.get("wheels") else None
    device = "cpu" if request.get("device") == "cpu" else "auto"
    folder = venv.engine_folder()
    records.step("Checking this machine", 0.0, 0.01)
    base = venv.find_python()
    records.step(f"Making a Python environment with {base}", 0.01, _VENV)
    at = _VENV
    for line in venv.create(folder, device=device, base=base, wheels=wheels):
        if "PyTorch" in line and not line.startswith(("Collecting", "Downloading")):
            records.step("Installing PyTorch", at, _TORCH)
            at = _TORCH
        elif line.startswith("Installing ") and line.endswith("…"):
            end = _LIBRARIES if at == _TORCH else _FIRST_LIBRARIES
            records.step("Installing the other libraries", at, end)
            at = end if at != _TORCH else at
        records.line(line)
    python = venv.python_of(folder)
    own = {**request, "python": str(python)}
    bad = _look(own, records, share=_LIBRARIES)
    if any(finding.broken for finding in bad):
        venv.discard(folder)  # otherwise the next try would find it up to date and just as broken
    if not bad:
        _try_out(own, records)


def check(request: dict[str, str], records: RecordWriter) -> None:
    """Checks an existing Python; Blender itself then starts the engine."""
    bad = _look(request, records, share=0.1)
    if not bad and request.get("libraries"):
        _try_out(request, records)  # no set-up has timed this machine
    elif not bad:
        records.write("done", text="The libraries and the weights are complete.", engine="", python=request["python"])


def _published(request: dict[str, str], records: RecordWriter) -> None:
    from . import published_install

    published_install.carry_out(published_install.Request.of(request), records)


def _look(request: dict[str, str], records: RecordWriter, share: float) -> list[checkup.Finding]:
    """Reports the findings on a Python; returns those that prevent the engine from running."""
    from . import checkup

    python = request["python"]
    records.step("Checking the libraries", share, _LOOKED)
    findings = checkup.check(python, libraries=request.get("libraries", ""))
    for finding in findings:
        records.write("finding", ok=finding.ok, text=finding.text, remedy=finding.remedy)
    bad = [f for f in findings if not f.ok and "graphics card" not in f.text]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        records.write("failed", text=bad[0].text + more, hint=bad[0].remedy)
    return bad


def _try_out(request: dict[str, str], records: RecordWriter) -> None:
    """Runs the self-test: one picture through the networks, and the tier for this machine."""
    from . import checkup

    python = request["python"]
    records.step("Self-test: running the engine on a picture and timing this machine", _LOOKED, 1.0)
    wanted = request.get("tier", "auto"), request.get("device", "auto")
    trial = checkup.try_out(python, *wanted, libraries=request.get("libraries", ""))
    if isinstance(trial, checkup.Finding):
        records.write("failed", text=f"The self-test failed. {trial.text}", hint=trial.remedy)
        return
    engine = f"tier {trial.tier} on {trial.device}, a first guess took {trial.seconds:.1f} s"
    records.write("done", text="The engine is set up and works.", engine=engine, python=python)


def main(arguments: list[str]) -> int:
    """Carries out the request; returns the exit code."""
    _register_package(arguments[0])
    from ..core.errors import CutoutError
    from . import venv

    request: dict[str, str] = json.loads(arguments[1])
    records = RecordWriter(_write, venv.scratch_of(venv.engine_folder()))
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_watch_host, daemon=True).start()
    ended = threading.Event()
    threading.Thread(target=_watch_download, args=(records, ended), daemon=True).start()
    try:
        {"setup": setup, "check": check, "published": _published}[request["action"]](request, records)
    except CutoutError as error:
        records.write("failed", text=error.text, hint=error.hint)
    except _Stopped:
        return 1
    except Exception as error:
        traceback.print_exc()
        records.write("failed", text=f"The set-up failed ({type(error).__name__}: {error}).", hint="Try again.")
    finally:
        ended.set()
    return 0


def _register_package(engine_entry: str) -> None:
    """Makes the package importable as `blender_cutout`, using the function in the engine's first file."""
    spec = importlib.util.spec_from_file_location("entry", engine_entry)
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry.register_package()
    globals()["__package__"] = f"{PACKAGE}.environment"  # a script has none, and could not import relatively


def _write(record: str) -> None:
    sys.stdout.buffer.write(record.encode() + b"\n")
    sys.stdout.buffer.flush()
    sys.stderr.write(record + "\n")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _watch_download(records: RecordWriter, ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        records.look()


def _watch_host() -> None:
    """Ends this process and its children when standard input is closed."""
    while os.read(0, 1024):
        pass
    if sys.platform == "win32":
        # The main thread is blocked in a read that ends only with pip.
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(os.getpid())], capture_output=True)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _stop(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # only once: cleaning up follows
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
