"""The page's files as routes: read once, the same for everybody, and held by a policy that lets nothing else be loaded or run."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

HERE = Path(__file__).parent
KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
FILES = ("page.css", "main.js", "ranking.js", "server.js", "view.js", "words.js")
PAGE_PATHS = frozenset({"/", *(f"/page/{name}" for name in FILES)})
"""What the page is made of. Nothing of it tells more of the server than whether it has an index."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def page_routes(*, has_search: bool) -> list[Route]:
    """Return the routes of the page.

    Args:
        has_search: Whether the server has an index; without one the page compares texts that the user pastes.
    """
    html = (HERE / "index.html").read_text(encoding="utf-8").replace('data-search="no"', f'data-search="{"yes" if has_search else "no"}"')
    files = [_route(f"/page/{name}", (HERE / name).read_bytes(), KINDS[Path(name).suffix]) for name in FILES]
    return [_route("/", html.encode(), "text/html; charset=utf-8"), *files]


def _route(path: str, content: bytes, kind: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(content, headers={"Content-Type": kind, **HEADERS})

    return Route(path, answer, methods=["GET"])
