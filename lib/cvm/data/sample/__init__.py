"""The sample operator: data in the shape of the contract, with a truth that was planted.

``settings`` holds every number, ``block`` runs the months of one block of customers through
``usage`` → ``churn`` → ``tiers`` → ``contacts`` → ``points``, ``columns`` turns blocks into tables,
``make`` writes them and ``truth`` says what was planted and what came of it. ``extract`` delivers
the operator as an IT department would, and ``faults`` damages such a delivery on purpose.
"""

from cvm.data.sample.extract import write_extract
from cvm.data.sample.faults import PlantedFault, plant_faults
from cvm.data.sample.make import make_sample
from cvm.data.sample.settings import SampleSettings
from cvm.data.sample.truth import Truth, read_truth

__all__ = [
    "PlantedFault",
    "SampleSettings",
    "Truth",
    "make_sample",
    "plant_faults",
    "read_truth",
    "write_extract",
]
