"""Every number the sample operator is built on: the planted truth, before any draw.

Coefficients are on the scale named beside them. Categories are coded by position, in the order of
the contract (:mod:`cvm.data.tables`). Changing a value here changes the operator, and the truth
that is written beside its data, together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cvm.core.checks import check_at_least, check_between
from cvm.core.months import month_index
from cvm.data.sample.settings_rules import (
    PointsSettings,
    RechargeSettings,
    SurveySettings,
    TierSettings,
)

BLOCK_CUSTOMERS = 10_000
"""Customers drawn together. Fixed, so results depend on neither parts nor workers."""

SPRING_FESTIVAL_IN_JANUARY = frozenset({2017, 2020, 2023, 2025, 2028, 2031, 2033, 2036})
"""Years whose Spring Festival falls in January (2015–2036); in the others it is February."""

COUNTIES = (
    "东澜区",
    "西澜区",
    "云栖县",
    "青屿县",
    "鹤汀县",
    "松湾县",
    "石潭县",
    "南禾县",
    "白鹭县",
    "金穗县",
    "临溪县",
)
"""The eleven branches; the names are invented."""

COUNTIES_IN_ENGLISH = (
    "Donglan",
    "Xilan",
    "Yunqi",
    "Qingyu",
    "Heting",
    "Songwan",
    "Shitan",
    "Nanhe",
    "Bailu",
    "Jinsui",
    "Linxi",
)
"""Their names on English pages."""

TARIFFS: tuple[tuple[str, ...], ...] = (
    ("全球通58套餐", "全球通88套餐", "全球通128套餐", "全球通238套餐", "全球通旧商旅套餐"),
    ("神州行轻松卡", "神州行家园卡", "神州行大众卡", "神州行旧标准卡"),
    ("动感地带校园套餐", "动感地带网聊套餐", "动感地带音乐套餐"),
)
"""Tariff plans by brand, in rising order of bill; the last of the first two brands is outdated."""

TARIFFS_IN_ENGLISH: tuple[tuple[str, ...], ...] = (
    ("GoTone 58", "GoTone 88", "GoTone 128", "GoTone 238", "GoTone old business travel"),
    ("Easyown Relaxed", "Easyown Home", "Easyown Popular", "Easyown old standard"),
    ("M-Zone Campus", "M-Zone Chat", "M-Zone Music"),
)
"""Their names on English pages."""

NUMBER_RANGES = ("135", "136", "137", "138", "139", "150", "151", "158", "182", "187", "178", "198")
"""Number ranges in order of issue; the last two are new."""

SCENES = ("data_heavy", "business_travel", "local_voice", "light")
"""Planted usage scenes: the voice × data cross-classification."""


@dataclass(frozen=True, kw_only=True)
class PopulationSettings:
    """Who the customers are.

    Attributes:
        acquisition_share: Joiners a month ÷ customers at the start.
        brand_shares: GoTone, easyown, M-zone.
        type_shares: Personal, family, corporate, by brand.
        county_shares: Of the eleven counties.
        scene_shares: Of the usage scenes, by brand.
        tenure_mean_months: Mean tenure at the start, by brand.
        handset_lock_share: Customers with a handset contract of 24 months.
        saver_share: Members who stockpile points until they reach their own target.
        postpaid_shares: By brand.
    """

    acquisition_share: float = 0.0205
    brand_shares: tuple[float, ...] = (0.45, 0.35, 0.20)
    type_shares: tuple[tuple[float, ...], ...] = (
        (0.56, 0.24, 0.20),
        (0.72, 0.26, 0.02),
        (0.86, 0.12, 0.02),
    )
    county_shares: tuple[float, ...] = (
        0.21,
        0.16,
        0.11,
        0.09,
        0.08,
        0.08,
        0.07,
        0.06,
        0.05,
        0.05,
        0.04,
    )
    scene_shares: tuple[tuple[float, ...], ...] = (
        (0.34, 0.16, 0.26, 0.24),
        (0.20, 0.04, 0.40, 0.36),
        (0.58, 0.02, 0.06, 0.34),
    )
    tenure_mean_months: tuple[float, ...] = (70.0, 45.0, 26.0)
    handset_lock_share: float = 0.18
    saver_share: float = 0.22
    postpaid_shares: tuple[float, ...] = (0.75, 0.10, 0.15)


@dataclass(frozen=True, kw_only=True)
class BillSettings:
    """How bills move: log bill = customer + season + trend + own slope + AR(1) + shock + drift.

    The AR(1) part and the shock are transitory, so a month picked for its fall reverts.

    Attributes:
        median_yuan: Median monthly bill by brand.
        sigma: Standard deviation of a customer's log level, by brand.
        trend_a_month: Drift of log bills, by brand.
        slope_sigma: Standard deviation of a customer's own drift a month (log).
        ar: Autocorrelation of the slow part, month to month.
        ar_sigma: Standard deviation of its innovations (log).
        shock_sigma: Standard deviation of the one-month shock (log).
        season: Log effect by calendar month, January first, without the festival.
        festival: Log effect of the Spring Festival month.
        scene_log_level: Log level by usage scene.
        scene_data_logit: Log odds of the data share of the bill by scene, at the panel's middle.
        data_logit_a_month: Rise of those log odds a month.
        scene_roaming_share: Share of minutes away from the home county, by scene.
        other_share: Part of the bill that is neither voice nor data.
        yuan_a_minute: Price of a voice minute by brand.
        yuan_a_gb: Price of a GB of data at the start, and its change a month (log).
    """

    median_yuan: tuple[float, ...] = (165.0, 86.0, 74.0)
    sigma: tuple[float, ...] = (0.60, 0.48, 0.42)
    trend_a_month: tuple[float, ...] = (0.0010, 0.0002, 0.0015)
    slope_sigma: float = 0.004
    ar: float = 0.75
    ar_sigma: float = 0.12
    shock_sigma: float = 0.10
    season: tuple[float, ...] = (
        0.0,
        -0.01,
        -0.01,
        0.0,
        0.01,
        0.02,
        0.045,
        0.05,
        0.01,
        0.01,
        -0.02,
        -0.01,
    )
    festival: float = 0.07
    scene_log_level: tuple[float, ...] = (0.05, 0.40, -0.02, -0.25)
    scene_data_logit: tuple[float, ...] = (0.7, -0.5, -1.7, -0.4)
    data_logit_a_month: float = 0.012
    scene_roaming_share: tuple[float, ...] = (0.02, 0.30, 0.01, 0.02)
    other_share: float = 0.06
    yuan_a_minute: tuple[float, ...] = (0.20, 0.16, 0.17)
    yuan_a_gb: tuple[float, float] = (5.0, -0.012)


@dataclass(frozen=True, kw_only=True)
class DriftSettings:
    """The early-warning episodes: a bill that falls for months while calls are forwarded.

    An episode acts on churn only through what the operator can see (bill fall, forwarding, circle,
    off-net share, complaints), so the churn coefficients stay the whole truth.

    Attributes:
        onset_a_month: Chance that an episode begins, a month, outside one.
        log_bill: Log effect on the bill in the episode's months.
        forwards_share: Episodes in which calls are forwarded.
        forwarded_minutes: Smallest and largest monthly minutes forwarded in them.
        circle_log: Log effect on the calling circle.
        off_net_logit: Effect on the log odds of the off-net share.
        complaint_factor: Multiplies the complaint rate.
    """

    onset_a_month: float = 0.016
    log_bill: tuple[float, ...] = (-0.25, -0.55, -0.85, -1.00, -0.45)
    forwards_share: float = 0.60
    forwarded_minutes: tuple[float, float] = (25.0, 220.0)
    circle_log: float = -0.30
    off_net_logit: float = 0.45
    complaint_factor: float = 2.5


@dataclass(frozen=True, kw_only=True)
class ChurnSettings:
    """Monthly churn: a logit of what stands in the customer's last row.

    The customer whose row is month m leaves in m + 1 (``left_month``) with log odds = the sum of
    the terms. All of them can be computed from the published tables.

    Attributes:
        brand: Intercept by brand.
        log_bill: Per ln(bill_yuan ÷ 100), bill at least 1 yuan.
        bill_fall: Per unit of max(0, 1 − bill ÷ mean of up to three panel bills before it).
        complaints: Per complaint, at most 3 counted.
        arrears_stops: Per stop, at most 2 counted.
        log_circle: Per ln(calling_circle ÷ 40), circle at least 1.
        off_net_share: Per unit, centred on 0.35.
        log_forwarding: Per ln(1 + forwarding_minutes).
        log_tenure: Per ln((tenure_months + 1) ÷ 24); tenure is month − joined_month.
        handset_lock: While the month is within 23 months before ``handset_until_month``.
        outdated_tariff: On the last tariff of GoTone or easyown.
        new_number_range: On one of the two newest ranges.
        family: In a family plan.
        corporate: In a corporate account.
    """

    brand: tuple[float, ...] = (-4.56, -4.38, -4.36)
    log_bill: float = -0.35
    bill_fall: float = 3.0
    complaints: float = 0.70
    arrears_stops: float = 0.80
    log_circle: float = -0.40
    off_net_share: float = 1.60
    log_forwarding: float = 0.20
    log_tenure: float = -0.18
    handset_lock: float = -1.00
    outdated_tariff: float = 0.45
    new_number_range: float = 0.30
    family: float = -0.30
    corporate: float = -0.45


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """One sample operator.

    Attributes:
        customers: Subscriptions in the customers table, those who join or leave in the panel
            included; about 58 % of them are in service in any one of 36 months.
        months: Months of the panel.
        seed: Seed of every draw.
        last_month: Last month of the panel. The default ends a points year.
    """

    customers: int = 20_000
    months: int = 36
    seed: int = 20_251_120
    last_month: date = date(2025, 11, 1)
    population: PopulationSettings = field(default_factory=PopulationSettings)
    bills: BillSettings = field(default_factory=BillSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    churn: ChurnSettings = field(default_factory=ChurnSettings)
    points: PointsSettings = field(default_factory=PointsSettings)
    tiers: TierSettings = field(default_factory=TierSettings)
    survey: SurveySettings = field(default_factory=SurveySettings)
    recharges: RechargeSettings = field(default_factory=RechargeSettings)

    def __post_init__(self) -> None:
        check_at_least(self.customers, "customers", 1)
        check_between(self.months, "months", low=2, high=240)
        check_at_least(self.seed, "seed", 0)

    @property
    def first_index(self) -> int:
        """Index of the panel's first month (:func:`cvm.core.months.month_index`)."""
        return month_index(self.last_month) - self.months + 1

    def calendar(self, offset: int) -> tuple[int, int]:
        """Return year and calendar month (1–12) of a month of the panel, 0 being its first."""
        index = self.first_index + offset
        return index // 12, index % 12 + 1

    def is_festival(self, offset: int) -> bool:
        """Return whether the Spring Festival falls in this month of the panel."""
        year, month = self.calendar(offset)
        return month == (1 if year in SPRING_FESTIVAL_IN_JANUARY else 2)
