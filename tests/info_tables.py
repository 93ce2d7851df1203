"""What a page says of its data, as the hand-made tables of late 2026 have it."""

INFO = {
    "first_month": "2024-12",
    "last_month": "2026-11",
    "created": "2026-12-03T09:12:00+08:00",
    "source": "D:/data/sample",
    "code_version": "0.1.0",
    "suppressed": 3,
    "minimum": 10,
}
