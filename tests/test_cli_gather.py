"""A group of options reaches a command as one object."""

from dataclasses import dataclass

import click
from adapt_embed.cli.options import gathered
from click.testing import CliRunner


@dataclass(frozen=True)
class Size:
    width: int
    name: str | None


@dataclass(frozen=True)
class Where:
    place: str


SIZE = gathered("size", Size, click.option("--width", type=int, default=3, help="First."), click.option("--name", help="Second."))
WHERE = gathered("where", Where, click.argument("place"))


@click.command()
@SIZE
@WHERE
@click.option("--loud", is_flag=True)
def command(size: Size, where: Where, loud: bool) -> None:
    click.echo(f"{size} {where} {loud}")


def test_each_group_gets_its_own_values() -> None:
    result = CliRunner().invoke(command, ["here", "--name", "法律", "--loud"])
    assert result.output == "Size(width=3, name='法律') Where(place='here') True\n"


def test_the_help_keeps_the_order() -> None:
    text = CliRunner().invoke(command, ["--help"]).output
    assert 0 < text.index("--width") < text.index("--name") < text.index("--loud")
