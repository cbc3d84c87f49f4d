"""Where the fields and records of a text end, quotes considered; found by NumPy, for the whole piece at once.

What does not belong here: what of it is refused (`reading.dialect`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

QUOTE, LF, CR = b'"\n\r'


@dataclass(frozen=True, slots=True)
class Index:
    """Where the fields and records of a piece of text end; offsets count from the piece's first byte.

    Attributes:
        field_ends: of each delimiter and record end outside quotes; for CRLF the LF.
        record_ends: which of `field_ends` end a record, as positions in it.
        before_lf: of each CR that belongs to a CRLF outside quotes.
        lone_cr: of each CR that ends a record by itself.
        quotes: how many quotes there are.
        quoted_fields: how many fields start with a quote.
        stray: offset of the first quote that neither opens nor closes a field nor doubles another, or None.
        open: whether the piece ends inside quotes.
        inner_line_ends: of each line end inside quotes; for CRLF the LF.
        inner_delimiters: of each delimiter inside quotes.
    """

    field_ends: npt.NDArray[np.int64]
    record_ends: npt.NDArray[np.int64]
    before_lf: npt.NDArray[np.int64]
    lone_cr: npt.NDArray[np.int64]
    quotes: int
    quoted_fields: int
    stray: int | None
    open: bool
    inner_line_ends: npt.NDArray[np.int64]
    inner_delimiters: npt.NDArray[np.int64]


def index(text: bytes, delimiter: str, *, before: int = LF, after: int | None = None, quoted: bool = False) -> Index:
    """Find the fields and records of a piece of text, quotes considered.

    Args:
        text: UTF-8; none of the bytes looked for occurs inside a longer character.
        delimiter: one ASCII character.
        before: the byte before the piece; a line end at the start of a file.
        after: the byte after it, or None at the end of a file.
        quoted: whether the piece starts inside quotes.
    """
    import numpy as np

    # At the end of a file a quote may close and a CR stands alone, as before a delimiter.
    beyond = ord(delimiter) if after is None else after
    padded = np.frombuffer(bytes((before,)) + text + bytes((beyond,)), dtype=np.uint8)
    # Four comparisons are five times faster than a look-up in a table of 256.
    boundary = (padded == ord(delimiter)) | (padded == QUOTE) | (padded == LF) | (padded == CR)
    at = np.flatnonzero(boundary[1:-1])
    byte, following = padded[at + 1], padded[at + 2]
    is_quote = byte == QUOTE
    quotes = int(np.count_nonzero(is_quote))
    quoted_fields, stray, still_open = 0, None, quoted
    inner_line_ends = inner_delimiters = at[:0]
    if quotes:
        # An odd number of quotes so far means inside; a doubled quote leaves and enters again.
        # (Counted in a byte, which overflows without harm to odd and even.)
        inside = ((np.cumsum(is_quote, dtype=np.uint8) & 1) ^ quoted).astype(np.bool_)
        preceding = padded[at]
        opens, closes = is_quote & inside, is_quote & ~inside
        quoted_fields = int(np.count_nonzero(opens & (preceding != QUOTE)))
        wrong = np.flatnonzero((opens & ~boundary[at]) | (closes & ~boundary[at + 2]))
        stray = int(at[wrong[0]]) if wrong.size else None
        still_open = bool(inside[-1])
        within = np.flatnonzero(~is_quote & inside)
        outside = ~is_quote & ~inside
    else:
        within, outside = (np.arange(at.size), np.zeros(at.size, np.bool_)) if quoted else (at[:0], None)
    if within.size:
        is_delimiter = byte[within] == ord(delimiter)
        is_line_end = ~is_delimiter & ((byte[within] == LF) | (following[within] != LF))
        inner_line_ends = at[within[is_line_end]]
        inner_delimiters = at[within[is_delimiter]]
    if outside is not None:
        at, byte, following = at[outside], byte[outside], following[outside]
    cr = byte == CR
    before_lf = cr & (following == LF)
    ends_field = ~before_lf
    return Index(
        field_ends=at[ends_field],
        record_ends=np.flatnonzero((byte != ord(delimiter))[ends_field]),
        before_lf=at[before_lf],
        lone_cr=at[cr & ~before_lf],
        quotes=quotes,
        quoted_fields=quoted_fields,
        stray=stray,
        open=still_open,
        inner_line_ends=inner_line_ends,
        inner_delimiters=inner_delimiters,
    )
