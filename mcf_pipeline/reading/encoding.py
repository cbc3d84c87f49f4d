"""From the bytes of an export to UTF-8: what the body is at all, and in which encoding it is written.

What does not belong here: delimiters, quotes and records (`reading.records`).

Every file is read in large chunks and never held whole: an export may be as large as the limits allow.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from mcf_pipeline.errors import ContractError

CHUNK = 1024 * 1024
"""Bytes read at once: large enough for speed, small enough for the processor's cache."""

EncodingName = Literal["UTF-8", "UTF-16-LE", "UTF-16-BE", "Windows-1252"]

_SIGNATURES = (
    (b"PAR1", "Parquet"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\xd0\xcf\x11\xe0", "old Excel"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x7fELF", "a program"),
)
_HTML = re.compile(rb"<(!doctype\s+html|html|head|body|title|script|h1|p|div)\b", re.IGNORECASE)
_XML = re.compile(rb"<(\?xml|!--|[a-z][\w:.-]*[\s/>])", re.IGNORECASE)
_JSON = re.compile(rb"[\[{]\s*([\"\[{\]}]|-?\d|true|false|null)")
_TEXT_CONTROLS = b"\t\n\r"
_CONTROLS = bytes(c for c in range(32) if c not in _TEXT_CONTROLS) + b"\x7f"
_CP1252_CONTROLS = _CONTROLS + b"\x81\x8d\x8f\x90\x9d"  # the last five mean nothing in Windows-1252


def looks_like(head: bytes) -> str | None:
    """Name what a body is instead of a CSV export, from its first bytes (a few KB).

    Portals answer with an error page, a JSON error or a login form, and status 200.

    Returns:
        ``HTML``, ``JSON``, ``PDF``, ``ZIP``, ``gzip``, ``Parquet``…, or None where it may well be a CSV.
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) & ~1].decode("utf-16", "ignore").encode("utf-8", "ignore")
    while head.startswith(codecs.BOM_UTF8):
        head = head[3:]
    text = head.lstrip()
    if _HTML.match(text) or (_XML.match(text) and b"<html" in text.lower()):
        return "HTML"
    if _XML.match(text):
        return "XML"
    if _JSON.match(text):
        return "JSON"
    # A CSV with a stray control character is judged by the rules of encoding, which name the line.
    if len(head) - len(head.translate(None, _CONTROLS)) > max(8, len(head) // 10):
        return "binary data"
    return None


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the text of a file is written.

    Attributes:
        name: the encoding.
        boms: byte-order marks at the start; two where a tool put its own before the portal's.
        skip: bytes that they take.
    """

    name: EncodingName
    boms: int
    skip: int

    @property
    def codec(self) -> str:
        """Python's name of it."""
        return "cp1252" if self.name == "Windows-1252" else self.name.lower()


def detect(path: Path) -> Encoding:
    """Decide the encoding by rules, not by likelihood, having read the whole file.

    UTF-16 says so by its mark. Whatever is valid UTF-8 is UTF-8. The rest is Windows-1252 (which Latin-1 text
    is, too) where it has no control character; a UTF-8 file with a damaged byte is refused rather than read
    as Windows-1252, for then every accent of it would silently turn into two other characters.

    Raises:
        ContractError: `octet_nul`, `export_tronque` (cut within a character) or `encodage_illisible`.
    """
    encoding = _from_mark(path)
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    line_ends = 0
    try:
        for chunk, final in _chunks(path, encoding.skip):
            text = decoder.decode(chunk, final)
            nul = text.find("\0")
            if nul >= 0:
                line = 1 + line_ends + _line_ends(text[:nul])
                raise ContractError(
                    f"{path.name}, line {line}: a NUL byte, which text must not contain; download the export again",
                    rule="octet_nul",
                )
            line_ends += _line_ends(text)
    except UnicodeDecodeError as error:
        # Only a sequence left open by the last byte is reported in the final call with such a reason.
        if error.reason in ("unexpected end of data", "truncated data") and _is_tail(path, error):
            raise ContractError(
                f"{path.name} ends in the middle of a character: the export is truncated; download it again",
                rule="export_tronque",
            ) from error
        if encoding.name == "UTF-8" and encoding.boms == 0:
            _require_windows_1252(path)
            return Encoding("Windows-1252", 0, 0)
        raise _unreadable(path, encoding.name, 1 + line_ends) from error
    return encoding


@contextmanager
def opened(path: Path, encoding: Encoding) -> Iterator[TextIO]:
    """The text of a file without byte-order mark, its line ends as they are."""
    with path.open("rb") as file:
        file.seek(encoding.skip)
        with io.TextIOWrapper(file, encoding.codec, newline="") as text:
            yield text


def _from_mark(path: Path) -> Encoding:
    with path.open("rb") as file:
        head = file.read(64)
    marks: tuple[tuple[EncodingName, bytes], ...] = (
        ("UTF-8", codecs.BOM_UTF8),
        ("UTF-16-LE", codecs.BOM_UTF16_LE),
        ("UTF-16-BE", codecs.BOM_UTF16_BE),
    )
    for name, mark in marks:
        boms = 0
        while head.startswith(mark, boms * len(mark)):
            boms += 1
        if boms:
            return Encoding(name, boms, boms * len(mark))
    return Encoding("UTF-8", 0, 0)


def _chunks(path: Path, skip: int) -> Iterator[tuple[bytes, bool]]:
    """Each chunk of a file, and whether it is the last."""
    with path.open("rb") as file:
        file.seek(skip)
        chunk = file.read(CHUNK)
        while chunk:
            following = file.read(CHUNK)
            yield chunk, not following
            chunk = following


def _line_ends(text: str) -> int:
    return max(text.count("\n"), text.count("\r"))


def _is_tail(path: Path, error: UnicodeDecodeError) -> bool:
    """Whether what could not be decoded is the very end of the file, and not of a chunk."""
    tail = error.object[error.start :]
    with path.open("rb") as file:
        file.seek(-len(tail), 2)
        return file.read() == tail and len(tail) < 4


def _require_windows_1252(path: Path) -> None:
    """Refuse what is neither UTF-8 nor Windows-1252, naming the line of the first byte in the way."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    line_ends = sequences = invalid = 0
    for chunk, final in _chunks(path, 0):
        if b"\0" in chunk:
            line = 1 + line_ends + _line_ends(chunk[: chunk.find(b"\0")].decode("latin-1"))
            raise ContractError(
                f"{path.name}, line {line}: a NUL byte, which text must not contain; download the export again",
                rule="octet_nul",
            )
        found = re.search(b"[" + re.escape(_CP1252_CONTROLS) + b"]", chunk)
        if found:
            line = 1 + line_ends + _line_ends(chunk[: found.start()].decode("latin-1"))
            raise _unreadable(path, "UTF-8 or Windows-1252", line)
        text = decoder.decode(chunk, final)
        replaced = text.count("\ufffd")
        invalid += replaced
        sequences += len(text) - len(text.encode("ascii", "ignore")) - replaced
        line_ends += _line_ends(text)
    # "É" before a no-break space happens to be valid UTF-8: a few such pairs do not make a file UTF-8.
    if sequences > invalid:
        raise ContractError(
            f"{path.name} is UTF-8 with {invalid} damaged character(s); download the export again",
            rule="encodage_illisible",
        )


def _unreadable(path: Path, names: str, line: int) -> ContractError:
    return ContractError(
        f"{path.name}, line {line}: bytes that are not {names}; save the export as UTF-8",
        rule="encodage_illisible",
    )
