"""The audiences of a study: whom each selects, who may be written to, who is held out."""

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa

from rfm_ml.campaigns.audience import best_customers, contact_columns, overlap
from rfm_ml.campaigns.destinations import DESTINATIONS, Destination, make_destination
from rfm_ml.campaigns.filters import Funnel
from rfm_ml.campaigns.holdout import CONTROL, TREATMENT, held_out, salt_id
from rfm_ml.campaigns.opt_outs import consents
from rfm_ml.core.checks import require_known
from rfm_ml.features.audiences.selection import Selection
from rfm_ml.features.products.products import offer_list
from rfm_ml.segments import PROSPECT, SegmentModel
from rfm_ml.study.permission import Permission
from rfm_ml.study.study import Study
from rfm_ml.transactions.engine import quoted

BATCH_ROWS: Final = 50_000

WILLING: Final = "no objection, refusal, bounce or complaint"
"""Why somebody is not on a list of those who must not be written to; it says nothing about their consent."""


class Prepared(NamedTuple):
    """An audience before it is written: its filters, and who is sent to or held out."""

    funnel: Funnel
    groups: pd.DataFrame
    """`customer_id, group, salt, assigned_at, segment, strategy`, sorted by customer; the global hold-out is not in."""
    warnings: list[str]


class Audiences:
    """Audiences by the params of a study; nothing is written.

    Parameters
    ----------
    study
        With `audiences` in its params, or without.

    Raises
    ------
    ParamsError
        If an audience cannot be made of this study: contacts are missing, or the salt of a hold-out is.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.selection = Selection(study)
        self.given = self.selection.given
        self._prepared: dict[str, Prepared] = {}
        self._lists: dict[str, pd.DataFrame] = {}
        self.permission = Permission(study)
        for name, audience in self.given.items():
            channel = None if audience.suppression else audience.asks
            self.permission.require_possible(f"audiences.{name}", audience, channel=channel)

    @property
    def names(self) -> list[str]:
        """Names of the audiences, in the order of the params."""
        return list(self.given)

    @property
    def salt(self) -> str:
        """The secret that makes the draws, see `Permission.salt`."""
        return self.permission.salt

    def salt_of(self, name: str) -> str:
        """Return the salt of an audience's own draw, independent of the global one and of other audiences'."""
        return self.permission.salt_of(name, self.given[name])

    def model_of(self, name: str) -> SegmentModel:
        """Return the model of the strategy whose segments an audience tells."""
        return self.study.model(self.selection.strategy_of(name))

    def make_destination(self, name: str) -> Destination:
        """Return the destination of an audience."""
        audience = self.given[name]
        options = dict(audience.options, default_country=self.study.params.activation.default_country)
        if DESTINATIONS[audience.destination].serves_channels and audience.asks is not None:
            options["channel"] = audience.asks
        return make_destination(audience.destination, properties=audience.columns, **options)

    def require_usable(self) -> None:
        """Refuse what the segments, the figures or the contacts of this study do not have, before anything is made.

        Raises
        ------
        ParamsError
            With the path to the fault.
        """
        self.selection.require_usable()
        contacts = [] if self.study.contacts is None else list(self.study.contacts.columns)
        for channel, column in self.study.params.activation.consents.items():
            if contacts:
                require_known(column, contacts, what=f"activation.consents.{channel}: a column of contacts")
        for name, audience in self.given.items():
            if audience.columns:
                own = self._properties(name, self.study.customers["customer_id"].iloc[:0]).columns
                for column in audience.columns:
                    require_known(column, [*own, *contacts], what=f"audiences.{name}.columns: a column of its list")

    # --- who may be written to --------------------------------------------------------------------------------
    def prepared(self, name: str) -> Prepared:
        """Return an audience after all filters but those of its destination."""
        if name not in self._prepared:
            audience, selected = self.given[name], self.selection.selected(name)
            if audience.suppression:
                funnel, warnings = Funnel(selected["customer_id"]), list[str]()
                funnel.leave_out("erased", self.study.opt_outs.erased)
                funnel.keep(WILLING, self._must_not)
                groups = pd.DataFrame({"customer_id": funnel.ids}).assign(group=TREATMENT)
            else:
                best = partial(self._best, name) if audience.at_most is not None else None
                funnel, groups, warnings = self.permission.permitted(
                    selected["customer_id"], name, audience, channel=str(audience.asks), best=best
                )
            groups = groups.merge(selected[["customer_id", "segment"]], on="customer_id", how="left")
            strategy = self.selection.strategy_of(name)
            assigned = self.permission.assigned(groups, name, audience, strategy=strategy)
            self._prepared[name] = Prepared(funnel, assigned, warnings)
        return self._prepared[name]

    def _best(self, name: str, customer_ids: pd.Series) -> pd.Series:
        """Return the best of those who may be contacted, as many as the list may hold."""
        left = self.selection.selected(name)
        left = left[left["customer_id"].isin(customer_ids)]
        return best_customers(left, by="value", n=self.given[name].at_most)["customer_id"]

    @cached_property
    def global_groups(self) -> pd.DataFrame:
        """The global hold-out: as the groups of an audience, of every customer who has not objected."""
        segments = self.study.segments()[["customer_id", "segment"]].drop_duplicates("customer_id")
        known = segments[segments["segment"] != PROSPECT].sort_values("customer_id", ignore_index=True)
        known = known[~known["customer_id"].isin(self.study.objectors)].reset_index(drop=True)
        out = held_out(known["customer_id"], salt=self.salt, share=self.study.params.activation.global_holdout)
        group = pd.Series(TREATMENT, index=known.index, dtype="str").mask(out, CONTROL)
        return pd.DataFrame({
            "customer_id": known["customer_id"],
            "group": group,
            "salt": salt_id(self.salt),
            "assigned_at": pd.Timestamp(self.study.as_of),
            "segment": known["segment"],
            "strategy": self.study.strategies[0],
        })  # fmt: skip

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """How many customers each two audiences share, of those sent to, as `overlap`."""
        return overlap({name: self.prepared(name).funnel.remaining for name in self.names})

    # --- what the destination gets ------------------------------------------------------------------------------
    def contacts_of(self, name: str) -> Iterator[Any]:
        """Yield the contacts of those who are sent to, sorted by customer, in batches for the destination."""
        audience, sent_to = self.given[name], self.prepared(name).funnel.ids
        rows, contacts = self._properties(name, sent_to), self.study.contacts
        for_people = DESTINATIONS[audience.destination].channel == "people"
        wanted = contact_columns(
            contacts.columns if contacts is not None else (), channel=audience.asks, for_people=for_people
        )
        if sent_to.empty or not wanted:
            yield rows.reindex(columns=[*rows.columns, *wanted])
            return
        engine = self.study.con
        said = engine.compile(contacts.select("customer_id", *wanted))
        columns = ", ".join(f"contacts.{quoted(c)}" for c in wanted)
        engine.con.register("_audience", pa.Table.from_pandas(rows, preserve_index=False))
        yield from engine.con.sql(
            f"SELECT _audience.*, {columns} FROM _audience LEFT JOIN ({said}) AS contacts "
            "USING (customer_id) ORDER BY customer_id"
        ).to_arrow_reader(BATCH_ROWS)
        engine.con.unregister("_audience")

    def _properties(self, name: str, sent_to: pd.Series) -> pd.DataFrame:
        selected = self.selection.selected(name)
        rows = selected.loc[selected["customer_id"].isin(sent_to)].drop(columns="segment")
        rows = rows.assign(value=rows["value"].fillna(0).clip(lower=0))
        if self.given[name].suppression:
            return rows[["customer_id"]]
        rows = rows.merge(self._list(self.selection.strategy_of(name)), on="customer_id", how="left")
        if self.study.contacts is None or self.given[name].asks == "in_house":
            return rows
        return rows.merge(self._consents, on="customer_id", how="left")

    def _list(self, strategy: str) -> pd.DataFrame:
        if strategy not in self._lists:
            self._lists[strategy] = offer_list(self.study, strategy).drop_duplicates("customer_id")
        return self._lists[strategy]

    # --- what contacts said, and what audiences need ------------------------------------------------------------
    @cached_property
    def _consents(self) -> pd.DataFrame:
        """`customer_id` and every consent of the contacts as True, False or None; a refusal holds for the address."""
        contacts = self.study.contacts
        extra = self.study.params.activation.consents.values()
        columns = [c for c in contacts.columns if c in extra or c.startswith("consent_")]
        said = contacts.select("customer_id", *columns).order_by("customer_id").to_pyarrow().to_pandas()
        read = {c: consents(said[c])[0] for c in columns}
        ids, refused = said["customer_id"], {c: self.study.opt_outs.refused(c).everybody for c in columns}
        return pd.DataFrame(
            {"customer_id": ids} | {c: read[c].mask(ids.isin(refused[c]), other=False) for c in columns}
        )

    @property
    def _must_not(self) -> pd.Series:
        """Who must not be written to, but may still be named: not those whose data were erased."""
        out = self.study.opt_outs
        refused = out.refused(self.study.params.activation.consents.get("email", "consent_email"))
        every = pd.concat([r.everybody for r in (out.left_alone, out.unreachable, refused)]).drop_duplicates()
        return every[~every.isin(out.erased)]
