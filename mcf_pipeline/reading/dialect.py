r"""From UTF-8 bytes to whole records: delimiter, quotes, line ends, and a count that owes DuckDB nothing.

What does not belong here: encodings (`reading.encoding`), what columns mean (`contract.recognition`).

DuckDB 2.0's CSV reader cannot be left alone with a file that may be damaged. Seen with strict mode on, every
option given and sniffing off:

* ``new_line='\r\n'`` returns no row at all, of any file; without `new_line`, mixed line ends stop it, and a
  CR or LF inside a quoted column name makes it lose every row;
* with ``parallel=false`` an unterminated quote swallows what follows, without an error;
* empty lines vanish between records, and with them the number of every later line;
* blanks between a closing quote and the delimiter vanish; a lone quote inside a field is taken literally.

So each export is first rewritten, in one pass, into the one dialect that it reads faithfully (UTF-8, LF,
fields quoted after RFC 4180 or not at all), and on the way every record is counted and must have the header's
number of fields. `reading.fields` finds delimiters, quotes and line ends: 0.15 s for 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading.fields import CR, LF, Index, index
from mcf_pipeline.settings import Limits

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DELIMITERS = (";", ",", "\t", "|")
"""In order of preference, Opendatasoft's default first."""

HEAD = 1024 * 1024
"""Bytes from which the delimiter is decided; the header must end within them."""

_DOUBTLESS = 4
"""Delimiters from which on a text does not hold as many as a record by chance; the dataset has at least nine."""

LineEnd = Literal["LF", "CRLF", "CR", "mixed"]


@dataclass(frozen=True, slots=True)
class Header:
    """The first record.

    Attributes:
        delimiter: the one that cuts it into columns.
        names: as received, without quotes.
    """

    delimiter: str
    names: tuple[str, ...]


def read_header(head: bytes, *, whole: bool, file: str) -> Header:
    """Decide the delimiter and read the column names.

    The delimiter is the one that gives every record of `head` as many fields as the header, and the most.

    Args:
        head: the first bytes, up to `HEAD`.
        whole: whether they are the whole file.
        file: its name, for messages.

    Raises:
        ContractError: `pas_un_export`, `export_vide`, `export_tronque`, `ligne_irreguliere` or
            `limite_depassee`.
    """
    import numpy as np

    if whole:
        head += b"\n"  # a header cut off is a header without lines; after a line end, a blank line more
    best: tuple[bool, int] = (False, 0)
    chosen, chosen_index = DELIMITERS[0], None
    for delimiter in DELIMITERS:
        found = index(head, delimiter)
        if found.record_ends.size == 0:
            continue
        columns = int(found.record_ends[0]) + 1
        fields = np.diff(found.record_ends)
        # Blank lines have one field; where they lie is the copier's matter.
        even = columns > 1 and found.stray is None and bool(((fields == columns) | (fields == 1)).all())
        if (even, columns) > best:
            best, chosen, chosen_index = (even, columns), delimiter, found
    if chosen_index is None:
        if whole:
            raise _unterminated(file, 1)
        raise ContractError(
            f"{file}: no end of the header within {HEAD:,} bytes; ask for the export again",
            rule="limite_depassee",
        )
    ends = chosen_index.field_ends[: best[1]].tolist()
    if chosen_index.stray is not None and chosen_index.stray < ends[-1]:
        raise _stray(file, 1)
    if best[1] == 1:
        raise ContractError(
            f"{file} has a single column: it is no export of the dataset, or its columns are separated by "
            "something other than ; , tab or |",
            rule="pas_un_export",
        )
    starts = [0, *(end + 1 for end in ends[:-1])]
    names = (head[start:end] for start, end in zip(starts, ends, strict=True))
    return Header(chosen, tuple(_unquote(name.removesuffix(b"\r")) for name in names))


@dataclass(slots=True)
class Records:
    """What the pass over all records found.

    Attributes:
        count: records, the header included.
        content_bytes: of all fields together, the header's included, once unquoted.
        longest: bytes of the longest record.
        line_ends: how many records end with each.
        quotes: how many quotes the file holds.
        final_line_end: whether the last record has one.
    """

    count: int = 0
    content_bytes: int = 0
    longest: int = 0
    line_ends: dict[LineEnd, int] | None = None
    quotes: int = 0
    final_line_end: bool = True

    @property
    def line_end(self) -> LineEnd:
        """The one line end of the file, or ``mixed``."""
        used = [name for name, times in (self.line_ends or {}).items() if times]
        return used[0] if len(used) == 1 else "mixed"


