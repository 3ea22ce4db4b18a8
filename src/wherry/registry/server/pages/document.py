"""HTML: everything that is not written here is escaped."""

from __future__ import annotations

import datetime
import html
import time
from collections.abc import Sequence

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; --blue: light-dark(#0b5cad, #7ab8ff); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1.5rem; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: var(--blue); text-decoration: none; } a:hover { text-decoration: underline; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.soft, td.soft { color: var(--soft); }
pre { background: #8881; padding: .6rem .8rem; border-radius: 6px; overflow-x: auto; }
@media (max-width: 40rem) { .wide { display: none; } }
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(value: object) -> str:
    """A value as HTML."""
    return value if isinstance(value, Markup) else html.escape(str(value))


def link(path: str, text: str) -> Markup:
    return Markup(f'<a href="{html.escape(path)}">{html.escape(text)}</a>')


def code(text: str, title: str = "") -> Markup:
    return Markup(f'<code title="{html.escape(title or text)}">{html.escape(text)}</code>')


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns whose name begins with `#` hold numbers, with `~` are left out on a small screen."""
    classes = [{"#": "number", "~": "wide soft"}.get(name[:1], "") for name in columns]
    head = "".join(
        f'<th class="{kind}">{html.escape(name.lstrip("#~"))}</th>'
        for name, kind in zip(columns, classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for cell, kind in zip(row, classes, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def page(title: str, trail: Sequence[tuple[str, str]], body: str, who: str, *, may_log_in: bool) -> str:
    """A whole document; `trail` is (path, text) of the pages above."""
    above = " / ".join([*(link(path, text) for path, text in trail), html.escape(title)])
    account = html.escape(who) if who else (link("/login", "log in") if may_log_in else "")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body><header><h1>{above}</h1><span class="soft">{account}</span></header>{body}</body></html>'
    )


def ago(moment: float) -> Markup:
    """How long ago, with the moment itself for who points at it."""
    if not moment:
        return Markup("")
    passed = max(0.0, time.time() - moment)
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if passed >= seconds:
            count = int(passed // seconds)
            text = f"{count} {unit}{'s' if count != 1 else ''} ago"
            break
    else:
        text = "just now"
    exact = datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")
    return Markup(f'<time datetime="{exact}" title="{exact}">{text}</time>')
