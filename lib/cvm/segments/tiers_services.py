"""What the 3A services cost, service by service: entitlement, use, cost to serve."""

from __future__ import annotations

import pandas as pd

from cvm.segments.tiers import TierPyramid


def cost_to_serve(pyramid: TierPyramid) -> pd.DataFrame:
    """Return what each service costs on each tier that may use it, the highest tier first.

    Args:
        pyramid: Customers by tier.

    Returns:
        Columns ladder, tier, service, name_en, name_zh, kind (``network``, ``customer``,
        ``extra``), customers, uses_a_year (expected, a customer), use_yuan (cost of a use),
        each_yuan (a customer a year), serve_yuan (the tier's, a year). The serve_yuan of a tier add
        up to that of the pyramid.
    """
    customers = pyramid.rows.set_index(["ladder", "tier"])["customers"]
    rows = [
        {
            "ladder": name,
            "tier": tier.name,
            "service": service.name,
            "name_en": service.en,
            "name_zh": service.zh,
            "kind": service.kind,
            "customers": int(customers[name, tier.name]),
            "uses_a_year": float(service.uses_a_year[tier.name]),
            "use_yuan": float(service.cost_yuan),
        }
        for name, ladder in pyramid.ladders.items()
        for tier in ladder.tiers[::-1]
        for service in ladder.services
        if service.uses_a_year.get(tier.name)
    ]
    columns = [
        "ladder", "tier", "service", "name_en", "name_zh", "kind", "customers", "uses_a_year",
        "use_yuan",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    each = table["uses_a_year"].astype(float) * table["use_yuan"].astype(float)
    return table.assign(each_yuan=each, serve_yuan=each * table["customers"].astype(float))
