"""One normalisation of texts: how two spellings of one name or one modality meet.

Used by columns and by modalities alike. What does not belong here: what any name means.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_LABEL = 120
"""Longest label kept of a text that nobody knows, in characters."""
MAX_SLUG = 60
"""Longest identifier made of a text, in characters: safe in any file name and path."""
_MAX_READ = 2_000
"""Characters of a text that are looked at; longer texts are distinguished by their hash."""

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ı": "i"})
_MINUS = "\u2212"
_APOSTROPHES = frozenset("'\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032\u0060\u00b4\uff07")


def _is_dash(char: str) -> bool:
    return char == _MINUS or unicodedata.category(char) == "Pd"


def _plain(text: str) -> str:
    """Lower case, no accents; look-alike blanks, dashes, apostrophes made one; no control characters."""
    decomposed = unicodedata.normalize("NFKD", text[:_MAX_READ].translate(_LIGATURES))
    # Folding a case can bring back a combining mark (İ), hence the second decomposition.
    decomposed = unicodedata.normalize("NFKD", decomposed.casefold())
    kept: list[str] = []
    for char in decomposed:
        category = unicodedata.category(char)
        if category.startswith("M") or category in {"Cf", "Cs"}:
            continue
        if char in _APOSTROPHES:
            kept.append("'")
        elif _is_dash(char):
            kept.append("-")
        elif category.startswith("Z") or category == "Cc":
            kept.append(" ")
        else:
            kept.append(char)
    return "".join(kept).strip()


def words(text: str) -> list[str]:
    """The words of a text: lower case, no accents, anything but letters and digits separates.

    A dash that opens the text before a digit is a sign, not a separator: ``-1`` is not ``1``.
    """
    plain = _plain(text)
    if re.match(r"-\s*[0-9]", plain):
        plain = "minus " + plain
    return re.findall(r"[^\W_]+", plain)


def singular(word: str) -> str:
    """A word without its plural mark; both sides of a comparison lose it, so ``prix`` may too."""
    return word[:-1] if len(word) > 2 and word[-1] in "sx" and not word[-2].isdigit() else word


def key(text: str) -> str:
    """What two spellings of one name have in common: no case, accents, separators or plural marks.

    Only between two digits a separator counts: ``2.4`` is not ``24``.
    """
    joined = " ".join(singular(word) for word in words(text))
    return re.sub(r"(?<=[0-9]) (?=[0-9])", "_", joined).replace(" ", "")


def clean(text: str, limit: int = MAX_LABEL) -> str:
    """A text fit to be shown: NFC, one line, no control or invisible characters, at most `limit` long."""
    kept = []
    for char in unicodedata.normalize("NFC", text[: limit * 4]):
        category = unicodedata.category(char)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category in {"Cs", "Co", "Cn"}:
            kept.append("\ufffd")  # unreadable, and must not pass for empty
        elif category != "Cf":
            kept.append(char)
    shown = unicodedata.normalize("NFC", " ".join("".join(kept).split(" "))).strip()
    shown = re.sub(r" {2,}", " ", shown)
    return shown if len(shown) <= limit and len(text) <= limit * 4 else shown[: limit - 1].rstrip() + "…"


def shorten(names: list[str], limit: int) -> str:
    """Names joined by commas, cut off with a count of the rest once `limit` characters are reached."""
    shown: list[str] = []
    length = 0
    for name in names:
        short = clean(name, 60)
        if shown and length + len(short) > limit:
            return f"{', '.join(shown)} … and {len(names) - len(shown)} more"
        shown.append(short)
        length += len(short) + 2
    return ", ".join(shown)


def slug(text: str) -> str:
    """An identifier for a text that nobody knows: ``[a-z0-9_]``, bounded, safe as a file name.

    Texts that differ only in case, accents, blanks, apostrophes or inner dashes share one. Wherever
    shortening to letters and digits loses anything else, a hash is added after ``__`` (which no plain
    slug contains), so two other texts never share one.
    """
    plain = _plain(text)
    spaced = re.sub(r"[\s'_]+|(?<=[^\W_])-(?=[^\W_])", " ", plain)
    spaced = re.sub(r" - ", " ", spaced)
    if re.fullmatch(r"[a-z0-9]+(?: [a-z0-9]+)*", spaced) and len(spaced) <= MAX_SLUG and len(text) <= _MAX_READ:
        return spaced.replace(" ", "_")
    whole = spaced if len(text) <= _MAX_READ else text
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    stem = "_".join(re.findall(r"[a-z0-9]+", spaced))[: MAX_SLUG - 14].rstrip("_") or "modalite"
    return f"{stem}__{digest}"
