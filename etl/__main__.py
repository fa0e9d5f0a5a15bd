"""python -m etl: the commands of the data flow."""

import os

from etl.commands import app

os.umask(0o077)  # what lies in a home is its owner's alone
app(prog_name="python -m etl")
