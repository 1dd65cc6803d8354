"""Tests getting a published network in Blender: a real process, a server on this machine, a package in a folder."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from panel_kit import Paper

pytestmark = [pytest.mark.bpy, pytest.mark.timeout(200)]

CONTENT = bytes(range(251)) * 13_000
"""3.3 MB."""


class Server(NamedTuple):
    """What was asked, and how many bytes are sent before the server waits for `go`."""

    url: str
    ranges: list[str | None]
    mood: dict[str, Any]
    go: threading.Event


@pytest.fixture
def server() -> Iterator[Server]:
    ranges: list[str | None] = []
    mood: dict[str, Any] = {"content": CONTENT, "first": len(CONTENT)}
    go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            ranges.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            body = mood["content"][start:]
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: mood["first"]])
            if len(body) > mood["first"]:
                go.wait(60)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}/weights.pth", ranges, mood, go)
        go.set()
        http.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with an engine that lacks the package."""
    from blender_cutout.core import atomic
    from blender_cutout.environment import venv
    from blender_cutout.environment.interpreters import blenders_python

    folder = tmp_path / "home"
    monkeypatch.setenv("CUTOUT_HOME", str(folder))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)
    subprocess.run([str(blenders_python()), "-I", "-m", "venv", str(venv.engine_folder())], check=True)
    atomic.write(venv.engine_folder() / venv.MARKER, b"{}")
    (site_packages(folder) / "torch.py").write_text("")
    return folder


def site_packages(home: Path) -> Path:
    return next((home / "engine").rglob("site-packages"))


