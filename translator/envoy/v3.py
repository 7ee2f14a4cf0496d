"""Constructors of Envoy's messages, without pydantic (runtime.wire); tests put what they make through the
checks.
"""

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from runtime.wire import unchecked

AccessLog = unchecked(accesslog.AccessLog)
Address = unchecked(core.Address)
AggregatedConfigSource = unchecked(core.AggregatedConfigSource)
Cluster = unchecked(cluster.Cluster)
ClusterLoadAssignment = unchecked(endpoint.ClusterLoadAssignment)
ConfigSource = unchecked(core.ConfigSource)
DirectResponseAction = unchecked(route.DirectResponseAction)
EdsClusterConfig = unchecked(cluster.ClusterEdsClusterConfig)
Endpoint = unchecked(endpoint.Endpoint)
Filter = unchecked(listener.Filter)
FilterChain = unchecked(listener.FilterChain)
HeaderMatcher = unchecked(route.HeaderMatcher)
HeaderValue = unchecked(core.HeaderValue)
HeaderValueOption = unchecked(core.HeaderValueOption)
LbEndpoint = unchecked(endpoint.LbEndpoint)
Listener = unchecked(listener.Listener)
ListenerFilter = unchecked(listener.ListenerFilter)
Locality = unchecked(core.Locality)
LocalityLbEndpoints = unchecked(endpoint.LocalityLbEndpoints)
RegexMatcher = unchecked(matcher.RegexMatcher)
RedirectAction = unchecked(route.RedirectAction)
RetryPolicy = unchecked(route.RetryPolicy)
Route = unchecked(route.Route)
RouteAction = unchecked(route.RouteAction)
RouteConfiguration = unchecked(route.RouteConfiguration)
RouteMatch = unchecked(route.RouteMatch)
SocketAddress = unchecked(core.SocketAddress)
StringMatcher = unchecked(matcher.StringMatcher)
SubstitutionFormatString = unchecked(core.SubstitutionFormatString)
TypedExtensionConfig = unchecked(core.TypedExtensionConfig)
UpgradeConfig = unchecked(route.RouteActionUpgradeConfig)
VirtualHost = unchecked(route.VirtualHost)

ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=core.ApiVersion.V3)
