"""Put the folder of shared hand-made tables on the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
