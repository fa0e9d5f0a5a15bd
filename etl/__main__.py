"""python -m etl: the commands of the data flow."""

from etl.commands import app

app(prog_name="python -m etl")
