"""Repositories in memory, as the Hub keeps them: commits, branches, tags, pull requests, and what lies outside git (lfs)."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".pkl", ".onnx", ".npy", ".parquet")
LARGEST_REGULAR = 10_000_000
INITIAL = {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}


class Refused(Exception):
    """An answer that is an error: status, X-Error-Code, message."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Blob:
    """A file's content."""

    data: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def git_oid(self) -> str:
        return git_sha1(pointer(self) if self.is_lfs else self.data)

    @property
    def etag(self) -> str:
        """The content's identity as the Hub states it: sha256 of an lfs file, git's sha1 of any other."""
        return self.sha256 if self.is_lfs else self.git_oid

    def row(self, path: str) -> dict:
        """The line of a tree."""
        row = {"type": "file", "path": path, "size": len(self.data), "oid": self.git_oid}
        if self.is_lfs:
            row["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": len(pointer(self))}
        return row


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def pointer(blob: Blob) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{blob.sha256}\nsize {len(blob.data)}\n".encode()


def blob_of(path: str, data: bytes) -> Blob:
    """Decide as the Hub does which files are lfs files."""
    return Blob(data, is_lfs=bool(data) and (path.endswith(LFS_SUFFIXES) or len(data) > LARGEST_REGULAR))


@dataclass(frozen=True)
class Commit:
    """One state of a repository."""

    oid: str
    title: str
    files: dict[str, Blob]
    parent: str | None


@dataclass
class Repository:
    """One model's repository.

    `rows` are lines of the tree that stand beside those of its files, as they are: what no client could push.
    """

    id: str
    private: bool = False
    gated: bool = False
    rows: list[dict] = field(default_factory=list)
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.branches:
            self.branches["main"] = self.commit(INITIAL, title="initial commit").oid

    def commit(self, files: dict[str, bytes], *, title: str = "put", branch: str = "main", whole: bool = False) -> Commit:
        """Add a commit that puts files over those of the head (`whole`: in place of them)."""
        parent = self.branches.get(branch)
        before = {} if whole or parent is None else self.commits[parent].files
        new = self.add({**before, **{path: blob_of(path, data) for path, data in files.items()}}, title, parent)
        self.branches[branch] = new.oid
        return new

    def add(self, files: dict[str, Blob], title: str, parent: str | None) -> Commit:
        content = json.dumps([self.id, len(self.commits), title, parent, sorted((path, blob.etag) for path, blob in files.items())])
        new = Commit(hashlib.sha1(content.encode()).hexdigest(), title, files, parent)
        self.commits[new.oid] = new
        return new

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag, a pull request or a commit's id means."""
        oid = self.branches.get(revision) or self.tags.get(revision) or self.pull_requests.get(revision) or revision
        if oid not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    @property
    def head(self) -> Commit:
        return self.at("main")

    @property
    def card(self) -> dict:
        """The front matter of the card."""
        readme = self.head.files.get("README.md", Blob(b"", False)).data.decode("utf-8", "replace")
        parts = readme.split("---\n", 2)
        try:
            found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
        except yaml.YAMLError:
            found = None
        return found if isinstance(found, dict) else {}

    def info(self, revision: str = "main") -> dict:
        """What `/api/models/ID` says."""
        commit, card = self.at(revision), self.card
        tags = [str(tag) for tag in [*(card.get("tags") or []), card.get("library_name")] if tag]
        siblings = [{"rfilename": path} for path in commit.files]
        return {
            "_id": self.id,
            "id": self.id,
            "modelId": self.id,
            "author": self.id.split("/")[0],
            "sha": commit.oid,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "tags": tags,
            "siblings": siblings,
            "cardData": card,
        }

    def tree(self, revision: str, folder: str = "") -> list[dict]:
        """All lines of the tree, folders too."""
        files = {path: blob for path, blob in self.at(revision).files.items() if path.startswith(folder)}
        folders = sorted({path.rsplit("/", n)[0] for path in files for n in range(1, path.count("/") + 1)})
        if folder and not files:
            raise Refused(404, f"{folder} does not exist", "EntryNotFound")
        lines = [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders]
        return lines + [blob.row(path) for path, blob in files.items()] + self.rows


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read a folder's files, by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
