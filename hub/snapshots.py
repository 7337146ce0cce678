"""Snapshots of repositories: out of the Hugging Face cache without asking the Hub, or from the Hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from .faults import told
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


def cached_file(repo: str, name: str, revision: str | None) -> Path | None:
    """Return one file of a model's repository at a revision (None: `main`), as others find it in the cache; None where it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, name, revision=revision)
    return Path(found) if isinstance(found, str) else None


def hub_cache() -> Path:
    """Return the folder of the Hub's cache, as the Hub's client itself sees it."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def snapshot_identity(folder: Path) -> tuple[str, str] | None:
    """Return the Hub id and revision that a model's snapshot in the cache is named after; None of any other folder."""
    parts = folder.resolve().parts
    if len(parts) < 3 or parts[-2] != "snapshots" or not parts[-3].startswith("models--"):
        return None
    return parts[-3].removeprefix("models--").replace("--", "/"), parts[-1]


def fetch_snapshot(repo: str, revision: str | None = None, *, patterns: Sequence[str] | None = None) -> Path:
    """Fetch a model's repository from the Hub, and return its folder. Ask `hub_is_reachable` first.

    Args:
        repo: `OWNER/NAME`.
        revision: As in `cached_snapshot`.
        patterns: The files that are fetched; None: all.

    Raises:
        HubError: the Hub refuses, or breaks off.
    """
    with told(f"{repo} could not be fetched from {hub_endpoint()}", repo=repo):
        return _snapshot(repo, revision, "model", patterns, only_here=False)


def _snapshot(repo: str, revision: str | None, repo_type: RepoType, patterns: Sequence[str] | None, *, only_here: bool) -> Path:
    from huggingface_hub import snapshot_download

    wanted = list(patterns) if patterns is not None else None
    return Path(snapshot_download(repo, revision=revision, repo_type=repo_type, allow_patterns=wanted, local_files_only=only_here))
