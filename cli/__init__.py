"""The command `adapt`: one thin command a verb, imported when it is called."""

from typing import Any

import click

from .. import __version__
from . import bash as bash  # teaches click the bash that takes a reference for one word
from .boundary import Boundary
from .lazy_group import LazyGroup

# verb -> (module, line in the help)
COMMANDS = {
    "ab": ("ab", "Compare adapters on live traffic: plans and reports."),
    "data": ("data", "Prepare what an adapter is trained on: from tables, texts and logs to pairs."),
    "train": ("train", "Train a domain adapter on a frozen base and register it."),
    "sweep": ("sweep", "Try settings of a training on dev, and register the best adapter."),
    "pretrain": ("pretrain", "Train an adapter on text without pairs, for training to start from."),
    "merge": ("merge", "Merge adapters on one base into one, in weight space."),
    "ensemble": ("ensemble", "Use several members together, each with its own weights."),
    "bench": ("bench", "Score references side by side with the base, through mteb."),
    "encode": ("encode", "Embed lines of text."),
    "index": ("index", "Embed a corpus once, for every adapter of queries to search."),
    "search": ("search", "Search an index with references, side by side with the base."),
    "serve": ("serve", "Serve embeddings over HTTP, with an adapter per request."),
    "list": ("list_", "List what is in the registry."),
    "show": ("show", "Show one entry whole, with its lineage."),
    "rm": ("rm", "Remove a version."),
    "runs": ("runs", "List the training runs that were interrupted, and remove them."),
    "alias": ("alias", "Give a version another name."),
    "add": ("add", "Register a PEFT LoRA folder."),
    "card": ("card", "Write the card of a version, as it would be shared."),
    "export": ("export", "Write a version into one file, or as one model."),
    "import": ("import_", "Register a version out of such a file."),
    "push": ("push", "Push a version to the Hugging Face Hub."),
    "pull": ("pull", "Fetch an adapter from the Hugging Face Hub."),
    "update": ("update", "Fetch the newer commit of a version that lies on the Hub."),
    "verify": ("verify", "Check every file of the registry against its hash."),
    "base": ("base", "The bases that are known and at hand."),
}


_ANY_WIDTH = 10_000
"""Help is as wide as the terminal."""


class Main(LazyGroup, Boundary):
    """The command `adapt`."""


@click.group(
    cls=Main, table=COMMANDS, package=__name__, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _ANY_WIDTH}
)
@click.version_option(__version__, prog_name="adapt")
def main(**_: Any) -> None:
    """Small LoRA adapters, one per domain, for a frozen BGE text-embedding model."""
