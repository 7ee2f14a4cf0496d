"""`isoline explain`: which step decides, in lines and exit codes that are an interface. (That it is right:
test_explain_agrees.)
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import betterproto2
import pytest

from isoline.explain import schema
from isoline.explain.schema import ByName, Many, Message
from runtime.wire.field_type import field_types
from runtime.wire.message import pool
from tests.support.program import Program
from translator import translator

Isoline = Callable[..., Program]

SHOP = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - path: /cart
        pathType: Prefix
        backend: {service: {name: cart, port: {number: 80}}}
      - path: /gone
        pathType: Prefix
        backend: {service: {name: gone, port: {number: 80}}}
      - path: /empty
        pathType: Prefix
        backend: {service: {name: empty, port: {number: 80}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
"""
NO_SLICE = "no EndpointSlice of namespace shop has the label kubernetes.io/service-name: empty"
UNKNOWN = "404: no virtual host of ingress_http takes host"
NOT_FOUND = 'Ingress shop/web: ServiceNotFound: path /gone names Service "gone", which does not exist'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A host with a Service that answers, one that does not exist, and one without endpoints."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


@pytest.mark.usefixtures("shop")
def test_every_step_of_a_request_is_a_line(isoline: Isoline) -> None:
    """Down to the file and line of the rule's path, and the endpoints."""
    program = isoline("explain", "http://shop.example.com/cart/x?y", "--from", "shop.yaml")

    assert program.exit_code() == 0
    assert program.stdout == [
        "GET http://shop.example.com/cart/x?y",
        "  listener  ingress_http (127.0.0.1:8080)",
        "  host      ingress_http/shop.example.com",
        "  route     3 of 3: path_separated_prefix /cart",
        "  object    Ingress shop/web (shop.yaml:9)",
        "  cluster   shop/cart/80",
        "  endpoints 10.0.0.1:8080, 10.0.0.2:8080",
        "  answer    forwarded to shop/cart/80",
    ]