@pytest.fixture
def network(blender: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    from blender_cutout.core.tiers.published import PUBLISHED

    made = PUBLISHED["cutie"]._replace(
        package="mock-network",
        also=(),
        file="weights.pth",
        url=server.url,
        md5=hashlib.md5(CONTENT).hexdigest(),
        megabytes=3,
    )
    monkeypatch.setitem(PUBLISHED, "cutie", made)
    return made


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the package."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "mock_network-1.0.dist-info"
    with zipfile.ZipFile(folder / "mock_network-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("mock_network.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mock-network\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def choose(blender: Any, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    from blender_cutout.scene import preference_values

    def set_preferences(**chosen: str) -> None:
        monkeypatch.setattr(preference_values, "current", lambda: preference_values.Settings(**chosen))

    set_preferences(wheels=str(wheels))
    return set_preferences


@pytest.fixture
def setup(blender: Any, home: Path, choose: Any) -> Iterator[Any]:
    from blender_cutout.environment.installer import SetupProgress
    from blender_cutout.tasks.engine_setup import setup

    setup.installer.progress = SetupProgress()
    setup.look()
    yield setup
    setup.close()
    setup.installer.progress = SetupProgress()


def begin(bpy: Any, network: Any, file: str = "") -> None:
    """Presses the button as a user does, without waiting."""
    from blender_cutout.operators import published

    published._begin(network, file)


def until(setup: Any, done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 100
    while not done(setup.installer.progress):
        assert time.monotonic() < deadline, setup.installer.progress
        setup.step()
        time.sleep(0.02)
    return setup.installer.progress


def buttons() -> str:
    """Returns what is drawn below the tiers."""
    from blender_cutout.scene import properties
    from blender_cutout.ui import widgets

    properties.status().show_published = True
    paper = Paper()
    widgets.draw_tier(paper)
    return "\n".join(paper.notes)


def online(bpy: Any) -> bool:
    return bool(bpy.app.online_access)


def test_a_download_goes_into_the_engines_folder_and_the_package_into_its_python(
    blender: Any, home: Path, network: Any, setup: Any
) -> None:
    shown = buttons()
    assert "Ho Kei Cheng" in shown
    assert "MIT" in shown
    assert "cutout.download_published" in shown
    assert "cutout.choose_published" in shown
    begin(blender, network)
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "done", progress
    assert (home / "weights" / "weights.pth").read_bytes() == CONTENT
    assert list((home / "engine").rglob("mock_network.py"))
    setup.look()
    assert "cutout.use_published" in buttons()
    assert "cutout.download_published" not in buttons()


def test_cancel_keeps_what_arrived_and_the_next_time_goes_on(
    blender: Any, home: Path, network: Any, setup: Any, server: Server
) -> None:
    server.mood["first"] = 2 << 20
    begin(blender, network)
    until(setup, lambda p: p.share > 0.5)
    assert blender.ops.cutout.cancel_set_up() == {"FINISHED"}
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "cancelled"
    assert "kept" in progress.hint
    assert not (home / "weights" / "weights.pth").exists()
    server.go.set()
    server.mood["first"] = len(CONTENT)
    begin(blender, network)
    assert until(setup, lambda p: not setup.installer.running).phase == "done"
    assert (home / "weights" / "weights.pth").read_bytes() == CONTENT
    assert server.ranges[0] is None
    assert server.ranges[1] is not None, "only the rest is asked for"


def test_a_damaged_download_is_refused(blender: Any, home: Path, network: Any, setup: Any, server: Server) -> None:
    server.mood["content"] = CONTENT[:-1] + b"\x01"
    begin(blender, network)
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "failed"
    assert "damaged" in progress.text
    assert not (home / "weights" / "weights.pth").exists()


def test_a_chosen_file_is_copied_and_a_wrong_one_refused(
    blender: Any, home: Path, network: Any, setup: Any, tmp_path: Path
) -> None:
    file = tmp_path / "mine.pth"
    with pytest.raises(RuntimeError, match="There is no file"):
        blender.ops.cutout.choose_published(network="cutie", filepath=str(file))
    file.write_bytes(CONTENT[:-9])
    with pytest.raises(RuntimeError, match="damaged, incomplete or not"):
        blender.ops.cutout.choose_published(network="cutie", filepath=str(file))
    file.write_bytes(CONTENT)
    assert blender.ops.cutout.choose_published(network="cutie", filepath=str(file)) == {"FINISHED"}
    assert (home / "weights" / "weights.pth").read_bytes() == CONTENT


def test_nothing_is_downloaded_while_blender_is_offline(
    blender: Any, home: Path, network: Any, setup: Any, server: Server, choose: Any, tmp_path: Path
) -> None:
    assert not online(blender), "Blender as a module is offline unless told otherwise"
    with pytest.raises(RuntimeError, match=r"offline.*Choose File"):
        blender.ops.cutout.download_published(network="cutie")
    assert not server.ranges
    file = tmp_path / "mine.pth"
    file.write_bytes(CONTENT)
    choose()  # no folder of wheels, so the package would have to be downloaded
    with pytest.raises(RuntimeError, match="offline"):
        blender.ops.cutout.choose_published(network="cutie", filepath=str(file))
    assert not (home / "weights").exists()


def test_nothing_is_installed_into_a_python_of_the_artists_own(
    blender: Any, home: Path, network: Any, setup: Any, choose: Any, wheels: Path, tmp_path: Path
) -> None:
    from blender_cutout.environment import venv

    own = venv.python_of(venv.engine_folder())
    choose(engine_python=str(own), wheels=str(wheels))
    file = tmp_path / "mine.pth"
    file.write_bytes(CONTENT)
    with pytest.raises(RuntimeError, match=r"needs the package mock-network.*pip install mock-network"):
        blender.ops.cutout.choose_published(network="cutie", filepath=str(file))
    assert not list((home / "engine").rglob("mock_network.py"))


def test_without_pytorch_nothing_is_installed(
    blender: Any, home: Path, network: Any, setup: Any, server: Server
) -> None:
    (site_packages(home) / "torch.py").unlink()
    begin(blender, network)
    progress = until(setup, lambda p: not setup.installer.running)
    assert (progress.phase, progress.hint) == ("failed", "Press Set Up Engine first.")
    assert "needs PyTorch" in progress.text
    assert not server.ranges
    assert not list((home / "engine").rglob("mock_network.py"))


def test_it_cannot_become_the_tier_before_its_weights_are_there(blender: Any, network: Any, setup: Any) -> None:
    with pytest.raises(RuntimeError, match=r"not here.*Press Download|not enabled"):
        blender.ops.cutout.use_published(network="cutie")
    with pytest.raises(RuntimeError, match="no such published network"):
        blender.ops.cutout.use_published(network="nothing")
