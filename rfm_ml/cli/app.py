"""The application that commands join, its consoles and the options they share."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)

ParamsFile = Annotated[str, typer.Argument(metavar="PARAMS", help="The study's params file, as in params/cdnow.yml.")]
AsOf = Annotated[str | None, typer.Option(metavar="DATE", help="The day of the picture: 2025-06-30, or today.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the reports; reports/ if not given.")]


def day_of(text: str | None) -> date | str | None:
    """Return what --as-of means; only here may "today" be asked for."""
    return date.today() if text == "today" else text
