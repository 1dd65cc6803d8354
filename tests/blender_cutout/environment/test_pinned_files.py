"""Tests the lists of files with checksums: only these files are installed, whatever a server offers."""

from __future__ import annotations

import functools
import hashlib
import http.server
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import venv_kit

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.core.tiers.published import PUBLISHED
from blender_cutout.devtools import package, pin_files
from blender_cutout.environment import machine, pinned_files, pip_runner, published_install, venv
from blender_cutout.environment.machine import TorchChoice


def wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any", needs: str = "") -> Path:
    """Writes a wheel of one module that holds its version."""
    folder.mkdir(parents=True, exist_ok=True)
    info, path = f"{name}-{version}.dist-info", folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}")
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def pinned(path: Path) -> pinned_files.Pinned:
    name, version = path.name.split("-")[:2]
    return pinned_files.Pinned(path.name, name, version, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose pip is set to an index of their own."""
    folder = tmp_path / "mirror"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def lists(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes this machine's lists: libraries, and builds of PyTorch by requirement."""

    def write(libraries: list[Path], torch: dict[str, Path] | None = None) -> Path:
        folder = tmp_path / "lists"
        folder.mkdir(exist_ok=True)
        target = pinned_files.target_of(*about_this_python())
        lock = pinned_files.Lock(folder, target)
        lock.libraries.write_text(pinned_files.text_of([pinned(p) for p in libraries], "libraries"), encoding="utf-8")
        for requirement, path in (torch or {}).items():
            lock.torch_file(requirement).write_text(pinned_files.text_of([pinned(path)], "torch"), encoding="utf-8")
        return folder

    return write


def about_this_python() -> list[object]:
    import json

    code = pinned_files._ABOUT
    answer = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    found: list[object] = json.loads(answer)
    return found


def installed(folder: Path, module: str) -> str:
    command = [str(venv.python_of(folder)), "-I", "-c", f"import {module}; print({module}.version)"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def quick_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python whose environments are copied: what is tested is what is installed into them."""
    folder, base = tmp_path_factory.mktemp("quick"), venv.find_python()
    return venv_kit.quick_base(folder / "python", base, venv_kit.template(folder / "made", base))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, quick_python: Path) -> Path:
    """A finished environment without libraries, for tests that leave nothing installed in it."""
    folder = tmp_path_factory.mktemp("bare") / "engine"
    list(venv.make(folder, (), base=quick_python))
    return folder


def test_the_listed_files_are_installed_and_not_newer_ones(
    tmp_path: Path, mirror: Path, lists: Callable[..., Path], quick_python: Path
) -> None:
    folder = lists([wheel(mirror, "cutout_first")], {"cutout_torch==1.0": wheel(mirror, "cutout_torch")})
    wheel(mirror, "cutout_first", "2.0")
    torch = TorchChoice("cpu", "Because.", (("cutout_torch==1.0",),))
    engine = tmp_path / "engine"
    make = functools.partial(venv.make, engine, ("cutout_first",), base=quick_python, torch=torch, lists=folder)
    lines = list(make())
    assert any("checksum" in line for line in lines)
    assert (installed(engine, "cutout_first"), installed(engine, "cutout_torch")) == ("1.0", "1.0")
    assert "up to date" in next(iter(make()))
    lists([mirror / "cutout_first-2.0-py3-none-any.whl"])
    list(make())
    assert installed(engine, "cutout_first") == "2.0", "another list is another engine"


def test_a_file_that_is_not_the_listed_one_is_refused_and_nothing_else_is_tried(
    bare: Path, mirror: Path, lists: Callable[..., Path]
) -> None:
    library, torch = wheel(mirror, "cutout_first"), wheel(mirror, "cutout_torch")
    folder = lists([library], {"cutout_torch==1.0": torch})
    wheel(mirror, "cutout_other")
    choice = TorchChoice("cpu", "Because.", (("cutout_torch==1.0",), ("cutout_other",)))
    with zipfile.ZipFile(torch, "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(pip_runner.WrongFile, match="not the one that this version was tested with"):
        list(venv.make(bare, (), torch=choice, lists=folder))
    assert not venv.is_complete(bare)
    assert not installed(bare, "cutout_torch")
    assert not installed(bare, "cutout_other")
    torch.unlink()  # what is listed is not there at all
    with pytest.raises(EnvironmentMissing, match="PyTorch could not be installed"):
        list(venv.make(bare, (), torch=choice, lists=folder))
    assert not installed(bare, "cutout_other")
    other = wheel(mirror, "cutout_seventh")
    lists([library, other])
    with zipfile.ZipFile(other, "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(pip_runner.WrongFile):
        list(venv.make(bare, ("cutout_seventh",), torch=choice, lists=folder))
    assert not installed(bare, "cutout_seventh")


def test_the_users_constraints_count_with_lists_too(
    tmp_path: Path, bare: Path, mirror: Path, lists: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lists([wheel(mirror, "cutout_third")])
    constraints = tmp_path / "constraints.txt"
    monkeypatch.setenv("PIP_CONSTRAINT", constraints.as_uri())
    constraints.write_text("cutout_third>1\n")
    with pytest.raises(EnvironmentMissing, match=r"constraints.*--newest"):
        list(venv.make(bare, (), lists=folder))
    constraints.write_text("cutout_third<2\n")
    list(venv.make(bare, (), lists=folder))
    assert installed(bare, "cutout_third") == "1.0"


def test_a_published_networks_package_is_the_listed_file(
    tmp_path: Path, bare: Path, mirror: Path, lists: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "home"))
    python = venv.python_of(bare)
    (next(bare.rglob("site-packages")) / "torch.py").touch()
    library, package_ = wheel(mirror, "cutout_first"), wheel(mirror, "cutout_eighth", needs="torch")
    lock = pinned_files.lock_for(python, lists([library]))
    assert lock is not None
    listed = lock.published_file("cutout_eighth")
    listed.parent.mkdir()
    listed.write_text(pinned_files.text_of([pinned(package_)], "a network"), encoding="utf-8")
    wheel(mirror, "cutout_eighth", "2.0")
    monkeypatch.setattr(pinned_files, "lock_for", lambda python: lock)
    network = PUBLISHED["cutie"]._replace(package="cutout_eighth", also=())
    asked = published_install.Request(network, str(python))
    contents = package_.read_bytes()
    with zipfile.ZipFile(package_, "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(pip_runner.WrongFile):
        list(published_install._install(asked))
    assert not installed(bare, "cutout_eighth")
    package_.write_bytes(contents)
    list(published_install._install(asked))
    assert installed(bare, "cutout_eighth") == "1.0"


def test_a_build_without_a_checksum_is_named(bare: Path, mirror: Path, lists: Callable[..., Path]) -> None:
    folder = lists([wheel(mirror, "cutout_first")])
    wheel(mirror, "cutout_fourth")
    torch = TorchChoice("cpu", "Because.", (("cutout_fourth==1.0",),))
    lines = list(venv.make(bare, (), torch=torch, lists=folder))
    assert any("cutout_fourth==1.0: there is no checksum" in line for line in lines)
    assert installed(bare, "cutout_fourth") == "1.0"


def test_a_machine_without_lists_takes_what_pip_finds(bare: Path, mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    wheel(mirror, "cutout_fifth")
    lines = list(venv.make(bare, ("cutout_fifth",), lists=tmp_path / "lists"))
    assert any("no checksums for this system" in line for line in lines)
    assert installed(bare, "cutout_fifth") == "1.0"


def test_a_wheel_in_the_folder_that_is_not_what_it_is_called_is_refused(
    bare: Path, tmp_path: Path, lists: Callable[..., Path]
) -> None:
    wheels = tmp_path / "wheels"
    folder = lists([wheel(wheels, "cutout_sixth"), wheel(wheels, "cutout_first")])
    wheel(wheels, "cutout_second")
    lines = list(venv.make(bare, ("cutout_sixth",), wheels=wheels, lists=folder))
    assert any("2 of 3 files" in line for line in lines)
    with zipfile.ZipFile(wheels / "cutout_first-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("more.py", "")
    with pytest.raises(EnvironmentMissing, match=r"cutout_first-1\.0-py3-none-any\.whl .* is not the file"):
        list(venv.make(bare, ("cutout_sixth", "cutout_second"), wheels=wheels, lists=folder))
    assert not installed(bare, "cutout_second")


@pytest.mark.parametrize(
    ("about", "target"),
    [
        (("linux", "x86_64", (3, 11), "", "glibc", "2.39"), "linux-x86_64-cp311"),
        (("linux", "x86_64", (3, 11), "", "glibc", "2.17"), ""),
        (("linux", "x86_64", (3, 11), "", "", ""), ""),
        (("darwin", "arm64", (3, 13), "14.5", "", ""), "darwin-arm64-cp313"),
        (("darwin", "arm64", (3, 13), "13.6", "", ""), ""),
        (("win32", "amd64", (3, 10), "", "", ""), "win32-amd64-cp310"),
    ],
)
def test_each_machine_has_its_lists_unless_it_is_too_old(about: tuple[object, ...], target: str) -> None:
    assert pinned_files.target_of(*about) == target  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- the lists themselves


def shipped() -> list[Path]:
    return sorted(pinned_files.FOLDER.glob("*.txt"))


def test_every_machine_that_can_be_had_has_a_list_of_libraries() -> None:
    names = {path.name for path in shipped()}
    for system in pin_files.systems():
        for version in venv.VERSIONS:
            assert f"{system.name}-cp{version[0]}{version[1]}.txt" in names


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_a_list_pins_every_file_and_fits_what_is_required(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = list(pinned_files.read(path))
    assert len(found) == len(lines) > 0
    assert all(item.file.endswith(".whl") for item in found)
    target, _, torch = path.stem.partition(".torch-")
    versions = {item.name: item.version for item in found}
    if torch:
        builds = machine.all_builds(target.split("-")[0])
        assert f"torch=={torch}" in {build[0] for build in builds}
        assert versions["torch"].partition("+")[0] == torch.partition("+")[0]
        return
    for requirement in venv.REQUIREMENTS:
        name, least = requirement.split(">=")
        assert numbers(versions[name]) >= numbers(least)
    assert not any(name.startswith(("torch", "nvidia")) for name in versions)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def test_the_lists_are_shipped() -> None:
    packed = {name for name, _ in package.contents()}
    assert {f"environment/locks/{path.name}" for path in shipped()} <= packed


def test_every_machine_has_a_list_of_what_a_published_network_needs() -> None:
    packed = {name for name, _ in package.contents()}
    for system in pin_files.systems():
        for version in venv.VERSIONS:
            lock = pinned_files.Lock(pinned_files.FOLDER, f"{system.name}-cp{version[0]}{version[1]}")
            for network in PUBLISHED.values():
                path = lock.published_file(network.package)
                found = {item.name for item in pinned_files.read(path)}
                assert {network.package, "omegaconf", "einops", "pyyaml"} == found
                assert not found & {item.name for item in pinned_files.read(lock.libraries)}
                assert f"environment/locks/published/{path.name}" in packed


# ------------------------------------------------------------------------------------------ the command that makes them


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Serves the folder `files` as a package index on this machine; gives its address."""
    files = tmp_path / "files"
    for tag in ("cp311-cp311-win_amd64", "cp311-cp311-manylinux_2_28_x86_64", "cp310-cp310-win_amd64"):
        wheel(files, "cutout_first", "1.0", tag, 'cutout-second; sys_platform == "win32"')
    wheel(files, "cutout_first", "2.0", "cp312-cp312-win_amd64")
    wheel(files, "cutout_second")
    wheel(files, "torch", "5.0", needs='nvidia-one; platform_system == "Linux"')
    wheel(files, "nvidia_one", "3.0")
    wheel(files, "cutout_third", needs="cutout-fourth")
    wheel(files, "cutout_fourth", needs="torch")
    for name in ("cutout-first", "cutout-second", "cutout-third", "cutout-fourth", "torch", "nvidia-one"):
        page = tmp_path / "simple" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(
            "".join(
                f'<a href="/files/{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
                for path in sorted(files.glob(name.replace("-", "_") + "-*"))
            )
        )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


def test_the_lists_are_what_pip_would_take_on_each_system(
    tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pin_files, "REQUIREMENTS", ("cutout-first",))
    monkeypatch.setattr(pin_files, "VERSIONS", ((3, 11),))
    builds = (("torch==5.0", "--index-url", index), ("torch==6.0", "--index-url", index))
    real = {system.name: system for system in pin_files.systems()}
    monkeypatch.setattr(
        pin_files,
        "systems",
        lambda: [
            pin_files.System(name, real[name].tags, real[name].markers, builds)
            for name in ("win32-amd64", "linux-x86_64")
        ],
    )
    network = PUBLISHED["cutie"]._replace(package="cutout-third", also=())
    monkeypatch.setattr(pin_files, "PUBLISHED", {"cutie": network})
    monkeypatch.setattr(pin_files, "PUBLISHED_SOURCES", ("--index-url", index))
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "win32-amd64-cp311.torch-6.0.txt").write_text("made elsewhere")
    (folder / "win32-amd64-cp311.torch-1.0.txt").write_text("of no use any more")
    lacking = pin_files.write_all(folder, lambda line: None)
    assert [line.partition(":")[0] for line in lacking] == [
        "win32-amd64-cp311.torch-6.0", "linux-x86_64-cp311.torch-6.0"
    ]  # fmt: skip
    found = {path.stem: {item.file for item in pinned_files.read(path)} for path in folder.glob("*.txt")}
    assert found == {
        "win32-amd64-cp311": {"cutout_first-1.0-cp311-cp311-win_amd64.whl", "cutout_second-1.0-py3-none-any.whl"},
        "win32-amd64-cp311.torch-5.0": {"torch-5.0-py3-none-any.whl"},
        "win32-amd64-cp311.torch-6.0": set(),
        "linux-x86_64-cp311": {"cutout_first-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"},
        "linux-x86_64-cp311.torch-5.0": {"torch-5.0-py3-none-any.whl", "nvidia_one-3.0-py3-none-any.whl"},
    }
    published = {path.stem: {item.file for item in pinned_files.read(path)} for path in folder.glob("published/*.txt")}
    files = {"cutout_third-1.0-py3-none-any.whl", "cutout_fourth-1.0-py3-none-any.whl"}
    assert published == {f"{name}-cp311.cutout-third": files for name in ("win32-amd64", "linux-x86_64")}
    for path in folder.rglob("*.txt"):
        for item in pinned_files.read(path):
            assert item.sha256 == hashlib.sha256((tmp_path / "files" / item.file).read_bytes()).hexdigest()
