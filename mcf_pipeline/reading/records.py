r"""The records of a delimited text: where each one ends, how many fields it has, and what is refused of it.

What does not belong here: encodings (`reading.encoding`), and what columns mean (`contract.recognition`).

DuckDB 2.0's CSV reader cannot be left alone with a file that may be damaged. Seen with strict mode on, every
option given and sniffing off:

* ``new_line='\r\n'`` returns no row at all, of any file; without `new_line`, mixed line ends stop it, and a
  CR or LF inside a quoted column name makes it lose every row;
* with ``parallel=false`` an unterminated quote swallows what follows, without an error;
* empty lines vanish between records, and with them the number of every later line;
* blanks between a closing quote and the delimiter vanish; a lone quote inside a field is taken literally.

Python's `csv` takes such a quote literally too, in strict mode as well. So each record is looked at here, and
written into the one dialect that DuckDB reads faithfully: UTF-8, LF, fields quoted after RFC 4180 or not at all. A
quoted field is folded into one character first; what is left of a record then has no quote, and can be counted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal, TextIO

from mcf_pipeline.errors import ContractError
from mcf_pipeline.settings import Limits

DELIMITERS = (";", ",", "\t", "|")
"""In order of preference, Opendatasoft's default first."""

HEAD = 1024 * 1024
"""Characters from which the delimiter is decided; the header must end within them."""

LineEnd = Literal["LF", "CRLF", "CR", "mixed"]

_DOUBTLESS = 4
"""Delimiters from which on a text does not have as many as a record by chance; the dataset has at least nine."""
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
_MAYBE_QUOTED = re.compile(r'"(?:[^"]++|"")*+"?')
_FOLDED = "\0"
"""Stands for a quoted field; no file that is read has a NUL byte."""
_LINE_END = re.compile(r"\r\n|\r|\n")


def delimiter_of(head: str, *, whole: bool, file: str) -> str:
    """The delimiter: the one that gives every record of `head` as many fields as the header, and the most.

    Args:
        head: the first `HEAD` characters.
        whole: whether they are the whole file.
        file: its name, for messages.

    Raises:
        ContractError: `pas_un_export`, `export_vide`, `export_tronque` or `limite_depassee`.
    """
    if not head.strip():
        raise ContractError(f"{file} is blank; download the export again", rule="export_vide")
    folded, opened, _ = _QUOTED.sub(_FOLDED, head).partition('"')
    header, *records = _LINE_END.split(folded)
    if not records and (opened or not whole):
        if whole:
            raise _unterminated(file, 1)
        raise ContractError(
            f"{file}: no end of the header within {HEAD:,} characters; download the export again",
            rule="limite_depassee",
        )
    if opened or not whole:
        records.pop()  # it is cut

    def fitness(delimiter: str) -> tuple[bool, int]:
        fields = header.count(delimiter)
        return fields > 0 and all(record.count(delimiter) == fields for record in records if record), fields

    best = max(DELIMITERS, key=fitness)
    if best not in header:
        raise ContractError(
            f"{file} has a single column: it is not an export of the dataset, or its columns are separated by "
            "something other than ; , tab or |",
            rule="pas_un_export",
        )
    return best


@dataclass(slots=True)
class Copied:
    """What the pass over all records found.

    Attributes:
        records: how many, the header included.
        characters: of all fields together, the header's included, once unquoted.
        longest: characters of the longest record.
        line_end: of all records, or ``mixed``.
        final_line_end: whether the last record has one.
    """

    records: int
    characters: int
    longest: int
    line_end: LineEnd
    final_line_end: bool


