"""A Hub on the loopback that the real huggingface_hub client can push to and pull from.

`HubServer()` listens on a port of its own and keeps its repositories in memory (`hub_repositories.py`). It answers as the
Hub does, and on demand as the Hub does on a bad day: `fail` names requests and what happens to them. `requests` records
what came, with headers, so that a test can see where a token went and which bytes were asked for. With `files_at` another
server, lfs files are uploaded to and downloaded from that one, as the Hub does it with its storage.

The fixture `hub` of `conftest.py` starts one and points the client, in this process and in those that it starts, to it.
"""

import base64
import importlib.util
import json
import re
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_spec = importlib.util.spec_from_file_location("adapt_tests_hub_repositories", Path(__file__).with_name("hub_repositories.py"))
repositories = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)  # `tests` is not a package
_spec.loader.exec_module(repositories)
Blob, Refused, Repository, read_folder = (getattr(repositories, name) for name in ("Blob", "Refused", "Repository", "read_folder"))

TOKEN = "hf_dummyWriteTokenOfTheTests"
READ_TOKEN = "hf_dummyReadTokenOfTheTests"
USER = "me"


@dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    path: str  # with the query, as it was sent
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None


@dataclass
class Fault:
    """What happens to requests: an answer in place of the right one, or the right one damaged.

    Attributes:
        method: A regular expression of the whole method.
        path: A regular expression, searched in the path with its query.
        status: Answer with this status, `code` in X-Error-Code, `body` and `headers`.
        reset: Reset the connection without an answer.
        cut: Send the right headers and only so many bytes of the body, then close.
        flip: Send bytes of the right size, the last one another.
        times: How often; None for ever.
    """

    method: str
    path: str
    status: int = 0
    code: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    cut: int | None = None
    flip: bool = False
    times: int | None = None

    def hits(self, method: str, path: str) -> bool:
        return self.times != 0 and bool(re.fullmatch(self.method, method) and re.search(self.path, path))


@dataclass
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


class HubServer:
    """A Hub.

    Attributes:
        endpoint: Its address.
        repositories: By id.
        requests: What came, in its order.
        tokens: token -> role, `write` or `read`.
        page: How many lines a page of a tree or of a list has.
        files_at: The server to which lfs files go and from which they come; None: this one.
        yaml_warnings, yaml_errors: What the check of a card's front matter answers.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.tokens = {TOKEN: "write", READ_TOKEN: "read"}
        self.page = 1000
        self.files_at: HubServer | None = None
        self.next_at: HubServer | None = None  # the server at which lists are said to go on
        self.ignores_ranges = False
        self.verify_at: HubServer | None = None  # the server that is named for the verification of an upload
        self.yaml_warnings: list[str] = []
        self.yaml_errors: list[str] = []
        self.stored: dict[str, bytes] = {}  # lfs files by sha256
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._http.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()

    def put(self, repo: str, files: dict[str, bytes | str] | Path, **state: object) -> Repository:
        """Put files into a repository (a new one, with `state`, where there is none), as one commit in place of what was there."""
        content = read_folder(files) if isinstance(files, Path) else files
        data = {path: value.encode() if isinstance(value, str) else value for path, value in content.items()}
        found = self.repositories.setdefault(repo, Repository(repo))
        for name, value in state.items():
            setattr(found, name, value)
        found.commit({**repositories.INITIAL, **data}, whole=True)
        return found

    def files(self, repo: str, revision: str = "main") -> dict[str, bytes]:
        """The files of a repository."""
        return {path: blob.data for path, blob in self.repositories[repo].at(revision).files.items()}

    def fail(self, method: str, path: str, **what: object) -> Fault:
        """From now on, requests of that method and path fail; see `Fault`."""
        self.faults.append(Fault(method, path, **what))
        return self.faults[-1]

    def asked(self, method: str = ".*", path: str = "") -> list[Request]:
        """The requests of a method and path."""
        return [each for each in self.requests if re.fullmatch(method, each.method) and re.search(path, each.path)]

    def answer(self, request: Request) -> Answer:
        """The right answer."""
        parts = urlsplit(request.path)
        for method, pattern, respond in ROUTES:
            if request.method in method.split() and (found := re.fullmatch(pattern, parts.path)):
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                try:
                    return respond(self, request, query, *map(unquote, found.groups("")))
                except Refused as e:
                    headers = {"X-Error-Message": e.message} | ({"X-Error-Code": e.code} if e.code else {})
                    return as_json({"error": e.message}, e.status, **headers)
                except Exception:
                    traceback.print_exc()  # a defect of this server, which the test shows
                    return as_json({"error": "defect of the test server"}, 500)
        return as_json({"error": "no such route"}, 404)

    def role(self, request: Request) -> str:
        """What the request's token may do; empty without one."""
        if request.token is None:
            return ""
        if request.token not in self.tokens:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.tokens[request.token]

    def repository(self, request: Request, repo: str, *, write: bool = False, content: bool = False) -> Repository:
        """The repository, where the request may see (or change) it."""
        role, found = self.role(request), self.repositories.get(repo)
        if found is None or (found.private and not role):
            raise Refused(404 if role else 401, "Repository not found", "RepoNotFound")
        if content and found.gated:
            raise Refused(403, f"Access to model {repo} is restricted and you are not in the authorized list.", "GatedRepo")
        if write and role != "write":
            raise Refused(403 if role else 401, "You don't have the rights to write to this repository with this token")
        return found


