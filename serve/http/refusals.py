"""What a request is refused for, and how that reads in the two wire formats.

No message holds anything of a text that was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "unhealthy", "backend", "overloaded", "validation", "tokenizer", "empty", "auth", "unknown", "host", "cross_site", "too_large", "slow"
]


@dataclass(frozen=True, slots=True)
class _Words:
    """What a kind is called: by text-embeddings-inference, and by OpenAI as a type and a code."""

    tei: str
    openai: str
    code: str


WORDS: dict[Kind, _Words] = {
    "unhealthy": _Words("Unhealthy", "server_error", "unavailable"),
    "backend": _Words("Backend", "server_error", "inference_failed"),
    "overloaded": _Words("Overloaded", "rate_limit_error", "rate_limit_exceeded"),
    "validation": _Words("Validation", "invalid_request_error", "invalid_value"),
    "tokenizer": _Words("Tokenizer", "invalid_request_error", "invalid_value"),
    "empty": _Words("Empty", "invalid_request_error", "empty"),
    "auth": _Words("Unauthorized", "invalid_request_error", "invalid_api_key"),
    "unknown": _Words("NotFound", "invalid_request_error", "model_not_found"),
    "host": _Words("Host", "invalid_request_error", "unknown_host"),
    "cross_site": _Words("CrossSite", "invalid_request_error", "cross_site"),
    "too_large": _Words("Validation", "invalid_request_error", "too_large"),
    "slow": _Words("Timeout", "invalid_request_error", "timeout"),
}
"""Kind of refusal -> its names."""


@dataclass(slots=True)
class Refusal(Exception):
    """A request that is answered with an error.

    Attributes:
        status: The HTTP status.
        kind: What is wrong.
        message: One line, without anything of a text that was sent.
        parameter: The field of the body that is meant; None: none.
        headers: To send with it.
    """

    status: int
    kind: Kind
    message: str
    parameter: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, *, is_openai: bool) -> dict[str, Any]:
        """Return it as JSON: as OpenAI's routes tell errors, or as those of text-embeddings-inference."""
        words = WORDS[self.kind]
        if is_openai:
            return {"error": {"message": self.message, "type": words.openai, "param": self.parameter, "code": words.code}}
        return {"error": self.message, "error_type": words.tei}


def invalid(message: str, parameter: str | None = None) -> Refusal:
    """Return the refusal of a field that has a value that is not taken."""
    return Refusal(422, "validation", message, parameter)
