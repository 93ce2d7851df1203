"""Value segments: tiers, value grid, lifetime value, migration, early warning."""
