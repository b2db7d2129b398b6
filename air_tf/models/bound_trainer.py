"""How the bound is trained and validated: the custom steps behind `fit` and `evaluate`."""

import keras
import numpy as np
import tensorflow as tf

from air_tf import checks, objectives, random
from air_tf.models.superbatch import superbatch_function

# Steps that one execution takes if the user does not say: past this the overhead of a call is
# below a hundredth of the time of the steps.
_MOST_STEPS = 50


class BoundTrainer:
    """Mixin for a `keras.Model` with log weights: its `train_step`, `test_step` and input checks.

    The loss of an example is its negative training bound in nats. As in Keras, an example's
    `sample_weight` multiplies its loss, and the sum is divided by the number of examples (of the
    whole batch, over all replicas); the metrics `elbo` and `iwae` are weighted means.
    """

    def compile(self, optimizer="adam", *, jit_compile=True, steps_per_execution=None, **kwargs):
        """As `keras.Model.compile`, without a loss, and compiled by XLA unless told otherwise.

        Args:
            optimizer: as in Keras.
            jit_compile: whether XLA compiles the steps.
            steps_per_execution: optimizer steps in one XLA program; the result is the same whatever
                it is, batch callbacks are called once per execution. If None, `fit` chooses: up to
                50, or 1 if a callback wants every batch.
            **kwargs: as in Keras.
        """
        super().compile(
            optimizer=optimizer,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution or 1,
            **kwargs,
        )
        self._chooses_steps = steps_per_execution is None
        self._elbo_tracker = keras.metrics.Mean("elbo")
        self._iwae_tracker = keras.metrics.Mean("iwae")

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        if self.jit_compile and self.distribute_strategy.num_replicas_in_sync == 1:
            self.train_function = superbatch_function(
                self.train_step, self._training_logs, self.steps_per_execution
            )
        else:
            super().make_train_function(force)

    def fit(self, x=None, *args, validation_data=None, **kwargs):
        """As `keras.Model.fit`, on clean observations; raises ValueError for unfit pixels."""
        if validation_data is not None:
            x_valid, *rest = (
                validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
            )
            validation_data = (self._checked(x_valid), *rest)
            if isinstance(x_valid, tf.data.Dataset):
                validation_data = validation_data[0]
        if self.compiled and self._chooses_steps:
            steps = _sensible_steps(x, *args, **kwargs)
            if steps != self.steps_per_execution:
                self.steps_per_execution = steps
                self.train_function = None
        return super().fit(self._checked(x), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """As `keras.Model.evaluate`: `loss`, `elbo` and `iwae` on clean observations."""
        return super().evaluate(self._checked(x), *args, **kwargs)

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
        return self._training_logs()

    def _training_logs(self):
        return {"loss": self._loss_tracker.result(), "elbo": self._elbo_tracker.result()}

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
        if not self.compiled:
            return []
        return [self._loss_tracker, self._elbo_tracker, self._iwae_tracker]

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
        # m copies go through the encoder, so that each of the m bounds has noise of its own.
        outputs = self.posterior_outputs(tf.tile(x, [m, 1]) if m > 1 else x, training=training)
        outputs = tf.reshape(outputs, [m, -1, outputs.shape[-1]])
        log_weights = self.log_importance_weights(
            x,
            self.variational_family(outputs),
            self.num_importance_samples,
            seed,
            analytic_kl=self.analytic_kl,
        )
        bound = tf.reduce_mean(objectives.iwae_bound(log_weights), axis=0)
        return bound, tf.reduce_mean(objectives.elbo(log_weights), axis=0)

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
        """Rejects unfit pixels: arrays at once, batches of a `tf.data.Dataset` as they pass."""
        if isinstance(x, np.ndarray | tf.Tensor | list):
            return checks.pixels(x, self.input_dim, self.likelihood.binary)
        if isinstance(x, tf.data.Dataset):
            return x.map(self._checked_batch, num_parallel_calls=tf.data.AUTOTUNE)
        return x

    def _checked_batch(self, *batch):
        x = batch[0][0] if isinstance(batch[0], tuple) else batch[0]
        if x.shape.rank != 2 or x.shape[1] not in (None, self.input_dim):
            raise ValueError(
                f"`x` must be batches [B, {self.input_dim}]. Received: a dataset of {x.shape}"
            )
        value = tf.cast(x, tf.float32)
        if self.likelihood.binary:
            valid, expected = (value == 0) | (value == 1), "binary pixels (0 or 1)"
        else:
            valid, expected = (value >= 0) & (value <= 1), "finite pixels in [0, 1]"
        message = f"`x` must hold {expected}. Received: values from"
        check = tf.debugging.Assert(
            tf.reduce_all(valid), [message, tf.reduce_min(value), "to", tf.reduce_max(value)]
        )
        with tf.control_dependencies([check]):
            return tf.nest.map_structure(tf.identity, batch if len(batch) > 1 else batch[0])


def _sensible_steps(x, y=None, batch_size=None, *args, callbacks=None, steps_per_epoch=None, **kwargs):
    """Steps per execution for a `fit` with these arguments."""
    if any(_wants_every_batch(callback) for callback in callbacks or ()):
        return 1
    if steps_per_epoch is not None:  # a divisor: Keras does not cut the last execution short
        divisors = range(1, min(steps_per_epoch, _MOST_STEPS) + 1)
        return max(d for d in divisors if steps_per_epoch % d == 0)
    if isinstance(x, tf.data.Dataset):
        cardinality = int(x.cardinality())
        return min(cardinality, _MOST_STEPS) if cardinality > 0 else _MOST_STEPS
    if hasattr(x, "__len__"):
        return min(-(-len(x) // (batch_size or 32)), _MOST_STEPS)
    return 1


def _wants_every_batch(callback):
    for name in ("save_freq", "update_freq"):  # of ModelCheckpoint, TensorBoard and the like
        if isinstance(getattr(callback, name, None), int):
            return getattr(callback, name) != 0
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    foreign = not type(callback).__module__.startswith("keras.")
    return isinstance(callback, keras.callbacks.LambdaCallback) or (
        foreign
        and any(getattr(type(callback), h) is not getattr(keras.callbacks.Callback, h) for h in hooks)
    )
