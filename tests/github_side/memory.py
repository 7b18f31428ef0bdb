"""GitHub in this process, for flows of many requests: comments, permissions, pull requests and git's data in memory,
or git's data in a real repository. What `stub.py` answers it goes on answering, and every request and answer is held
to GitHub's description, unless a test of thousands of them asks not to."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from github_side.emulator import ACTIONS, BOT, OWNER, REPOSITORY, TOKENS, Emulator
from github_side.exchange import Request, Response, answer, listed, refusal, request
from github_side.hub import Fault, Hub
from github_side.openapi import description
from github_side.still_clock import StillClock
from smokegate.github.api import times
from smokegate.github.api.client import Client
from smokegate.github.api.credentials import Token
from smokegate.github.api.retrying import Silence
from smokegate.github.api.sending import Settings
from smokegate.github.api.wire import NoAnswer, Received, Sent

BOT_TOKEN = "ghs_bot_in_memory_0123456789"  # noqa: S105
ROLE_NAMES = {"reader": "read", "triager": "triage", "writer": "write", "keeper": "maintain", "boss": "admin"}
_SECONDS = itertools.count(1_700_000_000)
_LOST = frozenset({Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SLOW, Fault.TRUNCATED})


class GitData(Protocol):
    def blob(self, content: bytes) -> str: ...
    def tree(self, entries: list[dict[str, Any]], base: str | None) -> str: ...
    def commit(self, message: str, tree: str, parents: list[str], login: str) -> str: ...
    def get(self, sha: str) -> tuple[str, list[str], str] | None: ...
    def refs(self) -> dict[str, str]: ...
    def move(self, ref: str, sha: str | None) -> None: ...
    def contains(self, new: str, old: str) -> bool: ...
    def between(self, base: str, head: str) -> list[tuple[str, str]]: ...


@dataclass
class InMemory:
    """Objects by digests of their content, and refs."""

    commits: dict[str, tuple[str, list[str], str]] = field(default_factory=dict)
    there: dict[str, str] = field(default_factory=dict)

    def blob(self, content: bytes) -> str:
        return hashlib.sha1(content).hexdigest()  # noqa: S324

    def tree(self, entries: list[dict[str, Any]], base: str | None) -> str:
        return self.blob(json.dumps([entries, base]).encode())

    def commit(self, message: str, tree: str, parents: list[str], login: str) -> str:
        sha = self.blob(json.dumps([message, tree, parents, login]).encode())
        self.commits[sha] = (tree, parents, message)
        return sha

    def get(self, sha: str) -> tuple[str, list[str], str] | None:
        return self.commits.get(sha)

    def refs(self) -> dict[str, str]:
        return dict(self.there)

    def move(self, ref: str, sha: str | None) -> None:
        if sha is None:
            del self.there[ref]
        else:
            self.there[ref] = sha

    def between(self, base: str, head: str) -> list[tuple[str, str]]:
        """Of one line of commits, those that come after where base stands."""
        tip = self.there[f"refs/heads/{base}"]
        found = []
        while head != tip and head in self.commits:
            found.append((head, "writer"))
            head = next(iter(self.commits[head][1]), "")
        return found[::-1]

    def contains(self, new: str, old: str) -> bool:
        return new == old or any(self.contains(parent, old) for parent in self.commits[new][1])


@dataclass
class InRepository:
    """A repository on this machine, which a git server may serve at the same time."""

    root: Path

    def git(self, *arguments: str, stdin: bytes = b"", index: str = "") -> str:
        code, out = self._run(arguments, stdin, {"GIT_INDEX_FILE": index} if index else {})
        assert code == 0, arguments
        return out.removesuffix("\n")

    def _run(self, arguments: tuple[str, ...], stdin: bytes, environment: Mapping[str, str]) -> tuple[int, str]:
        told = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(told, input=stdin, capture_output=True, env={**os.environ, **environment}, check=False)
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape")

    def says_yes(self, *arguments: str) -> bool:
        return self._run(arguments, b"", {})[0] == 0

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def tree(self, entries: list[dict[str, Any]], base: str | None) -> str:
        index = str(self.root / ".git" / f"index-{threading.get_ident()}")
        self.git("read-tree", *([base] if base else ["--empty"]), index=index)
        for one in entries:
            mode, sha = ("0", "0" * 40) if one["sha"] is None else (one["mode"], one["sha"])
            line = f"{mode} {sha}\t{one['path']}\n".encode()
            self.git("update-index", "--index-info", stdin=line, index=index)
        return self.git("write-tree", index=index)

    def commit(self, message: str, tree: str, parents: list[str], login: str) -> str:
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", login), ("EMAIL", f"{login}@users.invalid"))
        }
        who["GIT_COMMITTER_DATE"] = f"@{next(_SECONDS)} +0000"  # made anew, a commit is another one
        above = [word for parent in parents for word in ("-p", parent)]
        code, out = self._run(("commit-tree", tree, *above), message.encode(), who)
        assert code == 0, message
        return out.strip()

    def get(self, sha: str) -> tuple[str, list[str], str] | None:
        if not self.says_yes("cat-file", "-e", f"{sha}^{{commit}}"):
            return None
        tree, parents, message = self.git("show", "-s", "--format=%T%n%P%n%B", sha).split("\n", 2)
        return tree, parents.split(), message

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {name: sha for name, _, sha in (line.partition(" ") for line in lines)}

    def move(self, ref: str, sha: str | None) -> None:
        self.git("update-ref", *(["-d", ref] if sha is None else [ref, sha]))

    def between(self, base: str, head: str) -> list[tuple[str, str]]:
        """Oldest first, with the names of their authors."""
        lines = self.git("log", "--reverse", "--format=%H %an", f"{base}..{head}").splitlines()
        return [(sha, name) for sha, _, name in (line.partition(" ") for line in lines)]

    def contains(self, new: str, old: str) -> bool:
        return self.says_yes("merge-base", "--is-ancestor", old, new)


_NO_EMULATOR = Emulator("http://127.0.0.1:9", "", None)  # type: ignore[arg-type]


class Memory(Hub):
    def __init__(self, git: GitData, clock: StillClock, *, described: bool = True) -> None:
        super().__init__(_NO_EMULATOR)
        self.git, self.clock, self.described = git, clock, described
        self.comments: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.roles = dict(ROLE_NAMES)
        self.people: dict[str, str] = {}
        """Names of git's authors, and whose they are."""
        self.stub.logins[BOT_TOKEN] = BOT
        self.stub.workflows |= {"registry-verdict.yml", "saliency-refresh.yml"}
        self.world = threading.RLock()
        self.before: Callable[[Request], None] = lambda _: None
        """What happens just before a request is answered."""
        self._numbers = iter(range(1000, 10**9))

    # -- requests ---------------------------------------------------------------------------------------------------

    def truly(self, asked: Request) -> Response:
        self.before(asked)
        with self.world:
            known = set(self.stub.runs)
            reply = self._truly(asked)
            for run in self.stub.runs.keys() - known:
                self.timed(run)
            return reply

    def _truly(self, asked: Request) -> Response:
        if self.described:
            return super().truly(asked)
        return self.stub.answer(asked, self.forward) or self.forward(asked)

    def timed(self, run: int) -> None:
        """By the clock that tests turn, which is not the stub's."""
        self.stub.runs[run] |= {"created_at": self.now, "updated_at": self.now}
        for job in self.stub.jobs[run]:
            job |= {"created_at": self.now}

    def forward(self, asked: Request) -> Response:
        parts = [unquote(part) for part in asked.path.strip("/").split("/")]
        of_a_fork = asked.verb == "GET" and parts[3] in {"git", "compare"}  # which has all that we have, and no more
        assert parts[:3] == ["repos", *REPOSITORY.split("/")] or of_a_fork, asked.path
        found = getattr(self, f"_{asked.verb.lower()}_{parts[3].replace('-', '_')}", None)
        assert found is not None, f"{asked.verb} {asked.path}"
        response: Response = found(asked, parts[4:])
        return response

    @property
    def now(self) -> str:
        return times.written(self.clock.at)

    def user(self, login: str) -> dict[str, Any]:
        kind = "Bot" if login.endswith("[bot]") else "User"
        number = int(hashlib.sha256(login.encode()).hexdigest()[:7], 16) + 1
        return {**description().example("issue-comment")["user"], "login": login, "id": number, "type": kind}

    # -- comments and issues ----------------------------------------------------------------------------------------

    def say(self, pull: int, login: str, body: str) -> dict[str, Any]:
        """A comment, and some time for it to be another second than what was before and after."""
        self.clock.at += 2
        made = self._comment(pull, login, body)
        self.clock.at += 2
        return made

    def _comment(self, issue: int, login: str, body: str) -> dict[str, Any]:
        number = next(self._numbers)
        one = {
            **description().example("issue-comment"),
            "id": number,
            "user": self.user(login),
            "body": body,
            "created_at": self.now,
            "updated_at": self.now,
            "html_url": f"https://github.com/{REPOSITORY}/pull/{issue}#issuecomment-{number}",
            "performed_via_github_app": None,
            "issue": issue,
        }
        self.comments[number] = one
        return one

    def said(self, pull: int) -> list[tuple[str, str]]:
        return [(one["user"]["login"], one["body"]) for one in self.comments.values() if one["issue"] == pull]

    def _get_issues(self, asked: Request, parts: list[str]) -> Response:
        if not parts:
            wanted = asked.query.get("labels"), asked.query.get("creator")
            shown = [
                one
                for one in self.issues.values()
                if one["state"] == "open"
                and wanted[0] in {None, *(label["name"] for label in one["labels"])}
                and wanted[1] in {None, one["user"]["login"]}
            ]
            return listed(asked, shown)
        if parts[0] == "comments":
            found = self.comments.get(int(parts[1]))
            return refusal(404, "Not Found") if found is None else answer(200, _shown(found))
        return listed(asked, [_shown(one) for one in self.comments.values() if one["issue"] == int(parts[0])])

    def _post_issues(self, asked: Request, parts: list[str]) -> Response:
        login = self.stub.login_of(asked)
        if not parts:
            number = next(self._numbers)
            labels = [{"id": 1, "name": name, "color": "fff", "default": False} for name in asked.data["labels"]]
            self.issues[number] = {
                **description().example("issue"),
                "number": number,
                "title": asked.data["title"],
                "body": asked.data["body"],
                "labels": labels,
                "user": self.user(login),
                "state": "open",
                "pull_request": None,
            }
            del self.issues[number]["pull_request"]
            return answer(201, self.issues[number])
        if int(parts[0]) not in self.pulls and int(parts[0]) not in self.issues:
            return refusal(404, "Not Found")
        return answer(201, _shown(self._comment(int(parts[0]), login, asked.data["body"])))

    def _patch_issues(self, asked: Request, parts: list[str]) -> Response:
        there = self.comments if parts[0] == "comments" else self.issues
        found = there.get(int(parts[-1]))
        if found is None:
            return refusal(404, "Not Found")
        found |= {**asked.data, "updated_at": self.now}
        return answer(200, _shown(found))

    # -- people -----------------------------------------------------------------------------------------------------

    def _get_collaborators(self, asked: Request, parts: list[str]) -> Response:
        role = self.roles.get(parts[0], "none")
        old = {"maintain": "write", "triage": "read"}.get(role, role)
        return answer(200, {"permission": old, "role_name": role, "user": {**self.user(parts[0]), "role_name": role}})

    # -- check runs -------------------------------------------------------------------------------------------------

    def _post_check_runs(self, asked: Request, _: list[str]) -> Response:
        return self._checked(asked, next(self._numbers))

    def _patch_check_runs(self, asked: Request, parts: list[str]) -> Response:
        return self._checked(asked, int(parts[0]))

    def _checked(self, asked: Request, number: int) -> Response:
        there = self.stub.checks.get(number, {**description().example("check-run"), "id": number, "external_id": ""})
        fields = {name: value for name, value in asked.data.items() if name != "output"}
        if fields.get("status") == "completed":
            fields = {"completed_at": self.now, "conclusion": None, **fields}
        return answer(201 if asked.verb == "POST" else 200, {**there, **fields, "output": there["output"]})

    # -- pull requests ----------------------------------------------------------------------------------------------

    def open_pull(self, branch: str, *, login: str = "writer", base: str = "main", repository: str = REPOSITORY) -> int:
        return int(self._opened(login, branch, base, title="It is time", body="x", home=repository)["number"])

    def _opened(self, login: str, branch: str, base: str, *, title: str, body: str, home: str) -> dict[str, Any]:
        number = next(self._numbers)
        example = description().example("pull-request")
        refs = self.git.refs()
        repo = example["base"]["repo"]
        head = {"ref": branch, "sha": refs[f"refs/heads/{branch}"], "label": branch}
        self.pulls[number] = {
            **example,
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "merged": False,
            "merged_at": None,
            "user": self.user(login),
            "head": {**example["head"], **head, "repo": {**repo, "full_name": home}},
            "base": {
                **example["base"],
                "ref": base,
                "sha": refs[f"refs/heads/{base}"],
                "repo": {**repo, "full_name": REPOSITORY},
            },
            "html_url": f"https://github.com/{REPOSITORY}/pull/{number}",
        }
        return self.pulls[number]

    def _now(self, pull: dict[str, Any]) -> dict[str, Any]:
        sha = self.git.refs().get(f"refs/heads/{pull['head']['ref']}") if pull["state"] == "open" else None
        return {**pull, "head": {**pull["head"], "sha": sha or pull["head"]["sha"]}}

    def _get_pulls(self, asked: Request, parts: list[str]) -> Response:
        if not parts:
            wanted = asked.query.get("head", "").partition(":")[2]
            shown = [
                one
                for one in self.pulls.values()
                if asked.query.get("state") in {"all", one["state"]} and wanted in {"", one["head"]["ref"]}
            ]
            return listed(asked, [self._simple(one) for one in shown])
        pull = self.pulls.get(int(parts[0]))
        if pull is None:
            return refusal(404, "Not Found")
        if parts[1:] == ["reviews"]:
            return listed(asked, pull.get("reviews", []))
        return answer(200, {name: value for name, value in self._now(pull).items() if name != "reviews"})

    def _simple(self, pull: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in self._now(pull).items() if name != "reviews"}

    def _post_pulls(self, asked: Request, _: list[str]) -> Response:
        said = asked.data
        if f"refs/heads/{said['head']}" not in self.git.refs():
            return refusal(422, "Validation Failed")
        ends = (said["head"], said["base"])
        there = [(one["head"]["ref"], one["base"]["ref"]) for one in self.pulls.values() if one["state"] == "open"]
        if ends in there:
            return refusal(422, "A pull request already exists for this branch.")
        login = self.stub.login_of(asked)
        made = self._opened(login, said["head"], said["base"], title=said["title"], body=said["body"], home=REPOSITORY)
        return answer(201, made)

    def _patch_pulls(self, asked: Request, parts: list[str]) -> Response:
        self.pulls[int(parts[0])] |= asked.data
        return answer(200, self._now(self.pulls[int(parts[0])]))

    def _get_compare(self, asked: Request, parts: list[str]) -> Response:
        base, _, head = "/".join(parts).partition("...")
        example = description().example("commit-comparison")
        commits = [self._pull_commit(sha, self.people.get(who, who)) for sha, who in self.git.between(base, head)]
        return answer(200, {**example, "commits": commits, "total_commits": len(commits)})

    def _pull_commit(self, sha: str, login: str) -> dict[str, Any]:
        example = description().example("commit-comparison")["commits"][0]
        found = self.git.get(sha)
        assert found is not None
        person = self.user(login)
        return {
            **example,
            "sha": sha,
            "parents": [{**example["parents"][0], "sha": parent} for parent in found[1]],
            "commit": {**example["commit"], "message": found[2]},
            "author": person,
            "committer": person,
        }

    # -- git's data -------------------------------------------------------------------------------------------------

    def _get_git(self, asked: Request, parts: list[str]) -> Response:
        name = "refs/" + "/".join(parts[1:])
        match parts[0]:
            case "commits":
                return self._commit(parts[1], 200)
            case "ref":
                sha = self.git.refs().get(name)
                return refusal(404, "Not Found") if sha is None else answer(200, _ref(name, sha))
            case _:
                found = [_ref(ref, sha) for ref, sha in sorted(self.git.refs().items()) if ref.startswith(name)]
                return answer(200, found)

    def _commit(self, sha: str, status: int) -> Response:
        found = self.git.get(sha)
        if found is None:
            return refusal(404, "Not Found")
        tree, parents, message = found
        example = description().example("git-commit")
        return answer(
            status,
            {
                **example,
                "sha": sha,
                "message": message,
                "tree": {**example["tree"], "sha": tree},
                "parents": [{**example["parents"][0], "sha": one} for one in parents],
            },
        )

    def _post_git(self, asked: Request, parts: list[str]) -> Response:
        said = asked.data
        match parts[0]:
            case "blobs":
                content = (
                    base64.b64decode(said["content"]) if said["encoding"] == "base64" else said["content"].encode()
                )
                return answer(201, {"sha": self.git.blob(content), "url": "https://api.github.com/x"})
            case "trees":
                # Of a token without the permission `workflows`: https://github.com/googleapis/release-please-action/issues/704
                if any(one["path"].startswith(".github/workflows/") for one in said["tree"]):
                    return refusal(403, "Resource not accessible by integration")
                sha = self.git.tree(said["tree"], said.get("base_tree"))
                return answer(201, {**description().example("git-tree"), "sha": sha})
            case "commits":
                login = self.stub.login_of(asked)
                return self._commit(self.git.commit(said["message"], said["tree"], said["parents"], login), 201)
            case _:
                if said["ref"] in self.git.refs():
                    return refusal(422, "Reference already exists")
                if self.git.get(said["sha"]) is None:
                    return refusal(422, "Object does not exist")
                self.git.move(said["ref"], said["sha"])
                return answer(201, _ref(said["ref"], said["sha"]))

    def _patch_git(self, asked: Request, parts: list[str]) -> Response:
        name, said = "refs/" + "/".join(parts[1:]), asked.data
        there = self.git.refs().get(name)
        if there is None:
            return refusal(422, "Reference does not exist")
        if not said.get("force") and not self.git.contains(said["sha"], there):
            return refusal(422, "Update is not a fast forward")
        self.git.move(name, said["sha"])
        return answer(200, _ref(name, said["sha"]))

    def _delete_git(self, asked: Request, parts: list[str]) -> Response:
        name = "refs/" + "/".join(parts[1:])
        if name not in self.git.refs():
            return refusal(422, "Reference does not exist")
        self.git.move(name, None)
        return answer(204)


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "issue"}


