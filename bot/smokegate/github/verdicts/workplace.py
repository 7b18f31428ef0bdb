"""What a step of a workflow works with: its event, GitHub, and a store for objects. Secrets are taken out of the
environment first, so that no process started later inherits one, and none may look into this one."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from smokegate.errors import UsageError
from smokegate.github.api.clock import Clock, SystemClock
from smokegate.github.api.credentials import ACTIONS_BOT, App, Credentials, Token, app
from smokegate.github.api.port import GitHub
from smokegate.github.step.runner_io import Step, step
from smokegate.github.step.sealed import seal
from smokegate.github.verdicts.lfs import Objects
from smokegate.github.verdicts.store import Remote, Store
from smokegate.github.verdicts.verdict import Court, settings_of
from smokegate.review.check import Question, Workbench

TOKEN, WORKFLOW_TOKEN = "SMOKEGATE_TOKEN", "SMOKEGATE_WORKFLOW_TOKEN"
"""What the action is told to use, and what GitHub gave to the run itself."""
APP_ID, PRIVATE_KEY = "SMOKEGATE_APP_ID", "SMOKEGATE_PRIVATE_KEY"
REGISTRY, POLICY = "SMOKEGATE_REGISTRY", "SMOKEGATE_POLICY"
_ALSO_SECRET = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


@dataclass(frozen=True, slots=True)
class Workplace:
    step: Step
    clock: Clock
    token: Token | None
    app: App | None
    question: Question = field(default_factory=Question)

    @property
    def credentials(self) -> Credentials:
        """The App's where there is one: what it writes, no workflow of the repository can fake."""
        found = self.app or self.token
        if found is None:
            raise UsageError(
                "there is no token to speak to GitHub with",
                fix="give the action its `token` input (as a rule ${{ github.token }}), or `app-id` and `private-key`",
            )
        return found

    def hub(self) -> GitHub:
        from smokegate.github.api.client import Client  # noqa: PLC0415 - requests and PyGithub, where they are used
        from smokegate.github.api.sending import Settings  # noqa: PLC0415

        return Client(Settings(self.step.repository, self.credentials, api=self.step.api_url), clock=self.clock)

    def remote(self) -> Remote:
        secret = self.token.secret if self.token else None
        return Remote(f"{self.step.server_url}/{self.step.repository}", secret)

    @contextmanager
    def court(self, default_branch: str) -> Iterator[Court]:
        remote = self.remote()
        with TemporaryDirectory(prefix="smokegate-") as folder, Workbench() as bench:
            store = Store(Path(folder, "store.git"), remote, sleep=self.clock.sleep)
            settings = settings_of(store, default_branch)
            lfs = Objects(remote, store.folder, sleep=self.clock.sleep)
            yield Court(store, default_branch, settings, bench, lfs, self.question)


def opened(environ: MutableMapping[str, str], clock: Clock | None = None) -> Workplace:
    seal()
    taken = {name: environ.pop(name, "") for name in (TOKEN, WORKFLOW_TOKEN, APP_ID, PRIVATE_KEY, *_ALSO_SECRET)}
    secret = taken[TOKEN] or taken[WORKFLOW_TOKEN] or taken["GITHUB_TOKEN"]
    own = secret in {taken[WORKFLOW_TOKEN], taken["GITHUB_TOKEN"]}
    if bool(taken[APP_ID]) is not bool(taken[PRIVATE_KEY]):
        raise UsageError(
            "of an App both the id and the private key are needed, and only one is there",
            fix="give the action `app-id` and `private-key`, or neither",
        )
    return Workplace(
        step(environ),
        clock or SystemClock(),
        Token(secret, login=ACTIONS_BOT if own else None) if secret else None,
        app(taken[APP_ID], taken[PRIVATE_KEY]) if taken[APP_ID] else None,
        Question(registry=environ.get(REGISTRY) or None, policy=environ.get(POLICY) or None),
    )
