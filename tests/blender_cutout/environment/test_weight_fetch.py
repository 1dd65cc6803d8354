"""Tests downloading weights from a local server: resume, refusal of damage, and one clear message for each failure."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from blender_cutout.cli import main
from blender_cutout.core.errors import InputError, StoreError, WeightsError
from blender_cutout.core.tiers.published import PUBLISHED, Published
from blender_cutout.environment import weight_fetch, weight_files

CONTENT = bytes(range(251)) * 13_000
"""3.3 MB: four chunks."""


class Server(NamedTuple):
    """What the server does, and what it was asked."""

    url: str
    ranges: list[str | None]
    mood: dict[str, object]


@pytest.fixture
def server() -> Iterator[Server]:
    ranges: list[str | None] = []
    mood: dict[str, object] = {"content": CONTENT, "ranges": True, "stop_after": None, "status": None}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            ranges.append(asked)
            content = mood["content"]
            assert isinstance(content, bytes)
            if mood["status"]:
                self.send_error(int(str(mood["status"])))
                return
            start = 0
            if asked and mood["ranges"]:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            body = content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            stop = mood["stop_after"]
            self.wfile.write(body if stop is None else body[: int(str(stop))])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}/weights.pth", ranges, mood)
        http.shutdown()
        thread.join()


@pytest.fixture
def network(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = PUBLISHED["cutie"]._replace(
        name="fake", title="Fake", file="weights.pth", url=server.url, md5=hashlib.md5(CONTENT).hexdigest(), megabytes=3
    )
    monkeypatch.setitem(PUBLISHED, "fake", made)
    return made


class Killed(Exception):
    pass


def killed_after(count: int) -> weight_fetch.Progress:
    def progress(here: int, total: int | None) -> None:
        if here >= count:
            raise Killed

    return progress


def folder(network: Published) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in weight_files.weight_file(network).parent.iterdir()}


def test_downloads_with_progress_and_leaves_only_the_file(network: Published) -> None:
    seen: list[tuple[int, int | None]] = []
    path = weight_fetch.fetch(network, lambda *now: seen.append(now))
    assert path.read_bytes() == CONTENT
    assert folder(network) == {"weights.pth": len(CONTENT)}
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_file_that_is_here_is_not_downloaded_again(network: Published, server: Server) -> None:
    weight_fetch.fetch(network)
    weight_fetch.fetch(network)
    assert len(server.ranges) == 1


def test_a_killed_download_goes_on_where_it_ended(network: Published, server: Server) -> None:
    with pytest.raises(Killed):
        weight_fetch.fetch(network, killed_after(2 << 20))
    assert not weight_files.weight_file(network).exists()
    kept = folder(network)["weights.pth.partial"]
    assert kept == 2 << 20
    assert weight_fetch.fetch(network).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]


def test_a_server_without_ranges_sends_all_again(network: Published, server: Server) -> None:
    with pytest.raises(Killed):
        weight_fetch.fetch(network, killed_after(1 << 20))
    server.mood["ranges"] = False
    assert weight_fetch.fetch(network).read_bytes() == CONTENT


def test_a_download_killed_before_its_check_is_only_checked(network: Published, server: Server) -> None:
    with pytest.raises(Killed):
        weight_fetch.fetch(network, killed_after(len(CONTENT)))
    assert weight_fetch.fetch(network).read_bytes() == CONTENT


def test_a_connection_that_ends_early_says_so_and_goes_on(network: Published, server: Server) -> None:
    server.mood["stop_after"] = 1_500_000
    with pytest.raises(WeightsError, match=r"ended early, after 1 of 3 MB.*goes on from there"):
        weight_fetch.fetch(network)
    server.mood["stop_after"] = None
    assert weight_fetch.fetch(network).read_bytes() == CONTENT
    assert server.ranges[1] == "bytes=1500000-"


def test_a_flipped_byte_is_refused_and_the_next_download_starts_afresh(network: Published, server: Server) -> None:
    flipped = bytearray(CONTENT)
    flipped[1_000_000] ^= 1
    server.mood["content"] = bytes(flipped)
    with pytest.raises(WeightsError, match=r"damaged, incomplete or not weights\.pth of Fake"):
        weight_fetch.fetch(network)
    assert not weight_files.weight_file(network).exists()
    server.mood["content"] = CONTENT
    assert weight_fetch.fetch(network).read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_a_server_that_refuses(network: Published, server: Server) -> None:
    server.mood["status"] = 404
    with pytest.raises(WeightsError, match=r"does not give weights.pth: 404 .*choose that file"):
        weight_fetch.fetch(network)


def test_no_network(network: Published) -> None:
    away = network._replace(url="http://127.0.0.1:9/weights.pth")
    with pytest.raises(WeightsError, match=r"Fake cannot be downloaded: .*choose that file"):
        weight_fetch.fetch(away)


def test_no_space(network: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_fetch, "SPARE", 1 << 62)
    with pytest.raises(StoreError, match=r"disk is full.*Free some space"):
        weight_fetch.fetch(network)


def test_two_at_once(network: Published) -> None:
    def second(here: int, total: int | None) -> None:
        weight_fetch.fetch(network)

    with pytest.raises(StoreError, match="Another process is downloading"):
        weight_fetch.fetch(network, second)


def test_a_link_in_the_place_of_the_partial_file_is_not_followed(network: Published, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    place = weight_files.weight_file(network)
    place.parent.mkdir(parents=True)
    place.with_name("weights.pth.partial").symlink_to(other)
    with pytest.raises(StoreError):
        weight_fetch.fetch(network)
    assert other.read_bytes() == b"mine"


def test_a_file_of_ones_own(network: Published, tmp_path: Path) -> None:
    source = tmp_path / "downloads.pth"
    source.write_bytes(CONTENT)
    assert weight_files.take(network, source).read_bytes() == CONTENT
    assert source.exists()


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"\x01" + CONTENT[1:]], ids=["empty", "truncated", "flipped"])
def test_a_wrong_file_of_ones_own_is_refused(network: Published, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "downloads.pth"
    source.write_bytes(content)
    with pytest.raises(WeightsError, match=r"downloads\.pth is damaged, incomplete or not .*Download it again from"):
        weight_files.take(network, source)
    assert not weight_files.weight_file(network).exists()


def test_a_missing_file_of_ones_own(network: Published, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        weight_files.take(network, tmp_path / "none.pth")


def test_a_file_that_was_damaged_later_is_refused_and_can_be_fetched_again(network: Published) -> None:
    path = weight_fetch.fetch(network)
    path.write_bytes(CONTENT[:-5])
    with pytest.raises(WeightsError, match="run: cutout weights fetch fake"), weight_files.opened(network):
        pass
    assert weight_fetch.fetch(network).read_bytes() == CONTENT


def test_the_command_names_authors_and_licence(network: Published, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "fake"]) == 0
    out = capsys.readouterr().out
    assert network.credit in out
    assert str(weight_files.weight_file(network)) in out


def test_the_command_says_in_one_line_what_is_wrong(network: Published, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "fake", "--file", "nowhere.pth"]) == 2
    assert main(["weights", "fetch", "nothing"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


def test_the_command_lists_what_each_network_still_needs(
    network: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights"]) == 0
    text = capsys.readouterr().out
    assert f"fake: {network.credit}; {network.paper}" in text
    assert "Fetch its weights: cutout weights fetch fake." in text
    weight_fetch.fetch(network)
    assert main(["weights", "--json"]) == 0
    lacks = {record["name"]: record["lacks"] for record in map(json.loads, capsys.readouterr().out.splitlines())}
    assert "weights fetch" not in " ".join(lacks["fake"])
    assert "weights fetch cutie" in " ".join(lacks["cutie"])
