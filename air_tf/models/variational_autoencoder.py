"""The model: one Keras model for every autoencoder of the family, and its log weights."""

import math
import warnings

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from air_tf import checks, distributions, objectives, prng
from air_tf.fitting import SuperbatchModel
from air_tf.models import networks
from air_tf.models.loss_tracker import LossTracker


@keras.saving.register_keras_serializable(package="air_tf")
class VariationalAutoencoder(SuperbatchModel):
    """Variational or importance-weighted autoencoder with prior z ~ N(0, I).

    Everything that is optimised or reported is a reduction of one tensor, the log weights

        log w = log p(x, z) − log q(z|x),

    which `log_weights_at` computes. Regularizing amortized inference is a matter of the
    encoder alone: give it `NoiseInjection` and `NormCappedDense` layers. `create_model` builds the
    models of the paper; this class takes any Keras encoder and decoder.

    Training maximises the mean over examples of `air_tf.objectives.training_bound`. The loss of an
    example is its negative training bound in nats. As in Keras, an example's `sample_weight`
    multiplies its loss, and the sum is divided by the number of examples (of the whole batch, over
    all replicas); the metrics `elbo` and `iwae` are weighted means. Evaluation reports the same
    bound on clean input, and as `iwae` the bound with `num_validation_samples` samples.

    Args:
        encoder: Keras model `[B, *S]` → raw parameters of q(z|x), `[B, variational_family.
            num_outputs(Z)]`. S is the shape of an observation.
        decoder: Keras model `[N, Z]` → raw parameters of p(x|z), `[N, *S[:-1], likelihood.
            num_outputs(S[-1])]`.
        variational_family: name or `VariationalFamily`.
        likelihood: name or `Likelihood`: "bernoulli" (0/1), "gaussian" (reals),
            "discretized_logistic" (0..255), "poisson", "negative_binomial" or "multinomial"
            (counts).
        num_importance_samples: k ≥ 1.
        num_monte_carlo_samples: m ≥ 1.
        num_validation_samples: samples of the bound that evaluation reports as `iwae`.
        mixture_weight: α in [0, 1] of the mixture form.
        analytic_kl: whether KL(q‖p(z)) is taken in closed form; only with k = 1 and the standard
            gradient.
        gradient_estimator: "standard", "resampled" (backward through one of the k samples),
            "dreg" or "stl"; see `air_tf.objectives.gradient_estimators`.
        seed: optional int; the same seed gives the same random numbers.

    Raises:
        ValueError: if an argument is out of range, or the networks' widths do not fit together.

    Example:
    >>> model = air_tf.create_model("dvae", input_dim=64, latent_dim=8, noise_stddev=0.2, seed=0)
    >>> model.compile(optimizer=keras.optimizers.Adam(1e-3))
    >>> x = air_tf.datasets.load("digits").train
    >>> history = model.fit(x, batch_size=100, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['elbo', 'loss']
    >>> model.log_weights(x[:5], num_samples=3, seed=0).shape
    TensorShape([3, 5])
    """

    needs_targets = False
    validation_metrics = ("iwae",)

    def __init__(
        self,
        encoder,
        decoder,
        *,
        variational_family="diagonal_gaussian",
        likelihood="bernoulli",
        num_importance_samples=1,
        num_monte_carlo_samples=1,
        num_validation_samples=64,
        mixture_weight=1.0,
        analytic_kl=False,
        gradient_estimator="standard",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.variational_family = distributions.get(
            variational_family, distributions.VARIATIONAL_FAMILIES
        )
        self.likelihood = distributions.get(likelihood, distributions.LIKELIHOODS)
        self.num_importance_samples = checks.positive_int(
            "num_importance_samples", num_importance_samples
        )
        self.num_monte_carlo_samples = checks.positive_int(
            "num_monte_carlo_samples", num_monte_carlo_samples
        )
        self.num_validation_samples = checks.positive_int(
            "num_validation_samples", num_validation_samples
        )
        self.mixture_weight = checks.in_unit_interval("mixture_weight", mixture_weight)
        self.analytic_kl = bool(analytic_kl)
        self.gradient_estimator = checks.one_of(
            "gradient_estimator", gradient_estimator, objectives.GRADIENT_ESTIMATORS
        )
        is_plain_elbo = self.num_importance_samples == 1 and gradient_estimator == "standard"
        if self.analytic_kl and not is_plain_elbo:
            raise ValueError(
                "`analytic_kl` needs num_importance_samples=1 and gradient_estimator='standard'. "
                f"Received: num_importance_samples={num_importance_samples}, "
                f"gradient_estimator={gradient_estimator!r}"
            )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        # A stream of its own, so that validating does not change what training draws.
        self.validation_seed_generator = keras.random.SeedGenerator(seed)
        self.observation_shape = networks.input_shape("encoder", encoder)
        self.latent_dim = networks.vector_width("decoder", decoder)
        networks.check_outputs(
            "encoder", encoder, self.variational_family, self.observation_shape, (self.latent_dim,)
        )
        networks.check_outputs(
            "decoder", decoder, self.likelihood, (self.latent_dim,), self.observation_shape
        )
        networks.warn_of_last_activation(decoder, self.latent_dim)
        self.built = True

    def build(self, input_shape=None):
        self.built = True

    def compile(self, optimizer="adam", loss=None, *args, **kwargs):
        """As `air_tf.fitting.SuperbatchTrainer.compile`, without a loss or metrics.

        Raises:
            ValueError: for a loss or metrics: the model has its own.
        """
        names = ("loss_weights", "metrics", "weighted_metrics")
        given = {"loss": loss, **dict(zip(names, args, strict=False)), **kwargs}
        for name in ("loss", *names):
            if given.get(name):
                raise ValueError(
                    "The loss is the model's bound, and its metrics are `elbo` and `iwae`; others "
                    f"would not be used. Received: {name}={given[name]!r}"
                )
        super().compile(optimizer, loss, *args, **kwargs)
        self._bound_tracker = LossTracker("loss")
        self._elbo_tracker = keras.metrics.Mean("elbo")
        self._iwae_tracker = keras.metrics.Mean("iwae")

    @property
    def metrics(self):
        if not self.compiled:
            return super().metrics
        own = [self._bound_tracker, self._elbo_tracker, self._iwae_tracker]
        names = {metric.name for metric in own}  # Keras has a loss of its own and what is outdated
        return [*own, *(metric for metric in super().metrics if metric.name not in names)]

    def check_data(self, data):
        x, *_ = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, list | tuple):  # inputs of their own, for Keras
            raise ValueError(
                "`x` must be one array. "
                f"Received: a {type(x).__name__} of {len(x)} arrays; `numpy.stack` joins them"
            )
        self.observations(x)

    def observations(self, x):
        """Returns x as an array `[N, *S]`, or raises ValueError unless the likelihood takes it."""
        x = checks.observations(x, self.observation_shape)
        self.likelihood.check(x)
        return x

    def train_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        seed = prng.next_seed(self.seed_generator)
        with tf.GradientTape() as tape:
            bound, elbo = objectives.training_bound(self, x, seed)
            losses = self._per_example_losses(bound, sample_weight)
            loss = tf.reduce_sum(losses) / self._global_batch_size(x)
            loss = self.optimizer.scale_loss(loss)
        if self.trainable_weights:
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        self._bound_tracker.update_state(losses)
        self._elbo_tracker.update_state(elbo, sample_weight)
        return {"loss": self._bound_tracker.result(), "elbo": self._elbo_tracker.result()}

    def test_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        k, m = self.num_importance_samples, self.num_monte_carlo_samples
        num_samples = max(k * m, self.num_validation_samples)
        q = self.variational_family(self.posterior_outputs(x))
        seed = prng.next_seed(self.validation_seed_generator)
        log_weights = self.log_importance_weights(x, q, num_samples, seed)
        groups = tf.reshape(log_weights[: k * m], [k, m, -1])
        bound = tf.reduce_mean(objectives.iwae_bound(groups), axis=0)
        self._bound_tracker.update_state(self._per_example_losses(bound, sample_weight))
        self._elbo_tracker.update_state(objectives.elbo(log_weights), sample_weight)
        iwae = objectives.iwae_bound(log_weights[: self.num_validation_samples])
        self._iwae_tracker.update_state(iwae, sample_weight)
        trackers = (self._bound_tracker, self._elbo_tracker, self._iwae_tracker)
        return {tracker.name: tracker.result() for tracker in trackers}

    def _per_example_losses(self, bound, sample_weight):
        losses = -bound
        if sample_weight is not None:
            losses *= tf.reshape(tf.cast(sample_weight, losses.dtype), [-1])
        # Losses that layers add (say, an L2 penalty) count once for the batch.
        return losses + tf.cast(sum(self.losses, 0.0), losses.dtype)

    def _global_batch_size(self, x):
        size = tf.cast(tf.shape(x)[0], self.density_dtype)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return size
        return context.all_reduce(tf.distribute.ReduceOp.SUM, size)

    @property
    def first_non_finite_batch(self):
        """Batch of this epoch, from 1, whose loss was the first not finite; None so far."""
        tracker = self._bound_tracker
        finite = int(tracker.finite_updates.numpy())
        if tracker.updates.numpy() == finite:
            return None
        # Of its batch some replicas may be finite.
        return finite // self.distribute_strategy.num_replicas_in_sync + 1

    @property
    def density_dtype(self):
        """Log densities are float32 under any mixed-precision policy, float64 under float64."""
        return "float64" if self.variable_dtype == "float64" else "float32"

    @property
    def prior(self):
        """p(z) = N(0, I)."""
        zeros = tf.zeros([self.latent_dim], self.density_dtype)
        return tfp.distributions.MultivariateNormalDiag(zeros, tf.ones_like(zeros))

    def posterior_outputs(self, x, training=False):
        """The encoder's raw outputs `[B, P]` for x `[B, *S]`, in the dtype of the densities."""
        outputs = self.encoder(tf.cast(x, self.compute_dtype), training=training)
        return tf.cast(outputs, self.density_dtype)

    def likelihood_outputs(self, z, training=False):
        """The decoder's raw outputs for z `[..., Z]`, in the dtype of the densities.

        Returns:
            `[..., *S[:-1], P]`, with P = `likelihood.num_outputs(S[-1])`.
        """
        z = tf.convert_to_tensor(z)
        latents = tf.reshape(tf.cast(z, self.compute_dtype), [-1, self.latent_dim])
        outputs = self.decoder(latents, training=training)
        outputs = tf.cast(outputs, self.density_dtype)
        return tf.reshape(outputs, [*_static_or_dynamic_shape(z)[:-1], *outputs.shape[1:]])

    def likelihood_at(self, z, training=False):
        """The distribution p(x|z) for z `[..., Z]`, over x with its axes S made one, `[..., D]`."""
        parameters = self.likelihood.parameters(self.likelihood_outputs(z, training))
        return self.likelihood.distribution(**keras.tree.map_structure(self._flat, parameters))

    def _flat(self, values):
        """Values `[..., *S]` as `[..., D]`."""
        rank = len(self.observation_shape)
        if rank == 1:
            return values
        return tf.reshape(values, [*_static_or_dynamic_shape(values)[:-rank], -1])

    def _mean(self, z):
        """The means `[..., *S]` of p(x|z)."""
        mean = self.likelihood_at(z).mean()
        return tf.reshape(mean, [*_static_or_dynamic_shape(mean)[:-1], *self.observation_shape])

    def log_importance_weights(self, x, q, num_samples, seed, analytic_kl=False, training=False):
        """Draws k samples z ~ q and returns their log w = log p(x, z) − log q(z).

        Args:
            x: clean observations `[B, *S]`; the likelihood never sees noise.
            q: distribution over z with batch shape `[..., B]`.
            num_samples: k ≥ 1.
            seed: seed tensor `[2]`.
            analytic_kl: replace log q(z) − log p(z) by its expectation under q, KL(q‖p(z)); the
                mean over samples stays the ELBO, with less variance, but exp is no weight then.
            training: whether the decoder behaves as in training.

        Returns:
            `[k, ..., B]`, nats.
        """
        z = self.variational_family.sample(q, num_samples, seed)
        return self.log_weights_at(x, q, z, analytic_kl, training)

    def log_weights_at(self, x, q, z, analytic_kl=False, training=False):
        """Log weights at given latents z `[k, ..., B, Z]`: the one place where densities meet."""
        likelihood = self.likelihood_at(z, training)
        log_likelihood = likelihood.log_prob(self._flat(tf.cast(x, self.density_dtype)))
        if analytic_kl:
            return log_likelihood - tfp.distributions.kl_divergence(q, self.prior)
        return log_likelihood + self.prior.log_prob(z) - q.log_prob(z)

    def log_weights(self, x, num_samples, seed=None):
        """Log importance weights of clean x `[B, *S]` under its q(z|x): `[k, B]`, nats."""
        num_samples = checks.positive_int("num_samples", num_samples)
        q = self.variational_family(self.posterior_outputs(self._observations(x)))
        return self.log_importance_weights(x, q, num_samples, self._seed(seed))

    def encode(self, x):
        """Parameters of q(z|x) for clean x `[B, *S]`, such as {"loc": [B, Z], "scale": [B, Z]}."""
        return self.variational_family.parameters(self.posterior_outputs(self._observations(x)))

    def decode(self, z):
        """Parameters of p(x|z) for z `[..., Z]`, such as {"logits": [..., *S]}."""
        return self.likelihood.parameters(self.likelihood_outputs(z))

    def sample(self, num_samples, seed=None):
        """Means `[num_samples, *S]` of p(x|z) for z ~ N(0, I)."""
        if not tf.is_symbolic_tensor(num_samples):
            checks.positive_int("num_samples", num_samples)
        z = prng.normal([num_samples, self.latent_dim], self._seed(seed), self.density_dtype)
        return self._mean(z)

    def reconstruct(self, x, seed=None):
        """Means `[B, *S]` of p(x|z) for one z ~ q(z|x) for each clean x `[B, *S]`."""
        q = self.variational_family(self.posterior_outputs(self._observations(x)))
        z = self.variational_family.sample(q, 1, self._seed(seed))[0]
        return self._mean(z)

    def call(self, x, training=False):
        """Mean `[B, *S]` of p(x|z) at the mean of q(z|x): what `predict` returns."""
        q = self.variational_family(self.posterior_outputs(x, training=training))
        return self._mean(q.mean())

    def initialize_output_bias(self, x):
        """Sets the decoder's output bias such that p(x|z) starts with the means of x `[N, *S]`.

        A bias for each number of an observation takes its mean (a Bernoulli likelihood: the logits
        of the mean, kept at least 1/(N + 2) away from 0 and 1, as by one pseudo-count of each). A
        bias for each channel takes the mean over the other axes.

        Raises:
            ValueError: for unfit observations, if the last bias of the decoder is neither, or if
                the likelihood has no such outputs.
        """
        x = self.observations(x)
        bias = networks.last_bias(self.decoder)
        shape = () if bias is None else tuple(bias.shape)
        for width in (math.prod(self.observation_shape), self.observation_shape[-1]):
            outputs = self.likelihood.marginal_outputs(np.float64(x).reshape(-1, width))
            if outputs is not None and shape == outputs.shape:
                bias.assign(outputs)
                return
        raise ValueError(
            "The last bias of the decoder must be one of the likelihood's raw outputs. "
            f"Received: {'no bias' if bias is None else f'shape={shape}'}"
        )

    def _observations(self, x):
        return x if tf.is_symbolic_tensor(x) else self.observations(x)

    def _seed(self, seed):
        return prng.next_seed(self.seed_generator) if seed is None else prng.as_seed(seed)

    def export(self, filepath, format="tf_saved_model", **kwargs):
        """Refuses: a SavedModel of an autoencoder has more than the one endpoint Keras gives it."""
        raise ValueError(
            "`air_tf.export_saved_model(model, path)` exports this model, with all its endpoints. "
            f"Received: model.export({str(filepath)!r}, {format=})"
        )

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        config = {
            "encoder": serialize(self.encoder),
            "decoder": serialize(self.decoder),
            "variational_family": serialize(self.variational_family),
            "likelihood": serialize(self.likelihood),
            "num_importance_samples": self.num_importance_samples,
            "num_monte_carlo_samples": self.num_monte_carlo_samples,
            "num_validation_samples": self.num_validation_samples,
            "mixture_weight": self.mixture_weight,
            "analytic_kl": self.analytic_kl,
            "gradient_estimator": self.gradient_estimator,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
        }
        return cls(**{**config, **networks})


def _static_or_dynamic_shape(x):
    return [
        static if static is not None else dynamic
        for static, dynamic in zip(x.shape.as_list(), tf.unstack(tf.shape(x)), strict=True)
    ]
