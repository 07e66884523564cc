"""Parameters that all trained models share: the section `model`."""

from typing import Annotated, Literal

from fusionrec.models import zoo
from fusionrec.params import Choosing, Count, Natural


class Model(Choosing):
    """Which model is trained, and what it knows of the items. Each model's own parameters stand under its name.

    `vision` and `language` name entries of the registry `encoders`; `none` switches a modality off, `given` reads the
    vectors of `raw.vectors`, the only ones that `audio` has. An encoder that is not frozen is trained with the model
    (see `train.finetune`) and not cached. The vectors of a modality are reduced to `pca` principal components; 0 keeps
    them whole. With `number_bins` above 0 a number enters as a piecewise linear function with so many pieces.

    With `members` above 1, so many models are trained side by side, and their scores are averaged; see
    `fusionrec.models.ensemble`.
    """

    name: Annotated[str, zoo.SELECTED]
    members: Count
    vision: str
    language: str
    audio: Literal["none", "given"]
    freeze_vision: bool
    freeze_language: bool
    pca: Natural
    number_bins: Natural
