"""A study that runs by itself: the line for crontab."""

import re
import shlex
import sys
from pathlib import Path

from rfm_ml.core.errors import ParamsError
from rfm_ml.core.places import base_folder, find_params
from rfm_ml.params import load_params

_FIELDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 7)}
_PART = re.compile(r"^(\*|\d+(-\d+)?)(/\d+)?$")


def crontab_line(params: str | Path, cron: str) -> str:
    """Return a crontab line that runs a study and appends to a log beside the reports.

    Parameters
    ----------
    params
        Path of the params file; it must be usable.
    cron
        Five fields: minute, hour, day of month, month, day of week.

    Raises
    ------
    ParamsError
        If a field is not valid, or the params name a fixed day, so that every run would be the same.
    """
    check_cron(cron)
    path = find_params(params)
    loaded = load_params(path)
    if not isinstance(loaded.as_of, str):
        raise ParamsError(
            f"A scheduled study must look at a day that moves on. Its as_of is {loaded.as_of}. "
            "Set as_of: latest, yesterday or month-end in the params."
        )
    base = base_folder(path.parent)
    program = Path(sys.executable).with_name("rfm-ml")
    words = shlex.join([str(program), "run", str(path.relative_to(base))])
    log = shlex.quote(f"reports/{loaded.study}.log")
    # cron ends a command at a percent sign unless it is escaped.
    command = f"cd {shlex.quote(str(base))} && mkdir -p reports && {words} >> {log} 2>&1"
    return f"{cron} {command}".replace("%", r"\%")


def check_cron(cron: str) -> None:
    """Refuse anything but five valid fields; a name such as mon is not one."""
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise ParamsError(f"--cron must have five fields, as in '0 6 * * 1'. Got {len(fields)}: {cron!r}.")
    for text, (name, (low, high)) in zip(fields, _FIELDS.items(), strict=True):
        for part in text.split(","):
            numbers = [int(n) for n in re.findall(r"\d+", part.split("/")[0])]
            if not _PART.match(part) or not all(low <= n <= high for n in numbers):
                raise ParamsError(f"The {name} of --cron must be *, or numbers from {low} to {high}. Got {text!r}.")
