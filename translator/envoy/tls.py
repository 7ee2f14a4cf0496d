"""TLS: Secrets, and the filter chains that use them."""

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls

from runtime.wire import any_of, encode, unchecked
from translator import names
from translator.certificate import Certificate
from translator.envoy import connection_manager, v3
from translator.model import Tls, TlsVersions
from translator.settings import Settings

# Forward secrecy and authenticated encryption; of the two that share a place the client has the choice. Those
# of TLS 1.3 are all so, and not to be chosen.
CIPHERS = [
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
]
ALPN = ["h2", "http/1.1"]

_VERSIONS = {"1.2": tls.TlsParametersTlsProtocol.TLSv1_2, "1.3": tls.TlsParametersTlsProtocol.TLSv1_3}
_CommonTlsContext = unchecked(tls.CommonTlsContext)
_DataSource = unchecked(core.DataSource)
_DownstreamTlsContext = unchecked(tls.DownstreamTlsContext)
_SdsSecretConfig = unchecked(tls.SdsSecretConfig)
_Secret = unchecked(tls.Secret)
_TlsCertificate = unchecked(tls.TlsCertificate)
_TlsParameters = unchecked(tls.TlsParameters)
_TransportSocket = unchecked(core.TransportSocket)


def secret(name: str, certificate: Certificate) -> bytes:
    """The Secret `name`."""
    return encode(
        _Secret(
            name=name,
            tls_certificate=_TlsCertificate(
                certificate_chain=_DataSource(inline_bytes=certificate.chain),
                private_key=_DataSource(inline_bytes=certificate.key),
            ),
        )
    )


def filter_chain(settings: Settings, name: str, found: Tls) -> bytes:
    """The filter chain `name`."""
    serve = connection_manager.filter_(
        names.INGRESS_HTTPS,
        xff_num_trusted_hops=settings.xff_num_trusted_hops,
        over_tls="default" if found.default else "named",
    )
    context = _DownstreamTlsContext(common_tls_context=_context(found.secrets, found.versions))
    socket = _TransportSocket(name="envoy.transport_sockets.tls", typed_config=any_of(context))
    return encode(v3.FilterChain(name=name, filters=[serve], transport_socket=socket))


def _context(secrets: tuple[str, ...], versions: TlsVersions) -> tls.CommonTlsContext:
    return _CommonTlsContext(
        tls_params=_TlsParameters(
            tls_minimum_protocol_version=_VERSIONS[versions.low],
            tls_maximum_protocol_version=_VERSIONS[versions.high],
            cipher_suites=CIPHERS,
        ),
        tls_certificate_sds_secret_configs=[
            _SdsSecretConfig(name=secret, sds_config=v3.ADS) for secret in secrets
        ],
        alpn_protocols=ALPN,
    )
