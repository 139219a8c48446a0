"""What ends a call, and what only ends a picture."""


class ClientError(Exception):
    """The call is wrong, or the server is not there: `message` says what was found, `hint` what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"


class CallError(ClientError):
    """The call is wrong: it would be again."""


class PictureError(Exception):
    """One picture got no answer; the others go on."""

    def __init__(self, detail: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.detail, self.hint, self.status = detail, hint, status

    def document(self) -> dict[str, object]:
        """Return what a program wants to know of it."""
        known = {"status": self.status, "detail": self.detail, "hint": self.hint}
        return {name: value for name, value in known.items() if value}
