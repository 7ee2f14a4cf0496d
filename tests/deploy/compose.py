"""compose.yaml as containers: named volumes, bind mounts and tmpfs become folders of this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.container import ROOT, Container, Plan, entry_point

FILE = ROOT / "compose.yaml"
IMAGE = "isoline:"


def services() -> dict[str, dict[str, Any]]:
    """Every service, with what it takes from anchors merged in."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return found


def plan(folder: Path) -> Plan:
    """The set of compose.yaml; its volumes lie below `folder`."""
    found = services()
    names: dict[str, list[str]] = {name: [name] for name in found}
    for name, service in found.items():
        for network in _networks(service):
            for other in (*network.get("aliases", ()), *filter(None, [network.get("ipv4_address")])):
                names.setdefault(other, []).append(name)
    return Plan(
        containers=[_container(name, service, folder) for name, service in found.items()],
        names=names,
        on_loopback=True,
    )


def _networks(service: dict[str, Any]) -> list[dict[str, Any]]:
    networks = service.get("networks", {})
    return [network or {} for network in networks.values()] if isinstance(networks, dict) else []


def _container(name: str, service: dict[str, Any], folder: Path) -> Container:
    entry = service.get("entrypoint", entry_point() if service["image"].startswith(IMAGE) else [])
    mounts = dict(_mounts(name, service, folder))
    check = service.get("healthcheck", {}).get("test")
    assert check is None or check[0] == "CMD", f"{name}: a health check without a shell"
    return Container(
        name=name,
        pod=name,
        command=(*entry, *service["command"]),
        mounts={target: path for target, (path, _) in mounts.items()},
        read_only=frozenset(target for target, (_, read_only) in mounts.items() if read_only),
        ready=tuple(check[1:]) if check else None,
    )


def _mounts(name: str, service: dict[str, Any], folder: Path) -> Iterator[tuple[str, tuple[Path, bool]]]:
    for mount in service.get("volumes", ()):
        read_only = mount.get("read_only", False)
        if mount["type"] == "volume":
            volume = folder / mount["source"]
            volume.mkdir(mode=0o700, exist_ok=True)
            path = volume / mount.get("volume", {}).get("subpath", "")
        else:
            path = _copy(ROOT / mount["source"], folder / "bind" / name / Path(mount["source"]).name)
        yield mount["target"], (path, read_only)
    for number, mount in enumerate(service.get("tmpfs", ())):
        path = folder / f"{name}-{number}"
        path.mkdir(mode=0o700)
        yield mount.partition(":")[0], (path, False)


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True)
    if source.is_dir():
        return Path(shutil.copytree(source, target))
    return Path(shutil.copy(source, target))
