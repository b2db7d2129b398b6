"""How the bound is trained and validated: the custom steps behind `fit` and `evaluate`."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

from air_tf import checks, objectives, random
from air_tf.models.checked_batches import checked_batches
from air_tf.models.gradient_estimators import GRADIENT_ESTIMATORS
from air_tf.models.loss_tracker import LossTracker
from air_tf.models.superbatch_trainer import SuperbatchTrainer


class BoundTrainer(SuperbatchTrainer):
    """Mixin for a `keras.Model` with log weights: its `train_step`, `test_step` and input checks.

    The loss of an example is its negative training bound in nats. As in Keras, an example's
    `sample_weight` multiplies its loss, and the sum is divided by the number of examples (of the
    whole batch, over all replicas); the metrics `elbo` and `iwae` are weighted means.
    """

    def compile(self, optimizer="adam", **kwargs):
        super().compile(optimizer, **kwargs)
        self._loss_tracker = LossTracker("loss")
        self._elbo_tracker = keras.metrics.Mean("elbo")
        self._iwae_tracker = keras.metrics.Mean("iwae")
        self._is_evaluating = False

    compile.__doc__ = SuperbatchTrainer.compile.__doc__

    def fit(self, x=None, *args, validation_data=None, **kwargs):
        if isinstance(validation_data, tuple | list):
            validation_data = (self._checked(validation_data[0]), *validation_data[1:])
        elif validation_data is not None:
            validation_data = self._checked(validation_data)
        return super().fit(self._checked(x), *args, validation_data=validation_data, **kwargs)

    fit.__doc__ = SuperbatchTrainer.fit.__doc__

    def evaluate(self, x=None, *args, **kwargs):
        """As `keras.Model.evaluate`: `loss`, `elbo` and `iwae` on clean observations."""
        with self._evaluation():
            return super().evaluate(self._checked(x), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        return super().predict(self._checked(x), *args, **kwargs)

    predict.__doc__ = SuperbatchTrainer.predict.__doc__

    def predict_on_batch(self, x):
        return super().predict_on_batch(self._checked(x))

    def train_on_batch(self, x, *args, **kwargs):
        return super().train_on_batch(self._checked(x), *args, **kwargs)

    def test_on_batch(self, x, *args, **kwargs):
        with self._evaluation():
            return super().test_on_batch(self._checked(x), *args, **kwargs)

    @contextlib.contextmanager
    def _evaluation(self):
        self._is_evaluating = True
        try:
            yield
        finally:
            self._is_evaluating = False

    def train_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        seed = random.next_seed(self.seed_generator)
        with tf.GradientTape() as tape:
            bound, elbo = self._training_bound(x, seed)
            losses = self._per_example_losses(bound, sample_weight)
            loss = tf.reduce_sum(losses) / self._global_batch_size(x)
            loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self._loss_tracker.update_state(losses)
        self._elbo_tracker.update_state(elbo, sample_weight)
        return self.training_logs()

    def training_logs(self):
        """Means over the epoch so far."""
        return {"loss": self._loss_tracker.result(), "elbo": self._elbo_tracker.result()}

    @property
    def first_non_finite_batch(self):
        """Batch of this epoch, from 1, whose loss was the first not finite; None so far."""
        tracker = self._loss_tracker
        finite = int(tracker.finite_updates.numpy())
        if tracker.updates.numpy() == finite:
            return None
        return finite // self._num_replicas() + 1  # of its batch some replicas may be finite

    def test_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        k, m = self.num_importance_samples, self.num_monte_carlo_samples
        num_samples = max(k * m, self.num_validation_samples)
        q = self.variational_family(self.posterior_outputs(x))
        seed = random.next_seed(self.validation_seed_generator)
        log_weights = self.log_importance_weights(x, q, num_samples, seed)
        groups = tf.reshape(log_weights[: k * m], [k, m, -1])
        bound = tf.reduce_mean(objectives.iwae_bound(groups), axis=0)
        self._loss_tracker.update_state(self._per_example_losses(bound, sample_weight))
        self._elbo_tracker.update_state(objectives.elbo(log_weights), sample_weight)
        iwae = objectives.iwae_bound(log_weights[: self.num_validation_samples])
        self._iwae_tracker.update_state(iwae, sample_weight)
        return {metric.name: metric.result() for metric in self.metrics}

    @property
    def metrics(self):
        # Keras takes the epoch's true means, over all replicas, from the metrics if they are those
        # that the step logs: `iwae` is one in evaluation only.
        if not self.compiled:
            return []
        metrics = [self._loss_tracker, self._elbo_tracker]
        return [*metrics, self._iwae_tracker] if self._is_evaluating else metrics

    def _training_bound(self, x, seed):
        """The training bound and the ELBO of each example: `[B]` and `[B]`."""
        bound, elbo = self._bound(x, seed, training=True)
        if self.mixture_weight < 1.0:
            clean_bound, clean_elbo = self._bound(x, random.fold_in(seed, 1), training=False)
            bound += (1.0 - self.mixture_weight) * (clean_bound - bound)
            elbo += (1.0 - self.mixture_weight) * (clean_elbo - elbo)
        return bound, elbo

    def _bound(self, x, seed, training):
        m = self.num_monte_carlo_samples
        if training and _draws(self.encoder):  # m copies: each of the m bounds has noise of its own
            outputs = self.posterior_outputs(tf.tile(x, [m, 1]), training=True)
        else:
            outputs = tf.tile(self.posterior_outputs(x, training=training), [m, 1])
        outputs = tf.reshape(outputs, [m, -1, outputs.shape[-1]])
        estimator = GRADIENT_ESTIMATORS[self.gradient_estimator]
        bound, elbo = estimator(self, x, outputs, self.num_importance_samples, seed)
        return tf.reduce_mean(bound, axis=0), tf.reduce_mean(elbo, axis=0)

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

    def _checked(self, x):
        """Rejects unfit pixels: arrays and data frames at once, other data batch by batch."""
        options = {"width": self.input_dim, "binary": self.likelihood.binary}
        if isinstance(x, list) or hasattr(x, "__array__"):
            return checks.pixels(x, **options)
        if isinstance(x, tf.data.Dataset):
            return checks.dataset_pixels(x, **options)
        if isinstance(x, keras.utils.PyDataset) or inspect.isgenerator(x):
            return checked_batches(x, functools.partial(checks.pixels, **options))
        return x


def _draws(network):
    """Whether a Keras network has random seeds, which its variables have beside its weights."""
    return len(network.variables) > len(network.weights)
