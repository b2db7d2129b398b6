"""More cells of a study, trained in a different way."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Variant:
    """More cells of a study, such as vae_large_encoder, trained in a different way.

    Attributes:
        title: title of their table on the page of the data set; several variants can share one.
        models: the rows.
        num_importance_samples: the columns.
        training: options of `trainers.train` that differ from the row and column.
        searched: whether each cell has its own search; if not, it takes the strength of the row and
            column.
    """

    title: str
    models: tuple
    num_importance_samples: tuple
    training: dict
    searched: bool = False