@pytest.mark.usefixtures("shop")
def test_a_service_that_does_not_exist_is_named_with_the_problem(isoline: Isoline) -> None:
    """The route answers 503, and the line of the mistake says why."""
    program = isoline("explain", "http://shop.example.com/gone", "--from", "shop.yaml")

    assert program.exit_code() == 1
    assert program.stdout[3:] == [
        "  route     2 of 3: path_separated_prefix /gone",
        "  object    Ingress shop/web (shop.yaml:12)",
        "  answer    503: the route answers so itself, for its backend cannot be reached (isoline check says",
        "            why)",
        f"  problem   {NOT_FOUND}",
        "            (shop.yaml:14)",
    ]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "code", "answer"),
    [
        (["http://shop.example.com/x"], 1, "404: the host is known, but none of its 3 routes matches /x"),
        (
            ["http://shop.exampel.com/"],
            1,
            f"{UNKNOWN} shop.exampel.com; did you mean shop.example.com?",
        ),
        (["http://other.org/"], 1, f"{UNKNOWN} other.org"),
        (
            ["http://shop.example.com/empty"],
            1,
            f"503: cluster shop/empty/80 has no endpoint that is ready: {NO_SLICE}",
        ),
        (
            ["http://shop.example.com/a%2Fcart"],
            0,
            "307 to /a/cart: the path /a%2Fcart holds an escaped slash",
        ),
        (["http://shop.example.com//x/../cart"], 0, "forwarded to shop/cart/80"),
        (["http://SHOP.example.com.:80/cart"], 0, "forwarded to shop/cart/80"),
        (["http://10.0.0.1/cart", "-H", "Host: shop.example.com"], 0, "forwarded to shop/cart/80"),
        (["http://shop.example.com/cart", "-X", "post"], 0, "forwarded to shop/cart/80"),
        (
            ["https://other.org/"],
            1,
            "connection closed: no filter chain of ingress_https takes SNI other.org",
        ),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_the_answer_says_what_happens_and_the_exit_code_whether_it_is_routed(
    isoline: Isoline, words: list[str], code: int, answer: str
) -> None:
    """As JSON too, where a step that was not reached is null."""
    program = isoline("explain", *words, "--from", "shop.yaml", "-o", "json")

    found = json.loads("\n".join(program.stdout))
    assert (program.exit_code(), found["answer"], found["routed"]) == (code, answer, code == 0)
    assert (found["cluster"] is None) == ("shop/" not in answer)


@pytest.mark.parametrize(
    ("labels", "ports", "why"),
    [
        ("x", "[{name: http, port: 8080}]", NO_SLICE.replace("empty", "cart")),
        (
            "{kubernetes.io/service-name: cart}",
            "[null, x]",
            "the Service's port has the name 'http', its EndpointSlices have ''",
        ),
    ],
)
def test_an_endpoint_slice_that_is_none_is_read_as_far_as_it_goes(
    isoline: Isoline, shop: Path, labels: str, ports: str, why: str
) -> None:
    """A request for its Service ends at the endpoints."""
    text = SHOP.replace("labels: {kubernetes.io/service-name: cart}", f"labels: {labels}")
    shop.write_text(text.replace("ports: [{name: http, port: 8080}]", f"ports: {ports}"))

    program = isoline("explain", "http://shop.example.com/cart", "--from", "shop.yaml", "-o", "json")

    answer = json.loads("\n".join(program.stdout))["answer"]
    assert answer == f"503: cluster shop/cart/80 has no endpoint that is ready: {why}"


@pytest.mark.parametrize("url", ["http://shop.example.com/cart", "http://shop.example.com/cart/x"])
def test_both_routes_of_a_path_that_is_rewritten_have_its_line(
    isoline: Isoline, shop: Path, url: str
) -> None:
    """`rewrite-path: /` is a route for the path alone and one for what is below it."""
    rewrite = "annotations: {projectcontour.io/rewrite-path: /}"
    shop.write_text(
        SHOP.replace("{name: web, namespace: shop}", f"{{name: web, namespace: shop, {rewrite}}}")
    )

    program = isoline("explain", url, "--from", "shop.yaml")

    assert "  object    Ingress shop/web (shop.yaml:9)" in program.stdout


@pytest.mark.usefixtures("shop")
def test_json_has_a_field_for_each_step(isoline: Isoline) -> None:
    """Under the names of the lines."""
    program = isoline("explain", "http://shop.example.com/cart", "--from", "shop.yaml", "-o", "json")

    found = json.loads("\n".join(program.stdout))
    assert found["listener"] == {"name": "ingress_http", "address": "127.0.0.1:8080"}
    assert found["route"] == {"match": "path_separated_prefix /cart", "number": 3, "of": 3}
    place = {"file": "shop.yaml", "line": 9}
    assert found["object"] == {"kind": "Ingress", "namespace": "shop", "name": "web", **place}
    assert found["endpoints"] == ["10.0.0.1:8080", "10.0.0.2:8080"]
    assert found["status"] is None


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ("kubernetes.io/ingress.class: nginx", 'its class is "nginx", which is not ours'),
        ("kubernetes.io/ingress.allow-http: 'false'", "kubernetes.io/ingress.allow-http is false"),
    ],
)
@pytest.mark.parametrize("rule", ["shop.example.com", "'*.example.com'"])
def test_an_ingress_that_names_the_host_and_does_not_serve_it_is_named(
    isoline: Isoline, shop: Path, metadata: str, why: str, rule: str
) -> None:
    """And the host itself is not what may have been meant."""
    text = SHOP.replace("namespace: shop}", f"namespace: shop, annotations: {{{metadata}}}}}", 1)
    shop.write_text(text.replace("shop.example.com", rule))

    program = isoline("explain", "http://shop.example.com/cart", "--from", "shop.yaml", "-o", "json")

    answer = json.loads("\n".join(program.stdout))["answer"]
    assert answer.startswith("404: ")
    assert answer.endswith(f"; Ingress shop/web names the host, but {why}")
    assert "did you mean" not in answer


@pytest.mark.parametrize(
    ("flags", "location"),
    [
        ([], "https://shop.example.com:8443/cart"),
        (["--https-port", "9443"], "https://shop.example.com:9443/cart"),
        (["--https-port", "9443", "--redirect-port", "443"], "https://shop.example.com/cart"),
    ],
)
def test_a_redirect_leads_where_that_of_up_does(
    isoline: Isoline, shop: Path, flags: list[str], location: str
) -> None:
    """To the https port, unless `--redirect-port` names another; the port that is asked is taken off."""
    redirect = "annotations: {ingress.kubernetes.io/force-ssl-redirect: 'true'}"
    shop.write_text(SHOP.replace("namespace: shop}", f"namespace: shop, {redirect}}}", 1))

    url = "http://shop.example.com:8081/cart"
    program = isoline("explain", url, "--from", "shop.yaml", "--http-port", "8081", *flags)

    assert program.stdout[-1] == f"  answer    301 to {location}: the route redirects"


@pytest.mark.usefixtures("shop")
def test_a_variable_that_is_there_for_another_command_yields_to_a_flag(isoline: Isoline) -> None:
    """ISOLINE_XDS, for `isoline get`; two sources on the command line are a mistake."""
    program = isoline(
        "explain", "http://shop.example.com/cart", "--from", "shop.yaml", env={"ISOLINE_XDS": "unix:/nowhere"}
    )

    assert program.stdout[-1] == "  answer    forwarded to shop/cart/80"


