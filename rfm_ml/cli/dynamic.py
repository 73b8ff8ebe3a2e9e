"""Counting dynamic segments on demand."""

from typing import Annotated, Any

import typer

from rfm_ml.cli.app import AsOf, Out, ParamsFile, app, console, day_of, errors
from rfm_ml.core.errors import ParamsError


@app.command()
def count(
    params: ParamsFile,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Dynamic segments to count; all if not given.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="YAML",
            help="Criteria of your own, as in '{orders: {within_days: 90}}'; with NAME only its members are asked.",
        ),
    ] = None,
    as_of: AsOf = None,
    out: Out = None,
) -> None:
    """Count the customers in dynamic segments, or by criteria you type."""
    from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
    from rfm_ml.study.published import PublishedStudy

    study = PublishedStudy(params, as_of=day_of(as_of), out=out)
    asked = {} if where is None else {"--where": _criteria(where)}
    segments = DynamicSegments(study, where=asked)
    if not segments.names:
        raise ParamsError(
            "Dynamic segments must be in the params, or criteria be given. There are none. Add dynamic_segments: to "
            "the params, or --where."
        )
    if names:
        found = segments.counts(list(names), within=next(iter(asked), None))
    else:
        found = segments.counts(list(asked) or None)
    width = max(len(name) for name in found)
    for name, number in found.items():
        console.print(f"{name:{width}}  {number:>9,}", markup=False)
    for told in [*study.notes, *segments.not_seen([*dict.fromkeys([*found, *asked])])]:
        errors.print(f"Note: {told}", markup=False)  # apart from the figures, which a script may read


def _criteria(text: str) -> Any:
    import yaml

    from rfm_ml.core.yaml_files import StrictLoader

    try:
        return yaml.load(text, Loader=StrictLoader)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise ParamsError(f"--where must be YAML. It is not: {problem}.") from None
    except ParamsError as error:
        raise ParamsError(f"--where: {error}") from None
