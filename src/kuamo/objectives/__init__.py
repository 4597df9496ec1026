"""What "aligned" means; `__all__` is what the command line lists."""

from kuamo.objectives.base import Objective, Player, Sum
from kuamo.objectives.correlation import CCA

__all__ = ["CCA", "Objective", "Player", "Sum"]
