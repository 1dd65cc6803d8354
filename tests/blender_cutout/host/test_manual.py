"""Tests that F1 over our buttons and settings opens our manual, at the section about them."""

from __future__ import annotations

import re
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pytest

from blender_cutout.devtools.manual_pages import anchor

pytestmark = pytest.mark.bpy


class Browser(webbrowser.BaseBrowser):
    """Keeps the addresses it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        return True


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    shown = Browser()

    monkeypatch.setattr(webbrowser, "_tryorder", [], raising=False)
    monkeypatch.setattr(webbrowser, "_browsers", {}, raising=False)
    webbrowser.register("test", None, shown)
    return shown


def section_of(address: str) -> str:
    """The section, which must be in the page that is there."""
    found = urlsplit(address)
    page = Path(url2pathname(unquote(found.path)))
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert found.fragment in {anchor(heading) for heading in headings} | {""}
    return found.fragment


@pytest.mark.parametrize(
    ("over", "section"),
    [
        ("cutout.write_strips", "output-and-files"),
        ("cutout.apply_strokes", "strokes"),
        ("cutout.edge_preset", "edge"),
        ("cutout.lock_frames", "which-frame-is-wrong"),
        ("cutout.propagate_all", "several-objects"),
        ("CutoutEdge.feather", "edge"),
        ("CutoutScene.follow_me", "strokes"),
    ],
)
def test_f1_opens_the_section(blender: Any, browser: Browser, over: str, section: str) -> None:
    assert blender.ops.wm.doc_view_manual(doc_id=over) == {"FINISHED"}
    assert [section_of(address) for address in browser.opened] == [section]


def test_every_operator_and_every_section_is_known(blender: Any) -> None:
    lookup = blender.types.WM_OT_doc_view_manual._lookup_rna_url
    for name in dir(blender.ops.cutout):
        section_of(lookup(f"bpy.ops.cutout.{name}", verbose=False))


def test_blenders_own_buttons_keep_blenders_manual(blender: Any) -> None:
    found = blender.types.WM_OT_doc_view_manual._lookup_rna_url("bpy.ops.sequencer.split", verbose=False)
    assert found.startswith("https://docs.blender.org/")


def test_the_button_opens_the_manual(blender: Any, browser: Browser) -> None:
    assert blender.ops.cutout.open_manual() == {"FINISHED"}
    assert [section_of(address) for address in browser.opened] == [""]