class Copier:
    """Copies an export into the dialect that DuckDB reads faithfully, and checks each record.

    The text is the same, only the line ends between records become LF. Blank lines at the end of the file are
    accepted; elsewhere they are records with too few fields.
    """

    def __init__(self, header: Header, limits: Limits, file: str) -> None:
        self._delimiter = header.delimiter
        self._columns = len(header.names)
        self._limits = limits
        self._file = file
        self._quoted = False
        self._fields = 0  # of the record under way, ended
        self._field_bytes = 0  # of the field under way
        self._record_bytes = 0
        self._before = LF
        self._seen = 0  # records ended, blank ones included
        # Line ends and delimiters inside the quoted field under way, counted back from the next piece.
        self._inner: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
        self._odd: tuple[int, int] | None = None  # a blank or short record that must turn out to be the last
        self._quoted_fields = 0
        self._overhead = 0  # delimiters and line ends
        self._bytes = 0
        self.records = Records(line_ends={"LF": 0, "CRLF": 0, "CR": 0})

    def copy(self, chunks: Iterator[bytes], out: BinaryIO) -> Records:
        """Copy everything.

        Raises:
            ContractError: `ligne_irreguliere`, `export_tronque` or `limite_depassee`, with the line.
        """
        held = b""
        for chunk in chunks:
            # The last byte waits for the next chunk, so that no CRLF and no doubled quote is cut in two.
            piece = held + chunk
            held = piece[-1:]
            if len(piece) > 1:
                self._take(piece[:-1], held[0], out)
        if held:
            self._take(held, None, out)
        self._finish(out)
        return self.records

    def _take(self, text: bytes, after: int | None, out: BinaryIO) -> None:
        import numpy as np

        found = index(text, self._delimiter, before=self._before, after=after, quoted=self._quoted)
        ends, record_ends = found.field_ends, found.record_ends
        if found.stray is not None:
            ended = int(np.count_nonzero(ends[record_ends] < found.stray))
            raise _stray(self._file, self._seen + ended + 1)
        if found.inner_line_ends.size or found.inner_delimiters.size or self._inner is not None:
            self._check_inner(found, len(text))

        # Bytes of each field that ends here, as written (quotes included, the CR of a CRLF not).
        lengths = np.diff(ends, prepend=-1) - 1
        after_cr = np.searchsorted(ends, found.before_lf + 1)
        after_cr = after_cr[after_cr < ends.size]
        lengths[after_cr] -= 1
        if ends.size:
            lengths[0] += self._field_bytes
            if self._before == CR and ends[0] == 0 and text[0] == LF:
                lengths[0] -= 1
            self._check_lengths(lengths, record_ends)
        fields = np.diff(record_ends, prepend=-1)
        if fields.size:
            fields[0] += self._fields
            self._check_fields(fields, blank=(fields == 1) & (lengths[record_ends] == 0))
            sizes = np.diff(ends[record_ends], prepend=-1)
            sizes[0] += self._record_bytes
            self.records.longest = max(self.records.longest, int(sizes.max()))
            self._fields = int(ends.size - 1 - record_ends[-1])
            self._record_bytes = len(text) - 1 - int(ends[record_ends[-1]])
        else:
            self._fields += int(ends.size)
            self._record_bytes += len(text)
        self._field_bytes = len(text) - 1 - int(ends[-1]) if ends.size else self._field_bytes + len(text)
        # Not only at its end, which may be a file away where a quote is not closed; a last CR may be its line end's.
        self._check_lengths(np.array([self._field_bytes - (text[-1] == CR)]), np.array([], dtype=np.int64))

        assert self.records.line_ends is not None
        crlf, cr = int(found.before_lf.size), int(found.lone_cr.size)
        self.records.line_ends["CRLF"] += crlf
        self.records.line_ends["CR"] += cr
        self.records.line_ends["LF"] += int(record_ends.size) - crlf - cr
        self._overhead += int(ends.size) + crlf
        self._quoted_fields += found.quoted_fields
        self.records.quotes += found.quotes
        self._bytes += len(text)
        self._quoted = found.open
        self._before = text[-1]

        if crlf or cr:
            rewritten = np.frombuffer(text, dtype=np.uint8).copy()
            rewritten[found.lone_cr] = LF
            out.write(np.delete(rewritten, found.before_lf).tobytes())
        else:
            out.write(text)

    def _check_inner(self, found: Index, size: int) -> None:
        """Refuse a quoted field that holds whole records: a quote was not closed where it should, but later.

        Where a later one closes it in the same column, all that is left is a file as it should be, with fewer
        records. Inside such a field there are as many delimiters as its line ends cut off, or between two of
        these as many as in a record; no text of one cell has that by chance.
        """
        import numpy as np

        ends, delimiters, lines = found.field_ends, found.inner_delimiters, found.inner_line_ends
        if self._inner is not None:
            lines, delimiters = np.concatenate((self._inner[0], lines)), np.concatenate((self._inner[1], delimiters))
        fields = np.searchsorted(ends, lines)
        per_record = self._columns - 1
        if per_record >= _DOUBTLESS and lines.size:
            between = np.diff(np.searchsorted(delimiters, lines)) == per_record
            suspects = fields[1:][between & (np.diff(fields) == 0)]
            which, line_ends = np.unique(fields[fields < ends.size], return_counts=True)
            inside = np.bincount(np.searchsorted(ends, delimiters), minlength=ends.size + 1)[which]
            suspects = np.append(suspects, which[inside == line_ends * per_record])
            if suspects.size:
                line = self._seen + int(np.count_nonzero(found.record_ends < suspects.min())) + 1
                raise ContractError(
                    f"{self._file}, line {line}: a quoted field that holds whole lines: a quote is not closed where "
                    "it should be; ask for the export again",
                    rule="ligne_irreguliere",
                )
        if ends.size:
            lines, delimiters = lines[lines > ends[-1]], delimiters[delimiters > ends[-1]]
        self._inner = (lines - size, delimiters - size) if lines.size or delimiters.size else None

    def _check_lengths(self, lengths: npt.NDArray[np.int64], record_ends: npt.NDArray[np.int64]) -> None:
        if int(lengths.max()) <= self._limits.max_field_bytes:
            return
        import numpy as np

        first = int(np.flatnonzero(lengths > self._limits.max_field_bytes)[0])
        line = self._seen + int(np.count_nonzero(record_ends < first)) + 1
        raise ContractError(
            f"{self._file}, line {line}: a field of {int(lengths[first]):,} bytes, at most "
            f"{self._limits.max_field_bytes:,} are accepted (MCF_LIMIT_MAX_FIELD_BYTES)",
            rule="limite_depassee",
        )

    def _check_fields(self, fields: npt.NDArray[np.int64], blank: npt.NDArray[np.bool_]) -> None:
        """Take in the field counts of records that ended; a short or blank one may only be the last."""
        import numpy as np

        odd = np.flatnonzero(blank | (fields != self._columns))
        full = np.flatnonzero(~blank)
        if self._odd is not None and full.size:
            raise self._irregular(*self._odd)
        if self._odd is None and odd.size:
            first = int(odd[0])
            number, count = self._seen + first + 1, 0 if blank[first] else int(fields[first])
            if count > self._columns or (full.size and full[-1] > first):
                raise self._irregular(number, count)
            self._odd = (number, count)
        self._seen += int(fields.size)
        self.records.count += int(full.size)

    def _finish(self, out: BinaryIO) -> None:
        import numpy as np

        if self._quoted:
            raise _unterminated(self._file, self._seen + 1)
        if self._record_bytes:
            self.records.final_line_end = False
            self._check_lengths(np.array([self._field_bytes]), np.array([], dtype=np.int64))
            self._check_fields(np.array([self._fields + 1]), np.array([False]))
            self.records.longest = max(self.records.longest, self._record_bytes)
            out.write(b"\n")
        if self._odd is not None and self._odd[1]:
            line, count = self._odd
            raise ContractError(
                f"{self._file}, line {line}: the last record has {count} field(s), the header "
                f"{self._columns}: the export is cut; ask for it again",
                rule="export_tronque",
            )
        doubled = (self.records.quotes - 2 * self._quoted_fields) // 2
        self.records.content_bytes = self._bytes - self._overhead - self.records.quotes + doubled

    def _irregular(self, line: int, count: int) -> ContractError:
        what = f"{count} field(s)" if count else "an empty line"
        return ContractError(
            f"{self._file}, line {line}: {what} where the header has {self._columns} columns; ask for the export again",
            rule="ligne_irreguliere",
        )


def _unquote(field: bytes) -> str:
    if field.startswith(b'"'):
        field = field[1:-1].replace(b'""', b'"')
    return field.decode("utf-8")


def _unterminated(file: str, line: int) -> ContractError:
    return ContractError(
        f"{file}, line {line}: a quote that is never closed: the export is cut or damaged; ask for it again",
        rule="export_tronque",
    )


def _stray(file: str, line: int) -> ContractError:
    return ContractError(
        f'{file}, line {line}: a quote (") in the middle of a field that is not doubled; ask for the export again',
        rule="ligne_irreguliere",
    )
