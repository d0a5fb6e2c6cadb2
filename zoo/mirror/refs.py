"""Branches, tags and the history."""

from zoo.mirror.calls import Call
from zoo.mirror.messages import Refusal, Reply
from zoo.mirror.store import Repo

# which dictionary of a repository a reference is in, and what git calls it
REFS = {"branch": ("branches", "heads"), "tag": ("tags", "tags")}


def references(repo: Repo, what: str) -> list[dict[str, str]]:
    attribute, folder = REFS[what]
    return [
        {"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": commit}
        for name, commit in getattr(repo, attribute).items()
    ]


def listed(call: Call) -> Reply:
    found = {REFS[what][0]: references(call.repo, what) for what in REFS}
    return Reply.json({**found, "converts": [], "pullRequests": []})


def change(call: Call, what: str, name: str, commit: str) -> Reply:
    """Sets a reference that is not there, or with no commit takes away one that is."""
    attribute, _ = REFS[what]
    with call.hub.store.lock:
        there = getattr(call.repo, attribute)
        if commit and name in there:
            raise Refusal(409, f"{call.repo.name} has a {what} {name} already")
        if not commit and name not in there:
            raise Refusal(404, f"{call.repo.name} has no {what} {name}", "RevisionNotFound")
        others = {key: value for key, value in there.items() if key != name}
        now = others | ({name: commit} if commit else {})
        call.hub.store.save(call.repo, **{attribute: now})
    return Reply.json({})


def tag(call: Call) -> Reply:
    return change(call, "tag", str(call.request.json()["tag"]), call.commit.name)


def untag(call: Call) -> Reply:
    return change(call, "tag", call.parts["name"], "")


def branch(call: Call) -> Reply:
    start = call.repo.at(call.request.json().get("startingPoint") or "main")
    return change(call, "branch", call.parts["name"], start.name)


def unbranch(call: Call) -> Reply:
    if call.parts["name"] == "main":
        raise Refusal(403, "main stays")
    return change(call, "branch", call.parts["name"], "")


def commits(call: Call) -> Reply:
    """From the newest to the first."""
    return Reply.json(
        [
            {
                "id": commit.name,
                "title": commit.title,
                "message": commit.message,
                "date": commit.date,
                "authors": [{"user": commit.author}],
            }
            for commit in call.repo.history(call.commit)
        ]
    )


ROUTES = [
    ("GET", "/api/{kinds}/{repo}/refs", "read", listed),
    ("GET", "/api/{kinds}/{repo}/commits/{revision}", "read", commits),
    ("POST", "/api/{kinds}/{repo}/tag/{revision}", "write", tag),
    ("DELETE", "/api/{kinds}/{repo}/tag/{name}", "write", untag),
    ("POST", "/api/{kinds}/{repo}/branch/{name}", "write", branch),
    ("DELETE", "/api/{kinds}/{repo}/branch/{name}", "write", unbranch),
]