def _whoami(hub: HubServer, request: Request, query: dict) -> Answer:
    if not (role := hub.role(request)):
        raise Refused(401, "Invalid username or password.")
    token = {"accessToken": {"displayName": "tests", "role": role}}
    return as_json({"type": "user", "name": USER, "fullname": USER, "orgs": [{"name": "team"}], "auth": token})


def _create(hub: HubServer, request: Request, query: dict) -> Answer:
    wanted = json.loads(request.body)
    if hub.role(request) != "write":
        raise Refused(403 if hub.role(request) else 401, "You don't have the rights to create a model under this namespace")
    repo = f"{wanted.get('organization') or USER}/{wanted['name']}"
    url = {"url": f"{hub.endpoint}/{repo}", "name": repo, "id": repo}
    if repo in hub.repositories:
        return as_json({"error": "You already created this model repo", **url}, 409)
    hub.repositories[repo] = Repository(repo, private=wanted.get("visibility") == "private" or bool(wanted.get("private")))
    return as_json(url)


def _validate(hub: HubServer, request: Request, query: dict) -> Answer:
    said = {"warnings": hub.yaml_warnings, "errors": hub.yaml_errors}
    return as_json({kind: [{"message": text} for text in texts] for kind, texts in said.items()}, 400 if hub.yaml_errors else 200)


