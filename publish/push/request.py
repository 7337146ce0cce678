"""What is to be pushed where, and what the words alone show to be wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...errors import RequestError
from ...references import Search
from ..bases import check_ids
from ..card import CardOptions
from ..words import check_ref, check_repository


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What is pushed, and how.

    Attributes:
        reference: A registered version.
        repo: `OWNER/NAME`; it is made where it is not there.
        where: Where the version is looked for; None: the user's own registry.
        is_private: Whether a repository that is made is private.
        branch: Where the commit goes; None: `main`. A branch that is not there is made from `main`.
        message: The commit's; None: the version's name.
        tag: What the commit is called.
        as_pull_request: Whether the commit is proposed, and not made.
        base_ids: Repositories that hold the weights of bases without a Hub id.
        bundle: Whether an ensemble's members are sent inside.
        over: The head, a whole commit, that is overwritten although this registry has not seen it.
        keeps: Names that may stand in what is sent, although the user or the machine is called so.
        card: What the card says beside what the version itself does; the repository and what it was made from are filled in.
        yes: Whether questions about the licences of the data are answered with yes.
    """

    reference: str
    repo: str
    where: Search | None = None
    is_private: bool = False
    branch: str | None = None
    message: str | None = None
    tag: str | None = None
    as_pull_request: bool = False
    base_ids: tuple[str, ...] = ()
    bundle: bool = False
    over: str | None = None
    keeps: tuple[str, ...] = ()
    card: CardOptions = field(default_factory=CardOptions)
    yes: bool = False

    def __post_init__(self) -> None:
        check_repository(self.repo)
        check_ids(self.base_ids)
        for name, what in ((self.branch, "--revision"), (self.tag, "--tag")):
            if name is not None:
                check_ref(name, what)
        if self.over is not None and not re.fullmatch("[0-9a-f]{40}", self.over):
            raise RequestError(f"--over is {self.over!r}; expected the whole commit, 40 hexadecimal digits")
        if self.message is not None and not self.message.strip():
            raise RequestError("--message is empty; say in a line what is pushed, or leave it out")
        if self.as_pull_request and (self.tag or self.branch):
            option = "--tag" if self.tag else "--revision"
            raise RequestError(f"--create-pr proposes a commit to main, so {option} does not go with it; leave one of them out")
