"""Who may be contacted: consent, opt-outs, frequency and hold-outs, the same for lists, triggers and the webhook."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, NamedTuple

import pandas as pd

from rfm_ml.campaigns.filters import Funnel, leave_out_contacts, often_contacted
from rfm_ml.campaigns.holdout import CONTROL, TREATMENT, held_out, salt_id
from rfm_ml.core.errors import ParamsError
from rfm_ml.params.campaigns import Contacting
from rfm_ml.study.messages import Messages
from rfm_ml.study.study import Study

IN_HOUSE: Final = "in_house"
"""The channel of what reaches nobody."""


class Permitted(NamedTuple):
    """Who is left of those selected."""

    funnel: Funnel
    groups: pd.DataFrame
    """`customer_id, group` of who is sent to or held out of this alone, sorted as selected."""
    warnings: list[str]


class Permission:
    """Who may be contacted by a study, and on which channel.

    Parameters
    ----------
    study
        With the folder of its reports settled.
    """

    def __init__(self, study: Study) -> None:
        self.study = study

    @cached_property
    def salt(self) -> str:
        """The secret that makes the draws.

        Raises
        ------
        ParamsError
            If the params name none, or the environment does not hold it.
        """
        rules = self.study.params.activation
        if rules.secret is not None:
            return rules.secret
        if rules.salt_env is None:
            raise ParamsError(
                "A hold-out must have a salt. The params name none. Add activation: {salt_env: RFM_ML_SALT} and set "
                "that variable to a secret of your own."
            )
        raise ParamsError(
            f"The environment variable {rules.salt_env} must hold the salt of the hold-outs, as activation.salt_env "
            "says. It is not set. Set it, always to the same secret."
        )

    def salt_of(self, name: str, rules: Contacting) -> str:
        """Return the salt of a list's own draw, independent of the global one and of other lists'."""
        return f"{self.salt}/{rules.salt or name}"

    def require_possible(self, path: str, rules: Contacting, *, channel: str | None) -> None:
        """Refuse what can be sent to nobody, or whose hold-out cannot be drawn, before anything is made.

        Parameters
        ----------
        path
            Where it stands in the params.
        rules
            Its hold-out and frequency.
        channel
            None for a list of those who must not be contacted.

        Raises
        ------
        ParamsError
            If contacts are missing, or the salt.
        """
        if rules.holdout or self.study.params.activation.global_holdout:
            self.salt  # noqa: B018 - told before anything runs
        if self.study.params.contacts is not None:
            return
        if channel != IN_HOUSE:
            raise ParamsError(
                f"{path} must have contacts: consent is asked of them. The params name none. Add contacts:, or "
                "channel: in_house if nobody is contacted."
            )
        if not self.study.params.activation.objections_elsewhere:
            raise ParamsError(
                f"{path} must have contacts: who objected must not be on it. The params name none. Add contacts:, or "
                "activation: {objections_elsewhere: true} if others take them out of this list of ids."
            )

    def typed(self, customer_ids: Iterable[str]) -> pd.Series:
        """Return ids that were written as text as the order log has them, each once."""
        ids = pd.Series(list(dict.fromkeys(customer_ids)), dtype="object")
        return ids.astype("int64") if self.study.orders.customer_id.type().is_integer() else ids

    def permitted(
        self,
        customer_ids: pd.Series,
        name: str,
        rules: Contacting,
        *,
        channel: str,
        best: Callable[[pd.Series], Iterable[Any]] | None = None,
    ) -> Permitted:
        """Return who of some customers may be contacted, each one left out counted once with the reason.

        Parameters
        ----------
        customer_ids
            Everybody selected, each once.
        name
            Of the list, for its own draw.
        rules
            Its hold-out and frequency.
        channel
            The one whose consent is asked for; `in_house` if nobody is contacted.
        best
            Chooses who stays of those who may be contacted, before the hold-outs are drawn; None: all of them.
        """
        study, activation = self.study, self.study.params.activation
        funnel, warnings = self.by_contacts(customer_ids, channel=channel)
        if rules.contact_frequency is not None:
            limit = rules.contact_frequency.model_dump()
            often = often_contacted(study.feature(Messages).sent, as_of=pd.Timestamp(study.as_of), **limit)
            funnel.leave_out("written to often enough lately", often)
        if best is not None:
            funnel.keep("beyond the most", best(funnel.ids))
        if activation.global_holdout:
            out = held_out(funnel.ids, salt=self.salt, share=activation.global_holdout)
            funnel.leave_out("held out of every list", funnel.ids[out])
        group = pd.Series(TREATMENT, index=funnel.ids.index, dtype="str")
        if rules.holdout:
            mine = held_out(funnel.ids, salt=self.salt_of(name, rules), share=rules.holdout)
            group = group.mask(mine, CONTROL)
        groups = pd.DataFrame({"customer_id": funnel.ids, "group": group})
        funnel.leave_out("held out of this list", groups.loc[groups["group"] == CONTROL, "customer_id"])
        return Permitted(funnel, groups, warnings)

    def assigned(self, groups: pd.DataFrame, name: str, rules: Contacting, *, strategy: str) -> pd.DataFrame:
        """Return `customer_id, group, segment` with what a lift is computed from: salt's id, day, strategy."""
        salt = salt_id(self.salt_of(name, rules)) if rules.holdout else ""
        found = groups.assign(salt=salt, assigned_at=pd.Timestamp(self.study.as_of), strategy=strategy)
        return found[["customer_id", "group", "salt", "assigned_at", "segment", "strategy"]]

    def by_contacts(self, customer_ids: pd.Series, *, channel: str) -> tuple[Funnel, list[str]]:
        """Return who is left after what contacts said, and what a reader must know of it."""
        funnel, contacts = Funnel(customer_ids), self.study.contacts
        if contacts is None:
            return funnel, []
        named = self.study.params.activation.consents
        consent = None if channel == IN_HOUSE else named.get(channel, f"consent_{channel}")  # type: ignore[call-overload]
        warnings = []
        unknown = leave_out_contacts(funnel, contacts, self.study.opt_outs, channel=channel, consent=consent)
        if consent is not None and consent not in contacts.columns:
            warnings.append(
                f"Contacts have no column {consent}: nobody has consented to {channel}. Name another one in "
                "activation.consents."
            )
        if unknown:
            warnings.append(f"{unknown:,} values of {consent} are neither yes nor no. They count as no consent.")
        return funnel, warnings
