"""Opt-outs, refusals, bounces and complaints: what contacts said holds for their e-mail and phone, under every id."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import pandas as pd

from rfm_ml.campaigns.cells import Unusable, clean
from rfm_ml.campaigns.destinations.contacts import EMAILS, PHONES
from rfm_ml.campaigns.normalise import email, phone

LEFT_ALONE: Final = ("erased", "objected", "suppressed")
"""Columns of the contacts that keep a customer out of every marketing list where they say anything but no."""

UNREACHABLE: Final = ("bounced", "complained")
"""Columns of the contacts whom no message reaches, or who called one spam; read as those above."""

OPT_OUT_COLUMNS: Final = ("customer_id", *EMAILS, *PHONES, "country", *LEFT_ALONE, *UNREACHABLE)
"""Columns of the contacts that opt-outs need, beside the consents."""

_GRANTED: Final = frozenset(("true", "t", "yes", "y", "1", "1.0", "granted", "subscribed", "opted_in"))
_REFUSED: Final = frozenset((
    "false", "f", "no", "n", "0", "0.0", "refused", "denied", "declined", "rejected", "revoked", "withdrawn",
    "unsubscribed", "unsubscribe", "opted_out", "opted out", "opt-out", "opt_out", "optout", "never subscribed",
))  # fmt: skip
_NO: Final = ("", "0", "0.0", "false", "f", "no", "n", "none", "null", "nan", "nat", "<na>")
_KEY_DIGITS: Final = 7
_UNREAD_DIGITS: Final = 8


def consents(values: pd.Series) -> tuple[pd.Series, int]:
    """Read a column of consent (booleans, 0 and 1, words such as yes, granted, no, unsubscribed in any case).

    Returns
    -------
    True, False and None (never asked) per row, and how many values were none of these words; they count as never asked.

    Examples
    --------
    >>> read, unknown = consents(pd.Series(["yes", "No", None, "2024-05-01"]))
    >>> read.tolist(), unknown
    ([True, False, None, None], 1)
    """
    meanings, unknown = {}, 0
    counts = values.astype(object).value_counts(dropna=True)
    for value, count in counts.items():
        word = str(value).strip().lower()
        meanings[value] = True if word in _GRANTED else False if word in _REFUSED else None
        unknown += int(count) if meanings[value] is None and word else 0
    read = values.astype(object).map(meanings).astype(object)
    return read.where(read.notna(), None), unknown


class Reach(NamedTuple):
    """Whom an opt-out keeps off a list: `own`, those who said it, and `shared`, others with their e-mail or phone."""

    own: pd.Series
    shared: pd.Series

    @property
    def everybody(self) -> pd.Series:
        """Both, sorted by id."""
        return pd.concat([self.own, self.shared]).sort_values(ignore_index=True)


class OptOuts:
    """What contacts said no to, by every id that it holds for.

    An opt-out belongs to the e-mail and the phone that it came from. Whoever has one of them is left out as well: the
    same person under another id, or somebody whose address would reach the one who opted out.

    Parameters
    ----------
    rows
        Every row of the contacts, repeated ones and those without a usable id too: `customer_id`, any e-mails and
        phones (`EMAILS`, `PHONES`), `country`, `LEFT_ALONE`, `UNREACHABLE`, consents.
    default_country
        ISO code of the country of phones without a country code. Without it such a phone is matched by its last
        eight digits if its contact opted out.

    Notes
    -----
    E-mails are the same if they are so trimmed and in lower case, phones if they are so in E.164. Regulation (EU)
    2016/679, article 21 (2) and (3): data of those who object to direct marketing are no longer processed for it,
    profiling included; so they are on no list at all, not only on none for mail.

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "customer_id": [3, 4, 7],
    ...     "email": ["bob@example.org", "BOB@example.org ", "eve@example.org"],
    ...     "objected": [None, "2024-05-01", "no"],
    ... })
    >>> opt_outs = OptOuts(rows, default_country="DE")
    >>> opt_outs.left_alone.own.tolist(), opt_outs.left_alone.shared.tolist()
    ([4], [3])
    """

    def __init__(self, rows: pd.DataFrame, *, default_country: str | None = None) -> None:
        self._rows = rows.reset_index(drop=True)
        self._default_country = default_country

    @cached_property
    def left_alone(self) -> Reach:
        """Who was erased, has objected or is suppressed."""
        return self._reach(self._marked(LEFT_ALONE))

    @cached_property
    def unreachable(self) -> Reach:
        """Whose messages bounced, or who complained of one."""
        return self._reach(self._marked(UNREACHABLE))

    @cached_property
    def erased(self) -> pd.Series:
        """Ids of the contacts whose data were erased."""
        return self._ids(self._marked(("erased",)))

    def refused(self, consent: str) -> Reach:
        """Who said no to a channel, by the column of its consent; nobody where it is not there."""
        if consent not in self._rows:
            return self._reach(pd.Series(data=False, index=self._rows.index))
        said, _ = consents(self._rows[consent])
        return self._reach(said.eq(False))

    def said_by(self, customer_id: Any, columns: Sequence[str]) -> list[str]:
        """Return in which of some columns a contact says anything but no, in any of their rows."""
        return [c for c in columns if self._ids(self._marked((c,))).eq(customer_id).any()]

    def _marked(self, columns: Sequence[str]) -> pd.Series:
        """Say which rows have anything but a no in one of some columns; a date, or any word but a no, counts."""
        found = pd.Series(data=False, index=self._rows.index)
        for column in columns:
            if column in self._rows:
                values = self._rows[column]
                found |= values.notna() & ~values.astype("str").str.strip().str.lower().isin(_NO)
        return found

    def _ids(self, rows: pd.Series) -> pd.Series:
        return self._rows.loc[rows, "customer_id"].dropna().drop_duplicates().sort_values(ignore_index=True)

    def _reach(self, said: pd.Series) -> Reach:
        own = self._ids(said)
        if not said.any():
            return Reach(own, own)
        # Every address of who said it counts, whichever of their rows it stands in.
        theirs = said | self._rows["customer_id"].isin(own)
        addresses = self._addresses
        same = addresses["address"].isin(addresses.loc[addresses["row"].isin(theirs.index[theirs]), "address"])
        shared = self._at(addresses.loc[same, "row"]) | self._at(self._same_unread_phone(theirs))
        return Reach(own, self._ids(shared & ~self._rows["customer_id"].isin(own)))

    def _at(self, rows: pd.Series) -> pd.Series:
        return pd.Series(self._rows.index.isin(rows), self._rows.index)

    @cached_property
    def _addresses(self) -> pd.DataFrame:
        """`row, address`: every e-mail and phone that more than one row may have, written alike."""
        emails = [self._rows[c].dropna() for c in EMAILS if c in self._rows]
        parts = [_addresses(e.index, [_or_none(email, value) for value in e]) for e in emails]
        return pd.concat([*parts, self._phones[["row", "address"]]], ignore_index=True).dropna()

    def _phone(self, row: Any, value: Any) -> str | None:
        country: Any = self._rows.at[row, "country"] if "country" in self._rows else None
        country = None if pd.isna(country) else country
        return _or_none(phone, value, country=country, default_country=self._default_country)

    @cached_property
    def _phones(self) -> pd.DataFrame:
        """`row, address, end` of every phone that more than one row may have; without an address it cannot be read."""
        parts = [self._rows[c].dropna() for c in PHONES if c in self._rows]
        values = pd.concat([p for p in parts if len(p)] or [pd.Series(dtype="object")])
        digits = values.map(clean).astype("str").str.replace(r"[.,]0+$", "", regex=True)
        digits = digits.str.replace(r"\D", "", regex=True)
        keys = digits.where(digits.str.len() >= _KEY_DIGITS).str[-_KEY_DIGITS:]
        # Reading numbers takes long, and one whose last digits are nobody else's is nobody else's.
        several = (keys.groupby(keys).transform("size") > 1).to_numpy()
        read = [self._phone(row, value) for row, value in values[several].items()]
        found = _addresses(values.index[several], read)
        return found.assign(end=digits[several].str[-_UNREAD_DIGITS:].to_numpy())

    def _same_unread_phone(self, theirs: pd.Series) -> pd.Series:
        """Return the rows that have the last digits of a phone of theirs that cannot be read."""
        phones = self._phones
        unread = phones["address"].isna() & phones["row"].isin(theirs.index[theirs])
        ends = phones.loc[unread & (phones["end"].str.len() == _UNREAD_DIGITS), "end"]
        return phones.loc[phones["end"].isin(ends), "row"]


def _addresses(rows: Any, addresses: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"row": rows, "address": addresses}, dtype="object")


def _or_none(write: Callable[..., str], value: Any, **more: Any) -> str | None:
    """Return an address as all lists write it; what is no address, such as "-", is shared with nobody."""
    try:
        return write(value, **more)
    except Unusable:
        return None
