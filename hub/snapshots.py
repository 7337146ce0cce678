"""Snapshots of repositories: out of the Hugging Face cache without asking the Hub, or from the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..errors import HubError
from .reach import hub_endpoint

RepoType = Literal["model", "dataset"]


def cached_snapshot(
    repo: str, revision: str | None = None, *, repo_type: RepoType = "model", patterns: Sequence[str] | None = None
) -> Path | None:
    """Return the folder in which the Hub's client keeps a repository; None where it keeps none. The Hub is not asked.

    Args:
        repo: `OWNER/NAME`.
        revision: A commit, a branch or a tag; None: what `main` was when it was fetched.
        repo_type: What kind of repository it is.
        patterns: The files that count; None: all.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return _snapshot(repo, revision, repo_type, patterns, only_here=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError):
        return None


def fetch_snapshot(repo: str, revision: str | None = None, *, patterns: Sequence[str] | None = None) -> Path:
    """Fetch a model's repository from the Hub, and return its folder. Ask `hub_is_reachable` first.

    Args:
        repo: `OWNER/NAME`.
        revision: As in `cached_snapshot`.
        patterns: The files that are fetched; None: all.

    Raises:
        HubError: the Hub refuses, or breaks off.
    """
    try:
        return _snapshot(repo, revision, "model", patterns, only_here=False)
    except Exception as e:  # the Hub's client raises httpx, OS and its own errors alike
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise HubError(f"{repo} could not be fetched from {hub_endpoint()}: {reason}") from e


def _snapshot(repo: str, revision: str | None, repo_type: RepoType, patterns: Sequence[str] | None, *, only_here: bool) -> Path:
    from huggingface_hub import snapshot_download

    wanted = list(patterns) if patterns is not None else None
    return Path(snapshot_download(repo, revision=revision, repo_type=repo_type, allow_patterns=wanted, local_files_only=only_here))
