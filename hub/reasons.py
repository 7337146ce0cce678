"""What an error of the Hub's client means: one line that says what to do, and never holds a token.

What an error comes from counts as well: of a file that "is not in the cache" it is the answer of the Hub behind it that says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import shown_text
from .reach import hub_endpoint

if TYPE_CHECKING:
    import httpx2

_TOKEN = re.compile(r"hf_\w{4,}|Bearer\s+[^\s'\"]+")
_LOG_IN = "log in with: hf auth login (or set HF_TOKEN)"


def explain(error: BaseException, *, repo: str = "", writes: bool = False) -> str:
    """Return in one line what an error of the Hub's client means and what to do."""
    links = chain(error)
    for kinds, say in _rows():
        for link in links:
            if isinstance(link, kinds):
                return one_line(say(link, repo, writes))
    return one_line(_first_line(error))


def one_line(text: str) -> str:
    """Return foreign text as one short line without control characters and without a token."""
    token = _token()
    plain = _TOKEN.sub("(token)", text.replace(token, "(token)") if token else text)
    return shown_text.one_line(plain)[:500]


def _rows() -> tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[[Any, str, bool], str]], ...]:
    """Return kinds of error and what says what they mean, a special kind before the one that it belongs to."""
    import json

    import httpx2
    from huggingface_hub import errors

    def silent(why: str) -> Callable[[Any, str, bool], str]:
        return lambda *_: f"{hub_endpoint()} {why}"

    return (
        (errors.OfflineModeIsEnabled, lambda *_: "offline mode is on (HF_HUB_OFFLINE); unset it to ask the Hub"),
        (errors.GatedRepoError, _gated),
        (errors.DisabledRepoError, lambda _, repo, __: f"the Hub has disabled access to {repo or 'it'}"),
        (errors.RepositoryNotFoundError, _no_repository),
        (
            errors.RevisionNotFoundError,
            lambda _, repo, __: f"{repo or 'it'} has no such branch, tag or commit; see {hub_endpoint()}/{repo}",
        ),
        (errors.RemoteEntryNotFoundError, lambda e, repo, _: f"{repo or 'it'} has no file {_asked_path(e)}"),
        (errors.HFValidationError, lambda e, *_: f"{_first_line(e)}; expected OWNER/NAME"),
        (errors.LocalTokenNotFoundError, lambda *_: f"no token is known; {_LOG_IN}"),
        (errors.HfHubHTTPError, _refused),
        (errors.FileMetadataError, silent("does not answer as a Hub does; check HF_ENDPOINT, and the proxy")),
        (httpx2.ProxyError, lambda *_: "the proxy refuses; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
        (httpx2.TimeoutException, silent("does not answer in time; try again later")),
        (httpx2.ConnectError, _no_connection),
        ((httpx2.UnsupportedProtocol, httpx2.InvalidURL), silent("is not an address; check HF_ENDPOINT")),
        (httpx2.TooManyRedirects, silent("redirects in a circle; check HF_ENDPOINT")),
        (httpx2.LocalProtocolError, lambda *_: f"the token holds a character that no token has; {_LOG_IN}"),
        (UnicodeEncodeError, lambda *_: f"the token holds a character that no token has; {_LOG_IN}"),
        (httpx2.TransportError, silent("broke the connection off; run the same command again, which goes on where it was")),
        (
            json.JSONDecodeError,
            silent("answers with something that is no JSON, such as a page of a proxy; check HF_ENDPOINT, and the proxy"),
        ),
        (
            (errors.LocalEntryNotFoundError, errors.CachedRepoTreeNotFoundError),
            lambda *_: f"it is not in the Hugging Face cache, and {hub_endpoint()} cannot be reached",
        ),
        (ConnectionError, lambda e, *_: f"{_first_line(e)}; try again later"),
        ((KeyError, TypeError, AttributeError), lambda e, *_: f"the answer is in an unexpected form ({type(e).__name__}: {e})"),
    )


def _gated(_: object, repo: str, __: bool) -> str:
    login = "" if _token() else f", and {_LOG_IN}"
    return f"access to {repo or 'it'} is granted by its owner alone; ask for it at {hub_endpoint()}/{repo}{login}"


def _no_repository(_error: BaseException, repo: str, _: bool) -> str:
    there = f"there is no {repo or 'such repository'} on {hub_endpoint()}, or it is private"
    return f"{there} and the token that is known may not see it" if _token() else f"{there}; for a private one, {_LOG_IN}"


def _no_connection(error: BaseException, *_: object) -> str:
    if "CERTIFICATE" in str(error).upper():
        return f"{hub_endpoint()} shows a certificate that is not trusted; check the proxy, or name its authority in SSL_CERT_FILE"
    return f"{hub_endpoint()} cannot be reached; check the network, HF_ENDPOINT and the proxy"


def _refused(error: httpx2.HTTPStatusError, repo: str, writes: bool) -> str:
    status = error.response.status_code
    if status == 401:
        return f"the token is not accepted; {_LOG_IN}" if _token() else f"no token is known; {_LOG_IN}"
    if status == 403 and writes:
        return f"the token may not write to {repo or 'it'}; take one that may ({hub_endpoint()}/settings/tokens), and {_LOG_IN}"
    said = _BY_STATUS.get(status) or ("has an error of its own ({status}); try again later" if status >= 500 else "refuses ({status})")
    return f"{hub_endpoint()} {said.format(status=status)}{_servers_words(error)}"


_BY_STATUS = {
    400: "does not take the request ({status})",
    403: "refuses access ({status}); the token may not see it, or a network between forbids it",
    404: "has no such address ({status}); check HF_ENDPOINT",
    409: "finds a conflict ({status})",
    412: "has a newer commit than the one that this was made for ({status}); pull it first, or push again",
    413: "finds it too large ({status})",
    429: "is asked too often ({status}); try again later",
}
"""Status -> what the Hub means by it."""


def _servers_words(error: BaseException) -> str:
    said = getattr(error, "server_message", None) or ""
    return f": {one_line(str(said))[:200]}" if said and "<" not in said else ""


def _asked_path(error: httpx2.HTTPStatusError) -> str:
    return error.response.url.path.partition("/resolve/")[2].partition("/")[2] or "of that name"


def chain(error: BaseException) -> list[BaseException]:
    """Return an error and what it comes from, the newest first."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def holds_token(text: str) -> bool:
    """Return whether a text holds the token that is known, or what looks like one."""
    token = _token()
    return bool(_TOKEN.search(text)) or (token is not None and token in text)


def _token() -> str | None:
    from huggingface_hub import get_token

    try:
        return get_token()
    except Exception:  # an exchange of tokens that failed: that is what is being told
        return None
