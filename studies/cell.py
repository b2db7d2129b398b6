"""One model of a study."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model of a study, to be searched and trained.

    Attributes:
        name: such as diwae8_half: the model with its k.
        model: name for `air_tf.create_model`.
        training: options of `trainers.train`.
        searching: options of the search, where they differ from those.
        grid: {hyperparameter: values} to search; the name of another cell instead of values stands
            for what the search of that cell chose.
        row: its model at k = 1.
        k: its column.
        variant: the name in `Study.variants` of how its training differs from that of `base`; None
            if the cell is no variant.
        base: name of the cell that it is a variant of, and takes the strength of without a grid.
    """

    name: str
    model: str
    training: dict
    searching: dict
    grid: dict
    row: str
    k: int
    variant: str | None = None
    base: str | None = None

    def searched(self, hyperparameter):
        """Whether the cell's search has several values of a hyperparameter."""
        return isinstance(self.grid.get(hyperparameter, ""), tuple)
