"""Reads an HTML page as a person and a sceptic would."""

from html.parser import HTMLParser


class PageReader(HTMLParser):
    """Reads a page as a browser would, and finds what must not be in one.

    Attributes:
        text: Everything a person reads, with attributes that are shown or spoken.
        ids: Anchors, in order.
        images: Sources of pictures.
        faults: Scripts, handlers, addresses that lead out, and elements that are not closed.
    """

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.ids: list[str] = []
        self.images: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._open.append(tag)
        if tag in {"script", "iframe", "object", "embed", "form", "base"}:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            text = value or ""
            if name.startswith("on"):
                self.faults.append(f"{tag} {name}")
            elif name in {"src", "href", "xlink:href", "action", "srcset", "data"}:
                allowed = text.startswith("data:image/") if tag == "img" else text.startswith("#") or text == "data:,"
                if not allowed:
                    self.faults.append(f"{tag} {name}={text[:60]}")
            if name == "src":
                self.images.append(text)
            elif name == "id":
                self.ids.append(text)
            elif name in {"title", "alt", "aria-label"}:
                self.text += f" {text}"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += f" {data}"
