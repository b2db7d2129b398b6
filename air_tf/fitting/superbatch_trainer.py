"""`fit` as Keras documents it, at the speed of one XLA loop."""

import random

import keras
import tensorflow as tf

from air_tf import private_keras
from air_tf.fitting import arguments, executions
from air_tf.fitting.array_passes import ArrayPasses

# Steps in an execution if the user does not say: past this the overhead of a call is below a
# hundredth of the time of its steps.
_MOST_STEPS = 50
_MOST_BYTES = 2**26  # of an execution's batches, but always one: large ones gain nothing from it


class SuperbatchTrainer(private_keras.BackendTrainer):
    """Keras's trainer for TensorFlow with S optimizer steps in one XLA program.

    `fit`, `evaluate` and `predict` do what Keras documents for each input that Keras takes; the
    result does not depend on S. As in Keras, a model is this trainer and a layer:
    `SuperbatchModel` is one of it and `keras.Model`. It works for any `train_step`.

    Over several replicas of a `tf.distribute` strategy, with `run_eagerly` and with
    `jit_compile=False` the steps of an execution follow each other without XLA.
    """

    seed = None  # of the order of the examples in arrays; random if None
    steps_before_fit = 0  # of the optimizer; `fit` sets it, and a backup brings it back
    needs_targets = True  # whether a step uses y; without, `sample_weight` does not need y
    validation_metrics = ()  # names of metrics that only validation has
    batches_in_execution = 0  # of the last one
    _training = None  # what `fit` tells `prepare_epochs`
    _given = {"jit_compile": "auto", "steps_per_execution": None}  # of `compile`
    _wants_every_batch = False

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=None,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """As `keras.Model.compile`, with other defaults of two arguments.

        Args:
            steps_per_execution: S, batches in an execution; Keras calls batch callbacks once per
                execution. If None, `fit` chooses: up to 50, or 1 if a callback wants every batch.
            jit_compile: whether XLA compiles the steps. "auto" is True, also on CPU, except for
                several replicas, a layer that XLA does not know, and convolutions on CPU.

        Raises:
            ValueError: for `jit_compile=True` over several replicas.
        """
        if jit_compile is True and self._num_replicas() > 1:
            raise ValueError(
                "XLA cannot reduce gradients over replicas; leave `jit_compile` as it is. "
                f"Received: jit_compile=True, {self._num_replicas()} replicas"
            )
        # What was given, for a loaded model to choose itself where this one did.
        self._given = {"jit_compile": jit_compile, "steps_per_execution": steps_per_execution}
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution or 1,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )

    def get_compile_config(self):
        config = super().get_compile_config()
        return {**config, **self._given} if config else config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def compiles_to_xla(self):
        """Whether XLA can compile what this model computes, and is the faster way.

        On CPU, XLA was seen to take 5 to 20 times as long as TensorFlow for convolutions.
        """
        if self._num_replicas() > 1 or not private_keras.supports_xla(self):
            return False
        convolves = any(hasattr(layer, "kernel_size") for layer in private_keras.all_layers(self))
        return not convolves or bool(tf.config.list_physical_devices("GPU"))

    def check_data(self, data):
        """Raises ValueError for unfit data; called with whole arrays once, else with each batch.

        Args:
            data: x, or a tuple (x, y, ...), as Keras gives it to `train_step`.
        """

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            self.train_function = self._function(self.train_step)

    def make_test_function(self, force=False):
        if self.test_function is None or force:
            self.test_function = self._function(self.test_step)

    def make_predict_function(self, force=False):
        if self.predict_function is not None and not force:
            return
        super().make_predict_function(force)
        predict = self.predict_function
        if self._is_one_program():  # Keras's own would warn of tracing after five models
            predict = executions.prediction(self.predict_step)

        def checked(batches):
            batches = [private_keras.without_optionals(batch) for batch in batches]
            for batch in batches:
                self._check_local(batch)
            return predict(batches)

        self.predict_function = checked

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
        """As `keras.Model.fit`.

        With a seeded model and arrays the order of the examples depends on the seed, the number of
        the pass over them and the steps taken before; it is random otherwise. A callback with a
        method `resume_fit(model, callbacks)` is asked first how many epochs are done; `fit` begins
        with the next one, and with the data that come then.
        """
        self.require_compiled("fit")
        listed = arguments.as_list(callbacks)
        self._wants_every_batch = any(map(arguments.wants_every_batch, listed))
        epochs_done = arguments.epochs_done(self, listed)
        first_epoch, initial_epoch = initial_epoch, max(initial_epoch, epochs_done)
        self._training = (first_epoch, initial_epoch)
        if not 0 <= validation_split < 1:
            raise ValueError(
                "`validation_split` must be at least 0 and below 1. "
                f"Received: validation_split={validation_split}"
            )
        x, y = self._checked(x, y, sample_weight, steps_per_epoch, class_weight)
        if shuffle is True:  # where Keras says that it ignores its own default
            shuffle = isinstance(x, keras.utils.PyDataset) or private_keras.are_arrays(x)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = private_keras.split_for_validation(
                (x, y, sample_weight), validation_split
            )
        if validation_data is not None:
            val_x, val_y, val_weight = keras.utils.unpack_x_y_sample_weight(validation_data)
            val_x, val_y = self._checked(val_x, val_y, val_weight, validation_steps)
            val_batch_size = validation_batch_size or batch_size
            val_x = self._adapted(val_x, val_y, val_weight, val_batch_size, validation_steps)
            validation_data = (val_x, val_y, val_weight)
            arguments.warn_of_missing_columns(listed, validation_freq, self.validation_metrics)
        options = {"class_weight": class_weight, "shuffle": shuffle}
        return super().fit(
            self._adapted(x, y, sample_weight, batch_size, steps_per_epoch, **options),
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=arguments.with_progress_bar(callbacks, verbose),
            validation_data=validation_data,
            sample_weight=sample_weight,
            **options,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """As `keras.Model.evaluate`."""
        kept = self._wants_every_batch, self.batches_in_execution  # a callback of `fit` may call
        if not private_keras.is_validation(kwargs):  # else `fit` has done this
            self._training = None
            listed = arguments.as_list(callbacks)
            self._wants_every_batch = any(map(arguments.wants_every_batch, listed))
            x, y = self._checked(x, y, sample_weight, steps)
            x = self._adapted(x, y, sample_weight, batch_size, steps)
        try:
            return super().evaluate(
                x,
                y,
                batch_size=batch_size,
                verbose=verbose,
                sample_weight=sample_weight,
                steps=steps,
                callbacks=arguments.with_progress_bar(callbacks, verbose),
                return_dict=return_dict,
                **kwargs,
            )
        finally:
            self._wants_every_batch, self.batches_in_execution = kept

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """As `keras.Model.predict`, with the S of `compile` if it divides `steps`, else with 1."""
        x, _ = self._checked(x, None, None, steps)
        kept, given = self.steps_per_execution, self._given["steps_per_execution"] or 1
        self.steps_per_execution = 1 if steps is not None and steps % given else given
        try:
            return super().predict(x, batch_size, verbose, steps, callbacks)
        finally:
            self.steps_per_execution = kept

    def prepare_epochs(self, epochs):
        training, self._training = self._training, None
        steps = self._chosen_steps(epochs.num_batches)
        epochs.steps_per_execution = steps
        if self._given["steps_per_execution"] is None:
            epochs.is_full, epochs.most_bytes = False, _MOST_BYTES
        arrays = epochs.arrays()
        if arrays is None:
            epochs.check = self._check_local
            if self._is_one_program():
                epochs.without_autotuner()
        epochs.reads_ahead = self._is_one_program()
        if training is None:
            if arrays is not None and self._num_replicas() == 1:
                epochs.replace_data(ArrayPasses(arrays, **epochs.array_options))
            return
        self.steps_per_execution = steps
        first_epoch, initial_epoch = training
        if self.optimizer is not None and first_epoch == initial_epoch:
            steps_done = initial_epoch * (epochs.num_batches or 0)
            self.steps_before_fit = int(self.optimizer.iterations.numpy()) - steps_done
        if arrays is not None:
            if epochs.steps_per_epoch is None:
                first_epoch = initial_epoch  # an epoch is a pass: none needs to be taken
            seed = [self._shuffling_seed(), self.steps_before_fit]
            passes = ArrayPasses(arrays, **epochs.array_options, seed=seed, first=first_epoch)
            if self._num_replicas() > 1:
                passes = passes.over_replicas(self.distribute_strategy)
            epochs.replace_data(passes)
        epochs.skipped = initial_epoch - first_epoch

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

    def _chosen_steps(self, num_batches):
        given = self._given["steps_per_execution"]
        if given is not None:
            return given
        alone = not self.jit_compile and self._num_replicas() == 1
        if alone or self.run_eagerly or self._wants_every_batch:
            return 1
        return min(num_batches or _MOST_STEPS, _MOST_STEPS)

    def _function(self, step):
        """A Keras train or test function: of an iterator, or of a list of batches."""
        strategy, results = self.distribute_strategy, self.get_metrics_result
        if self._is_one_program():
            insists = self._given["jit_compile"] is True
            execute = executions.in_one_program_if_fit(strategy, step, results, insists)
        else:
            execute = executions.one_by_one(strategy, step, results, not self.run_eagerly)

        def function(batches):
            if hasattr(batches, "__next__"):  # of `train_on_batch` or a user: one batch
                batch = private_keras.without_optionals(next(batches))
                self._check_local(batch)
                batches = [batch]
            if not batches:
                raise StopIteration
            self.batches_in_execution = len(batches)
            return execute(batches)

        return function

    def _check_local(self, batch):
        """Checks the parts of a batch that the replicas of this host have."""
        if self._num_replicas() == 1:
            self.check_data(batch)
            return
        local_results = self.distribute_strategy.experimental_local_results
        for replica in range(len(local_results(keras.tree.flatten(batch)[0]))):
            part = keras.tree.map_structure(lambda v, i=replica: local_results(v)[i], batch)
            if len(keras.tree.flatten(part)[0]):  # of a last batch some replicas have none
                self.check_data(part)

    def _checked(self, x, y, sample_weight, steps, class_weight=None):
        """Returns x and y for Keras, after what can be said of them before the first batch."""
        arguments.require_an_end(x, steps)
        x = arguments.as_array(x)
        if private_keras.are_arrays(x):
            self.check_data((x,))
            y = arguments.targets(y, sample_weight, class_weight, self.needs_targets)
        return x, y

    def _adapted(self, x, y, sample_weight, batch_size, steps, **options):
        """Arrays as an adapter, which Keras takes in place of x, y and weights; other x as it is.

        Keras's own adapter makes a tf.data pipeline that is not used, in the time of an epoch of
        small data.
        """
        if not private_keras.are_arrays((x, y, sample_weight)):
            return x
        return private_keras.ArrayAdapter(
            x=x,
            y=y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            steps=steps,
            keeps_pipeline=not self.built or self._num_replicas() > 1,
            **options,
        )

    def _is_one_program(self):
        return self.jit_compile and self._num_replicas() == 1 and not self.run_eagerly

    def _num_replicas(self):
        return self.distribute_strategy.num_replicas_in_sync
