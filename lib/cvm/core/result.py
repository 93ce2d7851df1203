"""What every analysis returns: the frames, one honest sentence, a picture.

A result is a frozen dataclass that inherits :class:`Result`. It holds the figures; the sentence and
the picture are made from those figures and from nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

from cvm.core.checks import ArgumentError
from cvm.core.naming import NameOf

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Result(ABC):
    """Frames, a sentence and a picture of one answer.

    Attributes:
        view: Where the chart lives, as ``"cvm.views.module:function"``. It is resolved only when
            :meth:`plot` is called, so that the statistics import no plotting.
    """

    view: ClassVar[str] = ""

    @abstractmethod
    def summary(self) -> pd.DataFrame:
        """Return the answer as one small tidy frame."""

    @abstractmethod
    def text(self, lang: str = "en") -> str:
        """Return the answer as one sentence that claims no more than the figures.

        Args:
            lang: ``"zh"`` or ``"en"``.
        """

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every frame of the result by name; at least the summary."""
        return {"summary": self.summary()}

    def named(self, of: NameOf) -> Self:
        """Return the answer as it is told: what has a name stands by that name.

        Tables keep the values of the data; only sentences and pictures are made from this.

        Args:
            of: Kind (``"county"``, ``"campaign"``) and value of the data → its name.
        """
        return self

    def plot(self, ax: Axes | None = None, *, lang: str = "en", **options: Any) -> Axes:
        """Draw the answer and return the axes.

        Raises:
            ArgumentError: This result has no picture.
        """
        if not self.view:
            raise ArgumentError("view", self.view, "set for a result that has a picture")
        module, _, function = self.view.partition(":")
        draw = getattr(import_module(module), function)
        return draw(self, ax=ax, lang=lang, **options)

    def to_markdown(self) -> str:
        """Return the summary as a Markdown table, without an optional dependency."""
        frame = self.summary()
        lines = [list(map(str, frame.columns)), ["---"] * frame.shape[1]]
        lines += [list(map(str, row)) for row in frame.itertuples(index=False)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def _repr_html_(self) -> str:
        return f"<p><strong>{escape(self.text())}</strong></p>" + self.summary().to_html(
            index=False, border=0
        )
