"""`python -m adapt_embed.cli`: the command `adapt`, for launchers that start modules."""

from . import main

main(prog_name="adapt")
