"""The SQL file of a strategy: its rules, and what a reader must know to trust them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rfm_ml.study.study import Study


def rules_statement(study: "Study", name: str | None = None) -> str:
    """Return the rules of a strategy as SQL for a warehouse that holds the customers' table.

    Parameters
    ----------
    study
        The study.
    name
        A strategy of it, the leading one by default.
    """
    name = name or study.strategies[0]
    model, listed = study.model(name), study.segments(name)
    about = [
        f"Segments of the strategy {name} of the study {study.params.study}, as of {study.as_of}.",
        f"Model of {model.fitted_on_}, fingerprint {model.fingerprint}.",
    ]
    if len(listed) > len(study.customers) or not set(listed["segment"]) <= set(model.segments):
        about.append("Segments that need contacts or events (Prospect, Lost but engaged) are not told apart here.")
    if study.params.hysteresis is not None:
        about.append(
            "Customers whom the study's hysteresis holds in their segment of before are told where they would be."
        )
    by = study.params.customers.by
    return study.rules(name).statement(about=about, keys=["customer_id", *([by] if by else [])])
