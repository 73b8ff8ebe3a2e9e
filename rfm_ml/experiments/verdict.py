"""What a campaign's figures allow to be said, in words and by stated rules.

The rules, in order:

1. The window is not over, or a group is too small, or nobody did anything: nothing is said about the effect.
2. The groups' sizes are not as drawn: nothing is said, as the groups cannot be trusted.
3. A comparison without a hold-out that also finds an "effect" before the campaign: nothing is said.
4. The whole interval is above 0: more; the whole interval is below 0: less. For a segment, where several are looked
   at, the p-value adjusted by Holm must be below 1 - level as well. For a whole campaign of several, the words say
   what that correction leaves.
5. Else no effect is shown. This is not "no effect": the interval and the least lift that the list could have shown say
   what remains possible.

Without a hold-out every verdict says that it is an association.
"""

from typing import Final, NamedTuple

from rfm_ml.experiments.lift import SMALLEST_GROUP, Lift
from rfm_ml.experiments.power import minimum_detectable_lift

MORE: Final = "more"
LESS: Final = "less"
NO_EFFECT_SHOWN: Final = "no effect shown"
TOO_FEW: Final = "too few customers"
NOT_OVER: Final = "not over"
MISMATCH: Final = "groups not as drawn"
NOT_COMPARABLE: Final = "not comparable"


class Verdict(NamedTuple):
    """One of the words above, and a sentence that gives the reason."""

    verdict: str
    words: str


def detectable(lift: Lift, *, level: float = 0.95, power: float = 0.8) -> float:
    """Return the least lift that a comparison with this standard error shows with the given power.

    Examples
    --------
    >>> round(detectable(Lift(0.1, -0.1, 0.3, 0.3, 0.1, 99, 50, 50, 1.1, 1.0)), 2)
    0.28
    """
    # Two groups of two, each with this much spread, have this standard error.
    return minimum_detectable_lift(lift.standard_error, treated=2, control=2, level=level, power=power)


def judge(
    lift: Lift,
    *,
    unit: str,
    level: float = 0.95,
    p_adjusted: float | None = None,
    observational: bool = False,
    problem: str | None = None,
    explanation: str = "",
) -> Verdict:
    """Say what a lift per customer allows to be said, in the `unit` of what is counted: "orders", or "EUR of spend".

    Parameters
    ----------
    p_adjusted
        For one segment of several, the p-value adjusted by Holm.
    observational
        True without a hold-out.
    problem, explanation
        `NOT_OVER`, `MISMATCH` or `NOT_COMPARABLE` if one was found, and why: then nothing is said about the effect.

    Examples
    --------
    >>> judge(Lift(0.1, -0.1, 0.3, 0.3, 0.1, 99, 50, 50, 1.1, 1.0), unit="orders").words
    'No effect shown: between -0.1 and +0.3 orders per customer; this list could have shown +0.28 or more.'
    """
    if problem is not None:
        return Verdict(problem, f"{problem.capitalize()}: {explanation}.")
    if not lift.is_determined:
        fewest = min(lift.treated, lift.control)
        few = f"{lift.treated:,} treated and {lift.control:,} held out or comparable"
        why = (
            f"{few}; {SMALLEST_GROUP} are needed"
            if fewest < SMALLEST_GROUP
            else f"{few}, and too few of them did anything"
        )
        return Verdict(TOO_FEW, f"Too few customers: {why}.")
    ends = f"between {_signed(lift.low)} and {_signed(lift.high)}"
    reach = f"{ends} {unit} per customer"
    verdict = MORE if lift.low > 0 else LESS if lift.high < 0 else NO_EFFECT_SHOWN
    least = detectable(lift, level=level)
    words = f"{verdict.capitalize()}: {_signed(lift.difference)} {unit} per customer, {ends}."
    if verdict == NO_EFFECT_SHOWN:
        words = f"No effect shown: {reach}; this list could have shown {_signed(least)} or more."
    elif p_adjusted is not None and not p_adjusted < 1 - level:
        verdict = NO_EFFECT_SHOWN
        words = f"No effect shown: {reach}, but of so many segments one is as far off by chance (p {p_adjusted:.2f})."
    return Verdict(verdict, f"Observational, no proof. {words}" if observational else words)


def among(words: str, *, looks: int, p_adjusted: float, level: float = 0.95) -> str:
    """Return the words of one verdict of many, more or less, with what Holm's correction leaves of it.

    Examples
    --------
    >>> among("More: +1 orders.", looks=9, p_adjusted=0.27)
    'More: +1 orders. That is before correction for 9 looks; after it, chance may have done it (p 0.27).'
    """
    if p_adjusted < 1 - level or looks < 2:
        return words
    after = f"after it, chance may have done it (p {p_adjusted:.2f})"
    return f"{words} That is before correction for {looks} looks; {after}."


def _signed(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = f"{value:+,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
