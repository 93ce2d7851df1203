"""The points programme: rules, ledger, behaviour, budget, liability, generosity."""