def _ref(name: str, sha: str) -> dict[str, Any]:
    example = description().example("git-ref")
    return {**example, "ref": name, "object": {**example["object"], "sha": sha, "type": "commit"}}


@dataclass
class Direct:
    """A wire without a network: faults are as the client would meet them."""

    hub: Hub

    def exchange(self, sent: Sent, *, limit: int | None = None) -> Received:
        parts = urlsplit(sent.url)
        if parts.netloc == "store":
            content = self.hub.stub.zips.get(int(parts.path.strip("/")))
            if content is not None and limit is not None and len(content) > limit:
                raise NoAnswer(Silence.REFUSED, f"its answer is longer than {limit:,} bytes")
            return Received(404 if content is None else 200, {}, content or b"")
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        asked = request(sent.verb, target, sent.headers, (sent.body or "").encode())
        reply, fault = self.hub.respond(asked)
        if fault in _LOST:
            raise NoAnswer(Silence.LOST, "the connection broke before the answer was whole")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Received(reply.status, headers, reply.body)


def client(hub: Memory, token: str = BOT_TOKEN, login: str | None = BOT) -> Client:
    hub.stub.store = "https://store"
    settings = Settings(REPOSITORY, Token(token, login=login))
    return Client(settings, wire=Direct(hub), clock=hub.clock, dice=lambda: 1.0)


__all__ = [
    "ACTIONS",
    "BOT",
    "BOT_TOKEN",
    "OWNER",
    "REPOSITORY",
    "TOKENS",
    "InMemory",
    "InRepository",
    "Memory",
    "client",
]