def _preupload(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    there = hub.repository(request, repo, write=True).at(revision).files
    rows = []
    for file in json.loads(request.body)["files"]:
        path, size = file["path"], file["size"]
        is_lfs = size > 0 and (path.endswith(repositories.LFS_SUFFIXES) or size > repositories.LARGEST_REGULAR)
        oid = {"oid": there[path].etag} if path in there else {}
        rows.append({"path": path, "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False, **oid})
    return as_json({"files": rows})


def _lfs_batch(hub: HubServer, request: Request, query: dict, repo: str) -> Answer:
    hub.repository(request, repo, write=True)
    storage = hub.files_at or hub
    rows = []
    for wanted in json.loads(request.body)["objects"]:
        row = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in storage.stored:
            verify = {"href": f"{(hub.verify_at or hub).endpoint}/{repo}/lfs-verify"}
            row["actions"] = {"upload": {"href": f"{storage.endpoint}/stored/{wanted['oid']}"}, "verify": verify}
        rows.append(row)
    return as_json({"transfer": "basic", "objects": rows})


def _store(hub: HubServer, request: Request, query: dict, oid: str) -> Answer:
    if Blob(request.body, True).sha256 != oid:
        return as_json({"error": "the content has another sha256"}, 400)
    hub.stored[oid] = request.body
    return Answer()


def _stored(hub: HubServer, request: Request, query: dict, oid: str) -> Answer:
    if oid not in hub.stored:
        return as_json({"error": "not stored"}, 404)
    return _bytes(request, hub.stored[oid], {"ETag": f'"{oid}"'})


def _verify(hub: HubServer, request: Request, query: dict, repo: str) -> Answer:
    wanted = json.loads(request.body)
    there = (hub.files_at or hub).stored.get(wanted["oid"], b"")
    return Answer() if len(there) == wanted["size"] else as_json({"error": "not uploaded"}, 404)


def _commit(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    found = hub.repository(request, repo, write=True)
    lines = [json.loads(line) for line in request.body.splitlines()]
    header, head = lines[0]["value"], found.at(revision)
    if header.get("parentCommit") not in (None, head.oid):
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    files = dict(head.files)
    for line in lines[1:]:
        _OPERATIONS[line["key"]](files, line["value"], hub)
    new = found.add(files, header["summary"], head.oid)
    said = {"commitUrl": f"{hub.endpoint}/{repo}/commit/{new.oid}", "commitOid": new.oid, "hookOutput": ""}
    if query.get("create_pr"):
        number = len(found.pull_requests) + 1
        found.pull_requests[f"refs/pr/{number}"] = new.oid
        said["pullRequestUrl"] = f"{hub.endpoint}/{repo}/discussions/{number}"
    else:
        (found.pull_requests if revision in found.pull_requests else found.branches)[revision] = new.oid
    return as_json(said)


def _add_regular(files: dict[str, Blob], value: dict, hub: HubServer) -> None:
    files[value["path"]] = Blob(base64.b64decode(value["content"]), is_lfs=False)


def _add_lfs(files: dict[str, Blob], value: dict, hub: HubServer) -> None:
    storage = (hub.files_at or hub).stored
    if value["oid"] not in storage:
        raise Refused(400, f"{value['path']} was not uploaded")
    files[value["path"]] = Blob(storage[value["oid"]], is_lfs=True)


def _delete(files: dict[str, Blob], value: dict, hub: HubServer) -> None:
    gone = [path for path in files if path == value["path"] or path.startswith(value["path"].rstrip("/") + "/")]
    if not gone:
        raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
    for path in gone:
        del files[path]


_OPERATIONS: dict[str, Callable] = {"file": _add_regular, "lfsFile": _add_lfs, "deletedFile": _delete, "deletedFolder": _delete}


def _info(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    return as_json(hub.repository(request, repo).info(revision or "main"))


def _tree(hub: HubServer, request: Request, query: dict, repo: str, revision: str, folder: str) -> Answer:
    lines = hub.repository(request, repo).tree(revision, folder.lstrip("/"))
    return _paged(hub, request, query, lines)


def _paged(hub: HubServer, request: Request, query: dict, lines: list) -> Answer:
    start = int(query.get("cursor", 0))
    end, path = start + min(hub.page, int(query.get("limit", hub.page))), urlsplit(request.path)
    kept = "".join(f"&{name}={quote(value)}" for name, value in query.items() if name != "cursor")
    more = {"Link": f'<{(hub.next_at or hub).endpoint}{path.path}?cursor={end}{kept}>; rel="next"'} if end < len(lines) else {}
    return as_json(lines[start:end], **more)


def _paths_info(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    wanted = parse_qs(request.body.decode())["paths"]
    return as_json([row for row in hub.repository(request, repo).tree(revision) if row["path"] in wanted])


def _refs(hub: HubServer, request: Request, query: dict, repo: str) -> Answer:
    found = hub.repository(request, repo)
    kinds = {"branches": ("refs/heads/", found.branches), "tags": ("refs/tags/", found.tags), "pullRequests": ("", found.pull_requests)}
    rows = {
        kind: [{"name": name, "ref": prefix + name, "targetCommit": oid} for name, oid in refs.items()]
        for kind, (prefix, refs) in kinds.items()
    }
    return as_json({"converts": [], **rows})


def _commits(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    found, rows, oid = hub.repository(request, repo), [], None
    oid = found.at(revision).oid
    while oid is not None:
        commit = found.commits[oid]
        rows.append({"id": oid, "title": commit.title, "message": "", "date": "2026-01-01T00:00:00.000Z", "authors": [{"user": USER}]})
        oid = commit.parent
    return as_json(rows)


def _tag(hub: HubServer, request: Request, query: dict, repo: str, revision: str) -> Answer:
    found, tag = hub.repository(request, repo, write=True), json.loads(request.body)["tag"]
    if tag in found.tags:
        raise Refused(409, "Tag reference exists already")
    found.tags[tag] = found.at(revision).oid
    return as_json({})


def _branch(hub: HubServer, request: Request, query: dict, repo: str, branch: str) -> Answer:
    found = hub.repository(request, repo, write=True)
    if branch in found.branches:
        raise Refused(409, "Reference already exists")
    found.branches[branch] = found.at(json.loads(request.body or b"{}").get("startingPoint") or "main").oid
    return as_json({})


def _list(hub: HubServer, request: Request, query: dict) -> Answer:
    wanted = parse_qs(urlsplit(request.path).query)
    seen = [each for each in hub.repositories.values() if hub.role(request) or not each.private]
    rows = [each.info() for each in seen if not query.get("author") or each.id.startswith(query["author"] + "/")]
    return _paged(hub, request, query, [row for row in rows if set(wanted.get("filter", [])) <= set(row["tags"])])


def _resolve(hub: HubServer, request: Request, query: dict, repo: str, revision: str, path: str) -> Answer:
    commit = hub.repository(request, repo, content=True).at(revision)
    if path not in commit.files:
        raise Refused(404, "Entry not found", "EntryNotFound")
    blob = commit.files[path]
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{blob.etag}"'}
    if not blob.is_lfs or hub.files_at is None:
        return _bytes(request, blob.data, headers) if not hub.ignores_ranges else Answer(200, blob.data, headers)
    hub.files_at.stored[blob.sha256] = blob.data
    linked = {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.data))}
    return Answer(302, b"", {**headers, **linked, "Location": f"{hub.files_at.endpoint}/stored/{blob.sha256}"})


def _bytes(request: Request, data: bytes, headers: dict[str, str]) -> Answer:
    headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if wanted is None:
        return Answer(200, data, headers)
    start, end = int(wanted[1]), int(wanted[2] or len(data) - 1)
    if start >= len(data):
        return Answer(416, b"", {**headers, "Content-Range": f"bytes */{len(data)}"})
    return Answer(206, data[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{min(end, len(data) - 1)}/{len(data)}"})


_REPO = r"([\w.-]+/[\w.-]+|(?!api/)[\w.-]+)"
ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/api/whoami-v2", _whoami),
    ("POST", "/api/repos/create", _create),
    ("POST", "/api/validate-yaml", _validate),
    ("GET", "/api/models", _list),
    ("POST", f"/api/models/{_REPO}/preupload/([^/]+)", _preupload),
    ("POST", f"/{_REPO}\\.git/info/lfs/objects/batch", _lfs_batch),
    ("PUT", "/stored/([0-9a-f]{64})", _store),
    ("GET HEAD", "/stored/([0-9a-f]{64})", _stored),
    ("POST", f"/{_REPO}/lfs-verify", _verify),
    ("POST", f"/api/models/{_REPO}/commit/([^/]+)", _commit),
    ("GET", f"/api/models/{_REPO}/tree/([^/]+)(/.+)?", _tree),
    ("POST", f"/api/models/{_REPO}/paths-info/([^/]+)", _paths_info),
    ("GET", f"/api/models/{_REPO}/refs", _refs),
    ("GET", f"/api/models/{_REPO}/commits/([^/]+)", _commits),
    ("POST", f"/api/models/{_REPO}/tag/([^/]+)", _tag),
    ("POST", f"/api/models/{_REPO}/branch/([^/]+)", _branch),
    ("GET", f"/api/models/{_REPO}/revision/([^/]+)", _info),
    ("GET", f"/api/models/{_REPO}()", _info),
    ("GET HEAD", f"/{_REPO}/resolve/([^/]+)/(.+)", _resolve),
)
"""Method, path, and what answers; the groups of the path are its arguments."""


def _handler_of(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body in one packet, or each answer waits for an acknowledgement

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = self._read_chunks()
            self.path = re.sub(r"^http://[^/]+", "", self.path)  # as a client asks a proxy, which this then is
            request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            hub.requests.append(request)
            fault = next((each for each in hub.faults if each.hits(self.command, self.path)), None)
            if fault is None:
                return self._send(hub.answer(request))
            fault.times = None if fault.times is None else fault.times - 1
            if fault.reset:
                return self._reset()
            if fault.status:
                code = {"X-Error-Code": fault.code} if fault.code else {}
                return self._send(Answer(fault.status, fault.body.encode(), {"Content-Type": "text/html", **code, **fault.headers}))
            answer = hub.answer(request)
            if fault.flip:
                answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1]) if answer.body else b""
            return self._send(answer, fault.cut)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

        def _send(self, answer: Answer, cut: int | None = None) -> None:
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[:cut])
            self.wfile.flush()
            self.close_connection = self.close_connection or cut is not None

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def _read_chunks(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, OSError, ValueError):
                self.close_connection = True  # the client went, or the connection was reset on purpose

        def finish(self) -> None:
            try:
                super().finish()
            except (ConnectionError, OSError, ValueError):
                self.connection.close()

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    return Handler
