"""Further cells of a study, which are trained differently."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Variant:
    """Further cells of a study, such as vae_large_encoder, which are trained differently.

    Attributes:
        title: of their table in RESULTS.md; several variants can share one.
        models: the rows.
        num_importance_samples: the columns.
        training: options of `trainers.train`, where they differ from those of the row and column.
        searched: whether each cell searches its strength itself; if not, it takes the strength of
            the row and column.
    """

    title: str
    models: tuple
    num_importance_samples: tuple
    training: dict
    searched: bool = False
