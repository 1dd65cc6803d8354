"""Tests the engine's environment: its place, making and resuming it, and the messages if something is missing."""

from __future__ import annotations

import functools
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import venv_kit

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import checkup, machine, venv
from blender_cutout.environment.machine import TorchChoice, choose_torch

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has nothing installed."""
    folder = tmp_path / "Heim für alles"
    monkeypatch.setenv(venv.HOME_VARIABLE, str(folder))
    monkeypatch.delenv(venv.PYTHON_VARIABLE, raising=False)
    return folder


def wheel(folder: Path, name: str, version: str = "1.0") -> None:
    """Writes a wheel that holds one empty module: something to install without a network."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def pip_settings(monkeypatch: pytest.MonkeyPatch, wheels: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))


@pytest.fixture(scope="module")
def quick_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python whose environments are copied, for tests of what becomes of them."""
    folder, base = tmp_path_factory.mktemp("quick"), venv.find_python()
    return venv_kit.quick_base(folder / "python", base, venv_kit.template(folder / "made", base))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, quick_python: Path) -> Path:
    """A finished environment without any library."""
    folder = tmp_path_factory.mktemp("bare") / "engine"
    list(venv.make(folder, (), base=quick_python))
    return folder


def has(folder: Path, module: str) -> bool:
    command = [str(venv.python_of(folder)), "-I", "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def finish(folder: Path) -> None:
    """Makes a folder look like a finished environment."""
    python = venv.python_of(folder)
    python.parent.mkdir(parents=True)
    python.write_text("")
    (folder / venv.MARKER).write_text('{"stamp": "x"}')


@pytest.mark.parametrize(
    ("system", "variable", "wanted"),
    [
        ("linux", "XDG_DATA_HOME", "data/blender-cutout"),
        ("win32", "LOCALAPPDATA", "data/blender-cutout"),
        ("darwin", "", "home/Library/Application Support/blender-cutout"),
    ],
)
def test_each_system_has_its_place_for_a_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, variable: str, wanted: str
) -> None:
    monkeypatch.delenv(venv.HOME_VARIABLE)
    monkeypatch.setattr(venv.sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert venv.environment_folder() == tmp_path / wanted


def test_the_preference_comes_before_the_variable_before_the_installed_one(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first python", tmp_path / "second"
    first.write_text("")
    second.write_text("")
    finish(home / "engine")
    assert venv.worker_python() == venv.python_of(home / "engine")
    monkeypatch.setenv(venv.PYTHON_VARIABLE, str(second))
    assert venv.worker_python("") == second
    assert venv.worker_python(str(first)) == first


def test_what_is_missing_is_said_with_its_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvironmentMissing, match=r"not installed.*python install\.py"):
        venv.worker_python()
    (home / "engine").mkdir(parents=True)
    with pytest.raises(EnvironmentMissing, match="interrupted"):
        venv.worker_python()
    with pytest.raises(EnvironmentMissing, match="in the preferences"):
        venv.worker_python("/no/such/python")
    monkeypatch.setenv(venv.PYTHON_VARIABLE, "/no/such/python")
    with pytest.raises(EnvironmentMissing, match=venv.PYTHON_VARIABLE):
        venv.worker_python()


def test_an_environment_is_made_resumed_and_found_ready(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, wheels = home / "engine", tmp_path / "räder"
    wheel(wheels, "cutout_first")
    pip_settings(monkeypatch, wheels)
    wanted = ("cutout_first", "cutout_second")
    with pytest.raises(EnvironmentMissing, match=r"cutout_second.*continues where it stopped"):
        list(venv.make(folder, wanted))
    assert not venv.is_complete(folder)
    built = venv.python_of(folder).lstat().st_mtime_ns

    wheel(wheels, "cutout_second")
    list(venv.make(folder, wanted))
    assert venv.python_of(folder).lstat().st_mtime_ns == built, "went on, did not begin again"
    assert venv.is_complete(folder)
    assert has(folder, "cutout_first, cutout_second")
    assert venv.worker_python() == venv.python_of(folder)

    (ready,) = venv.make(folder, wanted)
    assert "up to date" in ready
    wheel(wheels, "cutout_third")
    list(venv.make(folder, (*wanted, "cutout_third")))
    assert has(folder, "cutout_third"), "changed requirements are noticed"


@pytest.fixture(params=["file", "variables"])
def pip_of_the_user(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose pip is pinned to version 1 and finds versions 1 and 2 in a folder; gives that folder."""
    constraints, mirror, config = tmp_path / "constraints.txt", tmp_path / "mirror", tmp_path / "pip.ini"
    constraints.write_text("cutout_first<2\n")
    for version in ("1.0", "2.0"):
        wheel(mirror, "cutout_first", version)
    settings = {"constraint": constraints.as_uri(), "find-links": mirror.as_uri(), "no-index": "1"}
    if request.param == "file":
        config.write_text("\n".join(["[global]", *(f"{key} = {value}" for key, value in settings.items())]))
        monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    else:
        for key, value in settings.items():
            monkeypatch.setenv("PIP_" + key.replace("-", "_").upper(), value)
    return mirror


