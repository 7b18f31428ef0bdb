"""How GitHub says no, and how it fails to say anything."""

from __future__ import annotations

from smokegate.errors import SmokegateError


class GitHubError(SmokegateError):
    """GitHub refused a request, or did not answer it as often as we asked."""

    def __init__(self, message: str, *, status: int | None = None, said: str = "", fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.status = status
        """None where there was no answer."""
        self.said = said
        """GitHub's own words, for telling one refusal from another; the message is for people."""


class NotFound(GitHubError):
    """404 or 410: it is not there, or the token may not see it."""


class RateLimited(GitHubError):
    """More waiting than a job may wait; `at` is when to come back, in seconds since the epoch."""

    def __init__(self, message: str, *, at: float, status: int | None = None, fix: str | None = None) -> None:
        super().__init__(message, status=status, fix=fix)
        self.at = at


class Uncertain(GitHubError):
    """A creation was sent and nothing proves that it did not happen: look before it is sent again."""


class CredentialsError(SmokegateError):
    """A token or a key that cannot be used, described without its contents."""


def passing(error: Exception) -> bool:
    """Whether the same may go well later: the network's and the server's faults, and limits. Else it was refused."""
    if not isinstance(error, GitHubError):
        return False
    if isinstance(error, RateLimited | Uncertain):
        return True
    return error.status is None or error.status >= 500
