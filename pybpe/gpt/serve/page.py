"""The page of the server, one HTML file, served at /."""

from __future__ import annotations


def page() -> str:
    """Return the HTML of the page."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>pybpe</title>"
        "<p>This is the API of a model. Send requests to /v1/chat/completions."
    )
