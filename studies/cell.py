"""One model of a study."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model of a study, to search and to train.

    Attributes:
        name: the model with its k, such as diwae8_half.
        model: name for `air_tf.create_model`.
        training: options of `trainers.train`.
        searching: options of the search, where they differ from `training`.
        grid: {hyperparameter: values} to search. The name of another cell instead of values means
            the value that the search of that cell chose.
        row: its model at k = 1.
        k: its column.
        variant: name of its entry in `Study.variants`, which says how its training differs from
            `base`; None if the cell is no variant.
        base: name of the cell that it varies; without a grid, it takes the strength of that cell.
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
