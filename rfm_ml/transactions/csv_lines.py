"""Delimited text read line by line: for files that are not regular, where every line must be accounted for."""

import csv
import io
from collections.abc import Iterator
from typing import IO

import pyarrow as pa

_BATCH = 100_000
_LONGEST_RECORD = 100
"""A quote still open after so many lines was never meant to be one."""


def read_lines(
    stream: IO[bytes], columns: tuple[str, ...], *, separator: str, encoding: str, bad: list[tuple[int, str]]
) -> Iterator[pa.Table]:
    """Cut text into columns, in batches of rows.

    Parameters
    ----------
    stream
        The bytes, from the beginning; the first line names the columns and is passed over.
    columns
        Names of the columns.
    separator, encoding
        How it is written.
    bad
        Filled with number and reason of the lines that cannot be cut into these columns.

    Yields
    ------
    pa.Table
        The columns as text, empty ones as missing, and `_line`: the number of the row's first line, from 1.
    """
    rows: list[list[str]] = []
    numbers: list[int] = []
    for number, fields in _records(_lines(stream, encoding), separator=separator, width=len(columns)):
        if isinstance(fields, str):
            bad.append((number, fields))
            continue
        rows.append(fields)
        numbers.append(number)
        if len(rows) == _BATCH:
            yield _table(rows, numbers, columns)
            rows, numbers = [], []
    if rows:
        yield _table(rows, numbers, columns)


def _lines(stream: IO[bytes], encoding: str) -> Iterator[str]:
    with io.TextIOWrapper(stream, encoding=encoding, newline=None) as text:
        next(text, None)
        for line in text:
            yield line.removesuffix("\n")


def _records(lines: Iterator[str], *, separator: str, width: int) -> Iterator[tuple[int, list[str] | str]]:
    """Give the line number and the fields of every record, or the reason why there are none."""
    waiting: list[str] = []
    number = 1
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        number += 1
        if line is None:
            return
        if not line:
            continue
        fields = _cut(line, separator)
        more: list[str] = []
        while fields is None and len(more) < _LONGEST_RECORD:
            following = waiting[len(more)] if len(more) < len(waiting) else next(lines, None)
            if following is None:
                break
            if len(more) == len(waiting):
                waiting.append(following)
            more.append(following)
            fields = _cut("\n".join([line, *more]), separator)
        if fields is None or (more and _reason(fields, width)):
            # Whatever the quote swallowed is read again by itself.
            yield number, "a quote is not closed"
            continue
        yield number, _reason(fields, width) or fields[:width]
        del waiting[: len(more)]
        number += len(more)


def _cut(record: str, separator: str) -> list[str] | None:
    """Return the fields of a record; None while a quote is open; a single field if quotes are misplaced."""
    if '"' not in record:
        return record.split(separator)
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        return None if "unexpected end" in str(error) else []


def _reason(fields: list[str], width: int) -> str | None:
    if len(fields) == width + 1 and fields[-1] == "":
        return None  # a separator at the end of the line
    if not fields:
        return "text after a closing quote"
    if len(fields) < width:
        return f"too few columns ({len(fields)} of {width})"
    return f"too many columns ({len(fields)} in place of {width})" if len(fields) > width else None


def _table(rows: list[list[str]], numbers: list[int], columns: tuple[str, ...]) -> pa.Table:
    values = {
        name: pa.array([v or None for v in column], pa.string())
        for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    }
    return pa.table(values | {"_line": pa.array(numbers, pa.int64())})
