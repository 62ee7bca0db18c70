"""Pieces of HTML for what stays in a saved notebook: no script, no link, styles inline, text escaped.

Functions take plain text and numbers, escape them, and return markup; only those whose argument is
called `markup` or `parts` take markup.
"""

import html
from collections.abc import Iterable, Sequence

TEXT_STYLE = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"
CELL_STYLE = "border-bottom:1px solid #8a8a8a;padding:2px 8px;vertical-align:top"
NUMBER_STYLE = f"{CELL_STYLE};text-align:right;font-variant-numeric:tabular-nums"


def escaped(text) -> str:
    """Any value as text in which no character means markup; quotes too, so it fits into attributes."""
    return html.escape(str(text), quote=True)


def heading(text) -> str:
    """A heading of a part."""
    return f'<p style="font-weight:600;margin:8px 0 2px">{escaped(text)}</p>'


def paragraph(text) -> str:
    """A paragraph; line breaks stay."""
    return f'<p style="margin:2px 0;white-space:pre-wrap">{escaped(text)}</p>'


def preformatted(text) -> str:
    """Text in a fixed width, as it is."""
    return f'<pre style="white-space:pre-wrap;margin:4px 0">{escaped(text)}</pre>'


def state_badge(sign: str, word: str) -> str:
    """The state of a panel, as a sign and a word."""
    style = "border:1px solid currentColor;border-radius:3px;padding:1px 8px"
    return f'<span style="{style}">{escaped(sign)} {escaped(word)}</span>'


def table(titles: Sequence, rows: Iterable[Sequence], caption: str = "") -> str:
    """A table; numbers stand to the right, None is an empty cell."""
    head = "".join(
        f'<th scope="col" style="{CELL_STYLE};text-align:left">{escaped(t)}</th>' for t in titles
    )
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    style = "border-collapse:collapse;margin:4px 0"
    told = f'<caption style="text-align:left">{escaped(caption)}</caption>' if caption else ""
    return (
        f'<table style="{style}">{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def cell(value) -> str:
    """One cell of a table: numbers in at most four digits behind the point."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    style = NUMBER_STYLE if is_number else CELL_STYLE
    return f'<td style="{style}">{escaped(shown(value))}</td>'


def shown(value) -> str:
    """A value as a reader wants it: 0.0001234 stays, 12345.678 is 12,345.7, None is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def static_copy(uid: str, parts: Iterable[str]) -> str:
    """The second output of a panel, which the live panel `uid` hides."""
    return f'<div data-ke-static="{escaped(uid)}" style="{TEXT_STYLE}">{"".join(parts)}</div>'


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page that needs nothing else."""
    style = (
        ":root{color-scheme:light dark}body{max-width:1100px;margin:24px auto;padding:0 16px;"
        "font-family:system-ui,sans-serif;font-size:14px;line-height:1.45}img{max-width:100%}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
        f"<style>{style}</style></head><body><main><h1>{escaped(title)}</h1>{''.join(parts)}"
        "</main></body></html>\n"
    )
