"""`fit` at the speed of one XLA loop: superbatches behind the ordinary Keras interface."""

import random

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters import tf_dataset_adapter

from air_tf import replicated
from air_tf.callbacks.backup_and_restore import BackupAndRestore
from air_tf.models import fit_arguments, superbatch
from air_tf.program import program

# Steps in an execution if the user does not say: past this the overhead of a call is below a
# hundredth of the time of its steps.
_MOST_STEPS = 50


class SuperbatchTrainer:
    """Mixin for a `keras.Model`: S optimizer steps in one XLA program, whatever the input.

    The result does not depend on S. Arrays and `tf.data.Dataset`s are fed in superbatches. Over the
    replicas of a `tf.distribute` strategy the steps of an execution are a loop without XLA. Other
    inputs and models compiled with `jit_compile=False` go the way of Keras.
    """

    steps_before_fit = 0  # of the optimizer; `fit` sets it

    def compile(self, optimizer="adam", *, jit_compile="auto", steps_per_execution=None, **kwargs):
        """As `keras.Model.compile`, without a loss.

        Args:
            optimizer: as in Keras.
            jit_compile: whether XLA compiles the steps. "auto" is True, also on CPU, except for
                several replicas of a `tf.distribute` strategy, over which XLA cannot reduce.
            steps_per_execution: S, optimizer steps in one XLA program; batch callbacks are called
                once per execution. If None, `fit` chooses: up to 50, or 1 if a callback wants
                every batch. Over replicas it is the next lower divisor of the number of batches.
            **kwargs: as in Keras, but for its losses and metrics.

        Raises:
            ValueError: for a loss or metrics: the model has its own.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if kwargs.get(name):
                raise ValueError(
                    "The loss is the model's bound, and its metrics are `elbo` and `iwae`; others "
                    f"would not be used. Received: {name}={kwargs[name]!r}"
                )
        self._given = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        if jit_compile == "auto":
            one_replica = self.distribute_strategy.num_replicas_in_sync == 1
            jit_compile = one_replica and not kwargs.get("run_eagerly")
        super().compile(
            optimizer=optimizer,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution or 1,
            **kwargs,
        )

    def get_compile_config(self):
        # What was given, for a loaded model to choose itself where this one did.
        config = super().get_compile_config()
        return {**config, **self._given} if config else config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras would average a batch over the replicas to learn its shape, which fails for several
        # hosts. The model needs no batch to be built.
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        if self._is_one_program():
            self.train_function = superbatch.train_function(
                self.distribute_strategy,
                self.train_step,
                self.training_logs,
                self.steps_per_execution,
            )
        elif self._num_replicas() > 1 and not self.run_eagerly:
            self.train_function = replicated.train_function(
                self.distribute_strategy,
                self.train_step,
                self.training_logs,
                self.steps_per_execution,
            )
        else:
            super().make_train_function(force)

    def make_test_function(self, force=False):
        if self.test_function is not None and not force:
            return
        if self._num_replicas() > 1 and not self.run_eagerly:
            self.test_function = replicated.test_function(
                self.distribute_strategy,
                self.test_step,
                self.get_metrics_result,
                self.steps_per_execution,
            )
        else:
            super().make_test_function(force)

    def make_predict_function(self, force=False):
        if self.predict_function is not None and not force:
            return
        if self._is_one_program():
            run = program(self.predict_step, jit_compile=True)
            self.predict_function = lambda batches: run(batches[0])
        else:
            super().make_predict_function(force)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """As `keras.Model.fit`, on clean observations x.

        With a seeded model and arrays the order of the examples in an epoch depends on the seed,
        the epoch's number and the steps taken before; it is random otherwise.

        Raises:
            ValueError: for unfit pixels, or a split that leaves a side without examples.
            tf.errors.OpError: for unfit pixels of a later batch of a generator, or of any batch of
                a `keras.utils.PyDataset` or `tf.data.Dataset`.
        """
        self._assert_compile_called("fit")
        listed = fit_arguments.as_list(callbacks)
        is_array = isinstance(x, np.ndarray)
        if is_array and validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = fit_arguments.split(
                x, y, sample_weight, validation_split
            )
            validation_split = 0.0
        options = {
            "y": sample_weight if y is None else y,  # Keras ignores weights without targets
            "batch_size": batch_size or 32 if is_array else batch_size,
            "validation_split": validation_split,
            "shuffle": shuffle,
            "class_weight": class_weight,
            "sample_weight": sample_weight,
            "steps_per_epoch": steps_per_epoch,
        }
        num_batches = steps_per_epoch or fit_arguments.num_batches(x, options["batch_size"])
        self._set_steps(num_batches, steps_per_epoch, listed)
        epochs_done = self._restore(listed)
        initial_epoch = max(initial_epoch, epochs_done)
        if not epochs_done:
            steps_done = initial_epoch * (num_batches or 0)
            self.steps_before_fit = int(self.optimizer.iterations.numpy()) - steps_done
        if isinstance(x, tf.data.Dataset):
            x, options = self._from_dataset(x, options, num_batches, epochs_done)
        elif is_array and not (class_weight or steps_per_epoch):
            x, options = self._from_arrays(x, options, num_batches, initial_epoch)
        validation_batch_size = validation_batch_size or batch_size
        if validation_data is not None:
            validation_data = self._evaluation_data(validation_data, validation_batch_size)
        return super().fit(
            x,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            initial_epoch=initial_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            **options,
        )

    def _from_dataset(self, x, options, num_batches, epochs_done):
        """The input of Keras's `fit` and its options, without the epochs that are done."""
        options = {**options, "shuffle": False}  # a dataset has its own order; Keras would warn
        class_weight = options.pop("class_weight")
        if class_weight:
            x = x.map(tf_dataset_adapter.make_class_weight_map_fn(class_weight))
        steps = 1
        if self._is_one_program():
            steps = self.steps_per_execution
            x = superbatch.from_dataset(x, steps)
        if options["steps_per_epoch"] is None and num_batches is not None:
            x, options["steps_per_epoch"] = x.repeat(), num_batches
        if epochs_done and num_batches is not None:
            x = x.skip(epochs_done * -(-num_batches // steps))
        return x, options

    def _from_arrays(self, x, options, num_batches, initial_epoch):
        """As `_from_dataset`, for arrays."""
        x = superbatch.from_arrays(
            fit_arguments.leaves(x, options["sample_weight"]),
            options["batch_size"],
            self.steps_per_execution if self._is_one_program() else None,
            options["shuffle"],
            seed=[self._shuffling_seed(), self.steps_before_fit],
            first_epoch=initial_epoch,
        )
        return x, {"steps_per_epoch": num_batches, "shuffle": False}

    def _shuffling_seed(self):
        if self.seed is not None:
            return self.seed
        replicas = self._num_replicas()
        if replicas > 1 and len(self.distribute_strategy.extended.worker_devices) < replicas:
            raise ValueError(
                "Several hosts need a model with a `seed`, for all to take the examples in one "
                "order. Received: seed=None"
            )
        return random.randrange(2**31)

    def _restore(self, callbacks):
        """Goes back to the last backup; returns the epochs that it has behind it."""
        for callback in callbacks:
            if isinstance(callback, BackupAndRestore):
                return callback.restore(self, callbacks)
        return 0

    def evaluate(self, x=None, y=None, batch_size=None, *args, sample_weight=None, **kwargs):
        if not kwargs.get("_use_cached_eval_dataset"):  # `fit` has prepared those
            data = self._evaluation_data((x, y, sample_weight), batch_size)
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return super().evaluate(x, y, batch_size, *args, sample_weight=sample_weight, **kwargs)

    def predict(self, *args, **kwargs):
        """As `keras.Model.predict`: means `[N, D]` of p(x|z), each at the mean of q(z|x).

        Raises:
            As `fit`, for unfit pixels.
        """
        # The result of S batches would have to be put together from S programs anyway.
        steps, self.steps_per_execution = self.steps_per_execution, 1
        try:
            return super().predict(*args, **kwargs)
        finally:
            self.steps_per_execution = steps

    def _evaluation_data(self, data, batch_size):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if self._is_one_program() and isinstance(x, np.ndarray):
            arrays = fit_arguments.leaves(x, sample_weight)
            x = tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size or 32)
            y = sample_weight = None
        if self._is_one_program() and isinstance(x, tf.data.Dataset):
            return superbatch.prefetched(x)
        return x, sample_weight if y is None else y, sample_weight

    def _is_one_program(self):
        return self.jit_compile and self._num_replicas() == 1

    def _num_replicas(self):
        return self.distribute_strategy.num_replicas_in_sync

    def _set_steps(self, num_batches, steps_per_epoch, callbacks):
        given = self._given["steps_per_execution"]
        steps = given or min(num_batches or _MOST_STEPS, _MOST_STEPS)
        one_program, replicated = self._is_one_program(), self._num_replicas() > 1
        by_batch = not (one_program or replicated) or any(
            map(fit_arguments.wants_every_batch, callbacks)
        )
        if given is None and by_batch:
            steps = 1
        if steps_per_epoch is not None or replicated:
            # Only a superbatch knows where an epoch ends: otherwise it must be with an execution.
            steps = max(s for s in range(1, steps + 1) if (num_batches or 1) % s == 0)
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self.train_function = self.test_function = None
