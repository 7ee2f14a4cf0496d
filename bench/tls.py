"""TLS at 5,000 hosts with 100 Secrets: CPU and bytes of a renewed Secret, a host added, the listener."""

import gc
import statistics
import time

import orjson

from runtime.link.row import Change, Row
from tests.stories.objects import ingress, reference, service, tls
from tests.support.certificate import NOW, pair, secret
from translator.settings import Settings
from translator.translator import Output, Translator

HOSTS, SECRETS = 5_000, 100
REPEATS = 50
LISTENER = "listeners/ingress_https"


def host(number: int) -> dict[str, object]:
    """An Ingress with one TLS host."""
    name = f"h{number}.example.com"
    return ingress(f"web-{number}", to="kuard:80", host=name, tls=[tls(name, secret=f"s-{number % SECRETS}")])


def applied(
    core: Translator, *items: dict[str, object], deletes: tuple[str, ...] = ()
) -> tuple[float, Output]:
    """Seconds of CPU for one change, and what follows from it."""
    change = Change(
        {reference(item): Row.of(orjson.dumps(item)) for item in items}, frozenset(deletes), synced=True
    )
    began = time.process_time()
    output = core.apply(change)
    spent = time.process_time() - began
    assert output is not None
    return spent, output


def size(output: Output) -> int:
    """Bytes of the resources that are sent, with their names."""
    return sum(len(key) + len(row.body) for key, row in output.resources.puts.items())


def renewals(core: Translator, kind: str) -> tuple[float, int]:
    """The median of the CPU for a renewed Secret, and the most bytes."""
    spent, sizes = [], []
    for at in range(REPEATS):
        cpu, output = applied(core, secret("s-7", pair("*.example.com", kind=kind, number=1 + at % 2)))
        if at:  # the first one may be of another type of key
            spent.append(cpu)
            sizes.append(size(output))
    return statistics.median(spent), max(sizes)


def main() -> None:
    """Prints the table; exits 1 when a bound is missed."""
    core = Translator(Settings())
    core.advance(NOW.timestamp())
    secrets = [secret(f"s-{number}", pair("*.example.com")) for number in range(SECRETS)]
    _, first = applied(core, service("kuard", 80), *secrets, *map(host, range(HOSTS)))
    listener = len(first.resources.puts[LISTENER].body)
    bound = 130 * HOSTS + 2_000 * SECRETS
    gc.collect()
    gc.freeze()
    name = f"the HTTPS listener, {HOSTS:,} hosts, {SECRETS} Secrets"
    rows = [(name, f"{bound:,} B", f"{listener:,} B", listener <= bound)]
    for kind in ("ECDSA", "RSA"):
        cpu, bytes_ = renewals(core, kind)
        rows.append((f"one renewed Secret ({kind}), CPU", "3 ms", f"{cpu * 1e3:.2f} ms", cpu <= 3e-3))
        rows.append(("  the same, bytes to a Delta Envoy", "10,000 B", f"{bytes_:,} B", bytes_ <= 10_000))
    spent = [applied(core, host(HOSTS + at))[0] for at in range(REPEATS)]
    rows.append(("a TLS host added, CPU", "", f"{statistics.median(spent) * 1e3:.1f} ms", True))
    print(f"{'TLS':<55} {'bound':>10} {'measured':>10}")
    for name, limit, measured, met in rows:
        print(f"{name:<55} {limit:>10} {measured:>10}{'' if met else '  MISSED'}")
    if not all(met for *_, met in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
