"""Every reason that a problem of the watcher may have; `docs/reasons.md` lists them with the translator's."""

from runtime.reason import Reason

UNREADABLE = Reason(
    "Unreadable",
    "A file or folder cannot be read: no YAML or JSON, binary, too large, no permission, gone. "
    "The objects of its last readable version stay in use.",
    "Correct the file at the line and column of the message, or remove it.",
)
DUPLICATE_OBJECT = Reason(
    "DuplicateObject",
    "The same object (kind, namespace and name) is written twice. "
    "The first by path counts, and in one file the first by line.",
    "Remove one of the two; the message names both places.",
)
INVALID_OBJECT = Reason(
    "InvalidObject",
    "A document is no Kubernetes object: apiVersion, kind or metadata.name is missing, or is nothing that an "
    "API server takes.",
    "Write the field that the message names. The other objects of the file are served.",
)
UNSUPPORTED_VERSION = Reason(
    "UnsupportedVersion",
    "A kind that isoline reads, in a version of its API that Kubernetes no longer serves.",
    "Write the version that the message names. The object is not served.",
)
POLLING = Reason(
    "Polling",
    "The kernel gives no notices of file changes (inotify), so the folder is looked through once a second.",
    "Raise the limit that the message names; changes are seen a second late until then.",
    "warning",
)
FORBIDDEN = Reason(
    "Forbidden",
    "The API server does not let isoline read a resource. What was read of it before stays in use; "
    "otherwise it is as if there were none of it.",
    "Grant the verbs list and watch that the message names (deploy/ has the roles).",
)

ALL: tuple[Reason, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Reason))
