"""What the registry remembers of one model, held against what its data set is now."""

from dataclasses import dataclass
from typing import Self

from steps.errors import RegistryError
from steps.registry import Registry, Version


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one model, whether or not `latest` ever named them.

    `latest` alone would not do: it goes back in a rollback, and a version that was left or never promoted would be
    trained once more on the same data, and published over the decision of whoever left it.

    Attributes:
        newest: Version with the highest number; None if there is none.
        latest: Version that `latest` names; None if it names none.
        trained: Newest version that was trained on the data set as it is now; None if there is none.
        unreadable: Numbers of versions that were looked at and whose `version.json` is damaged.
    """

    newest: Version | None
    latest: Version | None
    trained: Version | None
    unreadable: tuple[int, ...] = ()

    @classmethod
    def of(cls, registry: Registry, name: str, listing: str, *, promoted: bool) -> Self:
        """Read the versions of `name`, the newest first, until one was trained on `listing`.

        Raises:
            RegistryError: If the version that `latest` names is damaged. Any other that is damaged is not served, and
                holds up nothing.
        """
        newest, unreadable = None, []
        latest = registry.latest(name) if promoted else None
        for number in reversed(registry.versions(name)):
            try:
                version = registry.resolve(name, number)
            except RegistryError:
                unreadable.append(number)
                continue
            newest = newest or version
            if version.manifest.lineage.listing == listing:
                return cls(newest, latest, version, tuple(unreadable))
        return cls(newest, latest, None, tuple(unreadable))

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters for the next training: those of the version that is trusted to serve, not of one that was left."""
        version = self.latest or self.newest
        return version.manifest.lineage.parameters if version else {}

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if self.trained:
            known = f"nothing new, version {self.trained.number} was trained on it"
            if not self.latest or self.latest.number == self.trained.number:
                return known
            return f"{known}, and latest is version {self.latest.number}"
        damaged = f" (unreadable: version {', '.join(map(str, self.unreadable))})" if self.unreadable else ""
        if not self.newest:
            return f"new, no model of it is published yet{damaged}"
        if not self.newest.manifest.lineage.listing:
            return f"to be trained, because version {self.newest.number} does not tell which objects it was trained on{damaged}"
        return f"changed since version {self.newest.number}{damaged}"
