"""The state of processes and of their Envoys, from what their debug pages say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isoline.output import counted

# Of one Envoy and type, names that are shown.
SHOWN = 3
NOUNS = {
    "listeners": "listener",
    "routes": "route configuration",
    "hosts": "virtual host",
    "clusters": "cluster",
    "endpoints": "load assignment",
    "secrets": "Secret",
}


@dataclass(frozen=True, slots=True)
class Process:
    """One process: whether its table is complete (None: it did not answer), and more in words.

    `heard_seconds_ago` is the age of what it knows of its source, None for a watcher, which has none.
    """

    role: str
    address: str
    synced: bool | None
    detail: str
    heard_seconds_ago: float | None = None


@dataclass(frozen=True, slots=True)
class Envoy:
    """One stream of an Envoy. `holds`: how many resources it is subscribed to, by type; `behind` and
    `refuses` are in words, empty when all is well.
    """

    node: str
    version: str
    peer: str
    holds: Mapping[str, int]
    behind: tuple[str, ...]
    refuses: tuple[str, ...]

    @property
    def state(self) -> str:
        """The worst of it."""
        return "refuses" if self.refuses else "behind" if self.behind else "up to date"


@dataclass(frozen=True, slots=True)
class Status:
    """All of it."""

    processes: tuple[Process, ...]
    envoys: tuple[Envoy, ...]

    @property
    def exit_code(self) -> int:
        """3 when a process does not answer, 1 when one is not synced or an Envoy refuses something."""
        if any(each.synced is None for each in self.processes):
            return 3
        wrong = not all(each.synced for each in self.processes) or any(each.refuses for each in self.envoys)
        return int(wrong)

    def as_json(self) -> dict[str, Any]:
        """Processes and envoys, a field for each part."""
        return {
            "processes": [asdict(each) for each in self.processes],
            "envoys": [{**asdict(each), "state": each.state} for each in self.envoys],
        }

    def rows(self) -> tuple[list[list[str]], list[list[str]]]:
        """The tables of processes and of Envoys, each with its head."""
        states = {True: "synced", False: "not synced", None: "no answer"}
        processes = [["PROCESS", "STATE", "DETAIL"]]
        processes += [[each.role, states[each.synced], each.detail] for each in self.processes]
        envoys = [["ENVOY", "VERSION", "STATE", "DETAIL"]]
        for each in self.envoys:
            holds = ", ".join(counted(number, NOUNS[type_]) for type_, number in each.holds.items())
            detail = "; ".join([*each.refuses, *each.behind, f"holds {holds or 'nothing'}"])
            envoys.append([each.node or "(no name)", each.version or "?", each.state, detail])
        return processes, envoys


def status(pages: Sequence[tuple[str, str, Mapping[str, Any] | None]]) -> Status:
    """From (role, address, debug page) of each process; the role may be empty, the page None for no
    answer.
    """
    processes, envoys = [], []
    for role, address, page in pages:
        if page is None:
            processes.append(
                Process(role or "?", address, synced=None, detail=f"nobody answers at {address}")
            )
        elif "server" in page:
            processes.append(_xds_server(address, page))
            envoys += list(_envoys(page["server"]))
        elif "translator" in page:
            processes.append(_translator(address, page))
        else:
            processes.append(_watcher(address, page))
    return Status(tuple(processes), tuple(envoys))


def _watcher(address: str, page: Mapping[str, Any]) -> Process:
    tables = page.get("publisher", {}).get("tables", {})
    rows = sum(table["rows"] for table in tables.values())
    detail = counted(rows, "object")
    if folder := page.get("folder"):
        detail += f" in {counted(folder['files'], 'file')} of {folder['path']}"
        detail += f"; {counted(folder['problems'], 'problem')} of files" if folder["problems"] else ""
        detail += f"; {folder['missing']}" if folder.get("missing") else ""
    elif cluster := page.get("cluster"):
        rows -= len(cluster["unread"])  # each has a row that says so
        detail = "; ".join([f"{counted(max(rows, 0), 'object')} of the cluster", *_troubles(cluster)])
    return Process(
        "watcher", address, synced=all(table["synced"] for table in tables.values()), detail=detail
    )


def _troubles(cluster: Mapping[str, Any]) -> Iterator[str]:
    """What is not known up to now, and why. A kind that the cluster does not have is no trouble."""
    if cluster["unreachable"] is not None:
        yield f"API server unreachable: {cluster['unreachable']}"
        return
    for each in cluster["sources"]:
        if each["state"] in {"failing", "forbidden", "listing"}:
            yield f"{each['source']} {each['state']}" + (f": {each['trouble']}" if each["trouble"] else "")


def _translator(address: str, page: Mapping[str, Any]) -> Process:
    core, objects = page["translator"], page["objects"]
    detail = (
        f"{counted(core['objects'], 'object')}, {counted(core['resources'], 'resource')}; {_heard([objects])}"
    )
    return Process("translator", address, bool(core["synced"]), detail, objects["heard_seconds_ago"])


def _xds_server(address: str, page: Mapping[str, Any]) -> Process:
    core, replicas = page["server"], page["resources"]
    total = sum(core["resources"].values())
    detail = f"{counted(total, 'resource')} at revision {core['revision']}; {_heard(replicas)}"
    known = [each["heard_seconds_ago"] for each in replicas if each["heard_seconds_ago"] is not None]
    return Process("xds-server", address, bool(core["synced"]), detail, max(known, default=None))


def _heard(replicas: Sequence[Mapping[str, Any]]) -> str:
    """How old the news of its sources are; of several the oldest."""
    ages = [each["heard_seconds_ago"] for each in replicas]
    if any(age is None for age in ages) or not ages:
        return "its source was never heard"
    return f"its source was heard {max(ages):.1f} s ago"


def _envoys(server: Mapping[str, Any]) -> Iterator[Envoy]:
    for stream in server["streams"]:
        subscriptions = stream["subscriptions"]
        holds = {
            type_: server["resources"].get(type_, 0) if each["wildcard"] else each["names"]
            for type_, each in subscriptions.items()
        }
        yield Envoy(
            node=stream["node"],
            version=stream["version"],
            peer=stream["peer"],
            holds={type_: holds[type_] for type_ in NOUNS if type_ in holds},
            behind=tuple(_behind(subscriptions, server["revision"])),
            refuses=tuple(
                f"{type_}/{name}: {message}"
                for type_, each in subscriptions.items()
                for name, message in each["refused"].items()
            ),
        )


def _behind(subscriptions: Mapping[str, Any], revision: int) -> Iterator[str]:
    for type_, each in subscriptions.items():
        if each["revision"] < revision:
            yield f"{type_} at revision {each['revision']} of {revision}"
        if each["under_way"]:
            yield f"{counted(each['under_way'], 'response')} of {type_} not acknowledged"
        if waiting := each["waiting"]:
            more = f" and {len(waiting) - SHOWN} more" if len(waiting) > SHOWN else ""
            yield f"{type_} held back for their clusters: {', '.join(waiting[:SHOWN])}{more}"
