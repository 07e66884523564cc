"""What training reads of params.yaml."""

from typing import Any, NamedTuple

from fusionrec.data.clean_options import Clean
from fusionrec.data.image_options import Images
from fusionrec.encoders.options import Cache, Encoders
from fusionrec.models.options import Model
from fusionrec.runtime import Runtime
from fusionrec.training.options import Train


class Parameters(NamedTuple):
    """The sections that training reads, and `tree`, all of params.yaml as it is written, for records of the run."""

    runtime: Runtime
    cache: Cache
    encoders: Encoders
    model: Model
    train: Train
    clean: Clean
    images: Images
    tree: dict[str, Any]
