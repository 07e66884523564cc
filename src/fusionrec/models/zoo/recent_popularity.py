"""Items by the number of their train users in the last part of the time that train covers."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

import pandas as pd
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo import popularity
from fusionrec.params import Section


class Options(Section):
    """`share` of the time of train that is counted, its end."""

    share: Annotated[float, Field(gt=0, le=1)]


class Model(popularity.Model):
    """The most chosen items of late."""

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: count the recent users of each item."""
        newest = Histories.of(recent(train.log, options.share), len(train.histories))
        yield cls.counting(newest, options, data)


def recent(log: pd.DataFrame, share: float) -> pd.DataFrame:
    """The interactions in the last `share` of the time that `log` covers."""
    time = log["timestamp"].to_numpy()
    if not len(time):
        return log
    return log[time >= time.max() - share * (time.max() - time.min())]
