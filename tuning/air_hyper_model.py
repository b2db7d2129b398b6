"""The models of this library, or one's own networks, as a search space of KerasTuner."""

import contextlib
import numbers

import keras
import keras_tuner
from keras_tuner import errors

import air_tf
from air_tf import checks
from trainers.train_config import TrainConfig
from tuning import models, private_keras_tuner, refusals, space
from tuning.best_weights import BestWeights


class AIRHyperModel(keras_tuner.HyperModel):
    """A `keras_tuner.HyperModel` over the named models, or over networks of one's own.

    `search` of a tuner takes what `model.fit` takes, data first. Each execution of a trial trains
    another seed: `seed`, `seed` + 1, … A training that diverges is a trial that has failed; a
    ValueError or TypeError, of which the data are most often the cause, ends the search. The
    weights that `get_best_models` loads are those of the best epoch.

    KerasTuner's tuners take this class, and so do those of this package, which moreover resume a
    search that was killed within an execution; KerasTuner's own do the trial again that was
    interrupted, and its `GridSearch` cannot resume at all (keras-tuner #1055).

    Args:
        model: a name of `air_tf.list_models()`; or a function `build(**hyperparameters)` that
            returns an `air_tf.VariationalAutoencoder`, compiled or not. A `seed` is passed to a
            function that has an argument of that name; it is called after
            `keras.utils.set_random_seed`, so that networks need none. A `TrainConfig` gives a
            `ConfigHyperModel`.
        grid: {hyperparameter: values}. For a name: those of `tuning.space.HYPERPARAMETERS`, of
            which a width is that of every hidden layer, and the options of `air_tf.create_model`
            that are numbers or texts. For a function: its arguments, and `learning_rate`.
        ranges: {hyperparameter: (low, high)}, whole numbers if both are; on a logarithmic scale,
            unless low is 0. With neither grid nor ranges, a named model's strengths on the grid
            `tuning.space.DEFAULT_GRIDS`, those that are no option.
        learning_rate: of Adam, for a model that is not compiled.
        seed: of the first execution: initial weights, shuffling, noise and samples.
        monitor: name of the bound by which trials are compared, the larger the better.
        **options: other arguments of `air_tf.create_model`, or of the function.

    Attributes:
        objective: the `keras_tuner.Objective` of a search.
        execution: a number that is added to the seed. The tuners of this package set it, and by
            `fit` it is known to those of KerasTuner.
        best: the bound above which the weights of an execution are saved; None for any.

    Raises:
        ValueError: for an unknown name of a model, an option or a hyperparameter, an illegal value,
            a range that is none, or nothing to search.

    Example:
    >>> import keras_tuner
    >>> data = air_tf.datasets.load("digits")
    >>> hypermodel = AIRHyperModel("dvae", input_shape=data.train.shape[1:], latent_dim=4,
    ...                            grid={"noise_stddev": (0.1, 0.2)})
    >>> tuner = keras_tuner.RandomSearch(hypermodel, hypermodel.objective, max_trials=1,
    ...                                  directory=tempfile.mkdtemp())
    >>> tuner.search(data.train, epochs=1, validation_data=(data.validation,), verbose=0,
    ...              callbacks=[air_tf.callbacks.EarlyStopping(10)])
    >>> tuner.get_best_models()[0].encoder.layers[0].stddev in (0.1, 0.2)
    True
    """

    # For the tuners of this package.
    max_epochs = 100  # of Hyperband, as in KerasTuner
    validation_freq = 1
    backup_seconds = 30.0

    def __new__(cls, model=None, *args, **kwargs):
        if cls is AIRHyperModel and isinstance(model, TrainConfig):
            from tuning.config_hyper_model import ConfigHyperModel  # a subclass of this class

            cls = ConfigHyperModel
        return super().__new__(cls)

    def __init__(
        self,
        model,
        grid=None,
        ranges=None,
        *,
        learning_rate=1e-3,
        seed=0,
        monitor="val_iwae",
        **options,
    ):
        super().__init__()
        self.model, self.options, self.monitor = model, options, monitor
        self.learning_rate = checks.positive("learning_rate", learning_rate)
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
            raise ValueError(f"`seed` must be an integer of at least 0. Received: seed={seed!r}")
        self.seed = int(seed)
        self.execution, self.best, self._first_seed = 0, None, None
        known = self._known_names()
        if not grid and not ranges:
            if not isinstance(model, str):
                raise ValueError(
                    "A `build` function needs a grid or ranges of its arguments. "
                    f"Received: grid={grid}, ranges={ranges}"
                )
            grid = space.default_grid(model, options)
        self.grid, self.ranges = space.checked(grid, ranges, known)
        twice = sorted(options.keys() & {*self.grid, *self.ranges})
        if twice:
            raise ValueError(f"A fixed value or a space, not both. Received: {twice}")

    def _known_names(self):
        """What can be searched, as in `tuning.space`, for a model and options that are legal."""
        if callable(self.model):
            return space.of_function(self.model)
        if not isinstance(self.model, str):
            raise ValueError(
                "`model` must be a name, a function that builds a model, or a TrainConfig. "
                f"Received: {self.model!r}"
            )
        checks.one_of("model", self.model, air_tf.list_models())
        for name in self.options:
            checks.one_of("option", name, space.OPTIONS)
        return space.of_named_models()

    @property
    def objective(self):
        return keras_tuner.Objective(self.monitor, "max")

    def values_for(self, hp):
        """{hyperparameter: value} of a `keras_tuner.HyperParameters`."""
        return space.values_for(hp, self.grid, self.ranges)

    def check_search(self, args, names):
        """Raises ValueError for arguments of `search` that `fit` would not take."""

    def build(self, hp):
        execution, self.execution = self.execution, 0  # that of a trial to come, after an error
        values = self.values_for(hp)
        with errors_of_keras_tuner():
            seed = self.seed + execution
            model = models.make(self.model, self.options, values, self.learning_rate, seed)
            if execution == 0:
                self._first_seed = model.seed
            refusals.same_seed(execution, self._first_seed, model.seed)
        self.execution = execution
        return model

    def fit(self, hp, model, *args, callbacks=(), resuming=(), **options):
        # KerasTuner has copied `callbacks`; `resuming` are those of the tuners of this package.
        tuner = private_keras_tuner.tuner_of(callbacks)
        refusals.tuner(tuner)
        objective = self.objective if tuner is None else tuner.oracle.objective
        savers = private_keras_tuner.weight_savers(callbacks)
        others = [c for c in callbacks if c not in savers]
        best = [BestWeights(saver, objective, self.best) for saver in savers]
        callbacks = [air_tf.callbacks.TerminateOnNaN(), *others, *best, *resuming]
        with errors_of_keras_tuner(), self.an_execution(hp, model, tuner):
            keras.utils.set_random_seed(self.seed + self.execution)
            history = model.fit(*args, callbacks=callbacks, **options)
            refusals.missing(objective, history)
        return history if resuming else private_keras_tuner.results(history, objective)

    @contextlib.contextmanager
    def an_execution(self, hp, model, tuner):
        """What is trained in it is the execution of a trial; the next one comes after it.

        KerasTuner's tuners say nowhere which execution they train. They build and train one after
        the other, and `fit` knows the tuner, and so how many there are.
        """
        number = self.execution
        try:
            if number and "tuner/trial_id" in hp.values:  # Hyperband has loaded all variables
                private_keras_tuner.copy_random_states(self.build(hp), model)
            yield
        except BaseException:
            self.execution = 0
            raise
        self.execution = (number + 1) % getattr(tuner, "executions_per_trial", 1)


@contextlib.contextmanager
def errors_of_keras_tuner():
    """KerasTuner would try other trials after an error that is none of its own."""
    try:
        yield
    except FloatingPointError as error:
        raise errors.FailedTrialError(str(error)) from error
    except errors.FatalError:
        raise
    except ValueError as error:
        raise errors.FatalValueError(str(error)) from error
    except TypeError as error:
        raise errors.FatalTypeError(str(error)) from error
