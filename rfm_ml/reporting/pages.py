"""Executed notebooks as pages of the report, without code and with it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rfm_ml.reporting.notebooks import NotebookRun


@cache
def templates() -> Environment:
    """Return the report's templates; what is not marked safe is escaped."""
    return Environment(
        loader=PackageLoader("rfm_ml.reporting", "templates"),
        autoescape=select_autoescape(["html", "j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_pages(runs: list[NotebookRun], notebooks: Path, to: Path, *, heading: dict[str, Any]) -> None:
    """Write `to/<notebook>.html` (reading) and `to/<notebook>-code.html` (with code) for executed notebooks.

    Parameters
    ----------
    runs
        In the order of the report; gives titles and neighbours.
    notebooks
        Folder of the executed notebooks.
    to
        Folder of the pages.
    heading
        What the index shows on top: study title and day.
    """
    template = templates().get_template("page.html.j2")
    links = [{"name": r.name, "title": r.title} for r in runs]
    for position, run in enumerate(runs):
        notebook = nbformat.read(notebooks / f"{run.name}.ipynb", as_version=4)
        up = "../" * (run.name.count("/") + 1)
        around = {
            "before": links[position - 1] if position > 0 else None,
            "after": links[position + 1] if position + 1 < len(links) else None,
        }
        for code in (False, True):
            page = template.render(
                title=run.title,
                name=run.name,
                file=run.name.rsplit("/", 1)[-1],
                body=notebook_body(notebook, code=code),
                code=code,
                up=up,
                links=links,
                styles=templates().get_template("report.css").render() + (code_styles() if code else ""),
                **around,
                **heading,
            )
            place = to / f"{run.name}{'-code' if code else ''}.html"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(page, encoding="utf-8")


def notebook_body(notebook: Any, *, code: bool) -> str:
    """Return an executed notebook as an HTML fragment; without code, cells that show nothing are left out."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=not code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    # Wide tables and figures scroll inside their own box, so that a phone never scrolls the page sideways.
    body = re.sub(r"(<table\b.*?</table>)", r'<div class="scroll">\1</div>', body, flags=re.DOTALL)
    return _with_alternative_texts(body)


def _with_alternative_texts(body: str) -> str:
    """Give every figure the last heading above it as its alternative text."""
    heading = ""
    parts = re.split(r"(<h[1-3][^>]*>.*?</h[1-3]>|<img\b[^>]*>)", body, flags=re.DOTALL)
    for index, part in enumerate(parts):
        if part.startswith("<h"):
            heading = re.sub(r"<[^>]+>", "", part).strip().replace('"', "&quot;")
        elif part.startswith("<img"):
            plain = re.sub(r'\salt="[^"]*"', "", part)
            parts[index] = f'<div class="figure">{plain[:-1].rstrip("/ ")} alt="Figure: {heading}"></div>'
    return "".join(parts)


@cache
def code_styles() -> str:
    """Return the colours of code, light."""
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style="default").get_style_defs(".highlight"))
