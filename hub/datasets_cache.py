"""What `datasets` has made of the Hub's data sets: OWNER___NAME/CONFIG/VERSION/REVISION/NAME-SPLIT*.arrow below its cache."""

from pathlib import Path


def split_files(repo: str, revision: str, config: str, split: str) -> list[Path]:
    """Return the Arrow files of one split, in their order; empty where the cache does not hold it at this revision."""
    root, name = _folder(repo) / config, _snake_name(repo)
    whole = sorted(root.glob(f"*/{revision}/{name}-{split}.arrow"))
    return whole[:1] or sorted(root.glob(f"*/{revision}/{name}-{split}-[0-9]*-of-[0-9]*.arrow"))


def prepared_revisions(repo: str, config: str) -> set[str]:
    """Return the revisions at which the cache holds a subset whole."""
    return {path.name for path in _folder(repo).glob(f"{config}/*/*") if (path / "dataset_info.json").is_file()}


def _folder(repo: str) -> Path:
    import datasets

    owner = repo.rpartition("/")[0]
    return Path(datasets.config.HF_DATASETS_CACHE) / "___".join(filter(None, (owner, _snake_name(repo))))


def _snake_name(repo: str) -> str:
    from datasets.naming import camelcase_to_snakecase

    return str(camelcase_to_snakecase(repo.rpartition("/")[2]))
