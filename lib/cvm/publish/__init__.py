"""Running notebooks, publishing snapshots, serving dashboards."""

import sys

# jsonschema, which every notebook library brings along, works out the grammar of internationalised
# addresses when it is imported: a second, and most of what a server takes to start. No notebook of
# ours has such an address to be checked, and without the grammar jsonschema does not check it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
