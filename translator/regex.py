"""Whether Envoy will take a regular expression: asked of RE2 itself, which is what Envoy runs."""

import importlib
from typing import Any


def refusal(pattern: str) -> str | None:
    """Why RE2 refuses the pattern, in its words; None when it does not."""
    re2: Any = importlib.import_module("re2")
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        message = error.args[0] if error.args else error
        return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    return None
