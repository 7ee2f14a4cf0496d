"""The core: rows of objects in, batches of Envoy's resources and of statuses out. No I/O, no clock."""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.link.row import Change, Row
from translator import delegation, names, resources, secret, slices, status, unread, virtual_host
from translator.derive import Derivation, Function
from translator.ingress import ingress_class, routes, tls
from translator.settings import Settings
from translator.store import Store, kind_of

# The watcher's own problems, of files and of what an API server refuses; they are passed on as they are.
PASSED_ON = frozenset({"File", unread.API})
# Objects or values a step: some milliseconds, so that heartbeats are not late.
STEP = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """What one table changes by: rows to put by key, and keys to delete."""

    puts: Mapping[str, Row] = field(default_factory=dict)
    deletes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Output:
    """One decision: both tables change together, each as a whole. `at` is that of the cause.

    `held` are resources that are wanted and that nobody here can make: who has them keeps them.
    """

    resources: Batch
    statuses: Batch
    at: float = 0.0
    held: frozenset[str] = frozenset()


Work = Generator[None, None, Output | None]


class Translator:
    """Objects → resources and statuses.

    Nothing is given out before the objects are complete (`synced`); while they are not, what was given out
    stays.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(
            {
                virtual_host.INDEX: ("Ingress", routes.hosts),
                tls.INDEX: ("Ingress", tls.hosts),
                ingress_class.INDEX: ("IngressClass", ingress_class.others_default),
                slices.INDEX: ("EndpointSlice", slices.services),
                delegation.INDEX: ("TLSCertificateDelegation", delegation.namespaces),
                status.REJECTIONS: (status.REJECTION, status.rejected_owner),
            },
            {"Secret": secret.facts},
        )
        self._view = Derivation(self._store, settings)
        self._kinds = resources.causes(settings)
        self._causes: dict[str, tuple[str, ...]] = {}  # object → the resources that it causes
        self._caused: Counter[str] = Counter()  # resource → how many cause it
        self._recount: set[str] = set()
        self._resources: dict[str, Row | None] = {}  # what is wanted; None until it has been made
        self._statuses: dict[str, Row] = {}
        self._passed_on: dict[str, Row | None] = {}  # pending changes of such rows
        self._gone: set[str] = set()  # pending deletes of statuses
        self._held: frozenset[str] = frozenset()
        self.synced = False  # the objects are complete now
        self.started = False  # something has been given out
        self._cause("", resources.ALWAYS)
        self._view.pin(resources.of_default, _DEFAULT)
        if settings.default_certificate is not None:
            reference = secret.reference(settings.default_certificate)
            if self._owns(reference):
                self._view.pin(status.default_certificate_status, reference)

    @property
    def computed(self) -> Counter[str]:
        """How often each derived value has been computed: what a change costs, without a clock."""
        return self._view.computed

    def status(self) -> dict[str, Any]:
        """For /debug/status."""
        return {
            "synced": self.synced,
            "objects": len(self._store),
            "resources": len(self._resources),
            "statuses": len(self._statuses),
            "values": dict(self._view.sizes()),
        }

    def advance(self, now: float) -> None:
        """It is now `now`, in Unix seconds: what follows from that is given out with the next change."""
        self._view.advance(now)

    @property
    def deadline(self) -> float | None:
        """When something changes though no object does (a certificate expires), in Unix seconds."""
        return self._view.deadline

    def apply(self, change: Change) -> Output | None:
        """Takes a change of the objects; gives what follows from it, None while they are incomplete."""
        return _finished(self.work(change))

    def work(self, change: Change) -> Work:
        """The same in steps of some milliseconds, between which others may run."""
        yield from self._take(change.puts, change.deletes)
        self.synced = change.synced
        return (yield from self._settle(change.at))

    def work_time(self) -> Work:
        """Gives, in steps, what follows from the time alone."""
        return (yield from self._settle(0.0))

    def reject(self, server: int, change: Change) -> Output | None:
        """Takes a change of what Envoys refuse, as the xDS server of that number tells it."""
        return _finished(self.work_rejections(server, change))

    def work_rejections(self, server: int, change: Change) -> Work:
        """The same in steps."""
        prefix = f"{status.REJECTION}/{server}/"
        yield from self._take(
            {prefix + key: row for key, row in change.puts.items()}, [prefix + key for key in change.deletes]
        )
        return (yield from self._settle(0.0))

    # One by one, for tools: nothing has to be complete, or given out

    def resource(self, key: str) -> Row | None:
        """A resource as it is published, by the same derived value; None where there is none."""
        type_, name = names.split(key)
        make = resources.MAKERS.get(type_)
        return None if make is None else self._view(make, name)

    def told(self, ref: str) -> Row | None:
        """The status of an object; None while there is nothing to tell."""
        status_ = status.STATUSES.get(kind_of(ref))
        return None if status_ is None else self._view(status_, ref)

    def _take(self, puts: Mapping[str, Row], deletes: Iterable[str]) -> Generator[None, None, None]:
        for ref in deletes:
            self._view.touch(self._store.delete(ref))
            self._forget(ref)
        for at, (ref, row) in enumerate(puts.items(), 1):
            kind = kind_of(ref)
            if kind in PASSED_ON:
                self._passed_on[ref] = row
            if kind not in PASSED_ON or kind == unread.API:
                new = ref not in self._store
                self._view.touch(self._store.put(ref, row.body))
                if new:
                    self._follow(ref)
            if at % STEP == 0:
                yield

    def _follow(self, ref: str) -> None:
        kind = kind_of(ref)
        if (causes := self._kinds.get(kind)) is not None:
            self._view.pin(causes, ref)
        if (told := status.STATUSES.get(kind)) is not None and self._owns(ref):
            self._view.pin(told, ref)

    def _forget(self, ref: str) -> None:
        kind = kind_of(ref)
        if kind in PASSED_ON:
            self._passed_on[ref] = None
        if (causes := self._kinds.get(kind)) is not None:
            self._view.unpin(causes, ref)
            self._cause(ref, ())
        if (told := status.STATUSES.get(kind)) is not None:
            self._view.unpin(told, ref)
            self._gone.add(ref)

    def _cause(self, ref: str, now: tuple[str, ...]) -> None:
        before = self._causes.pop(ref, ())
        if now:
            self._causes[ref] = now
        self._caused.subtract(before)
        self._caused.update(now)
        self._recount.update(before, now)

    def _owns(self, name: str) -> bool:
        return names.shard(name, self._settings.shards) == self._settings.shard

    def _settle(self, at: float) -> Work:
        if not self.synced:
            return None
        for step, (_, ref, causes, new) in enumerate(self._view.settle(_CAUSES), 1):
            if new:
                self._cause(ref, causes)
            if step % STEP == 0:
                yield
        deletes = self._repin()
        puts: dict[str, Row] = {}
        for step, (function, name, row, _) in enumerate(self._view.settle(_MAKERS), 1):
            key = names.key(_TYPES[function], name)
            if row is not None and self._resources[key] != row:
                puts[key] = row
            elif row is None and self._resources[key] is not None:
                deletes.add(key)
            self._resources[key] = row
            if function is resources.secret_resource:
                self._held = self._held - {key} if row is not None else self._held | {key}
            if step % STEP == 0:
                yield
        told = yield from self._tell()
        self._view.collect()
        self.started = True
        return Output(Batch(puts, frozenset(deletes)), told, at, self._held)

    def _repin(self) -> set[str]:
        """Wants what is caused, and no more what is not; returns what was published and is not wanted any
        more.
        """
        deletes = set()
        for key in sorted(self._recount):
            type_, name = names.split(key)
            if self._caused[key] > 0:
                if key not in self._resources and self._owns(key):
                    self._resources[key] = None
                    self._view.pin(resources.MAKERS[type_], name)
                continue
            del self._caused[key]
            if key in self._resources:
                if self._resources.pop(key) is not None:
                    deletes.add(key)
                self._held -= {key}
                self._view.unpin(resources.MAKERS[type_], name)
        self._recount.clear()
        return deletes

    def _tell(self) -> Generator[None, None, Batch]:
        puts: dict[str, Row] = {}
        gone = {ref for ref in self._gone if ref in self._statuses}
        for step, (_, ref, row, _) in enumerate(self._view.settle(_STATUSES), 1):
            if row is not None:
                gone.discard(ref)  # deleted and created again
                if self._statuses.get(ref) != row:
                    puts[ref] = row
            elif ref in self._statuses:
                gone.add(ref)
            if step % STEP == 0:
                yield
        for ref, row in self._passed_on.items():
            if row is not None and self._owns(ref):
                puts[ref] = row
            elif row is None and ref in self._statuses:
                gone.add(ref)
        for ref in gone:
            del self._statuses[ref]
        self._statuses.update(puts)
        self._gone.clear()
        self._passed_on.clear()
        return Batch(puts, frozenset(gone))


_DEFAULT = "default certificate"  # what it causes is caused by no object
_CAUSES: frozenset[Function] = frozenset({resources.of_default, resources.of_ingress, resources.of_service})
_MAKERS: frozenset[Function] = frozenset(resources.MAKERS.values())
_STATUSES: frozenset[Function] = frozenset({*status.STATUSES.values(), status.default_certificate_status})
_TYPES: dict[Function, str] = {make: type_ for type_, make in resources.MAKERS.items()}


def _finished(work: Work) -> Output | None:
    while True:
        try:
            next(work)
        except StopIteration as stop:
            output: Output | None = stop.value
            return output
