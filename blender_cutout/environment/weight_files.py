"""Where the weights of published networks are stored, whether they are the authors' own, and what a tier still lacks.

Standard library only. The files are in `weights` in the installation folder, next to the engine and not in it, so that
setting the engine up again keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO

from ..core import atomic
from ..core.errors import DiskHints, InputError, WeightsError, store_errors
from ..core.tiers.published import PUBLISHED, Published
from ..core.tiers.table import PUBLISHED_TIERS, Tier
from .venv import environment_folder

FOLDER = "weights"
CHUNK = 1 << 20
DISK_HINTS = DiskHints(
    "Free some space and try again: what was downloaded is kept.",
    "Make the folder writable, or set the environment variable CUTOUT_HOME to another folder.",
    "Check the disk, then try again.",
)


def find_network(name: str, networks: Mapping[str, Published] = PUBLISHED) -> Published:
    """Returns the published network of that name.

    Raises:
        InputError: there is none; the message lists the names.
    """
    if name not in networks:
        raise InputError(f"There is no published network {name!r}.", f"Choose one of: {', '.join(networks)}.")
    return networks[name]


def weight_file(network: Published) -> Path:
    """Returns where the network's weights belong; the file may not exist."""
    return environment_folder() / FOLDER / network.file


def has_package(network: Published) -> bool:
    """Returns whether the network's package is installed in this Python.

    Looks for the package, not for its module: other packages have modules of the same name.
    """
    try:
        metadata.version(network.package)
    except metadata.PackageNotFoundError:
        return False
    return True


def lacks(network: Published) -> list[str]:
    """Returns what must be done before the network works, one sentence each; empty if nothing.

    The contents of the weight file are checked when it is fetched and when it is loaded, not here.
    """
    steps = []
    if not has_package(network):
        steps.append(f"Install its package: pip install {' '.join((network.package, *network.also))}.")
    if not weight_file(network).is_file():
        steps.append(f"Fetch its weights: cutout weights fetch {network.name}.")
    return steps


def usable_tiers() -> dict[str, Tier]:
    """Returns the tiers with published networks whose package and weights are there."""
    return {name: tier for name, tier in PUBLISHED_TIERS.items() if not lacks(PUBLISHED[tier.propagation_weights])}


@contextmanager
def opened(network: Published) -> Iterator[IO[bytes]]:
    """Yields the network's weight file, open for reading, after checking that its contents are the authors'.

    Raises:
        WeightsError: missing, or not the authors' file.
    """
    path = weight_file(network)
    if not path.is_file():
        raise WeightsError(f"The weights of {network.title} have not been downloaded yet.", get_them(network))
    with path.open("rb") as file:
        check(network, file, path, get_them(network))
        file.seek(0)
        yield file


def get_them(network: Published) -> str:
    """Returns how the artist gets the network's weights."""
    return f"Press Download under Published Networks, below the tiers, or run: cutout weights fetch {network.name}."


def get_package(network: Published) -> str:
    """Returns how the artist gets the network's package."""
    return (
        "Press Download under Published Networks, below the tiers, or install it in the engine's Python: pip install "
        f"{' '.join((network.package, *network.also))}."
    )


def take(network: Published, source: Path) -> Path:
    """Copies a weight file that was downloaded by other means to its place; returns that place.

    Raises:
        InputError: there is no such file.
        WeightsError: it is not the authors' file.
        StoreError: it cannot be copied.
    """
    if not source.is_file():
        raise InputError(f"There is no file {source}.", f"Give the path of {network.file}.")
    target = weight_file(network)
    with store_errors(target, DISK_HINTS), source.open("rb") as file:
        check(network, file, source, f"Download it again from {network.url}.")
        file.seek(0)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(target, durable=True) as copy:
            while chunk := file.read(CHUNK):
                copy.write(chunk)
    return target


def check(network: Published, file: IO[bytes], path: Path, hint: str) -> None:
    """Reads an open weight file to its end and compares it with the authors' checksums.

    Raises:
        WeightsError: they differ, with `hint` for what to do.
    """
    # MD5 finds damage and mix-ups, and is what Cutie's authors state. It need not stop a forger: the file is read as
    # tensors only.
    hashes = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    size = 0
    while chunk := file.read(CHUNK):
        size += len(chunk)
        for each in hashes.values():
            each.update(chunk)
    for kind, expected in (("md5", network.md5), ("sha256", network.sha256)):
        found = hashes[kind].hexdigest()
        if expected and found != expected:
            raise WeightsError(
                f"The file {path} is damaged, incomplete or not {network.file} of {network.title} "
                f"({size / 2**20:.1f} MB; {kind} {found[:12]}…, {expected[:12]}… expected).",
                hint,
            )
