"""Checks of contacts against the customers' service and the campaigns' dates."""

from __future__ import annotations

import ibis

from cvm.data.quality_links import CleanTables, Tables, service
from cvm.data.quality_rules import ROW, one_row, row_examples


def check_contacts(tables: Tables, clean: CleanTables) -> None:
    """Note contacts after leaving, and assignments outside the campaign's dates."""
    contacts = tables.get("contacts")
    if contacts is None or not contacts.has("campaign_id", "customer_id", "assigned_month"):
        return
    rows = clean["contacts"]
    wanted = ["campaign_id", "customer_id", "assigned_month"]
    if contacts.has("contacted_on"):
        wanted.append("contacted_on")
    dated = rows.select(ROW, *wanted)
    rules = {}
    customers = service(tables, clean)
    if customers is not None and contacts.has("contacted_on"):
        leaving = customers.select("customer_id", "left_month")
        dated = dated.left_join(leaving, "customer_id").drop("customer_id_right")
        rules["contact_after_leaving"] = ("contacted_on", "left_month")
    campaigns = tables.get("campaigns")
    if campaigns is not None and campaigns.has("campaign_id", "start_month"):
        starts = clean["campaigns"]
        end = starts.end_month if campaigns.has("end_month") else ibis.null("date")
        window = starts.select("campaign_id", "start_month", end_month=end)
        dated = dated.left_join(window, "campaign_id").drop("campaign_id_right")
        rules["outside_campaign"] = ("assigned_month", "start_month")
    broken = {}
    if "contact_after_leaving" in rules:
        broken["contact_after_leaving"] = dated.contacted_on >= dated.left_month
    if "outside_campaign" in rules:
        early = (dated.assigned_month < dated.start_month).fill_null(False)
        late = (dated.assigned_month > dated.end_month).fill_null(False)
        broken["outside_campaign"] = early | late
    if not broken:
        return
    counts = one_row(dated.aggregate(**{check: rule.sum() for check, rule in broken.items()}))
    for check, rule in broken.items():
        if counts[check]:
            column, other = rules[check]
            contacts.note(
                check,
                counts[check],
                column=column,
                examples=row_examples(
                    dated, rule.fill_null(False), ["campaign_id", "customer_id", column, other]
                ),
            )
