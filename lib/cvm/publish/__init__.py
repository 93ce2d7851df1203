"""Running notebooks, publishing snapshots, serving dashboards."""
