"""Why a file's content is not taken."""


class UnreadableError(Exception):
    """What is wrong with the text of a file: `line` and `column` count from 1, 0 where there is none.

    The message never repeats a value: a manifest may hold private keys.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        if not self.line:
            return self.message
        return f"line {self.line}, column {self.column}: {self.message}"
