"""What the command line shows: progress, tables, remarks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from rfm_ml.cli.app import console, errors

if TYPE_CHECKING:  # pandas takes its time, and most commands do not print frames
    import pandas as pd


def print_remarks(notes: Sequence[str], warnings: Sequence[str]) -> None:
    """Print what a reader must know, one sentence a line."""
    for kind, sentences in {"Note": notes, "Warning": warnings}.items():
        for sentence in sentences:
            console.print(f"{kind}: {sentence}", markup=False)


def print_table(frame: "pd.DataFrame", *, title: str) -> None:
    """Print a frame with its numbers to the right."""
    table = Table(*frame.columns, title=title, title_justify="left", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in frame.itertuples(index=False):
        table.add_row(
            *(f"{v:,.2f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else str(v) for v in row)
        )
    console.print(table)


class RunDisplay:
    """Stages and cells as they happen: bars in a terminal, plain lines in a log."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        self.progress = Progress(*columns, console=errors, transient=True)
        self.live = errors.is_terminal
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "RunDisplay":
        if self.live:
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.progress.stop()

    def stage(self, words: str) -> None:
        """Begin a stage."""
        for task in list(self.tasks.values()):
            self.progress.update(task, total=1, completed=1)
        self.tasks = {words: self.progress.add_task(words, total=None)}
        if not self.live:
            errors.print(f"{words} ...")

    def notebooks(self, names: Sequence[str]) -> None:
        """Begin to execute notebooks."""
        self.stage("Executing notebooks")
        for name in names:
            self.tasks[name] = self.progress.add_task(f"  {name}", total=None)

    def step(self, words: str, done: int, total: int) -> None:
        """Tell how far a stage is."""
        self.progress.update(self.tasks[words], completed=done, total=total)

    def cell(self, name: str, done: int, total: int) -> None:
        """Tell how far a notebook is."""
        self.progress.update(self.tasks[name], completed=done, total=total)
        if not self.live and done == total:
            errors.print(f"  {name}: {total} cells")
