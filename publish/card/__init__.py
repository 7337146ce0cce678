"""The card of a version: what it is, what it gained and lost, how it is used, and what it may be used for. Nothing is asked of the Hub."""

from .files import card_files
from .licences import licence_questions
from .options import CardOptions

__all__ = ["CardOptions", "card_files", "licence_questions"]
