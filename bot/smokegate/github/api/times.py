"""Moments, as GitHub writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def seconds(text: str) -> float:
    """Since the epoch."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
