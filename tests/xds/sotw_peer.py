"""A model of a State-of-the-World client that wants some names of each type."""

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from tests.xds.peer import Peer
from tests.xds.world import key_of, named
from xds_server.resource_type import BY_KEY

TYPES = ("clusters", "endpoints", "routes")
ALL = ("*",)


class SotwPeer(Peer):
    """Of each type that it wants it asks for names, `*` for all. A response with `bad` in it is refused."""

    delta = False

    def begin(self) -> None:
        self._nonces: dict[str, str] = {}
        self._versions: dict[str, str] = getattr(self, "_versions", {})
        self.wanted: dict[str, tuple[str, ...]] = getattr(self, "wanted", {})
        for type_ in self.wanted:
            self._ask(type_)

    def want(self, type_: str, names: tuple[str, ...]) -> None:
        """From now on these; what is held of others is forgotten."""
        self.wanted[type_] = names
        if names != ALL:
            self.held[type_] = {name: found for name, found in self.held[type_].items() if name in names}
        self._ask(type_)

    def _ask(self, type_: str, error: str = "") -> None:
        request = DiscoveryRequest(
            type_url=BY_KEY[type_].url,
            resource_names=self.wanted[type_],
            response_nonce=self._nonces.get(type_, ""),
            version_info=self._versions.get(type_, ""),
        )
        if error:
            request.error_detail.code, request.error_detail.message = 13, error
        self.requests.append(request.SerializeToString())

    def take(self, data: bytes) -> None:
        response = DiscoveryResponse.FromString(data)
        type_ = key_of(response.type_url)
        if response.nonce in self._nonces.values():
            self.wrong.append(f"a nonce twice: {response.nonce}")
        self._nonces[type_] = response.nonce
        bodies = {named(item.value): item.value for item in response.resources}
        if any(b" bad" in body for body in bodies.values()):
            self._ask(type_, "bad")
            return
        self._versions[type_] = response.version_info
        names = self.wanted[type_]
        new = {name: ("", body) for name, body in bodies.items() if names == ALL or name in names}
        self.held[type_] = new if BY_KEY[type_].whole else self.held[type_] | new
        self._ask(type_)
