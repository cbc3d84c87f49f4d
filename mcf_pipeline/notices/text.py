"""What a notice says: plain text that no mail program, chat or web page can take for markup.

What does not belong here: looking things up (`facts`), and who gets it (`delivery`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.contract.text import clean
from mcf_pipeline.notices.facts import PASSING, Change, Failure, Problem, ReleaseFacts

Kind = Literal["info", "success", "warning", "failure"]
"""As Apprise calls them; many services show one as a colour."""

MOST_NEW = 3
MOST_QUARTERS = 8
MOST_REASONS = 4
LONGEST_LINE = 600

# Full-width twins: people read them, Markdown, HTML and chats do not.
_TWINS = {ord(char): chr(ord(char) + 0xFEE0) for char in "<>[]*|~@#&\\"} | {ord("`"): "'"}
_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]*://", re.IGNORECASE)
"""Left out, so that a stranger's text does not become a link to somewhere."""


def plain(text: object, limit: int = LONGEST_LINE) -> str:
    """Any text as one line without markup, links, mentions or invisible characters."""
    return _SCHEME.sub("", clean(str(text), limit)).translate(_TWINS)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice.

    Attributes:
        kind: how serious it is.
        subject: one line.
        lines: the body.
    """

    kind: Kind
    subject: str
    lines: tuple[str, ...]

    @property
    def body(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)

    def as_dict(self) -> dict[str, Any]:
        """As it is kept until it is delivered."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Writer:
    """Words notices about one data directory.

    Attributes:
        root: the data directory.
        is_synthetic: whether its data is made up, which every notice then says.
        now: the moment that the notices speak of.
        hide: takes secrets out of a text.
    """

    root: Path
    is_synthetic: bool
    now: dt.datetime
    hide: Callable[[str], str] = str

    def release(self, facts: ReleaseFacts, over: Sequence[str] = ()) -> Notice:
        """A release that was taken in.

        Args:
            facts: what there is to say of it.
            over: what was wrong and no longer is.
        """
        release = facts.manifest
        masked = [content.masked for content in release.quarters.values()]
        shown = "" if None in masked else f", {sum(filter(None, masked)):,} of them masked"
        lines = [f"Release {release.release_id}: {release.rows:,} lines{shown}; {len(release.quarters)} quarters."]
        if facts.held:
            lines += [
                "Archived, not applied, because known data changed implausibly; the published figures do not change.",
                *_some(facts.held, MOST_REASONS),
                f"If the publisher intended this: {self._typed('run')} --accept-release {release.release_id}",
            ]
            return self._notice("warning", f"release {release.release_id} is held", lines)
        new, revised, gone = (_of(facts.changes, nature) for nature in ("ajout", "revision", "disparition"))
        lines += self._changes(facts, new, revised, gone)
        rejected = sum(facts.rejected.values())
        by_rule = ", ".join(f"{rule} {count:,}" for rule, count in list(facts.rejected.items())[:MOST_REASONS])
        lines.append(f"Rejected: {rejected:,} {_lines(rejected)}{f' ({by_rule})' if by_rule else ''}.")
        if release.unreadable_rows:
            lines.append(f"Without a readable quarter: {release.unreadable_rows:,} {_lines(release.unreadable_rows)}.")
        lines += _some([_broken(*entry) for entry in facts.broken], MOST_REASONS)
        if facts.unknown:
            names = [f"{dimension} “{plain(text, 40)}”" for dimension, text in facts.unknown]
            lines.append(f"Unknown modalities, kept apart: {'; '.join(_some(names, MOST_REASONS))}.")
        lines += _some([f"Refused: {reason}" for reason in facts.refused.values()], MOST_REASONS)
        lines += [f"Resolved: {what}" for what in over]
        lines.append(f"Next: {self._typed('status')}")
        parts = [f"{len(new)} new", f"{len(revised)} revised"]
        parts += [f"{len(gone)} vanished"] if gone else []
        parts += [f"{len(facts.refused)} refused"] if facts.refused else []
        kind: Kind = "warning" if facts.refused or gone else "info"
        return self._notice(kind, f"release {release.release_id}: {', '.join(parts)}", lines)

    def _changes(
        self, facts: ReleaseFacts, new: Sequence[Change], revised: Sequence[Change], gone: Sequence[Change]
    ) -> list[str]:
        if facts.same_as:
            return [f"Same figures as release {facts.same_as}."]
        lines = []
        if facts.newest and facts.newest != facts.manifest.release_id:
            lines.append(f"Added to the history: release {facts.newest} is newer and stays the current one.")
        if new:
            said = [f"{c.quarter} ({c.dossiers:,} dossiers, {_euros(c.amount)})" for c in new[-MOST_NEW:]]
            if len(new) > MOST_NEW:
                said.insert(0, f"{len(new) - MOST_NEW} quarters from {new[0].quarter}")
            lines.append(f"New: {'; '.join(said)}.")
        if revised:
            said = [f"{c.quarter} {c.dossiers:+,} dossiers, {_euros(c.amount, '+')}" for c in revised]
            lines.append(f"Revised: {'; '.join(_some(said, MOST_QUARTERS))}.")
        if len(revised) > 1:
            dossiers, amount = sum(c.dossiers for c in revised), sum((c.amount for c in revised), Decimal(0))
            lines.append(f"Revised in all: {dossiers:+,} dossiers, {_euros(amount, '+')}.")
        if revised:
            lines.append("These are visible figures: what the source masks or unmasks moves them too.")
        if gone:
            lines.append(f"Vanished: {'; '.join(_some([c.quarter for c in gone], MOST_QUARTERS))}.")
        if not lines:
            lines.append("It changes no figure.")
        return lines

    def failure(self, failure: Failure, since: dt.datetime | None = None) -> Notice:
        """A run, or a look at the source, that failed.

        Args:
            failure: what failed.
            since: the first time, where this is reported later than that.
        """
        code = "" if failure.exit_code is None else f" (exit {failure.exit_code})"
        lines = [f"{failure.kind}: {failure.message}" if failure.exit_code == 1 else failure.message]
        if since:
            lines.append(f"Failing since {_moment(since)}.")
        lines += [
            "The published figures do not change. This is reported once, however many retries follow.",
            f"Next: {self._typed('status')}; docs/operation.md, “When something is red”",
        ]
        what = f"a run failed{code}"
        if since:
            what = "the source cannot be reached" if failure.kind in PASSING else "checking for a release fails"
        return self._notice("failure", what, lines)

    def problems(self, found: Sequence[Problem]) -> Notice:
        """What is wrong with the data directory, though no run failed."""
        lines = [*_some([problem.what for problem in found], MOST_REASONS), f"Next: {self._typed('status')}"]
        return self._notice("warning", f"{len(found)} to look at: {plain(found[0].what, 60)}", lines)

    def over(self, what: Sequence[str]) -> Notice:
        """What was wrong, was reported, and is so no longer."""
        return self._notice("success", "works again", [f"Resolved: {line}" for line in what])

    def test(self) -> Notice:
        """What `mcf-pipeline notify --test` sends."""
        return self._notice("info", "a test", ["Notices of this data directory reach you."])

    def _typed(self, command: str) -> str:
        return f"mcf-pipeline {command} --data-dir {self.root}"

    def _notice(self, kind: Kind, subject: str, lines: Iterable[str]) -> Notice:
        warning = ["SYNTHETIC data: it says nothing about the real world."] if self.is_synthetic else []
        last = f"{_moment(self.now)}, {self.root}"
        name = "mcf_pipeline, SYNTHETIC" if self.is_synthetic else "mcf_pipeline"
        body = tuple(plain(self.hide(line)) for line in (*warning, *lines, last))
        return Notice(kind, plain(self.hide(f"{name}: {subject}"), 150), body)


def _of(changes: Iterable[Change], nature: str) -> list[Change]:
    return [change for change in changes if change.nature == nature]


def _broken(rule: str, broken: int, judged: int) -> str:
    found = RULES[rule]
    threshold = f" ({found.threshold})" if found.threshold else ""
    return f"Still used: {broken:,} of {judged:,} lines. {found.meaning.rstrip('.')}{threshold} ({rule})."


def _some(said: Sequence[str], most: int) -> list[str]:
    """The first few, and how many more there are."""
    return [*said[:most], *([f"and {len(said) - most} more"] if len(said) > most else [])]


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"


def _euros(amount: Decimal, sign: str = "") -> str:
    return f"{amount:{sign},.2f} €"


def _moment(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
