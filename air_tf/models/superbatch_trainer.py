"""`fit` at the speed of one XLA loop: superbatches behind the ordinary Keras interface."""

import math
import random

import keras
import numpy as np
import tensorflow as tf

from air_tf.models import superbatch

# Steps in an execution if the user does not say: past this the overhead of a call is below a
# hundredth of the time of its steps.
_MOST_STEPS = 50


class SuperbatchTrainer:
    """Mixin for a `keras.Model`: S optimizer steps in one XLA program, whatever the input.

    The result does not depend on S. Arrays and `tf.data.Dataset`s are fed in superbatches; other
    inputs, replicas of a `tf.distribute` strategy and models compiled with `jit_compile=False` go
    the way of Keras.
    """

    def compile(self, optimizer="adam", *, jit_compile="auto", steps_per_execution=None, **kwargs):
        """As `keras.Model.compile`, without a loss.

        Args:
            optimizer: as in Keras.
            jit_compile: whether XLA compiles the steps. "auto" is True, also on CPU, except for
                several replicas of a `tf.distribute` strategy, over which XLA cannot reduce.
            steps_per_execution: S, optimizer steps in one XLA program; batch callbacks are called
                once per execution. If None, `fit` chooses: up to 50, or 1 if a callback wants
                every batch.
            **kwargs: as in Keras.
        """
        if jit_compile == "auto":
            one_replica = self.distribute_strategy.num_replicas_in_sync == 1
            jit_compile = one_replica and not kwargs.get("run_eagerly")
        super().compile(
            optimizer=optimizer,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution or 1,
            **kwargs,
        )
        self._given_steps = steps_per_execution

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        if self._is_one_program():
            self.train_function = superbatch.train_function(
                self.train_step, self.training_logs, self.steps_per_execution
            )
        else:
            super().make_train_function(force)

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
            ValueError: for unfit pixels.
        """
        self._assert_compile_called("fit")
        is_dataset, is_array = isinstance(x, tf.data.Dataset), isinstance(x, np.ndarray)
        validation_batch_size = validation_batch_size or batch_size
        num_batches = steps_per_epoch
        if is_dataset and num_batches is None and x.cardinality() > 0:
            num_batches = int(x.cardinality())
        elif is_array:
            batch_size = batch_size or 32
            num_batches = -(-len(x) // batch_size)
        self._set_steps(num_batches, steps_per_epoch, callbacks)
        steps = self.steps_per_execution
        if is_dataset:
            shuffle = False  # a dataset has its own order; Keras would warn
        if self._is_one_program() and is_dataset:
            x = superbatch.from_dataset(x, steps)
            if steps_per_epoch is None and num_batches is not None:
                x, steps_per_epoch = x.repeat(), num_batches
        elif (
            self._is_one_program()
            and is_array
            and not (validation_split or class_weight or steps_per_epoch)
        ):
            seed = random.randrange(2**31) if self.seed is None else self.seed
            taken = int(self.optimizer.iterations) - initial_epoch * num_batches
            # Targets are not used; their place is filled for sample weights to find theirs.
            arrays = (x,) if sample_weight is None else (x, sample_weight, sample_weight)
            x = superbatch.from_arrays(
                arrays, batch_size, steps, shuffle, seed=[seed, taken], first_epoch=initial_epoch
            )
            batch_size, shuffle, y, sample_weight = None, False, None, None
            steps_per_epoch = num_batches
        return super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def _is_one_program(self):
        return self.jit_compile and self.distribute_strategy.num_replicas_in_sync == 1

    def _set_steps(self, num_batches, steps_per_epoch, callbacks):
        steps = self._given_steps or min(num_batches or _MOST_STEPS, _MOST_STEPS)
        by_batch = not self._is_one_program() or any(map(_wants_every_batch, callbacks or ()))
        if self._given_steps is None and by_batch:
            steps = 1
        if steps_per_epoch is not None:  # Keras does not cut the last execution of an epoch short
            steps = math.gcd(steps, steps_per_epoch)
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self.train_function = self.test_function = None


def _wants_every_batch(callback):
    for name in ("save_freq", "update_freq"):  # of ModelCheckpoint, TensorBoard and the like
        if isinstance(getattr(callback, name, None), int):
            return getattr(callback, name) != 0
    if isinstance(callback, keras.callbacks.LambdaCallback):
        return True
    hooks = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    base = keras.callbacks.Callback
    return not type(callback).__module__.startswith("keras.") and any(
        getattr(type(callback), hook) is not getattr(base, hook) for hook in hooks
    )