class Records:
    """The records of a text, from its header on.

    Blank lines at the end of the file are accepted; elsewhere they are records with too few fields.

    Args:
        source: the text, opened with ``newline=""``; it has a record at least.
        delimiter: between fields.
        limits: what a field may at most hold.
        file: its name, for messages.

    Attributes:
        header: the column names as received, without quotes.

    Raises:
        ContractError: the header breaks a rule of `copy`.
    """

    def __init__(self, source: TextIO, delimiter: str, limits: Limits, file: str) -> None:
        self._delimiter = delimiter
        self._max_field_bytes = limits.max_field_bytes
        self._file = file
        # Nothing is read further: a longer line has a field that is too long, or too many of them.
        self._lines = iter(partial(source.readline, (limits.max_columns + 1) * (limits.max_field_bytes + 1)), "")
        self._number = self._columns = 0
        self._quoted = 0  # characters that quoting takes: quotes around fields, and one of each two within
        self._records = self._read()
        self._first = next(self._records)
        text = io.StringIO(self._first[0], newline="")
        self.header: tuple[str, ...] = tuple(next(csv.reader(text, delimiter=delimiter, strict=True)))
        self._columns = len(self.header)

    def copy(self, out: TextIO) -> Copied:
        """Write every record with LF at its end.

        Raises:
            ContractError: `ligne_irreguliere`, `export_tronque` or `limite_depassee`, with the number of the record.
        """
        columns = self._columns
        copied = characters = longest = crlf = cr = 0
        odd: tuple[int, int] | None = None  # a blank or short record that must turn out to be the last
        line_end = "\n"
        for record, fields, line_end in chain((self._first,), self._records):
            if line_end == "\r\n":
                crlf += 1
            elif line_end == "\r":
                cr += 1
            if fields != columns or odd:
                if odd and record:
                    raise self._irregular(*odd)
                odd = odd or (self._number, fields if record else 0)
                if fields > columns:
                    raise self._irregular(*odd)
                continue
            out.write(record + "\n")
            copied += 1
            characters += len(record)
            longest = max(longest, len(record))
        if odd and odd[1] == 1 and columns > 2 and line_end:
            # A line that was cut has no end; one that has is a whole line of something else.
            raise ContractError(
                f"{self._file}, line {odd[0]}: one field where the header has {columns} columns, and the file ends "
                "there: a footnote below the table; remove it, or export the table without it",
                rule="ligne_irreguliere",
            )
        if odd and odd[1]:
            raise ContractError(
                f"{self._file}, line {odd[0]}: the last record has {odd[1]} field(s), the header {columns}: the export "
                "is truncated; download it again",
                rule="export_tronque",
            )
        lf = self._number - crlf - cr - (not line_end)
        counts: dict[LineEnd, int] = {"LF": lf, "CRLF": crlf, "CR": cr}
        used = [name for name, times in counts.items() if times]
        return Copied(
            records=copied,
            characters=characters - self._quoted - copied * (columns - 1),
            longest=longest,
            line_end=used[0] if len(used) == 1 else "mixed",
            final_line_end=bool(line_end),
        )

    def _read(self) -> Iterator[tuple[str, int, str]]:
        """Each record, the number of its fields, and what ends it."""
        delimiter, safe = self._delimiter, self._max_field_bytes // 4  # a character takes at most four bytes
        for line in self._lines:
            self._number += 1
            folded = line
            if '"' in line:
                line, folded = self._whole(line)
            record = line.rstrip("\r\n")
            if len(record) > safe:
                self._check_lengths(record, folded.rstrip("\r\n"))
            yield record, folded.count(delimiter) + 1, line[len(record) :]

    def _whole(self, line: str) -> tuple[str, str]:
        """A record with quotes, read on to its end: as it is, and with its quoted fields folded."""
        at = 0
        while line.count('"', at) % 2:  # a doubled quote leaves and enters again: odd means inside
            *_, opened = _MAYBE_QUOTED.finditer(line, at)
            at = opened.start()
            if at and line[at - 1] != self._delimiter:
                raise self._stray()
            line = line[:at] + self._read_on(opened[0])
        folded = _QUOTED.sub(_FOLDED, line)
        for part in folded.rstrip("\r\n").split(self._delimiter):
            if _FOLDED in part and part != _FOLDED:
                raise self._stray()
        self._columns = self._columns or folded.count(self._delimiter) + 1  # none yet in the header itself
        for field in _QUOTED.findall(line):
            self._quoted += 2 + (field.count('"') - 2) // 2
            if self._holds_records(field):
                raise self._swallowed()
        return line, folded

    def _read_on(self, field: str) -> str:
        """Add lines to a quoted field, up to the one in which it is closed."""
        lines, size = [field], len(field)
        for line in self._lines:
            lines.append(line)
            if '"' not in line:
                size += len(line)
                # Seen here too, for a quote that is never closed may swallow all the rest of a large file.
                if self._columns > _DOUBTLESS and line.count(self._delimiter) == self._columns - 1:
                    raise self._swallowed()
            elif line.count('"') % 2:
                return "".join(lines)
            else:
                size = len(line) - line.rfind('"')
            if size > self._max_field_bytes + 2:
                raise self._too_long()
        raise _unterminated(self._file, self._number)

    def _holds_records(self, field: str) -> bool:
        """Whether a quoted field holds whole records: a quote was not closed where it should be, but later.

        Where a later one closes it in the same column, all that is left is a file as it should be, with fewer
        records. Inside such a field there are as many delimiters as its line ends cut off, or between two of
        these as many as in a record; no text of one cell has that by chance.
        """
        if self._columns <= _DOUBTLESS or not _LINE_END.search(field):
            return False
        per_line = [line.count(self._delimiter) for line in _LINE_END.split(field)]
        per_record = self._columns - 1
        return per_record in per_line[1:-1] or sum(per_line) == (len(per_line) - 1) * per_record

    def _check_lengths(self, record: str, folded: str) -> None:
        fields = chain(folded.split(self._delimiter), _QUOTED.findall(record))
        if any(len(field.encode()) > self._max_field_bytes for field in fields):
            raise self._too_long()

    def _irregular(self, number: int, fields: int) -> ContractError:
        what = f"{fields} field(s)" if fields else "an empty line"
        aside = (fields == 1 and self._columns > 2) or (fields > 2 and self._columns == 1)
        note = " (a title or a note next to the table? remove it)" if aside else ""
        return ContractError(
            f"{self._file}, line {number}: {what} where the header has {self._columns} columns{note}; download "
            "the export again",
            rule="ligne_irreguliere",
        )

    def _swallowed(self) -> ContractError:
        return ContractError(
            f"{self._file}, line {self._number}: a quoted field contains whole lines: a closing quote is missing; "
            "download the export again",
            rule="ligne_irreguliere",
        )

    def _stray(self) -> ContractError:
        return ContractError(
            f'{self._file}, line {self._number}: a quote (") in the middle of a field that is not doubled; download '
            "the export again",
            rule="ligne_irreguliere",
        )

    def _too_long(self) -> ContractError:
        return ContractError(
            f"{self._file}, line {self._number}: a field of more than {self._max_field_bytes:,} bytes "
            "(MCF_LIMIT_MAX_FIELD_BYTES)",
            rule="limite_depassee",
        )


def _unterminated(file: str, number: int) -> ContractError:
    return ContractError(
        f"{file}, line {number}: a quote that is never closed: the export is truncated or damaged; download it again",
        rule="export_tronque",
    )
