"""What joins the three decisions: the overview, allocation, capacity."""
