"""Why nobody knows who we are to an API server, or where it is."""


class AccessError(Exception):
    """The configuration can't be read, or gives no credentials; the text says why, and holds none."""
