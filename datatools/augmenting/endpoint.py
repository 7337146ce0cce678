"""Where a language model answers: an OpenAI-compatible address, whether it is this machine, and who has agreed that texts go there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ...errors import ConfigError, RequestError

KEY_VARIABLE = "ADAPT_LLM_KEY"
"""The environment variable that holds the key; it is read from nowhere else, and written nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An OpenAI-compatible endpoint, such as `http://localhost:8000/v1`, and the name of a model there.

    Raises:
        ConfigError: the address is not one, or holds a name, a password, a query or a fragment.
    """

    url: str
    model: str

    def __post_init__(self) -> None:
        parts = _split(self.url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("the endpoint is not an address; expected one such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(f"the endpoint holds more than an address; a key goes into {KEY_VARIABLE}, and all behind ? or # away")
        if not self.model.strip():
            raise ConfigError("no model is named; give its name at the endpoint with --model NAME")

    @property
    def host(self) -> str:
        """The host's name or number."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def is_here(self) -> bool:
        """Whether it is this machine by its own name or number; any other name may lead anywhere."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_encrypted(self) -> bool:
        """Whether what goes there is encrypted."""
        return self.url.startswith("https:")

    @property
    def completions(self) -> str:
        """The address that is asked."""
        return f"{self.url.rstrip('/')}/chat/completions"


def check_consent(endpoint: Endpoint, send_texts_to: str | None) -> None:
    """Refuse to send texts to another machine unless its host is named.

    Args:
        endpoint: Where they would go.
        send_texts_to: The host that the user names; None: none.

    Raises:
        RequestError: it is not named, or another one is.
    """
    if send_texts_to is not None and send_texts_to.lower() != endpoint.host:
        raise RequestError(f"--send-texts-to names {send_texts_to}, and the endpoint is at {endpoint.host}; name the same host in both")
    if not endpoint.is_here and send_texts_to is None:
        raise RequestError(
            f"passages would be sent to {endpoint.host}, which is another machine; to agree to that, say --send-texts-to {endpoint.host}"
        )


def read_key() -> str | None:
    """Return the key of the environment; None where there is none.

    Raises:
        ConfigError: it holds a character that no key has. The message does not show it.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"{KEY_VARIABLE} holds a character that no key has, such as a blank or the end of a line; set it again")
    return key or None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # refuses what is not a number
    except ValueError:
        return None
    return parts
