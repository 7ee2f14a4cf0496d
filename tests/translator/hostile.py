"""Objects as somebody would write them who wants to do harm: any field, of any type, of any length.

Each is made from a seed, so that hypothesis shrinks a batch of thousands of bytes to the few objects that
matter.
"""

import random
from collections.abc import Callable
from typing import Any

from tests.stories.objects import Object, endpoint, ingress, path, rule, service, slice_
from translator import unknown_annotation

# Whoever owns a namespace has a mark, which stands in what he writes and may stand in nothing of the other's.
MARKS = {"ns-a": "mark-a", "ns-b": "mark-b"}
MEGABYTE = 1024 * 1024

TEXTS = [
    "",
    " ",
    "/",
    "*",
    "*.",
    ".",
    "..",
    "a\r\nx-evil: 1",
    "\r\n\r\n",
    "\0",
    "/a\0b",
    "\x7f\x1b[31m",
    "\u202egnp.exe",
    "\ufeff",
    "ä€😀",
    "İ",
    "ﬁ",
    "\u0660",
    "/../../etc/passwd",
    "/%2e%2e/%2f",
    "//",
    "%REQ(AUTHORIZATION)%",
    "%DOWNSTREAM_PEER_CERT%",
    "%",
    "%s%n",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "\\1\\0",
    "/(a+)+$",
    "/(a|a)*b[",
    "/[a-z]{1000}{1000}",
    "/((((((((((((((((((((((((((((((((a+",
    "/\\C+",
    "/\\pL*",
    "/(?i)x+",
    "/(?P<x>[^/]+)",
    "/x{2,1}",
    "/*",
    "/?x=1",
    "/#x",
    "/a b+",
    "127.0.0.1",
    "169.254.169.254",
    "::1",
    "0x7f.1",
    "localhost",
    "LOCALHOST.",
    "unix:/run/isoline/admin",
    "http://evil.example/",
    "a" * 63,
    "a" * 64,
    "a." * 126 + "a",
    "a." * 127 + "a",
    "-",
    "_",
    "xn--a",
    "true",
    "TRUE",
    "0",
    "-1",
    "00",
    "1e9",
    "4294967295",
    "4294967296",
    "9" * 400,
    "1ns",
    "1ms",
    "87660000h",
    "infinity",
    "1" * 400 + "h",
    ",",
    "5xx,,reset",
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59+23:59",
    "0001-01-01T00:00:00-23:59",
]
VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 65536,
    lambda: 2**63 - 1,
    lambda: -(2**63),
    lambda: 2**64 - 1,
    lambda: 1.5,
    lambda: 1e308,
    list,
    dict,
    lambda: [[]],
    lambda: {"": {}},
    lambda: {"a\0b": "c"},
    lambda: _nested(100),
]


_SERVICES = ["web", "api", "out", "one", "two", "six"]


def text(chance: random.Random, mark: str) -> str:
    """A string that no API server may have looked at."""
    kind = chance.random()
    if kind < 0.002:
        return chance.choice(["a", "/", "1", ",", "(", "\0", "ä"]) * MEGABYTE
    found = chance.choice(TEXTS)
    if kind < 0.2:
        found = "".join(chr(chance.choice(_POINTS)(chance)) for _ in range(chance.randrange(12)))
    return found if kind < 0.4 else found + chance.choice([mark, f"/{mark}", f".{mark}.com"])


_POINTS: list[Callable[[random.Random], int]] = [
    lambda chance: chance.randrange(0x20),
    lambda chance: chance.randrange(0x20, 0x7F),
    lambda chance: chance.randrange(0x20, 0x7F),
    lambda chance: chance.randrange(0x80, 0xD800),
    lambda chance: chance.randrange(0xE000, 0x110000),
]


def hostile(seed: int) -> Object:
    """One object of one of the kinds that are read; the same for the same seed."""
    chance = random.Random(seed)
    namespace = chance.choice(list(MARKS))
    item = chance.choices([_ingress, _service, _slice, _ingress_class], [6, 3, 3, 1])[0](chance, namespace)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        _spoil(item, chance, MARKS[namespace])
    return item


