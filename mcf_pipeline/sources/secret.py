"""The key of the portal's API, kept out of everything that the portal says.

A portal, or a proxy before it, may quote our request: in an error, a redirect, the description of the dataset, a
status line. All of that ends in a message, a manifest, the sensor's cursor or Dagster's history, so whatever comes
back goes through here first. What does not belong here: sending the key (`sources.http`).
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator

from mcf_pipeline.errors import SourceError

MASK = "***"
"""Shown in place of the key."""

SHORTEST = 6
"""Characters from which on a key is looked for: a shorter one is part of many words. Portals give some fifty."""


class Secret:
    """Knows the key in the spellings in which software quotes it: escaped, in base64, in hexadecimal.

    Args:
        value: the key, printable ASCII, or None if there is none.
    """

    def __init__(self, value: str | None) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._spellings: tuple[bytes, ...] = ()
        if value is not None and len(value) >= SHORTEST:
            encoded = [re.escape(spelling) for spelling in _encoded(value)]
            # UTF-16 puts a NUL beside each character.
            escaped = b"\0*".join(_escaped(char) for char in value)
            self._pattern = re.compile(b"|".join([*encoded, escaped]), re.IGNORECASE)
            wide = [value.encode("utf-16-le"), value.encode("utf-16-be")]
            self._spellings = (value.encode(), *wide, *_encoded(value))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def hidden(self, body: bytes) -> bytes:
        """A body without the key; JSON stays JSON."""
        return self._pattern.sub(MASK.encode(), body) if self._pattern else body

    def hidden_text(self, text: str) -> str:
        """A text without the key."""
        if not self.is_in(text):
            return text
        return self.hidden(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def is_in(self, text: str) -> bool:
        """Whether a text holds the key."""
        return bool(self._pattern and self._pattern.search(text.encode("utf-8", "surrogatepass")))

    def watched(self, pieces: Iterable[bytes], what: str) -> Iterator[bytes]:
        """The pieces of a download, none of which is given on once the key was seen.

        An export is archived as received, so nothing can be taken out of it. Looked for is what a plain search
        finds: compressed pages of a Parquet file are not opened for it.

        Raises:
            SourceError: they hold the key.
        """
        longest = max(map(len, self._spellings), default=0)
        before = b""
        for piece in pieces:
            seen = before + piece
            if any(spelling in seen for spelling in self._spellings):
                raise SourceError(
                    f"{what} contains the key of MCF_API_KEY: refused, because it would be archived and published; "
                    "inform the publisher, and have the key replaced"
                )
            before = seen[-longest:] if longest else b""
            yield piece

    def scrub(self, error: BaseException) -> None:
        """Take the key out of an error, and drop what the error came from.

        Tracebacks and Dagster's history show the whole chain, in which libraries quote what they could not read.
        """
        error.args = tuple(self.hidden_text(part) if isinstance(part, str) else part for part in error.args)
        if self._pattern:
            error.__cause__ = error.__context__ = None


def _escaped(char: str) -> bytes:
    """One character in any escape of URLs, JSON, Python or HTML."""
    code = ord(char)
    spellings = [
        *(re.escape(text) for text in (char, html.escape(char))),
        *(rf"%{code:02x}", rf"\\u{code:04x}", rf"\\x{code:02x}", f"&#{code};", f"&#x{code:x};"),
    ]
    if char in "\\\"'/":
        spellings.insert(0, re.escape(f"\\{char}"))
    if char == " ":
        spellings.append(r"\+")
    return f"(?:{'|'.join(dict.fromkeys(spellings))})".encode()


def _encoded(value: str) -> list[bytes]:
    """The key as a part of any longer text in base64, and in hexadecimal."""
    key = value.encode()
    found = [key.hex().encode()]
    for before in range(3):
        # The characters that depend on the key alone, whatever comes before and after it.
        start, end = -(-before * 8 // 6), (before + len(key)) * 8 // 6
        for alphabet in (b"+/", b"-_"):
            found.append(base64.b64encode(bytes(before) + key, alphabet)[start:end])
    return list(dict.fromkeys(found))
