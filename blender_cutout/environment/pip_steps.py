"""Installs the engine's libraries with pip, step by step. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import EnvironmentMissing
from . import pinned_files, pip_runner
from .machine import ANY, TorchChoice

_NO_LIBRARY = "A library could not be installed."


@dataclass(frozen=True, slots=True)
class Plan:
    """What to install, and from where.

    Attributes:
        requirements: in pip's syntax.
        torch: the PyTorch to install; None = none.
        wheels: folder with everything that is needed; then nothing is downloaded.
        lists: folder with lists of exact files; see `pinned_files`.
    """

    requirements: tuple[str, ...]
    torch: TorchChoice | None = None
    wheels: Path | None = None
    lists: Path | None = None


def install(python: Path, scratch: Path, plan: Plan) -> Iterator[str]:
    """Installs everything with an environment's Python; yields lines for the user.

    Raises:
        EnvironmentMissing: something could not be installed; the hint says what to do.
    """
    steps = _Steps(python, scratch, plan)
    if plan.wheels is not None:
        yield from steps.from_wheels(plan.wheels)
    else:
        yield from steps.from_index()


class _Steps:
    def __init__(self, python: Path, scratch: Path, plan: Plan) -> None:
        self._python, self._scratch, self._plan = python, scratch, plan

    def from_wheels(self, wheels: Path) -> Iterator[str]:
        """Installs everything from a folder; files named in the lists must match them."""
        plan = self._plan
        if plan.lists is not None:
            listed, there = pinned_files.check_wheels(wheels, plan.lists)
            yield f"{listed} of {there} files in {wheels} are the files that this version was tested with."
        source = ("--no-index", "--find-links", str(wheels))
        remedy = _lacking(wheels, plan.requirements)
        if plan.torch:
            yield plan.torch.reason
            yield from self._pip((*source, *ANY), "PyTorch could not be installed.", remedy)
        if plan.requirements:
            yield _installing(plan.requirements)
            yield from self._pip((*source, *plan.requirements), _NO_LIBRARY, remedy)

    def from_index(self) -> Iterator[str]:
        """Installs everything from the package index, or the user's replacement for it."""
        plan = self._plan
        lock = pinned_files.lock_for(self._python, plan.lists) if plan.lists is not None else None
        if lock is not None:
            yield "Installing the other libraries, each file checked against its checksum …"
            yield from self._pip((*pinned_files.PIP_OPTIONS, str(lock.libraries)), _NO_LIBRARY)
        elif plan.lists is not None:
            yield "There are no checksums for this system and Python: pip installs the newest versions that fit."
        if plan.torch:
            yield plan.torch.reason
            yield from self._torch(plan.torch, lock)
        if plan.requirements:
            yield _installing(plan.requirements)
            yield from self._pip(plan.requirements, _NO_LIBRARY)

    def _torch(self, torch: TorchChoice, lock: pinned_files.Lock | None) -> Iterator[str]:
        """Installs the first available build; a build with known checksums is never installed without checking them."""
        known = {arguments: lock.torch(arguments[0]) if lock is not None else None for arguments in torch.attempts}
        attempts = [a for a in torch.attempts if known[a] is not None] or list(torch.attempts)
        for number, arguments in enumerate(attempts):
            listed = known[arguments]
            if listed is not None:
                arguments = (*pinned_files.PIP_OPTIONS, str(listed), *arguments[1:])
            elif lock is not None:
                yield f"{arguments[0]}: there is no checksum for this build, only its version."
            try:
                yield from self._pip(arguments, "PyTorch could not be installed.", torch.remedy)
            except pip_runner.WrongFile:
                raise
            except EnvironmentMissing:
                if number == len(attempts) - 1:
                    raise
                yield "That build is not available here; trying the next one …"
            else:
                return

    def _pip(self, arguments: Sequence[str], failure: str, remedy: str = "") -> Iterator[str]:
        # An environment that lost its pyvenv.cfg would install into the Python that it was made with.
        command = [str(self._python), "-I", "-m", "pip", "--require-virtualenv", "--disable-pip-version-check"]
        command += ["install", "--progress-bar", "off", *arguments]
        online = self._plan.wheels is None
        yield from pip_runner.run(command, failure, remedy, self._scratch, pip_settings=online)


def _installing(requirements: Sequence[str]) -> str:
    return f"Installing {', '.join(requirements)} …"


def _lacking(wheels: Path, requirements: Sequence[str]) -> str:
    """Returns what to do if a folder of wheels is incomplete."""
    return (
        f"It is not in {wheels}, or not for this Python and system. On a machine of the same kind with a network, "
        f"`python -m pip download torch {' '.join(requirements)} -d FOLDER` fills a folder with everything."
    )
