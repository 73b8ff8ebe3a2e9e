"""Handing over the lists of a published report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from rfm_ml.campaigns.carriers import Parcel, Receipts, read_parcel
from rfm_ml.campaigns.carriers.receipts import BEGUN, FAILED, SENT
from rfm_ml.campaigns.manifest import read_groups, read_manifest
from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import DeliveryError, DeliveryUncertainError, GateError, ParamsError, RfmError
from rfm_ml.core.places import base_folder, find_params
from rfm_ml.core.text import count
from rfm_ml.params import load_params
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive
from rfm_ml.study.permission import Permission


@dataclass(frozen=True)
class Handover:
    """What became of a list on a way of delivery, in words; `fault` if it did not go and should have."""

    audience: str
    delivery: str
    words: str
    fault: RfmError | None = None


class PublishedLists:
    """The lists of a published report and the ways they go.

    Parameters
    ----------
    params
        Path of the params file.
    as_of
        Day of the report; None for the latest.
    out
        Folder of the reports; None for `reports/` beside `params/`.

    Raises
    ------
    ParamsError
        If no report of the day has been published, or the params have no `delivery`.
    """

    def __init__(self, params: str | Path, *, as_of: date | str | None = None, out: Path | None = None) -> None:
        path = find_params(params)
        self._path, self.params = path, load_params(path)
        if not self.params.delivery:
            raise ParamsError("Ways of delivery must be in the params. There is no delivery: in them. Add it.")
        self.archive = Archive.of(self.params.study, base=base_folder(path.parent), out=out)
        self.day = self.archive.published(as_of)

    def deliver(self, audiences: Sequence[str] = (), *, send: bool = False, again: bool = False) -> Iterator[Handover]:
        """Hand over lists, or only say what would be done; one answer per list and way.

        Parameters
        ----------
        audiences
            Whose lists; all that have a way if none is named.
        send
            Hand them over; otherwise nothing leaves the machine and nothing is written.
        again
            Also what was handed over before.

        Raises
        ------
        ParamsError
            If an audience has no way of delivery.
        LockedError
            If a run is writing to the study.
        """
        ways = [(a, name) for name, way in self.params.delivery.items() for a in way.audiences]
        known = sorted({audience for audience, _ in ways})
        for asked in audiences:
            if asked not in known:
                raise ParamsError(
                    f"An audience must be named in delivery: of the params. {asked!r} is not. "
                    f"{did_you_mean(asked, known)}"
                )
        with self.archive.locked():
            receipts = Receipts(self.archive.deliveries)
            for audience, name in ways:
                if not audiences or audience in audiences:
                    yield self._one(audience, name, receipts, send=send, again=again)

    def _one(self, audience: str, name: str, receipts: Receipts, *, send: bool, again: bool) -> Handover:
        folder = self.day.lists().get(audience)
        if folder is None:
            return Handover(audience, name, "The report has no such list.", ParamsError(f"{audience} is not a list."))
        try:
            parcel = read_parcel(folder)
            if parcel is None:
                return Handover(audience, name, "There is nothing to send: the list is empty or too short.")
            before = receipts.state(name, parcel)
            if before is not None and not again:
                return Handover(audience, name, *_handed_over(before["state"], before["at"]))
            self._require_permitted(folder)
            return self._hand_over(parcel, name, receipts, send=send)
        except RfmError as error:
            return Handover(audience, name, str(error), error)

    @cached_property
    def _permission(self) -> Permission:
        return Permission(Study(self._path, as_of=self.day.as_of))

    def _require_permitted(self, folder: Path) -> None:
        """Refuse a list with customers on it who must not be contacted any more."""
        channel = read_manifest(folder).get("channel")
        if channel is None:  # of those who must not be contacted
            return
        groups = read_groups(folder / "groups.parquet")
        listed = groups.loc[groups["listed"], "customer_id"]
        funnel, _ = self._permission.by_contacts(listed, channel=channel)
        gone = len(listed) - len(funnel.ids)
        if gone:
            raise GateError(
                f"Everybody on a list must still be willing to be contacted. {count(gone, 'customer')} of "
                f"{len(listed):,} opted out, or bounced, since it was written. Run the study again."
            )

    def _hand_over(self, parcel: Parcel, name: str, receipts: Receipts, *, send: bool) -> Handover:
        carrier = self.params.delivery[name].carrier()
        files = f"{parcel.rows:,} rows in {', '.join(f.name for f in parcel.files)}"
        if not send:
            return Handover(parcel.audience, name, f"Would send {files}: {carrier.where}.")
        # Written down first: whoever is killed now must not send it twice.
        receipts.add(name, parcel, state=BEGUN)
        try:
            notes = carrier.deliver(parcel)
        except DeliveryUncertainError:
            raise
        except RfmError:
            receipts.add(name, parcel, state=FAILED)
            raise
        receipts.add(name, parcel, state=SENT)
        return Handover(parcel.audience, name, " ".join([f"Sent {files}: {carrier.where}.", *notes]))


def worst_fault(handovers: Sequence[Handover]) -> RfmError | None:
    """Return the error a command should end with: a held list before all others; None if all is well."""
    faults = [h.fault for h in handovers if h.fault is not None]
    held = [f for f in faults if isinstance(f, GateError)]
    return next(iter([*held, *faults]), None)


def _handed_over(state: str, at: str) -> tuple[str, DeliveryError | None]:
    if state == SENT:
        return f"This list was sent on {at}. --again sends it once more.", None
    words = f"Sending was begun on {at} and nobody knows how it ended. Ask the receiver; --again sends it once more."
    return words, DeliveryUncertainError(words)
