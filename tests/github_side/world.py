"""A branch with a change and a pull request from it, made through GitHub's own API."""

from __future__ import annotations

from github_side.emulator import NAME, OWNER, REPOSITORY
from github_side.hub import Hub

REPO = f"/repos/{REPOSITORY}"


def tip(hub: Hub, branch: str = "main", repository: str = REPOSITORY) -> str:
    reply = hub.as_(OWNER, "GET", f"/repos/{repository}/git/ref/heads/{branch}")
    return str(reply.data["object"]["sha"])


def commit(hub: Hub, branch: str, text: str = "x", *, login: str = "writer", repository: str = REPOSITORY) -> str:
    """One more commit at the end of a branch, which is started at main where there is none."""
    repo = f"/repos/{repository}"
    known = {ref["ref"] for ref in hub.as_(OWNER, "GET", f"{repo}/git/matching-refs/heads/").data}
    parent = tip(hub, branch if f"refs/heads/{branch}" in known else "main", repository)
    blob = hub.as_(login, "POST", f"{repo}/git/blobs", {"content": text, "encoding": "utf-8"}).data["sha"]
    entry = {"path": "notes.txt", "mode": "100644", "type": "blob", "sha": blob}
    tree = hub.as_(login, "POST", f"{repo}/git/trees", {"tree": [entry]}).data["sha"]
    fields = {"message": text, "tree": tree, "parents": [parent]}
    sha = str(hub.as_(login, "POST", f"{repo}/git/commits", fields).data["sha"])
    if f"refs/heads/{branch}" in known:
        hub.as_(login, "PATCH", f"{repo}/git/refs/heads/{branch}", {"sha": sha, "force": True})
    else:
        hub.as_(login, "POST", f"{repo}/git/refs", {"ref": f"refs/heads/{branch}", "sha": sha})
    return sha


def open_pull(hub: Hub, branch: str = "topic", *, login: str = "writer") -> int:
    commit(hub, branch, login=login)
    fields = {"title": f"About {branch}", "head": branch, "base": "main", "body": "It is time."}
    return int(hub.as_(login, "POST", f"{REPO}/pulls", fields).data["number"])


def fork(hub: Hub, login: str = "forker") -> str:
    hub.as_(login, "POST", f"{REPO}/forks", {})
    return f"{login}/{NAME}"