@pytest.mark.usefixtures("shop")
def test_a_file_that_does_not_parse_is_exit_code_2(isoline: Isoline, tmp_path: Path) -> None:
    """The answer may be another with it; what is known is shown."""
    (tmp_path / "bad.yaml").write_text("a: [")

    program = isoline("explain", "http://shop.example.com/cart", "--from", ".")

    assert program.exit_code() == 2
    assert program.stdout[-1] == "  answer    forwarded to shop/cart/80"
    assert program.stderr[0].startswith("File ./bad.yaml: Unreadable: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shop.example.com/"], "shop.example.com/: expected http://HOST/PATH or https://HOST/PATH"),
        (["http://h:x/"], "http://h:x/: Port could not be cast to integer value as 'x'"),
        (["http://h/", "-H", "x"], "-H 'x': expected 'NAME: VALUE'"),
        (["http://h/", "-H", "Host: \udcff"], "-H 'Host: \\udcff': not UTF-8"),
        (["http://h/\udcff"], "'http://h/\\udcff': not UTF-8"),
        (["http://h/", "-H", f"Host: h:{'9' * 5000}"], "-H Host: the port is none, expected one up to 65535"),
        (["http://h/", "--from", "nowhere"], "nowhere: no such file or folder"),
        (["http://h/", "--xds", "nowhere"], "--xds nowhere: expected unix:/PATH or host:port"),
        (
            ["http://h/", "--xds", "a:1", "--from", "."],
            "give one of --from, --kubeconfig, --xds and --run-dir",
        ),
        (["http://h/", "--run-dir", "nowhere"], "--run-dir nowhere: no isoline up runs there"),
    ],
    ids=lambda given: ascii(" ".join(given)[:60]) if isinstance(given, list) else "",
)
def test_wrong_usage_says_what_to_give(isoline: Isoline, words: list[str], said: str) -> None:
    """Exit code 2."""
    program = isoline("explain", *words)

    assert (program.exit_code(), program.stdout) == (2, [])
    assert program.stderr == [f"isoline: {said}"]


def test_without_a_source_and_without_a_running_system_all_sources_are_named(
    isoline: Isoline, tmp_path: Path
) -> None:
    """A running `isoline up` is looked for in the folder for temporary files."""
    program = isoline("explain", "http://h/", env={"TMPDIR": str(tmp_path)})

    assert program.exit_code() == 2
    give = "give --from PATH (manifests), --kubeconfig FILE (a cluster), --xds ADDRESS (an xDS server)"
    assert program.stderr == [f"isoline: no isoline up was found in {tmp_path}: {give} or --run-dir DIR"]


def test_nobody_at_the_address_is_exit_code_3(isoline: Isoline) -> None:
    """A peer failed; not an answer."""
    program = isoline("explain", "http://h/", "--xds", "127.0.0.1:1")

    assert (program.exit_code(), program.stdout) == (3, [])
    assert program.stderr[0].startswith("isoline: 127.0.0.1:1: nobody answers")


# The reading of resources


def messages() -> list[Message]:
    """Every message that the explanation reads, with those inside."""
    found: dict[str, Message] = {}

    def add(kind: object) -> None:
        match kind:
            case Many(inner) | ByName(inner):
                add(inner)
            case Message() if kind.name not in found:
                found[kind.name] = kind
                for _, inner in kind.fields.values():
                    add(inner)

    for value in vars(schema).values():
        add(value)
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.name)
def test_fields_have_the_numbers_of_envoys_api(message: Message) -> None:
    """Against the metadata that envoy-data-plane carries; xDS' own StringMatcher has Envoy's numbers."""
    assert translator  # has imported all of Envoy's messages that there are
    cls = _class_of(message.name)
    known = {number: found.name.removesuffix("_") for number, found in field_types(cls).items()}

    assert {number: name for number, (name, _) in message.fields.items()} == {
        number: known[number] for number in message.fields
    }
    assert message.ignored <= known.keys()


def _class_of(name: str) -> type[betterproto2.Message]:
    """The library's class, whose module is read: that puts it into the pool."""
    packages = ("config.rbac", "extensions.filters.http.rbac", "extensions.matching.common_inputs.network")
    for package in (*packages, "extensions.transport_sockets.tls"):
        import_module(f"envoy_data_plane.envoy.{package}.v3")
    import_module("envoy_data_plane.google.api.expr.v1alpha1")
    found: type[betterproto2.Message] = pool().url_to_type[f"type.googleapis.com/{name}"]
    return found
