"""A notebook's book: its data, its month and language, and what it puts on record.

Every notebook opens one book and says everything that matters through it::

    book = cvm.open_book("01-know-your-data", source=source, month=month, language=language)
    book.needs()
    book.figure("customers_active", customers, unit="customers", tolerance=0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cvm.core.checks import ArgumentError
from cvm.core.i18n import LANGUAGES, say
from cvm.core.months import iso_month, month_index
from cvm.core.result import Result
from cvm.data import collect
from cvm.data.tables import CONTRACT
from cvm.publish.book_find import stored_notebooks
from cvm.publish.book_needs import (
    NotEnoughDataError,
    capabilities_text,
    missing_from,
    missing_text,
    needs_problems,
    needs_text,
    parts_of,
    table_part,
)
from cvm.publish.book_picture import picture_bundle
from cvm.publish.book_published import published_frame
from cvm.publish.book_records import ANSWER_MIME, FIGURE_MIME, TABLE_MIME, Figure
from cvm.publish.book_tables import as_frame, table_html, table_record, table_text
from cvm.publish.shown_table import figure_html, html_of, text_of, told_columns
from cvm.views.names import COLUMNS as NAMES_COLUMNS
from cvm.views.names import TABLE as NAMES
from cvm.views.names import Names, read_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Show = Callable[..., None]


class Book:
    """What one notebook reads and records.

    Attributes:
        name: The notebook's file name without its ending.
        data: The opened data set.
        month: The month reported on; ``None`` if the data carry no months.
        language: ``"zh"`` or ``"en"``.
        metadata: The notebook's own ``cvm`` metadata.
        figures: The headline figures recorded so far, by name.
        tables: The tables recorded so far, by name.
    """

    def __init__(
        self,
        name: str,
        *,
        data: Any,
        month: date | None,
        language: str,
        metadata: Mapping[str, Any],
        show: Show,
        others: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self.month = month
        self.language = language
        self.metadata = metadata
        self.figures: dict[str, Figure] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self._show = show
        self._others = dict(others or {})
        self._recorded_at: dict[tuple[str, str], int | None] = {}

    def __repr__(self) -> str:
        month = iso_month(self.month) if self.month else "no month"
        return f"Book({self.name!r}, {month}, {self.language})"

    @cached_property
    def names(self) -> Names:
        """What counties and campaigns are called, from the extract's own table if it has one."""
        if not self.data.has(NAMES, "kind", "value"):
            return Names()
        return read_names(collect(self.data.table(NAMES)).reindex(columns=NAMES_COLUMNS))

    def name_of(self, kind: str, value: object) -> str:
        """Return what a county or campaign is called in the book's language.

        Args:
            kind: ``"county"`` or ``"campaign"``.
            value: As the data have it, which is also its name where they give none.
        """
        return self.names.of(kind, value, self.language)

    @property
    def data_name(self) -> str:
        """Name of the folder, file or mapping the data came from: ``sample``, ``mine``."""
        return str(self.data.folder.name).rpartition("-")[0]

    def figure(
        self, name: str, value: Any, *, unit: str, tolerance: float, absolute: float = 0.0
    ) -> None:
        """Record a headline figure, and show it.

        Args:
            name: One word, unique in the notebook; its words stand in the catalogue's
                ``figures.toml``.
            value: A finite number (an Ibis scalar is computed).
            unit: ``yuan``, ``customers``, ``share`` (0–1), ``points``, ``months`` …
            tolerance: Change that is not news, as a share of the figure (0–1); 0 for exact.
            absolute: The same in the figure's unit; the larger of the two counts.

        Raises:
            ArgumentError: The value is not finite, a setting does not fit, or the name is taken.
        """
        figure = Figure(name=name, value=value, unit=unit, tolerance=tolerance, absolute=absolute)
        self._claim("figure", name)
        self.figures[name] = figure
        words, amount = figure.label(self.language), figure.text(self.language)
        self._show(
            {
                FIGURE_MIME: figure.to_dict(),
                "text/html": figure_html(words, amount),
                "text/plain": f"{words}: {amount}",
            }
        )

    def table(
        self,
        name: str,
        table: Any,
        *,
        counts: str | None,
        sums: Sequence[str] = (),
        groups: Sequence[str] | None = None,
    ) -> None:
        """Record a small table for the snapshot, and show its first rows.

        Args:
            name: One word, unique among all notebooks.
            table: A frame, an Ibis table or a result; groups of customers, never single ones.
            counts: The column that counts customers, for disclosure control; ``None`` only if no
                row describes customers.
            sums: Columns that are sums over those customers.
            groups: Columns that name a row; by default every text, month, date and flag column.

        Raises:
            ArgumentError: The table does not fit, or the name is taken.
            MissingDataError: A named column is not in the table.
            DataError: The table names single customers.
        """
        record = table_record(name, table, counts=counts, sums=sums, groups=groups)
        self._claim("table", name)
        self.tables[name] = record
        self._show(
            {
                TABLE_MIME: record,
                "text/html": table_html(record, self.language, self.names),
                "text/plain": table_text(record, self.language, self.names),
            }
        )

    def publish(
        self,
        result: Result,
        *,
        counts: str,
        sums: Sequence[str] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Record every frame of a result for the snapshot, under the names it gives them.

        Args:
            result: The result; the first column of each frame names its rows.
            counts: The column that counts customers, in those frames that have it.
            sums: Columns that are sums over those customers, in those frames that have them.
            groups: Frame → columns that name its rows, where it takes more than the first.

        Raises:
            ArgumentError: The notebook's metadata do not declare a frame's name.
        """
        declared = self.metadata.get("publishes", ())
        for name, frame in result.frames().items():
            if name not in declared:
                raise ArgumentError(
                    "table name",
                    name,
                    "declared by the notebook",
                    available=declared,
                    action="add it to metadata.cvm.publishes",
                )
            self.table(
                name,
                frame,
                counts=counts if counts in frame else None,
                sums=[column for column in sums if column in frame],
                groups=(groups or {}).get(name, [str(frame.columns[0])]),
            )

    def published(self, name: str) -> pd.DataFrame | None:
        """Return a table that another notebook recorded; say so and return None if there is none.

        Args:
            name: The table, declared in the notebook's ``reads``.

        Raises:
            ArgumentError: The notebook's metadata do not declare that it reads this table.
        """
        found = published_frame(name, self._others, self.metadata)
        if found is None:
            text = say("book_published.none", self.language, name=name)
            self._show({"text/markdown": text, "text/plain": text})
        return found

    def show(self, table: Any, *, down: bool | None = None) -> None:
        """Show a table as people read it: headings in words, names, one format a column.

        The table itself stays as it is; under each heading stands what its column is called.

        Args:
            table: A frame, a series, an Ibis table or a result (its summary is shown).
            down: Put columns under each other; by default where the table is wide and short.

        Raises:
            ArgumentError: It is no table.
        """
        series = table.to_frame(table.name or "value") if hasattr(table, "to_frame") else None
        frame = as_frame(table) if series is None else series
        columns = told_columns(frame, self.language, self.names)
        html = html_of(columns, self.language, down=down)
        self._show({"text/html": html, "text/plain": text_of(columns)})

    def say(self, what: str | Result, **values: Any) -> None:
        """Show one sentence in the book's language.

        Args:
            what: A key of the catalogue, or a result, whose sentence is shown.
            values: One for each placeholder of the catalogue's text.
        """
        if isinstance(what, Result):
            text = self.named(what).text(self.language)
        else:
            text = say(what, self.language, **values)
        self._show({"text/markdown": text, "text/plain": text})

    def answer(self, result: Result) -> None:
        """Show a result's sentence and record it as the notebook's answer, in both languages.

        Args:
            result: The result that answers the notebook's question.
        """
        texts: dict[str, str] = {lang: self.named(result, lang).text(lang) for lang in LANGUAGES}
        text = texts[self.language]
        self._show({ANSWER_MIME: texts, "text/markdown": f"**{text}**", "text/plain": text})

    def plot(self, drawn: Result | Axes, **options: Any) -> None:
        """Show a result's chart, or axes that were drawn already, in the book's language.

        Args:
            drawn: A result, or axes.
            options: Passed on to the result's ``plot``.
        """
        text = ""
        if isinstance(drawn, Result):
            drawn = self.named(drawn)
            text = drawn.text(self.language)
            drawn = drawn.plot(lang=self.language, **options)
        bundle, metadata = picture_bundle(drawn, text)
        self._show(bundle, metadata)

    def capabilities(self) -> None:
        """Show every notebook of the project and which of its parts these data can carry."""
        text = capabilities_text(stored_notebooks(), self.data, self.language)
        self._show({"text/markdown": text, "text/plain": text})

    def needs(self, *, months: int = 0) -> None:
        """Show what the data lack for this notebook and what can still be done.

        Args:
            months: Fewest months, up to the one reported on, that the data must reach back over.

        Raises:
            NotEnoughDataError: What the notebook cannot do without is missing. `cvm run` then
                reports the notebook as lacking data, not as failed.
        """
        main = dict(self.metadata.get("needs", {}))
        problems = needs_problems(main)
        if problems:
            raise ArgumentError("metadata.cvm.needs", problems[0], "in the contract")
        parts = list(parts_of(self.metadata).values())
        text = needs_text(main, parts, self.data, self.language)
        missing = missing_from(self.data, main)
        self._show({"text/markdown": text, "text/plain": text})
        if missing:
            title = say("book.needs.stop_title", self.language)
            raise NotEnoughDataError(f"{title} {missing_text(missing, self.language)}", missing)
        have = self._months()
        if have < months:
            title = say("book.needs.stop_title", self.language)
            short = say("book.needs.months", self.language, months=months, have=have)
            raise NotEnoughDataError(f"{title} {short}", {"months": ["month"]})

    def _months(self) -> int:
        if self.month is None or self.data.first_month is None:
            return 0
        return month_index(self.month) - month_index(self.data.first_month) + 1

    def can(self, part: str, *columns: str) -> bool:
        """Whether the data allow a part of the notebook; says what is missing if they do not.

        It guards a cell: ``if book.can("points_cost"):``.

        Args:
            part: A part from the notebook's ``optional`` needs, or a table of the contract.
            columns: With a table: its columns that are needed.

        Raises:
            ArgumentError: Neither a part nor a table has this name, or the table has no such
                column.
        """
        parts = parts_of(self.metadata)
        if part in CONTRACT and (columns or part not in parts):
            chosen = table_part(part, columns)
            problems = needs_problems(chosen.needs)
            if problems:
                raise ArgumentError(f"{part} columns", problems[0], "in the contract")
        elif part in parts:
            chosen = parts[part]
        else:
            raise ArgumentError(
                "part",
                part,
                "a part this notebook declares, or a table",
                available=[*parts, *CONTRACT],
            )
        missing = missing_from(self.data, chosen.needs)
        if missing:
            text = say(
                "book.needs.part_skipped",
                self.language,
                part=chosen.label(self.language),
                missing=missing_text(missing, self.language),
            )
            self._show({"text/markdown": text, "text/plain": text})
        return not missing

    def named(self, result: Result, lang: str | None = None) -> Result:
        """Return a result as it is told: counties and campaigns by their names.

        Sentences and pictures that the book shows are made from it already; it is there for a
        picture that a notebook draws itself.

        Args:
            result: Any result.
            lang: Of the names; by default the book's language.
        """
        return result.named(self.names.speaking(lang or self.language))

    def _claim(self, what: str, name: str) -> None:
        # Running a cell again in JupyterLab records the same names again, which is no mistake. A
        # headless run reads the executed notebook and finds a name used by two cells.
        count = _execution_count()
        taken = (what, name) in self._recorded_at
        if taken and (count is None or self._recorded_at[what, name] == count):
            raise ArgumentError(
                f"{what} name",
                name,
                "unique in its notebook",
                available=[f"any but {', '.join(n for w, n in self._recorded_at if w == what)}"],
                action="rename one of the two",
            )
        self._recorded_at[what, name] = count


def _execution_count() -> int | None:
    from IPython import get_ipython

    shell = get_ipython()
    return None if shell is None else int(shell.execution_count)
