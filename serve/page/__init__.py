"""The demo page at `/`: two models side by side, in English and Chinese, without any resource of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .routes import PAGE_PATHS as PAGE_PATHS
    from .routes import page_routes as page_routes

__getattr__ = lazily(__name__, {"PAGE_PATHS": "routes", "page_routes": "routes"})
