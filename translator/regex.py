"""Whether Envoy will take a regular expression: asked of RE2 itself, which is what Envoy runs."""

import re2

# Envoy refuses what is larger than its runtime key re2.max_program_size.error_level, 100 by default, which
# isoline's bootstrap lifts. This bound is ours: a match costs time in proportion, and every worker holds its
# own states.
MAX_PROGRAM_SIZE = 1000


def refusal(pattern: str) -> str | None:
    """Why the pattern cannot be used, in RE2's words; None when it can."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        message = error.args[0] if error.args else error
        return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    if compiled.programsize > MAX_PROGRAM_SIZE:
        return f"its program is larger than {MAX_PROGRAM_SIZE} steps ({compiled.programsize})"
    return None