def _ingress(chance: random.Random, namespace: str) -> Object:
    mark = MARKS[namespace]

    def one(good: list[str]) -> str:
        return text(chance, mark) if chance.random() < 0.3 else chance.choice(good)

    hosts = ["", f"{mark}.com", f"*.{mark}.com", f"x.{mark}.com", "shared.com"]
    paths = ["/", "/a", f"/{mark}", "/a/", f"/[ab]{mark}+"]
    kinds = ["Exact", "Prefix", "ImplementationSpecific", "ImplementationSpecific"]
    backends = [f"{chance.choice(_SERVICES)}:{port}" for port in (80, 80, "http", 81)]
    rules = [
        rule(
            one(hosts), *(path(one(paths), one(backends), one(kinds)) for _ in range(chance.randrange(1, 4)))
        )
        for _ in range(chance.randrange(4))
    ]
    return ingress(
        f"web-{chance.randrange(100)}",
        *rules,
        namespace=namespace,
        created=one(["", "2026-01-01T00:00:00Z"]),
        default=one(["", "", "web:80"]),
        annotations=_annotations(chance, mark),
        ingressClassName=one(["isoline"]) if chance.random() < 0.2 else None,
    )


def _service(chance: random.Random, namespace: str) -> Object:
    mark = MARKS[namespace]
    ports: list[Any] = [(80, "http"), 80, {"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}]
    spec: dict[str, object] = {}
    if chance.random() < 0.4:
        names = ["api.example.org", f"{mark}.org", text(chance, mark)]
        spec = {"type": "ExternalName", "externalName": chance.choice(names)}
    listed = [chance.choice(ports) for _ in range(chance.randrange(1, 3))]
    item = service(chance.choice(_SERVICES), *listed, namespace=namespace, **spec)
    item["metadata"]["annotations"] = _annotations(chance, mark)
    return item


def _slice(chance: random.Random, namespace: str) -> Object:
    mark = MARKS[namespace]
    addresses = [
        "10.0.0.1",
        "10.0.0.2",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "fe80::1%eth0",
        text(chance, mark),
    ]
    listed = [
        endpoint(chance.choice(addresses), zone=chance.choice(["", "z", text(chance, mark)]))
        for _ in range(chance.randrange(4))
    ]
    family = chance.choice(["IPv4", "IPv4", "IPv6", "FQDN"])
    port = chance.choice([(80, "http"), 80, (80, text(chance, mark))])
    return slice_(
        chance.choice(_SERVICES),
        port,
        *listed,
        name=f"slice-{chance.randrange(100)}",
        family=family,
        namespace=namespace,
    )


def _ingress_class(chance: random.Random, namespace: str) -> Object:
    mark = MARKS[namespace]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": f"class-{chance.randrange(100)}", "annotations": _annotations(chance, mark)},
        "spec": {"controller": chance.choice(["isoline.dev/ingress-controller", text(chance, mark)])},
    }


def _annotations(chance: random.Random, mark: str) -> dict[str, Any]:
    named = [chance.choice(unknown_annotation.ALL) for _ in range(chance.choice([0, 1, 3]))]
    found: dict[str, Any] = {
        each.name: each.example if chance.random() < 0.4 else text(chance, mark) for each in named
    }
    if chance.random() < 0.1:
        found[f"projectcontour.io/{text(chance, mark)}"] = "1"
    return {
        name: value for name, value in found.items() if not name.endswith(_CLASSES) or chance.random() < 0.1
    }


# Else most Ingresses would be somebody else's.
_CLASSES = ("ingress.class", "is-default-class")


def _spoil(item: Any, chance: random.Random, mark: str) -> None:  # noqa: ANN401 - any part of an object
    """Another value somewhere below, or one more member, or one less."""
    while True:
        keys = list(item) if isinstance(item, dict) else list(range(len(item)))
        if not keys:
            return
        at = chance.choice(keys)
        if isinstance(item[at], dict | list) and item[at] and chance.random() < 0.9:
            item = item[at]
            continue
        what = chance.random()
        if what < 0.5:
            item[at] = text(chance, mark)
        elif what < 0.9:
            item[at] = chance.choice(VALUES)()
        elif what < 0.95 or isinstance(item, list):
            del item[at]
        else:
            item[text(chance, mark)] = text(chance, mark)
        return


def _nested(depth: int) -> Any:  # noqa: ANN401 - lists in lists
    found: Any = "deep"
    for level in range(depth):
        found = [found] if level % 2 else {"a": found}
    return found
