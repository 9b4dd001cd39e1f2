"""The page of the store: what it holds, its snapshots, and the way back to an earlier one or to nothing.

Snapshots lie in a folder beside the store's file, so that a rehearsal can be begun again as often as one likes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

from .layout import hidden, text
from .store import SandboxStore, StoreUnusable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,59}")


def folder(store: SandboxStore) -> Path:
    """Where the store's snapshots lie."""
    return Path(f"{store.path}.snapshots")


def body(store: SandboxStore, *, problem: str = "", said: str = "") -> str:
    """The page, with what was just done or why it was not."""
    key = hidden(store.form_key)
    kept = sorted(folder(store).glob("*.sqlite3"), key=lambda file: file.stat().st_mtime, reverse=True)
    lines = "".join(
        f"<tr><td>{text(file.stem)}</td><td>{_moment(file)} UTC</td>"
        f'<td class="number">{file.stat().st_size / 1e6:.1f} MB</td><td><form class="row" method="post" '
        f'action="/sandbox/store/restore">{key}<input type="hidden" name="name" value="{text(file.stem)}">'
        "<button>Restore</button></form></td></tr>"
        for file in kept
    )
    table = f'<div class="scroll card"><table><tbody>{lines}</tbody></table></div>' if lines else "<p>None yet.</p>"
    told = f'<p class="warning">{text(problem)}</p>' if problem else f'<p class="said">{text(said)}</p>' if said else ""
    return (
        f"<h1>Store</h1>{told}"
        f'<p class="faint">Account {text(store.account_id)} in {text(Path(store.path).name)}.</p>'
        "<h2>Snapshots</h2><p>A snapshot keeps boards, items and activity as they are now. Restoring one puts them "
        "back; what came after it is gone.</p>"
        f'<form class="row" method="post" action="/sandbox/store/snapshot">{key}<input type="text" name="name" '
        'aria-label="Name of the snapshot" placeholder="before the push" required><button class="main">Take a snapshot'
        f"</button></form>{table}"
        "<h2>Reset</h2><p>Empties the store for good. It becomes another account, so what was linked to its boards is "
        "not linked any more.</p>"
        f'<form class="row" method="post" action="/sandbox/store/reset">{key}<input type="text" name="word" '
        'aria-label="Type reset" placeholder="type: reset"><button class="danger">Reset</button></form>'
    )


def _moment(file: Path) -> str:
    return f"{dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC):%Y-%m-%d %H:%M}"


def act(store: SandboxStore, action: str, given: Mapping[str, str]) -> str:
    """Does what a form of the page asks; the sentence that says what was done. Raises StoreUnusable with why not."""
    if action == "reset":
        if given.get("word", "").strip().lower() != "reset":
            raise StoreUnusable('Nothing was emptied. Remedy: type the word "reset" to say that you mean it.')
        store.reset()
        return f"The store is empty now. It is account {store.account_id}."
    name = given.get("name", "").strip()
    if not NAME.fullmatch(name):
        raise StoreUnusable("A snapshot's name has 1 to 60 letters, digits, blanks, dots or lines. Remedy: change it.")
    file = folder(store) / f"{name}.sqlite3"
    if action == "snapshot":
        folder(store).mkdir(exist_ok=True)
        store.snapshot(file)
        return f'The snapshot "{name}" is kept.'
    store.restore(file)
    return f'The board is as it was in "{name}".'
