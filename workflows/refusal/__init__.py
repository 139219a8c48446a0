"""What every refusal on the way to a run is: what was found, and what to do."""


class Refusal(Exception):  # noqa: N818  (its kinds are errors)
    """A refusal that a person can act on: `message` says what was found, `hint` what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def line(self) -> str:
        """Both in one line, for where a refusal is one of several things that are told."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message
