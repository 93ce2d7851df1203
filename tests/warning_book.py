"""Parts of which tests put small books of warning rules together; nothing here is under test."""

HEAD = """
en = "A small book"
zh = "小规则"
parts = []
"""
CALL = """
[[acts]]
en = "call"
zh = "回访"
cost_yuan = 5
"""


def plan(called_share):
    """Return how many are called, and when."""
    return f"""
[plan]
customers_a_manager = 250
called_share = {called_share}
risk_times = 2.0
quiet_days = 30
campaign_days = 90
saved_share = 0.5
window_days = [3, 21]
"""
