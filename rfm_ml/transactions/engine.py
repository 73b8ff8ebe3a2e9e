"""Talking to the engine (DuckDB): names and texts as SQL writes them, answers fetched whole."""

from typing import Any
from uuid import uuid4


def one_row(con: Any, sql: str) -> tuple[Any, ...]:
    """Return the single row of an answer; the result is fetched to its end, so that the engine is free again."""
    (row,) = con.execute(sql).fetchall()
    return tuple(row)


def register(con: Any, name: str, data: Any) -> None:
    """Give the engine a frame or an Arrow table under a name."""
    one_row(con, "SELECT 1")  # an earlier answer that nobody fetched to its end would be in the way
    con.register(name, data)


def new_name() -> str:
    """Return a name for a raw table that no other one has: a study loads several."""
    return f"raw_{uuid4().hex}"


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a column name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, for a sentence of our own."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
