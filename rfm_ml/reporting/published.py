"""Reports that are there: which is the latest."""

from pathlib import Path

from rfm_ml.core.checks import did_you_mean
from rfm_ml.core.errors import ParamsError


def latest_report(out: Path, study: str | None = None) -> Path:
    """Return the index page of a study's latest as-of day, or of the report published last.

    Raises
    ------
    ParamsError
        If there is none.
    """
    found = [p for p in out.glob("*/????-??-??/index.html") if study in (None, p.parts[-3])]
    if not found:
        known = sorted({p.parts[-3] for p in out.glob("*/????-??-??/index.html")})
        what = f"of {study!r} " if study else ""
        raise ParamsError(f"A report {what}must have been made in {str(out)!r}. {did_you_mean(study or '', known)}")
    if study is None:
        return max(found, key=lambda p: p.stat().st_mtime)
    return max(found, key=lambda p: p.parts[-2])
