"""What is counted of links, for /metrics."""

import prometheus_client

PUBLISHED = prometheus_client.Counter(
    "isoline_link_messages_published", "Messages sent, by table.", ["table"]
)
REFUSED = prometheus_client.Counter("isoline_link_messages_refused", "What was no message of ours.", ["side"])
PEERS_REFUSED = prometheus_client.Counter("isoline_link_peers_refused", "Connections with a key not allowed.")
ROWS = prometheus_client.Gauge("isoline_link_rows", "Rows held of a table.", ["table", "source"])
SNAPSHOTS = prometheus_client.Counter("isoline_link_snapshots", "Snapshots taken.", ["table", "source"])
RESYNCS = prometheus_client.Counter(
    "isoline_link_resyncs", "Times that something was missed, or the publisher another.", ["table", "source"]
)
