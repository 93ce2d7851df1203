"""The overview dashboard: ``show()`` is all that ``dashboards/overview.ipynb`` calls.

Nothing on this page has to be computed while it is looked at: figures are made when a snapshot is
published, language and drill-down change in the browser. So it needs no live widget, its kernel
imports the standard library only, and what a viewer sees is there with the first paint.
"""

from __future__ import annotations

from cvm.apps.opened import dashboard

show = dashboard("overview")
