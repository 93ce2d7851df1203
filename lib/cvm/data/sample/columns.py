"""A simulated block as Arrow tables in contract columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cvm.core.months import month_from_index
from cvm.data.sample.arrow import (
    ID_DIGITS,
    constant,
    customer_ids,
    numbered,
    schema_of,
    words,
)
from cvm.data.sample.block import STAYS, Block
from cvm.data.sample.campaigns import CAMPAIGNS, CHANNELS, Campaign, months_of
from cvm.data.sample.people import NONE
from cvm.data.sample.points import EARNED, NO_CHANNEL, REDEEMED
from cvm.data.sample.recharge_columns import planted_recharges, recharge_columns
from cvm.data.sample.settings import (
    COUNTIES,
    COUNTIES_IN_ENGLISH,
    NUMBER_RANGES,
    SCENES,
    TARIFFS,
    TARIFFS_IN_ENGLISH,
    SampleSettings,
)
from cvm.data.sample.usage_columns import usage_columns
from cvm.data.tables import (
    BRANDS,
    CONTRACT,
    CUSTOMER_TYPES,
    LEDGER_ENTRIES,
    POINT_CLASSES,
    REDEMPTION_CHANNELS,
    VIP_TIERS,
)

_INDUSTRIES = ("制造", "金融", "教育", "医疗", "政府", "物流", "商贸", "建筑")

Values = pa.Array | pa.ChunkedArray


class Writer:
    """Turns blocks of one operator into Arrow tables."""

    def __init__(self, settings: SampleSettings) -> None:
        self.settings = settings
        self.days = np.array(
            [
                (month_from_index(settings.first_index + offset).toordinal() - 719_163)
                for offset in range(-600, settings.months + 60)
            ],
            dtype=np.int32,
        )

    def tables(self, block: Block) -> dict[str, list[pa.Table]]:
        """Return the block's rows of every table but campaigns, each in one or more pieces."""
        ids = customer_ids(block.first, len(block.people))
        return {
            "customers": [self._customers(block, ids)],
            "months": [self._months(block, ids)],
            "ledger": [*self._earned(block, ids), self._movements(block, ids)],
            "recharges": [
                self._table("recharges", recharge_columns(block, ids, int(self.days[600])))
            ],
            "contacts": self._contacts(block, ids),
            "survey": [self._survey(block, ids)],
            "accounts": [self._accounts(block)],
        }

    def planted(self, block: Block) -> pa.Table:
        """Return what is hidden about the block's customers: scene, saving, usual bill."""
        people = block.people
        return pa.table(
            {
                "customer_id": customer_ids(block.first, len(people)),
                "scene": words(people.scene, SCENES).cast(pa.string()),
                "usual_bill_yuan": np.round(np.exp(people.log_level), 2),
                "saver": people.saver,
                "saver_target_points": people.saver_target,
                "late_payment_chance": np.round(people.late_share, 4),
            }
        )

    def planted_recharges(self, block: Block) -> pa.Table:
        """Return what is hidden about prepaid customers: mean recharge, and when they stop."""
        ids = customer_ids(block.first, len(block.people))
        return planted_recharges(block, ids, int(self.days[600]))

    def campaigns(self, campaigns: Sequence[Campaign]) -> pa.Table:
        """Return the campaigns table."""
        spans = [months_of(one, self.settings.months) for one in campaigns]
        return self._table(
            "campaigns",
            {
                "campaign_id": [one.campaign_id for one in campaigns],
                "name": [one.name for one in campaigns],
                "offer": [one.offer for one in campaigns],
                "design": [one.design for one in campaigns],
                "start_month": self._month(np.array([start for start, _ in spans], dtype=int)),
                "end_month": self._month(np.array([end for _, end in spans], dtype=int)),
                "contact_cost_yuan": [one.contact_cost_yuan for one in campaigns],
                "incentive_yuan": [one.incentive_yuan for one in campaigns],
            },
        )

    def names(self, campaigns: Sequence[Campaign]) -> pa.Table:
        """Return the table of English names of counties, tariffs and campaigns."""
        pairs = [("county", *pair) for pair in zip(COUNTIES, COUNTIES_IN_ENGLISH, strict=True)]
        for plans in zip(TARIFFS, TARIFFS_IN_ENGLISH, strict=True):
            pairs += [("tariff", *pair) for pair in zip(*plans, strict=True)]
        pairs += [("campaign", one.name, one.name_en) for one in campaigns]
        kinds, values, english = zip(*pairs, strict=True)
        columns: dict[str, object] = {
            "kind": list(kinds),
            "value": list(values),
            "name_zh": [None] * len(pairs),
            "name_en": list(english),
        }
        return self._table("names", columns)

    def _table(self, name: str, columns: dict[str, object]) -> pa.Table:
        schema = schema_of(CONTRACT[name])
        arrays = []
        for field in schema:
            values = columns[field.name]
            array = values if isinstance(values, Values) else pa.array(values)
            if not pa.types.is_dictionary(array.type) and array.type != field.type:
                array = array.cast(field.type)
            arrays.append(array)
        return pa.Table.from_arrays(arrays, names=schema.names)

    def _month(self, offset: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
        days = self.days[np.clip(offset, -600, self.settings.months + 59) + 600]
        return pa.array(days, mask=missing).cast(pa.date32())

    def _customers(self, block: Block, ids: pa.Array) -> pa.Table:
        people = block.people
        tariffs = [plan for plans in TARIFFS for plan in plans]
        first_plan = np.cumsum([0, *(len(plans) for plans in TARIFFS)])
        return self._table(
            "customers",
            {
                "customer_id": ids,
                "joined_month": self._month(people.joined),
                "left_month": self._month(block.left, block.left == STAYS),
                "brand": words(people.brand, tuple(BRANDS)),
                "customer_type": words(people.kind, tuple(CUSTOMER_TYPES)),
                "county": words(people.county, COUNTIES),
                "tariff": words(people.tariff + first_plan[people.brand], tuple(tariffs)),
                "payment": words((~people.postpaid).astype(np.int8), ("postpaid", "prepaid")),
                "number_range": words(people.number_range, NUMBER_RANGES),
                "age_years": people.age,
                "gender": words((~people.female).astype(np.int8), ("female", "male")),
                "family_id": _group_ids("F", block, people.family),
                "account_id": _group_ids("G", block, people.account),
                "handset_until_month": self._month(
                    people.handset_until, people.handset_until == NONE
                ),
            },
        )

    def _months(self, block: Block, ids: pa.Array) -> pa.Table:
        panel = block.panel
        mask = np.ascontiguousarray(panel.active.T)
        who, month = np.nonzero(mask)
        who, month = who.astype(np.int32), month.astype(np.int32)

        def rows(matrix: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(matrix.T)[mask]

        bill, data = rows(panel.bill), rows(panel.data)
        off_net = rows(panel.off_net)
        columns: dict[str, object] = {
            "customer_id": pa.DictionaryArray.from_arrays(who, ids),
            "month": self._month(month),
            "calling_circle": rows(panel.circle),
            "off_net_share": off_net / 100.0,
            "forwarding_minutes": rows(panel.forwarding).astype(np.float64),
            "complaints": rows(panel.complaints),
            "arrears_stops": rows(panel.stops),
            "paid_on_time": rows(panel.on_time),
            "vip_tier": words(rows(panel.vip), tuple(VIP_TIERS)),
            "star": rows(panel.star),
            "points_balance": rows(panel.balance),
        }
        columns |= usage_columns(
            self.settings, block.people, block.rng, who, month, bill, data, off_net
        )
        return self._table("months", columns)

    def _earned(self, block: Block, ids: pa.Array) -> list[pa.Table]:
        pieces = []
        months, count = block.panel.shape
        every_month = self._month(np.tile(np.arange(months), count))
        everybody = np.repeat(np.arange(count, dtype=np.int32), months)
        for code, matrix in enumerate(block.earned):
            points = matrix.T.ravel()
            some = points > 0
            size = int(some.sum())
            pieces.append(
                self._table(
                    "ledger",
                    {
                        "customer_id": pa.DictionaryArray.from_arrays(everybody[some], ids),
                        "month": every_month.filter(pa.array(some)),
                        "point_class": constant(tuple(POINT_CLASSES), code, size),
                        "entry": constant(tuple(LEDGER_ENTRIES), EARNED, size),
                        "points": points[some],
                        "channel": constant(tuple(REDEMPTION_CHANNELS), None, size),
                        "cost_yuan": pa.nulls(size, pa.float64()),
                    },
                )
            )
        return pieces

    def _movements(self, block: Block, ids: pa.Array) -> pa.Table:
        rows = block.movements
        price = np.array((*self.settings.points.cost_a_point_yuan, 0.0))
        redeemed = rows.entry == REDEEMED
        return self._table(
            "ledger",
            {
                "customer_id": pa.DictionaryArray.from_arrays(rows.customer, ids),
                "month": self._month(rows.month),
                "point_class": words(rows.point_class, tuple(POINT_CLASSES)),
                "entry": words(rows.entry, tuple(LEDGER_ENTRIES)),
                "points": rows.points,
                "channel": words(
                    rows.channel, tuple(REDEMPTION_CHANNELS), missing=rows.channel == NO_CHANNEL
                ),
                "cost_yuan": pa.array(
                    np.round(rows.points * price[rows.channel], 3), mask=~redeemed
                ),
            },
        )

    def _contacts(self, block: Block, ids: pa.Array) -> list[pa.Table]:
        pieces = []
        for campaign in CAMPAIGNS:
            if campaign.campaign_id not in block.entries:
                continue
            mine = block.entries[campaign.campaign_id]
            day = pa.array(
                self.days[mine.month + 600] + mine.day.astype(np.int32) - 1, mask=~mine.attempted
            )
            cost = campaign.contact_cost_yuan * mine.attempted
            cost = cost + campaign.incentive_yuan * mine.accepted
            size = len(mine)
            pieces.append(
                self._table(
                    "contacts",
                    {
                        "campaign_id": constant((campaign.campaign_id,), 0, size),
                        "customer_id": ids.take(pa.array(mine.customer)),
                        "assigned_month": self._month(mine.month),
                        "arm": words((~mine.treated).astype(np.int8), ("treated", "control")),
                        "channel": words(mine.channel, CHANNELS, missing=~mine.attempted),
                        "contacted_on": day.cast(pa.date32()),
                        "reached": mine.reached,
                        "accepted": mine.accepted,
                        "cost_yuan": np.round(cost, 2),
                    },
                )
            )
        return pieces

    def _survey(self, block: Block, ids: pa.Array) -> pa.Table:
        answers = block.answers
        columns: dict[str, object] = {
            "customer_id": ids.take(pa.array(answers.customer)),
            "surveyed_month": self._month(answers.month),
            "overall_score": answers.overall,
            "recommend_score": answers.recommend,
        }
        for name, scores in zip(self.settings.survey.drivers, answers.drivers, strict=True):
            columns[f"{name}_score"] = scores
        return self._table("survey", columns)

    def _accounts(self, block: Block) -> pa.Table:
        accounts = block.people.accounts
        return self._table(
            "accounts",
            {
                "account_id": _group_ids("G", block, np.arange(len(accounts.county))),
                "grade": words(accounts.grade, ("A", "B", "C")),
                "county": words(accounts.county, COUNTIES),
                "industry": words(accounts.industry, _INDUSTRIES),
                "members": accounts.members,
                "manager_id": numbered("M", accounts.manager + 1_000, 4),
                "contract_until_month": self._month(accounts.contract_until),
            },
        )


def _group_ids(letter: str, block: Block, group: np.ndarray) -> pa.Array:
    ids = numbered(letter, block.first + 1 + np.maximum(group, 0), ID_DIGITS)
    return pc.if_else(pa.array(group != NONE), ids, pa.scalar(None, pa.string()))
