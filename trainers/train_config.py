"""The options that define a training run."""

import dataclasses
import json
from typing import Literal

from trainers import command_line

# The options for how strongly the encoder is regularized, with their symbols.
STRENGTHS = {"noise_stddev": "σ", "max_norm": "H"}


def strengths_in_words(options):
    """The strengths among {option: value} in symbols, such as "σ = 0.2, H = 3"; "" for none."""
    found = {symbol: options.get(name) for name, symbol in STRENGTHS.items()}
    return ", ".join(f"{symbol} = {x:g}" for symbol, x in found.items() if x is not None)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Train a model and write a run folder: config, versions, model, TensorBoard logs, metrics.

    Options may come from a YAML or JSON file (--config FILE, keys as below with underscores);
    the command line wins.
    """

    dataset: str
    """digits, digits/grey, binarized_mnist, mnist, caltech101_silhouettes, omniglot28,
    omniglot28/burda, breast_cancer, wine, diabetes, or the path of an .npz file with arrays train,
    validation and test."""
    model: str
    """vae, dvae, dvae_half, wni_vae, dwni_vae, or iwae, diwae, diwae_half, wni_iwae, dwni_iwae."""
    out: str
    """Folder of the run; it must not hold another run. The same command resumes an interrupted
    run."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data; TFDS's default if None."""
    manual_dir: str | None = None
    """Folder with the original files of the data set, for machines without a network."""
    likelihood: Literal[
        "bernoulli",
        "gaussian",
        "discretized_logistic",
        "poisson",
        "negative_binomial",
        "multinomial",
    ] = "bernoulli"
    """p(x|z): of 0/1 pixels, of reals, of levels 0..255, or of counts (the last three)."""
    binarization: Literal["static", "dynamic", "none"] = "static"
    """For grey images under a Bernoulli likelihood: draw the pixels once, again in each epoch, or
    not at all. Other likelihoods take the values as they are."""
    architecture: Literal["mlp", "conv"] = "mlp"
    """Hidden layers alone, or with convolutions before those of the encoder and after those of the
    decoder; conv is for images."""
    encoder_units: tuple[int, ...] = (200, 200)
    """Widths of the encoder's hidden layers."""
    decoder_units: tuple[int, ...] = (200, 200)
    """Widths of the decoder's hidden layers."""
    latent_dim: int = 50
    """Number of latents Z."""
    num_importance_samples: int | None = None
    """k of the importance-weighted bound; 1 for a VAE, 8 if None for an IWAE."""
    num_monte_carlo_samples: int = 1
    """m, the number of independent k-sample bounds averaged per example."""
    noise_stddev: float | None = None
    """σ of the encoder's input noise, for models with d in the name; 0.2 if None. The rate of
    masking and salt_and_pepper."""
    noise_kind: Literal["gaussian", "masking", "salt_and_pepper"] | None = None
    """Kind of the encoder's input noise, for models with d in the name; gaussian if None."""
    denoising_weight: float | None = None
    """α, the weight of the denoising term; the model's default (1 or 0.5) if None."""
    denoising_form: Literal["coin", "mixture"] = "coin"
    """Add noise by a coin for each example, or compute both terms in two passes."""
    max_norm: float | None = None
    """H, the cap on the encoder's column norms, for models with wni in the name; 2.0 if None."""
    cap: Literal["min", "sigmoid"] = "min"
    """Form of the cap: s = min(‖v‖, H·sigmoid(u)) or H·sigmoid(u)."""
    activation: str = "tanh"
    """Activation of the hidden layers."""
    variational_family: Literal["diagonal_gaussian", "full_covariance_gaussian"] = (
        "diagonal_gaussian"
    )
    """q(z|x)."""
    analytic_kl: bool = False
    """Closed-form KL in the ELBO (k = 1 only)."""
    gradient_estimator: Literal["standard", "resampled", "dreg", "stl"] = "standard"
    """How the bound is differentiated; resampled is the fastest at large k."""
    epochs: int = 100
    """The most passes over the training data; early stopping may end earlier."""
    batch_size: int = 100
    """Examples in an optimizer step."""
    learning_rate: float = 1e-3
    """Initial learning rate γ_0 of Adam."""
    learning_rate_decay: float = 0.01
    """b: the rate decays as γ_0·b^(i/i_max) over all iterations; 1 keeps it constant."""
    learning_rate_schedule: Literal["exponential", "burda"] = "exponential"
    """γ_0·b^(i/i_max), or without b the eight stages of Burda et al. 2015 from γ_0 to γ_0/10, each
    3 times as long as the one before (3,280 epochs in their paper)."""
    patience: int = 10
    """Training stops after this many validations without a better bound (IWAE-64)."""
    num_iw_svi_examples: int | None = None
    """Stop by IW-SVI on this many validation examples, instead of by the IWAE-64 bound on all."""
    validation_freq: int = 1
    """Epochs between validations."""
    backup_seconds: float = 30.0
    """The least seconds between backups, from which an interrupted run resumes; 0 for one after
    every epoch."""
    strategy: Literal["mirrored", "multi_worker"] | None = None
    """Divide each batch among all devices of this host, or among hosts (see
    trainers.host_commands)."""
    dtype: str | None = None
    """Keras dtype policy, such as mixed_bfloat16; Keras's default if None."""
    seed: int = 0
    """Seed of initial weights, shuffling, noise and samples."""

    def model_options(self):
        """Arguments of `air_tf.create_model` after the name and the shape of an observation."""
        names = (
            "architecture latent_dim encoder_units decoder_units num_importance_samples "
            "num_monte_carlo_samples noise_stddev noise_kind denoising_weight denoising_form "
            "max_norm cap activation variational_family likelihood analytic_kl gradient_estimator "
            "seed dtype"
        ).split()
        return {name: getattr(self, name) for name in names}

    @property
    def monitor(self):
        """Name of the validation bound that stops training."""
        return "val_iwae" if self.num_iw_svi_examples is None else "val_iw_svi"

    def to_json(self):
        """The config as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def of_dict(cls, values, source="config"):
        """Makes a config from a dict of JSON or YAML values; errors call the dict `source`."""
        return cls(**command_line.typed(cls, values, source))
