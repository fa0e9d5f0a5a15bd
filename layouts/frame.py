"""The frame of every page: what the browser is sent before it has asked for anything."""

from pathlib import Path

import plotly
from dash.fingerprint import build_fingerprint

from layouts.theme import css_variables

BUNDLE = "package_data/plotly.min.js"
INDEX = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
{%metas%}
<title>{%title%}</title>
<meta name="plotly" content="{plotly}">
{%favicon%}
<style>{variables}</style>
{%css%}
</head>
<body>
{%app_entry%}
<footer hidden>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def frame() -> str:
    """What Dash fills in. It would fetch plotly under an address without a fingerprint, which
    browsers may not keep; assets/plotly_late.js fetches it under one that has it, once."""
    modified = int((Path(plotly.__file__).parent / BUNDLE).stat().st_mtime)
    name = build_fingerprint(BUNDLE, plotly.__version__, modified)
    framed = INDEX.replace("{variables}", css_variables())
    return framed.replace("{plotly}", f"/_dash-component-suites/plotly/{name}")
