"""`POST /events`: what users did with the items that they were shown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ...abtests.experiment.accept import REASONS
from ..http.refusals import Refusal, invalid
from .event_log import EventLog
from .request import read_object

MOST_EVENTS = 1000
"""Of one request."""


def events_route(log: EventLog) -> Route:
    """Return the route, over the log of a server."""

    async def take(request: Request) -> JSONResponse:
        sent = _events(await request.body())
        judged = await log.events(sent)
        if judged is None:
            raise Refusal(503, "unhealthy", "the event log cannot be written; none of these events was taken, send them again later")
        refused = [{"index": index, "reason": each, "message": REASONS[each]} for index, each in enumerate(judged) if isinstance(each, str)]
        return JSONResponse({"accepted": len(judged) - len(refused), "refused": refused})

    return Route("/events", take, methods=["POST"])


def _events(body: bytes) -> list[object]:
    about = read_object(body)
    events = about.get("events", [about])
    if not isinstance(events, list) or not 1 <= len(events) <= MOST_EVENTS:
        raise invalid(f"events is not a list of 1 to {MOST_EVENTS} events", "events")
    return events
