"""What a published page is, and which pages there are.

A page is made once, when a snapshot is published: small tables in; plain JSON and pictures out.
The dashboard shows what stands there and computes nothing, so its kernel stays light and every
viewer sees the same figures.

``Page.content[lang]`` is plain JSON with these keys (all texts are in that language):

* ``title``, ``question``, ``sentence``: the page's name, what it answers, and the answer.
* ``tone``: ``"good"``, ``"bad"`` or ``"neutral"``: how the answer should be read.
* ``cards``: a list of ``key``, ``label``, ``value``, ``unit``, ``change``, ``direction``
  (``"up"``, ``"down"``, ``"flat"`` or ``""``), ``tone``, ``target`` (of :mod:`cvm.views.targets`,
  empty where nobody set one), ``target_tone`` (``"good"`` if it is met, ``"bad"`` if not, else
  ``""``), ``spark`` (heights of the sparkline between 0 and 1, ``null`` for a gap), ``spark_mark``
  (height of its target, if it has one), ``spark_alt`` and ``gauge`` (``fill``, ``mark``, ``alt``;
  ``from`` where it is an interval). A card with a course for each of several choices has them under
  ``courses``, by name, and in ``course`` the one that is seen first.
* ``charts``: a list of ``key``, ``title``, ``note``, ``alt``, ``figures``
  (``{"wide": file, "phone": file}``), ``size`` (``{"wide": [width, height], "phone": …}`` in CSS
  pixels), ``table`` (the figures behind the picture: ``columns`` and ``rows`` of texts) and
  ``missing`` (why there is no picture, else ``""``).
* ``drill``: ``heading``, ``label``, ``all`` and ``groups`` of ``choices``: each of these a ``key``,
  a ``label`` and ``facts`` (pairs of label and value); or ``None``. With ``chart`` a chart that
  compares the choices stands in the same panel, beside them.
* ``notes``: sentences on what is withheld, partial or not available.
* ``workbook``: the Excel file of the page's figures, added when it is published.
* ``dates``: pairs of label and text: the date of the data, the run, the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Tables = Mapping[str, "pd.DataFrame"]


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page as it is published.

    Attributes:
        content: ``{"zh": {…}, "en": {…}}``, plain JSON as told in the module's docstring.
        figures: Picture files by name, ``<page>-<chart>-<lang>-<width>.svg``.
    """

    content: dict[str, dict[str, Any]]
    figures: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PageMaker:
    """How a page is made from published tables.

    Attributes:
        name: The page's name, that of ``dashboards/<name>.ipynb``.
        needs: Tables without which the page only says that they are missing.
        optional: Tables the page can do without, saying what is then not shown.
        maker: ``"module:function"`` taking the tables and the run's information; imported only
            when a page is made.
    """

    name: str
    needs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    maker: str

    def make(self, tables: Tables, info: Mapping[str, Any]) -> Page:
        """Make the page in both languages.

        Args:
            tables: The published tables by name, after disclosure control: a withheld cell is
                missing. Tables that are not there are said to be missing on the page.
            info: About the run; each key may be absent: ``first_month``, ``last_month`` (date or
                ISO text), ``created`` (ISO text of the run's time with its zone), ``source``,
                ``code_version``, ``suppressed`` (number of withheld rows, or a list of them),
                ``minimum`` (fewest customers a cell may show).
        """
        module, _, function = self.maker.partition(":")
        make: Callable[[Tables, Mapping[str, Any]], Page] = getattr(import_module(module), function)
        return make(tables, info)


PAGES: dict[str, PageMaker] = {
    page.name: page
    for page in (
        PageMaker(
            name="overview",
            needs=("overview_months",),
            optional=(
                "overview_tiers",
                "overview_counties",
                "overview_brands",
                "overview_points_years",
                "overview_facts",
                "targets",
                "names",
            ),
            maker="cvm.views.pages_overview:make_overview",
        ),
        PageMaker(
            name="points-budget",
            needs=("points_budget_facts", "points_budget_levers"),
            optional=(
                "points_budget_months",
                "points_budget_path",
                "points_budget_drivers",
                "points_budget_waterfall",
                "points_budget_holdout",
                "points_budget_keeps",
                "points_budget_tiers",
                "points_budget_counties",
                "names",
            ),
            maker="cvm.views.pages_points_budget:make_points_budget",
        ),
        PageMaker(
            name="campaigns",
            needs=("campaign_with_control",),
            optional=(
                "campaign_with_control_estimates",
                "campaign_with_control_funnel",
                "campaign_with_control_curves",
                "campaign_with_control_checks",
                "campaign_with_control_worth",
                "campaign_without_control",
                "campaign_without_control_designs",
                "campaign_without_control_balance",
                "campaign_without_control_funnel",
                "campaign_without_control_curves",
                "campaign_without_control_checks",
                "campaign_without_control_worth",
                "campaign_by_branch",
                "campaign_by_branch_designs",
                "campaign_by_branch_events",
                "campaign_by_branch_funnel",
                "campaign_by_branch_checks",
                "campaign_by_branch_worth",
                "targets",
                "names",
            ),
            maker="cvm.views.pages_campaigns:make_campaigns",
        ),
        PageMaker(
            name="customer-value",
            needs=("tier_pyramid",),
            optional=(
                "tier_cuts",
                "tier_terms",
                "tier_holders_months",
                "tier_moves_months",
                "value_grid",
                "concentration_top",
                "concentration_lorenz",
                "tier_migration",
                "lifetime_tiers",
                "lifetime_facts",
                "usage_scenes",
                "segment_age",
                "segment_county",
                "targets",
                "names",
            ),
            maker="cvm.views.pages_customer_value:make_customer_value",
        ),
        PageMaker(
            name="early-warning",
            needs=("early_warning_facts", "early_warning_ranks"),
            optional=(
                "early_warning_fates",
                "early_warning_reasons",
                "early_warning_tiers",
                "early_warning_counties",
                "early_warning_scored",
                "early_warning_track",
                "early_warning_calibration",
                "early_warning_healths",
                "targets",
                "names",
            ),
            maker="cvm.views.pages_early_warning:make_early_warning",
        ),
    )
}
