"""Items by the number of their train users in the last part of the time that train covers."""

from typing import Annotated

import pandas as pd
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Fitted, TrainData
from fusionrec.models.baselines.popularity import Popularity
from fusionrec.params import Section


class Options(Section):
    """`share` of the time of train that is counted, its end."""

    share: Annotated[float, Field(gt=0, le=1)]


def fit(train: TrainData, options: Options) -> list[Fitted]:
    """Count the recent users of each item."""
    newest = Histories.of(recent(train.log, options.share), len(train.histories))
    return [Fitted(Popularity(newest, train.items), {})]


def recent(log: pd.DataFrame, share: float) -> pd.DataFrame:
    """The interactions in the last `share` of the time that `log` covers."""
    time = log["timestamp"].to_numpy()
    if not len(time):
        return log
    return log[time >= time.max() - share * (time.max() - time.min())]
