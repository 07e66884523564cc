"""Features of items for re-ranking, from the inputs of the model."""

import numpy as np
from scipy.sparse import csr_array

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.evaluation.metrics import diversity, popularity
from fusionrec.recommend.rerank import RerankFeatures


def of(content: ItemInputs, chosen: np.ndarray, users: int) -> RerankFeatures:
    """Vectors of all modalities, self-information, and categories.

    Args:
        content: inputs of all items.
        chosen: int64 [items], the number of train users that chose each item.
        users: the number of users in train.
    """
    offsets, values = content.category_offsets.cpu().numpy(), content.category_values.cpu().numpy()
    shape = len(chosen), int(values.max(initial=-1)) + 1
    categories = csr_array((np.ones(len(values), bool), values, offsets), shape=shape)
    parts = [one.vectors.cpu().numpy() for one in content.modalities.values()]
    vectors = diversity.content_vectors(parts, len(chosen))
    return RerankFeatures(vectors, popularity.self_information(chosen, users), categories)
