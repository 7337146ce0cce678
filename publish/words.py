"""What the Hub takes as the name of a repository, of a branch and of a tag."""

from __future__ import annotations

import re

from ..errors import RequestError

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST = 96
_REF = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]*[A-Za-z0-9_-])?")


def check_repository(repo: str, what: str = "the repository") -> None:
    """Refuse what is no repository of the Hub.

    Source: https://huggingface.co/docs/huggingface_hub/package_reference/utilities#huggingface_hub.utils.validate_repo_id

    Raises:
        RequestError: it is not `OWNER/NAME` in letters, digits, `.`, `_` and `-`.
    """
    owner, slash, name = repo.partition("/")
    is_one = bool(slash) and all(_OWNER.fullmatch(part) for part in (owner, name)) and len(repo) <= _LONGEST
    if not is_one or "--" in repo or ".." in repo or repo.endswith(".git"):
        raise RequestError(
            f"{what} is {repo!r}; expected OWNER/NAME, both of plain letters, digits, '.', '_' and '-' (no '--' and no '..'), at most "
            f"{_LONGEST} characters"
        )


def check_ref(name: str, what: str) -> None:
    """Refuse what is no name of a branch or tag.

    Raises:
        RequestError: it is none.
    """
    if not _REF.fullmatch(name) or "//" in name or ".." in name or name.endswith(".lock"):
        raise RequestError(f"{what} is {name!r}; expected plain letters, digits, '.', '_', '-' and '/', such as v3")
