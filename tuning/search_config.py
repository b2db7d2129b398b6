"""Everything that defines a search."""

import dataclasses
from typing import Literal

from trainers.train_config import TrainConfig
from tuning import space
from tuning.config_hyper_model import replaced


@dataclasses.dataclass(frozen=True)
class Space:
    """Values of the hyperparameters that are searched; the others have none."""

    noise_stddev: tuple[float, ...] = ()
    """σ of the encoder's input noise."""
    denoising_weight: tuple[float, ...] = ()
    """α, the weight of the denoising term."""
    max_norm: tuple[float, ...] = ()
    """H, the cap on the encoder's column norms."""
    learning_rate: tuple[float, ...] = ()
    """Initial learning rate."""
    num_importance_samples: tuple[int, ...] = ()
    """k."""
    latent_dim: tuple[int, ...] = ()
    """Number of latents."""
    encoder_width: tuple[int, ...] = ()
    """Width of each hidden layer of the encoder."""
    decoder_width: tuple[int, ...] = ()
    """Width of each hidden layer of the decoder."""

    def searched(self):
        """{name: values} of the hyperparameters that have any."""
        return {name: values for name, values in dataclasses.asdict(self).items() if values}


@dataclasses.dataclass(frozen=True)
class SearchConfig(TrainConfig):
    """Search hyperparameters for the best validation bound, by which trials also stop.

    The same command resumes a search that was interrupted. The folder holds search.json,
    trials.json, the plot trials.png, KerasTuner's own files and TensorBoard logs (with HParams).
    """

    tuner: Literal["grid", "random", "bayesian", "hyperband"] = "grid"
    """How trials are chosen."""
    max_trials: int | None = None
    """The most trials; all of the grid, or 10, if None. A search resumes if it is given more.
    Hyperband decides by itself."""
    executions_per_trial: int = 1
    """Seeds, from `seed` on; the score of a trial is the mean over them."""
    grid: Space = Space()
    """Explicit values, such as --grid.noise-stddev 0.05 0.1 0.2. With neither a grid nor a range,
    the strengths that the model has: σ of 0.05 0.1 0.2 0.4 0.8, and H of 0.5 1 2 4."""
    range: Space = Space()
    """Low and high, such as --range.learning-rate 1e-4 1e-2; on a logarithmic scale. The tuner grid
    takes ten points of it."""

    def with_space(self):
        """This config, with the strengths of its model as a grid if it has no space of its own.

        Raises:
            ValueError: if it has none, and the model no strength that is not fixed.
        """
        if self.grid.searched() or self.range.searched():
            return self
        grid = space.default_grid(self.model, dataclasses.asdict(self))
        return dataclasses.replace(self, grid=Space(**grid))

    def training(self, values, out):
        """The `TrainConfig` of a trial with the given hyperparameters."""
        names = [field.name for field in dataclasses.fields(TrainConfig)]
        plain = TrainConfig(**{name: getattr(self, name) for name in names})
        return replaced(plain, values, out=out)
