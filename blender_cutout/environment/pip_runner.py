"""Runs installation programs and explains their failures in plain language. Standard library only.

pip hides the cause of a failure somewhere in its warnings, and states only the consequence in its last line ("No
matching distribution found"). The artist needs the cause: `explain` searches the whole output for it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import EnvironmentMissing
from ..core.file_lock import try_lock

AGAIN = "Then set the engine up again: it continues where it stopped."
_NOISE = ("WARNING: Location ", "WARNING: Retrying ", "Looking in ", "Requirement already satisfied", "[notice]")
_WRONG_FILE = r"DO NOT MATCH THE HASHES|doesn't match any of the hashes|does not match any of the hashes"
_CAUSES = (
    (
        _WRONG_FILE,
        "A downloaded file is not the one that this version was tested with, and was not installed.",
        "It was damaged in transit, or the server offers a different file. If this persists, report it, or choose a "
        f"folder of wheels that you trust. {AGAIN}",
    ),
    (
        r"\(constraint\)",
        "pip's settings on this computer (constraints) do not allow a required library version.",
        "Remove that constraint, or run `python install.py --newest` in a checkout, which installs what they allow.",
    ),
    (
        r"No space left|\[?Errno 28\b|WinError 112\b|not enough space|Disk quota exceeded|\[?Errno 122\b",
        "The disk is full.",
        f"Free some space. {AGAIN}",
    ),
    (
        r"WinError (5|32|225|1314)\b|PermissionError|Permission denied|\[?Errno 13\b|Access is denied|virus",
        "A file was blocked.",
        "A virus scanner, another program or the folder's permissions block it: close Blenders that use the engine, "
        f"allow the folder in the scanner. {AGAIN}",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: |certificate verify failed",
        "The secure connection was refused: a certificate is not trusted.",
        "On a company network, set the environment variable PIP_CERT to its certificate, and check the computer's "
        f"clock. {AGAIN}",
    ),
    (
        r"ProxyError|[Cc]annot connect to proxy|Tunnel connection failed|407 Proxy",
        "The proxy blocked the download.",
        f"Set the environment variable HTTPS_PROXY for your network, and restart Blender. {AGAIN}",
    ),
    (
        r"name resolution|Name or service not known|getaddrinfo failed|nodename nor servname|unreachable|"
        r"NewConnectionError|Connection refused|ConnectTimeout|ReadTimeout|timed out|Connection reset|IncompleteRead|"
        r"RemoteDisconnected|Max retries exceeded",
        "The download server cannot be reached.",
        f"Check the network, or choose a folder of wheels. {AGAIN}",
    ),
    (
        r"Requires-Python|requires a different Python|Ignored the following versions that require",
        "This Python does not fit the libraries.",
        "Python 3.10 to 3.13 is needed: choose an existing one with the engine's libraries, or install one from "
        "python.org.",
    ),
)


class WrongFile(EnvironmentMissing):
    """A downloaded file does not match its checksum in the list of files."""


def explain(words: str) -> tuple[str, str] | None:
    """Returns (problem, remedy) for a program's output; None if the problem is unknown."""
    return next(((text, hint) for pattern, text, hint in _CAUSES if re.search(pattern, words)), None)


def explain_os_error(error: OSError) -> EnvironmentMissing:
    """Returns an OSError of an installation as a message for the artist."""
    text, hint = explain(f"{type(error).__name__} {error}") or (
        f"The engine's folder cannot be written ({error.strerror or error}).",
        f"Check the disk. {AGAIN}",
    )
    return EnvironmentMissing(f"{text.rstrip('.')}: {error.filename}." if error.filename else text, hint)


def check_room(folder: Path, gigabytes: float, free: int) -> None:
    """Raises EnvironmentMissing if fewer than `gigabytes` are free, before a long download."""
    if free < gigabytes * 1e9:
        raise EnvironmentMissing(
            f"The disk is too full: {free / 1e9:.1f} GB are free in {folder}, {gigabytes:g} GB are needed.",
            f"Free some space, or set the environment variable CUTOUT_HOME to a folder on a larger disk. {AGAIN}",
        )


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds a lock file that the system releases when this process ends, however it ends.

    Raises:
        EnvironmentMissing: another process holds it.
    """
    with open(path, "a+b") as file:
        if not try_lock(file.fileno()):
            raise EnvironmentMissing(
                "The engine is already being set up, by another Blender or install.py.", "Wait until it has finished."
            )
        yield


def run(
    command: Sequence[str],
    failure: str,
    remedy: str = "",
    scratch: Path | None = None,
    *,
    pip_settings: bool = True,
) -> Iterator[str]:
    """Runs a program and yields its lines. Closing the generator ends the program.

    Args:
        command: program and arguments.
        failure: first sentence of the error text.
        remedy: what to do if the cause is unknown.
        scratch: folder for its temporary files.
        pip_settings: False = pip runs without the user's own settings.

    Raises:
        EnvironmentMissing: it failed; gives the cause if it is a known one, else the program's last error line.
    """
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=_variables(scratch, pip_settings), text=True, encoding="utf-8", errors="replace",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip
    assert process.stdout
    try:
        for line in process.stdout:
            line = line.rstrip()
            lines.append(line)
            if line and not line.startswith(_NOISE):
                yield line
        if process.wait() != 0:
            words = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")
            said = f"{failure} {words.rstrip('.')}.".replace(" .", "")
            known = explain("\n".join(lines))
            if known:
                kind = WrongFile if known[0] == _CAUSES[0][1] else EnvironmentMissing
                raise kind(f"{known[0]} {said}", known[1])
            raise EnvironmentMissing(said, remedy or f"Check the network and the free space on the disk. {AGAIN}")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        process.stdout.close()


def _variables(scratch: Path | None, pip_settings: bool) -> dict[str, str]:
    """Returns the environment variables for those programs."""
    variables: dict[str, Any] = {k: v for k, v in os.environ.items() if not k.upper().startswith("PYTHON")}
    variables.pop("__PYVENV_LAUNCHER__", None)
    if scratch:
        # Not the system's temporary folder: it may be small, and is not emptied after a kill.
        variables |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    if not pip_settings:
        # Constraints and extra indexes are meant for an index: they would forbid or replace the wheels of a chosen
        # folder.
        variables = {k: v for k, v in variables.items() if not k.upper().startswith("PIP_")}
        variables["PIP_CONFIG_FILE"] = os.devnull
    # Mirrors, certificates, proxies and constraints are kept, but `--user` cannot work in an environment.
    return variables | {"PIP_USER": "0"}
