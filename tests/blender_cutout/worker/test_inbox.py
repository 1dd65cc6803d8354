"""Tests malformed messages to the engine's process."""

from __future__ import annotations

import os
import time

import pytest

from blender_cutout.core import messages as m
from blender_cutout.worker.inbox import Inbox


@pytest.mark.parametrize(
    "line", [b"[" * 300_000, b'{"job": ' + b"[" * 300_000, b"[]", b"7", b"\xff", b'{"kind": "Ping", "v": 1e999}']
)
def test_a_line_that_is_no_message_is_answered_and_the_next_is_heard(line: bytes) -> None:
    incoming, outgoing = os.pipe()
    heard: list[m.Event] = []
    inbox = Inbox(incoming, heard.append, lambda: None)
    with os.fdopen(outgoing, "wb", buffering=0) as host:
        host.write(line + b"\n" + m.encode(m.Ping()))
        deadline = time.monotonic() + 120
        while len(heard) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        inbox.all_done()
    assert isinstance(heard[0], m.Failed)
    assert heard[0].code == "ProtocolError"
    assert heard[1] == m.Pong()