def installed(folder: Path) -> str:
    code = "import cutout_first; print(cutout_first.version)"
    command = [str(venv.python_of(folder)), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def test_online_the_users_pip_settings_count(tmp_path: Path, pip_of_the_user: Path, quick_python: Path) -> None:
    list(venv.make(tmp_path / "engine", ("cutout_first",), base=quick_python))
    assert installed(tmp_path / "engine") == "1.0"


def test_from_a_folder_of_wheels_the_users_pip_settings_do_not_count(
    tmp_path: Path, pip_of_the_user: Path, quick_python: Path
) -> None:
    wheel(tmp_path / "wheels", "cutout_first", "2.0")
    torch = TorchChoice("cpu", "Because.", ())
    wheel(tmp_path / "wheels", "torch", "99.0")
    make = functools.partial(venv.make, requirements=("cutout_first",), base=quick_python, torch=torch)
    list(make(tmp_path / "engine", wheels=tmp_path / "wheels"))
    assert installed(tmp_path / "engine") == "2.0"
    wheel(tmp_path / "others", "torch", "99.0")
    with pytest.raises(EnvironmentMissing, match="cutout_first"):  # it lies in the user's own folder, not in this one
        list(make(tmp_path / "engine 2", wheels=tmp_path / "others"))


def test_a_stopped_installation_is_not_taken_for_a_finished_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "engine"
    lines = venv.make(folder, ())
    assert "Making" in next(lines)
    lines.close()
    assert not venv.is_complete(folder)
    list(venv.make(folder, ()))
    assert venv.is_complete(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="its Python is no shell script there")
def test_a_python_that_no_longer_works_is_made_from_scratch(home: Path, quick_python: Path) -> None:
    folder = home / "engine"
    list(venv.make(folder, (), base=quick_python))
    python = venv.python_of(folder)
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert venv.is_complete(folder)
    lines = list(venv.make(folder, ()))
    assert lines[-1] == f"{folder} is ready."
    assert has(folder, "json")


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("name", ["engine", "engine.part"])
def test_a_folder_of_somebody_else_is_refused_and_left_alone(
    home: Path, tmp_path: Path, name: str, linked: bool
) -> None:
    theirs = home / name
    if linked:
        home.mkdir()
        theirs.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    files = {"mygame.cpp": "int main() {}", "pyvenv.cfg": "home = /usr/bin", "lib/python3/site.py": ""}
    for file, text in files.items():
        (theirs.resolve() / file).parent.mkdir(parents=True, exist_ok=True)
        (theirs / file).write_text(text)
    for _ in range(2):
        with pytest.raises(EnvironmentMissing, match=r"did not make.*CUTOUT_HOME"):
            list(venv.make(home / "engine", ()))
    venv.discard(theirs)
    place = theirs.resolve()
    found = {p.relative_to(place).as_posix(): p.read_text() for p in place.rglob("*") if p.is_file()}
    assert found == files
    assert sorted(p.name for p in home.iterdir()) == [name]


def test_an_empty_folder_is_used(home: Path) -> None:
    (home / "engine").mkdir(parents=True)
    list(venv.make(home / "engine", ()))
    assert venv.is_complete(home / "engine")


@pytest.mark.parametrize("text", ["[]", "[" * 100_000, "\udc80", "null"])
def test_a_marker_that_is_damaged_does_not_count(home: Path, text: str) -> None:
    finish(home / "engine")
    (home / "engine" / venv.MARKER).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert not venv.is_complete(home / "engine")


def test_the_next_build_is_tried_when_one_is_not_to_be_had(
    tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path / "wheels", "cutout_other")
    pip_settings(monkeypatch, tmp_path / "wheels")
    choice = TorchChoice("cpu", "Because.", (("cutout_none",), ("cutout_other",)), "Do this.")
    lines = list(venv.make(bare, (), torch=choice))
    assert "Because." in lines
    assert has(bare, "cutout_other")
    choice = TorchChoice("cpu", "Because.", (("cutout_none",),), "Do this.")
    with pytest.raises(EnvironmentMissing, match=r"PyTorch.*cutout_none.*Do this\."):
        list(venv.make(bare, (), torch=choice))
    assert not venv.is_complete(bare)


def test_a_fitting_python_is_found_and_a_missing_one_named() -> None:
    found = venv.find_python()
    command = [str(found), "-c", "import sys; print(*sys.version_info[:2])"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert tuple(map(int, version)) in venv.VERSIONS
    with pytest.raises(EnvironmentMissing, match=r"No Python 3\.99"):
        venv.find_python(((3, 99),))


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_without_a_graphics_card_only_cpu_builds_are_tried(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(machine, "cuda_version", lambda: None)
    monkeypatch.setattr(machine, "has_rocm", lambda: False)
    choice = choose_torch("auto", system, "x86_64")
    assert choice.build == "cpu"
    named = [attempt for attempt in choice.attempts if attempt[0].endswith("+cpu")]
    assert named
    # On Windows the index's own build is for the CPU; on Linux it is gigabytes of CUDA.
    others = [("torch==2.13.0",), ("torch>=2.4",)] if system == "win32" else []
    assert [a for a in choice.attempts if a not in named] == others


@pytest.mark.parametrize(
    ("system", "processor", "cuda", "rocm", "device", "build", "first"),
    [
        ("linux", "x86_64", (13, 1), False, "auto", "cuda", "torch==2.13.0"),
        ("linux", "x86_64", (12, 4), False, "auto", "cuda", "torch==2.8.0"),
        ("linux", "x86_64", (11, 4), False, "auto", "cpu", "torch==2.13.0+cpu"),
        ("linux", "x86_64", (13, 1), False, "cpu", "cpu", "torch==2.13.0+cpu"),
        ("linux", "x86_64", None, True, "auto", "rocm", "torch==2.8.0+rocm6.4"),
        ("win32", "AMD64", (12, 8), False, "auto", "cuda", "torch==2.8.0+cu128"),
        ("darwin", "arm64", None, False, "auto", "mps", "torch==2.13.0"),
        ("darwin", "x86_64", None, False, "auto", "cpu", "torch>=2.4"),
    ],
)
def test_the_build_fits_the_machine(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    processor: str,
    cuda: tuple[int, int] | None,
    rocm: bool,
    device: str,
    build: str,
    first: str,
) -> None:
    monkeypatch.setattr(machine, "cuda_version", lambda: cuda)
    monkeypatch.setattr(machine, "has_rocm", lambda: rocm)
    choice = choose_torch(device, system, processor)
    assert choice.build == build
    assert choice.attempts[0][0] == first
    assert ("disk" in choice.reason) == (system != "darwin" or build == "cpu")


def test_a_driver_is_asked_for_its_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: sys.executable)
    monkeypatch.setattr(
        machine.subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess([], 0, "| Driver Version: 580.1  CUDA Version: 13.0  |"),
    )
    assert machine.cuda_version() == (13, 0)


def test_the_check_up_finds_the_engine_of_this_environment_sound() -> None:
    findings = checkup.check(sys.executable)
    assert [f.text for f in findings if not f.ok] == []
    text = "\n".join(f.text for f in findings)
    for word in ("Python 3.", "PyTorch", "OpenCV", "Weights of the network scribble: fine", "The networks run on"):
        assert word in text


def test_the_check_up_names_what_is_missing_and_what_to_do(bare: Path) -> None:
    bad = [f for f in venv.check(venv.python_of(bare)) if not f.ok]
    assert any("PyTorch" in f.text and "missing" in f.text for f in bad)
    assert any("OpenCV" in f.text for f in bad)
    assert all("install.py" in f.remedy for f in bad)
    (finding,) = venv.check("/no/such/python")
    assert not finding.ok
    assert "does not start" in finding.text


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import blender_cutout.environment.venv; print('fine')"
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert answer.stdout == "fine\n", answer.stderr
