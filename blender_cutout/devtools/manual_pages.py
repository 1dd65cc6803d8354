"""Turns the artist's documentation into pages for a browser, which the zip holds: F1 works without a network.

Standard library only, as all of `install.py build`; it knows the Markdown that those documents use, and no more.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

PAGES = ("manual", "tutorial", "limits")
_LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s]+)\)")
_MARKS = (
    (re.compile(r"\*\*(.+?)\*\*", re.DOTALL), r"<b>\1</b>"),
    (re.compile(r"\*(.+?)\*", re.DOTALL), r"<i>\1</i>"),
)
_STYLE = (
    "body{max-width:46em;margin:2em auto;padding:0 1em;font:16px/1.5 sans-serif;background:#fff;color:#222}"
    "img{max-width:100%}code{background:#eee}pre{background:#eee;padding:.6em}"
)


def pages(docs: Path) -> Iterator[tuple[str, bytes]]:
    """Yields (name, contents) of the pages and their pictures. Raises OSError if a document or picture is missing."""
    pictures = set()
    for name in PAGES:
        text = (docs / f"{name}.md").read_text(encoding="utf-8")
        pictures |= {target for image, _, target in _LINK.findall(text) if image}
        yield f"{name}.html", page(text).encode()
    for picture in sorted(pictures):
        yield picture, (docs / picture).read_bytes()


def page(text: str) -> str:
    """Returns a Markdown document as a page."""
    title = html.escape(text.partition("\n")[0].lstrip("# "))
    body = "\n".join(_blocks(text))
    return f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{_STYLE}</style>\n{body}\n'


def anchor(heading: str) -> str:
    """Returns the name of a heading in links, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")


def _blocks(text: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text.strip()):
        first = block.lstrip()
        if first.startswith("#"):
            level, _, heading = first.partition(" ")
            yield f'<h{len(level)} id="{anchor(heading)}">{_inline(heading)}</h{len(level)}>'
        elif first.startswith("* "):
            items = re.split(r"\n?^\s*\* ", block, flags=re.MULTILINE)[1:]
            yield "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
        else:
            yield from _with_list(block)


def _with_list(block: str) -> Iterator[str]:
    """Yields a paragraph, and the list that follows without a blank line."""
    paragraph, *items = re.split(r"\n\s*\* ", block)
    yield f"<p>{_inline(paragraph)}</p>"
    if items:
        yield "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"


def _inline(text: str) -> str:
    """Returns a paragraph's text with its marks as tags; what is code stays as it is."""
    parts = re.split(r"`([^`]+)`", text)
    for at, part in enumerate(parts):
        shown = html.escape(part, quote=False)
        if at % 2:
            parts[at] = f"<code>{shown}</code>"
            continue
        for mark, tag in _MARKS:
            shown = mark.sub(tag, shown)
        parts[at] = shown
    return _LINK.sub(_link, "".join(parts))


def _link(found: re.Match[str]) -> str:
    """Returns a picture, a link to another of the pages, or the bare text of a link that leads elsewhere."""
    image, text, target = found.groups()
    if image:
        return f'<img src="{target}" alt="{re.sub("<.*?>", "", text)}">'
    file, _, section = target.partition("#")
    stem, end = posixpath.splitext(file)
    if file and (end != ".md" or stem not in PAGES):
        return text
    return f'<a href="{f"{stem}.html" if file else ""}{"#" + section if section else ""}">{text}</a>'
