"""Pages that are plain HTML forms: they need no script, and stand before anybody is known."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from layouts.theme import css_variables

HERE = Path(__file__).parent
STYLE = HERE / "forms.css"
_pages = Environment(
    loader=FileSystemLoader(HERE),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def form(which: str, /, **values: Any) -> str:
    """The page of that name with its values, every one escaped."""
    return _pages.get_template(f"{which}.html").render(variables=css_variables(), **values)
