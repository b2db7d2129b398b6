"""`fit`, `evaluate` and `predict` of `SuperbatchModel` against a stock `keras.Model`.

Both have the same `train_step` and `test_step`, which write down the examples of every step. Stock
runs a step at a time, eagerly: in a graph its `optimizer.iterations` counts one step more where
data of unknown length end, since the ops that need no data do not wait for them.
"""

import collections
import contextlib
import functools
import math
import random
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

MOST_STEPS, MOST_EXAMPLES = 64, 8


# The model


def split(x):
    """Ids `[B]` and features `[B, 2]`, from any of the forms in which a batch may come."""
    if isinstance(x, tf.SparseTensor):
        x = tf.sparse.to_dense(x)
    if isinstance(x, dict):
        x = x["id"], x["features"]
    if isinstance(x, tuple | list):
        return tf.cast(tf.reshape(x[0], [-1]), tf.int32), tf.cast(x[1], tf.float32)
    return tf.cast(x[:, 0], tf.int32), tf.cast(x[:, 1:], tf.float32)


def log_of_steps(model, name):
    """A variable that keeps the ids of each step, and one that counts the steps."""
    shape = (MOST_STEPS, MOST_EXAMPLES)
    ids = model.add_weight(shape=shape, dtype="int32", trainable=False, name=f"{name}_ids")
    count = model.add_weight(shape=(), dtype="int32", trainable=False, name=f"{name}_count")
    return ids, count


def write_down(log, ids):
    rows, count = log
    row = tf.pad(ids + 1, [[0, MOST_EXAMPLES - tf.shape(ids)[0]]])  # 0 is no example
    row = tf.ensure_shape(row, [MOST_EXAMPLES])
    at_step = tf.one_hot(count, MOST_STEPS, dtype=tf.int32)[:, None]
    rows.assign_add(at_step * row)
    count.assign_add(1)


@functools.cache
def linear(base):
    """The model of a test: a linear regression, over `base`."""

    class Linear(base):
        def __init__(self, extra_log=False):
            super().__init__()
            self.extra_log = extra_log
            self.kernel = self.add_weight(shape=(2, 1), initializer="ones", name="kernel")
            self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")
            self.trained, self.tested = log_of_steps(self, "train"), log_of_steps(self, "test")
            self.error = keras.metrics.Mean("error")

        def call(self, x):
            _, features = split(x)
            return tf.matmul(features, self.kernel) + self.bias

        def loss_and_logs(self, data):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            predicted = self(x)[:, 0]
            y = tf.zeros_like(predicted) if y is None else tf.cast(tf.reshape(y, [-1]), tf.float32)
            errors = tf.square(predicted - y)
            if sample_weight is not None:
                sample_weight = tf.cast(tf.reshape(sample_weight, [-1]), tf.float32)
                errors *= sample_weight
            loss = tf.reduce_mean(errors)
            self._loss_tracker.update_state(loss, sample_weight=tf.shape(errors)[0])
            self.error.update_state(tf.abs(predicted - y), sample_weight)
            return loss, split(x)[0]

        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss, ids = self.loss_and_logs(data)
            write_down(self.trained, ids)
            weights = self.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            logs = {metric.name: metric.result() for metric in self.metrics}
            return {**logs, "first_id": ids[0]} if self.extra_log else logs

        def test_step(self, data):
            _, ids = self.loss_and_logs(data)
            write_down(self.tested, ids)
            return {metric.name: metric.result() for metric in self.metrics}

        def steps(self, which):
            """The ids of each step so far, as tuples."""
            rows, count = [variable.numpy() for variable in getattr(self, which)]
            return [tuple(int(i) - 1 for i in row if i) for row in rows[:count]]

    return Linear


def stock(**options):
    return linear(keras.Model)(**options)


def ours(**options):
    from air_tf.fitting import SuperbatchModel

    return linear(SuperbatchModel)(**options)


# The data


def examples(n, form="array", first_id=0):
    """x, y and weights of n examples."""
    generator = np.random.default_rng(n + first_id)
    ids = np.arange(first_id, first_id + n, dtype="float32")
    features = generator.normal(size=(n, 2)).astype("float32")
    y, weights = (ids.astype(int) % 2).astype("float32"), 0.5 + ids % 3
    if form in ("array", "tensor"):
        x = np.column_stack([ids, features])
        x = tf.constant(x) if form == "tensor" else x
    elif form == "dict":
        x = {"id": ids, "features": features}
    else:
        x = {"tuple": tuple, "list": list}[form]([ids, features])
    return x, y, weights


def element(parts, which):
    """What a data set yields of x, y and weights: `which` is such as "x,y"."""
    x, y, weights = parts
    if which == "x":
        return x
    named = {"x": x, "y": y, "w": weights, "None": None}
    return tuple(named[name] for name in which.split(",") if name)


def batches(n, batch_size, form, which, first_id=0):
    parts = examples(n, form, first_id)
    for start in range(0, n, batch_size):
        batch = keras.tree.map_structure(lambda a, at=start: a[at : at + batch_size], parts)
        yield element(batch, which)


class Rotating(keras.utils.PyDataset):
    """A `PyDataset` that can move its order on by a batch after each epoch."""

    moves = False

    def __init__(self, elements, **options):
        super().__init__(**options)
        self.elements, self.first = elements, 0

    def __len__(self):
        return len(self.elements)

    def __getitem__(self, index):
        return self.elements[(index + self.first) % len(self.elements)]

    def on_epoch_end(self):
        self.first += self.moves


def spec(value):
    return tf.TensorSpec((None, *value.shape[1:]), value.dtype)


def arguments(kind, n, batch_size, form, which, first_id=0):
    """The arguments of `fit` that are the data: x, y, sample_weight and batch_size."""
    if kind == "array":
        parts = examples(n, form, first_id)
        given = element(parts, which)
        given = (given,) if which == "x" else given
        names = ("x", "y", "sample_weight")
        return {**dict(zip(names, given, strict=False)), "batch_size": batch_size}
    batch_size = batch_size or 4
    elements = list(batches(n, batch_size, form, which, first_id))
    if kind == "generator":
        return {"x": (one for one in elements)}
    if kind == "endless_generator":
        return {"x": (one for _ in iter(int, 1) for one in elements)}
    if kind in ("pydataset", "threaded_pydataset"):
        return {"x": Rotating(elements, workers=1 if kind == "pydataset" else 2)}
    if kind == "unknown_dataset":
        data = element(examples(n, form), which)
        signature = keras.tree.map_structure(spec, data)
        return {"x": tf.data.Dataset.from_generator(lambda: elements, output_signature=signature)}
    parts = examples(n, form, first_id)
    data = tf.data.Dataset.from_tensor_slices(parts).batch(batch_size)
    data = data.map(lambda *parts: element(parts, which))
    return {"x": data.repeat() if kind == "endless_dataset" else data}


# What a run shows


class EpochHooks(keras.callbacks.Callback):
    """Writes down the calls that come once an epoch, and the steps that the epoch has taken."""

    def __init__(self, stop=None):
        super().__init__()
        self.calls, self.ends, self.values, self.stop = [], [], [], stop

    def note(self, name, index=None, logs=None):
        self.calls.append((name, index, sorted(logs or {})))
        if logs:
            self.values.append({key: np.float64(value) for key, value in logs.items()})

    def on_train_begin(self, logs=None):
        self.note("train_begin", None, logs)

    def on_train_end(self, logs=None):
        self.note("train_end", None, logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch_end", epoch, logs)
        self.ends.append((len(self.model.steps("trained")), len(self.model.steps("tested"))))
        if self.stop == ("epoch", epoch):
            self.model.stop_training = True

    def on_test_begin(self, logs=None):
        self.note("test_begin", None, logs)

    def on_test_end(self, logs=None):
        self.note("test_end", None, logs)

    def on_predict_begin(self, logs=None):
        self.note("predict_begin", None, logs)

    def on_predict_end(self, logs=None):
        self.note("predict_end", None, logs)


class BatchHooks(EpochHooks):
    """Writes down the calls that come once an execution, too."""

    def on_train_batch_begin(self, batch, logs=None):
        self.note("train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.note("train_batch_end", batch, logs)
        if self.stop == ("batch", batch):
            self.model.stop_training = True

    def on_test_batch_begin(self, batch, logs=None):
        self.note("test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.note("test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self.note("predict_batch_begin", batch)

    def on_predict_batch_end(self, batch, logs=None):
        self.note("predict_batch_end", batch)


Run = collections.namedtuple("Run", "result error warned calls values ends bar")


@contextlib.contextmanager
def progress():
    """What the progress bars are told: (current, target, whether it is the last)."""
    told, update = [], keras.utils.Progbar.update

    def note(self, current, values=None, finalize=None):
        told.append((current, self.target, bool(finalize)))

    keras.utils.Progbar.update = note
    try:
        yield told
    finally:
        keras.utils.Progbar.update = update


def run(model, method, hooks, stop=None, **options):
    """Calls `model.method(**options)` and watches it."""
    error = result = None
    watch = hooks(stop)
    if not method.endswith("on_batch"):
        options = {**options, "callbacks": [*options.get("callbacks", ()), watch], "verbose": 1}
    with warnings.catch_warnings(record=True) as warned, progress() as bar:
        warnings.simplefilter("always")
        try:
            result = getattr(model, method)(**options)
        except Exception as raised:
            error = raised
    result = result.history if isinstance(result, keras.callbacks.History) else result
    # Keras warns, unasked, that it does not shuffle data sets; ours need not.
    messages = sorted(
        str(warning.message)
        for warning in warned
        if issubclass(warning.category, UserWarning)
        and not str(warning.message).startswith("`shuffle=True` was passed")
    )
    return Run(result, error, messages, watch.calls, watch.values, watch.ends, bar)


def assert_close(actual, expected):
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
    keras.tree.map_structure(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), actual, expected
    )


def indices(calls, name):
    return [index for which, index, _ in calls if which == name]


def epochs_of(calls, name):
    """The indices of the calls `name`, for each epoch."""
    epochs = []
    for which, index, _ in calls:
        if which == "epoch_begin":
            epochs.append([])
        elif which == name and epochs:
            epochs[-1].append(index)
    return epochs


def assert_executions(calls, expected, steps):
    """Batch hooks come once per S batches, in place of once per batch."""
    for actual, batch_by_batch in zip(
        epochs_of(calls, "train_batch_end"), epochs_of(expected, "train_batch_end"), strict=True
    ):
        taken = len(batch_by_batch)
        assert len(actual) == math.ceil(taken / steps)
        assert actual[:-1] == [steps * (i + 1) - 1 for i in range(len(actual) - 1)]
        # Keras's own tests want the end of a full execution where the last one is short.
        assert not actual or actual[-1] in (taken - 1, steps * len(actual) - 1)
    for begins, ends in zip(
        epochs_of(calls, "train_batch_begin"), epochs_of(calls, "train_batch_end"), strict=True
    ):
        assert len(begins) in (len(ends), len(ends) + 1)  # one more finds that the data has ended
        assert begins[: len(ends)] == [steps * i for i in range(len(ends))]


def without_batches(calls):
    return [call for call in calls if "batch" not in call[0]]


def assert_same_bar(actual, expected):
    """Each bar ends where Keras's ends, grows, and is never past its target."""
    assert [entry for entry in actual if entry[2]] == [entry for entry in expected if entry[2]]
    previous = 0
    for current, target, last in actual:
        assert target is None or current <= target
        assert last or current > previous
        previous = 0 if last else current


def assert_same_epochs(models, runs, since, shuffle):
    """The same examples in each epoch: in the same order, except if they were shuffled."""
    assert runs[0].ends == runs[1].ends
    for which in ("trained", "tested"):
        actual, expected = (model.steps(which) for model in models)
        if not (shuffle and which == "trained"):
            assert actual == expected
            continue
        assert actual[:since] == expected[:since]
        start = since
        for end, _ in runs[0].ends:
            epochs = [sorted(sum(steps[start:end], ())) for steps in (actual, expected)]
            assert epochs[0] == epochs[1]
            sizes = [sorted(map(len, steps[start:end])) for steps in (actual, expected)]
            assert sizes[0] == sizes[1]
            start = end


# The cases


KINDS = [
    "array",
    "known_dataset",
    "unknown_dataset",
    "endless_dataset",
    "generator",
    "endless_generator",
    "pydataset",
    "threaded_pydataset",
]
ENDLESS = ("endless_dataset", "endless_generator")


def draw_source(draw, kinds=KINDS):
    """Keywords of `arguments`."""
    kind = draw.choice(kinds)
    # Only arrays are taken as lists: tf.data makes one tensor of a list.
    forms = ["array", "array", "dict", "tuple"] + ["list", "tensor"] * (kind == "array")
    elements = ["x", "x,", "x,y", "x,y", "x,y,w"]
    if kind == "array":
        elements.append("x,None")  # stock drops weights without y: a test of its own
    elif kind != "unknown_dataset" and "pydataset" not in kind:  # there stock has no None
        elements += ["x,None", "x,None,w"]
    form, which = draw.choice(forms), draw.choice(elements)
    return {
        "kind": kind,
        "n": draw.choice([1, 4, 5, 6, 7, 8]),
        "batch_size": draw.choice([2, 3, None]),
        "form": form,
        "which": "x," if form == "tuple" and which == "x" else which,  # else it is x and y
    }


def draw_steps(draw, source):
    return draw.choice([1, 2, 5] if source["kind"] in ENDLESS else [None, None, 1, 2, 5])


def draw_fit(draw, hooks):
    source = draw_source(draw)
    options = {
        "epochs": draw.choice([1, 2, 3, 3]),
        "steps_per_epoch": draw_steps(draw, source),
        "shuffle": draw.random() < 0.3,
        "initial_epoch": draw.choice([0, 0, 0, 1]),
        "validation_freq": draw.choice([1, 1, 2, [2]]),
    }
    if options["steps_per_epoch"]:
        options["shuffle"] = False  # epochs are then parts of a pass: a test of its own
    if draw.random() < (0.3 if source["which"] == "x,y" else 0.05):
        options["class_weight"] = {0: 0.5, 1: 2.0}
    validation = None
    if source["kind"] == "array" and draw.random() < 0.3:
        options["validation_split"] = draw.choice([0.3, 0.5])
    elif draw.random() < 0.6:
        validation = draw_source(draw)
        options["validation_steps"] = draw_steps(draw, validation)
        options["validation_batch_size"] = draw.choice([None, 3])
    if draw.random() < 0.2:
        options["stop"] = "epoch", draw.choice([0, 1])
    elif draw.random() < 0.2 and hooks is BatchHooks:
        options["stop"] = "batch", 1
    return "fit", source, validation, options


OTHER_METHODS = ["evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"]


def draw_other_call(draw):
    method = draw.choice(OTHER_METHODS)
    source = draw_source(draw, ["array"] if method.endswith("on_batch") else KINDS)
    options = {}
    if not method.endswith("on_batch"):
        options["steps"] = draw_steps(draw, source)
    if not method.startswith("predict"):
        options["return_dict"] = draw.random() < 0.5
    return method, source, None, options


def draw_case(seed, steps):
    draw = random.Random(seed)
    hooks = draw.choice([EpochHooks, BatchHooks])
    calls = [draw_fit(draw, hooks)]
    while len(calls) < 3 and draw.random() < 0.6:
        calls.append(draw_fit(draw, hooks) if draw.random() < 0.4 else draw_other_call(draw))
    return {
        "steps": draw.choice(steps),
        "optimizer": draw.choice(list(OPTIMIZERS)),
        "extra_log": draw.random() < 0.25,
        "hooks": hooks,
        "calls": calls,
    }


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.7)
    ),
    "ema": lambda: keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8),
    "ema_overwrite": lambda: keras.optimizers.SGD(
        0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3
    ),
    "accumulation": lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=2),
    "clipped": lambda: keras.optimizers.Adam(0.1, clipnorm=0.5, weight_decay=0.01),
}


def let_move(data, steps):
    """Where Keras reads ahead over the end of an epoch, it may or may not see that data change."""
    if isinstance(data, Rotating):
        data.moves = steps is None and data.workers == 1


def call_arguments(method, source, validation, options):
    options = {**options, **arguments(**source)}
    let_move(options["x"], options.get("steps_per_epoch", options.get("steps")))
    if method.endswith("on_batch"):
        options.pop("batch_size")
    if method.startswith("predict"):
        options = {name: options[name] for name in options if name not in ("y", "sample_weight")}
    if validation is not None:
        given = arguments(**validation, first_id=100)
        let_move(given["x"], options["validation_steps"])
        parts = [given.get(name) for name in ("x", "y", "sample_weight")]
        options["validation_data"] = (
            tuple(part for part in parts if part is not None) if len(given) > 1 else given["x"]
        )
    return options


def check(case, jit_compile):
    """Every call of the case does to ours what it does to stock."""
    steps = case["steps"]
    models = [make(extra_log=case["extra_log"]) for make in (ours, stock)]
    models[0].compile(
        OPTIMIZERS[case["optimizer"]](), jit_compile=jit_compile, steps_per_execution=steps
    )
    models[1].compile(OPTIMIZERS[case["optimizer"]](), run_eagerly=True)
    one_by_one = steps == 1 or (steps is None and case["hooks"] is BatchHooks)
    for method, source, validation, options in case["calls"]:
        since = len(models[1].steps("trained"))
        if (options.get("stop") or [None])[0] == "batch" and not one_by_one:
            options = {**options, "stop": None}  # a test of its own: within an execution
        runs = [
            run(model, method, case["hooks"], **call_arguments(method, source, validation, options))
            for model in models
        ]
        if runs[1].error is not None:
            assert_fails_alike(*(one.error for one in runs))
            return
        if runs[0].error is not None:
            raise runs[0].error
        shuffle = options.get("shuffle", False) and source["kind"] == "array"
        shuffled_pydataset = options.get("shuffle") and source["kind"].endswith("pydataset")
        if shuffled_pydataset:
            shuffle = True
        assert int(models[0].optimizer.iterations) == int(models[1].optimizer.iterations)
        assert runs[0].warned == runs[1].warned
        assert without_batches(runs[0].calls) == without_batches(runs[1].calls)
        assert_same_bar(runs[0].bar, runs[1].bar)
        if one_by_one:
            assert runs[0].calls == runs[1].calls
        elif steps is not None:
            assert_executions(runs[0].calls, runs[1].calls, steps)
        assert_same_epochs(models, runs, since, shuffle)
        if shuffle:
            return  # other orders give other numbers
        assert_close(runs[0].result, runs[1].result)
        if one_by_one or case["hooks"] is EpochHooks:
            assert_close(runs[0].values, runs[1].values)
        for mine, theirs in zip(models[0].weights, models[1].weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def assert_fails_alike(actual, expected):
    """The type of error that stock raises, or a clearer one."""
    assert actual is not None, f"stock raises {expected!r}"
    if type(actual) is not type(expected):
        assert isinstance(actual, ValueError), f"{actual!r} where stock raises {expected!r}"
        assert_says_what_it_received(actual)


def assert_says_what_it_received(error):
    assert "Received" in str(error)
    assert "\n" not in str(error)


def check_seed(seed, jit_compile):
    case = draw_case(seed, steps=[None, 1, 3, 50])
    print(case)  # pytest shows it with a failure
    check(case, jit_compile)


@pytest.mark.parametrize("seed", range(32))
def test_as_stock_keras(seed):
    check_seed(seed, jit_compile=False)


@pytest.mark.parametrize("seed", range(100, 106))
def test_as_stock_keras_with_xla(seed):
    check_seed(seed, jit_compile="auto")


# What the cases leave out


def pair(steps=None, jit_compile=False, **options):
    """Our model and stock, compiled."""
    models = ours(**options), stock(**options)
    models[0].compile("sgd", jit_compile=jit_compile, steps_per_execution=steps)
    models[1].compile("sgd", run_eagerly=True)
    return models


@pytest.mark.parametrize("kind", ["array", "pydataset"])
def test_a_shuffled_pass_goes_on_over_epochs(kind):
    """4 of 8 batches an epoch, and yet each pass over the data sees every example once."""
    for model in pair(steps=3):
        hooks = EpochHooks()
        data = arguments(kind, 8, 1, "array", "x,y")
        model.fit(**data, epochs=4, steps_per_epoch=4, verbose=0, callbacks=[hooks])
        steps = model.steps("trained")
        assert [trained for trained, _ in hooks.ends] == [4, 8, 12, 16]
        assert sorted(sum(steps[:8], ())) == sorted(sum(steps[8:], ())) == list(range(8))


def test_shuffle_draws_an_order_for_each_pass():
    model, _ = pair(steps=3)
    model.fit(**arguments("array", 8, 1, "array", "x,y"), epochs=4, verbose=0)
    steps = model.steps("trained")
    assert len({tuple(steps[at : at + 8]) for at in range(0, 32, 8)}) > 1


@pytest.mark.parametrize("steps", [2, 3, 50])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_stops_after_the_execution_in_which_a_callback_asks_for_it(steps, jit_compile):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    model, _ = pair(steps, jit_compile)
    history = model.fit(
        **arguments("array", 8, 2, "array", "x,y"), epochs=3, verbose=0, callbacks=[Stop()]
    )
    assert len(model.steps("trained")) == min(steps, 4)
    assert history.epoch == [0]


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "validation"])
def test_endless_data_without_steps_are_refused(method):
    """Stock runs until someone stops it."""
    endless = arguments("endless_dataset", 4, 2, "array", "x,y")["x"]
    finite = arguments("array", 4, 2, "array", "x,y")
    model, _ = pair()
    call = getattr(model, "fit" if method == "validation" else method)
    data = {**finite, "validation_data": endless} if method == "validation" else {"x": endless}
    with pytest.raises(ValueError, match="steps") as raised:
        call(**data, verbose=0)
    assert_says_what_it_received(raised.value)


def test_weights_without_targets_are_used_or_spoken_of():
    """Stock drops them without a word."""
    x, _, weights = examples(8)
    model, oracle = pair()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.fit(x, sample_weight=weights, batch_size=4, shuffle=False, verbose=0)
    if not any("sample_weight" in str(warning.message) for warning in warned):
        y = np.zeros(8, "float32")  # what the model takes for no target
        oracle.fit(x, y, sample_weight=weights, batch_size=4, shuffle=False, verbose=0)
        np.testing.assert_allclose(model.kernel, oracle.kernel, rtol=1e-5)


def watched(model, method, hooks=BatchHooks, **options):
    return run(model, method, hooks, **{"shuffle": False, **options})


@pytest.mark.parametrize("jit_compile", [False, True])
def test_scipy_sparse_is_as_in_stock_or_refused(jit_compile):
    sparse = pytest.importorskip("scipy.sparse")
    x, y, _ = examples(7)
    models = pair(3, jit_compile)
    runs = [
        watched(model, "fit", EpochHooks, x=sparse.csr_matrix(x), y=y, batch_size=2, epochs=2)
        for model in models
    ]
    assert runs[1].error is None
    if runs[0].error is not None:
        assert isinstance(runs[0].error, ValueError)
        assert_says_what_it_received(runs[0].error)
    else:
        assert models[0].steps("trained") == models[1].steps("trained")
        assert_close(runs[0].result, runs[1].result)


def test_data_frame_is_as_in_stock():
    pandas = pytest.importorskip("pandas")
    x, y, _ = examples(7)
    models = pair(3)
    runs = [
        watched(model, "fit", EpochHooks, x=pandas.DataFrame(x), y=pandas.Series(y), epochs=2)
        for model in models
    ]
    assert runs[0].error is None
    assert models[0].steps("trained") == models[1].steps("trained")
    assert_close(runs[0].result, runs[1].result)


X, Y, W = examples(5)
DATASET = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)


def failing(after):
    yield from batches(8, 1, "array", "x,y")
    raise RuntimeError(f"after {after} batches")


@pytest.mark.parametrize(
    "options",
    [
        {"x": X, "y": Y[:3]},
        {"x": X, "y": Y, "sample_weight": W[:3]},
        {"x": X[:0], "y": Y[:0]},
        {"x": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]], "y": [0.0, 1.0]},
        {"x": X.astype(object), "y": Y},
        {"x": "examples"},
        {"x": None},
        {"x": DATASET, "y": Y},
        {"x": DATASET, "sample_weight": W},
        {"x": DATASET, "validation_split": 0.5},
        {"x": X, "y": Y, "sample_weight": W, "class_weight": {0: 1.0, 1: 2.0}},
        {"x": X, "class_weight": {0: 1.0, 1: 2.0}},
        {"x": X, "y": Y, "validation_split": 0.999},
        {"x": X, "y": Y, "validation_split": 1.5},
        {"x": X, "y": Y, "validation_data": (X, Y), "validation_freq": "2"},
        {"x": X, "y": Y, "validation_data": (X, Y, W, W)},
        {"x": X, "y": Y, "callbacks": ["EarlyStopping"]},
        {"x": X, "y": Y, "no_such_argument": 1},
        {"x": X, "y": Y, "epochs": "2"},
        {"x": X, "y": Y, "epochs": 0},
        {"x": X, "y": Y, "batch_size": -1},
        {"x": X, "y": Y, "batch_size": 2.5},
    ],
    ids=lambda options: " ".join(f"{name}={value!r}"[:30] for name, value in options.items()),
)
def test_wrong_arguments_fail_as_in_stock(options):
    runs = [watched(model, "fit", EpochHooks, **options) for model in pair()]
    if runs[1].error is None and runs[0].error is not None:
        assert_says_what_it_received(runs[0].error)  # where stock takes nonsense
    elif runs[1].error is None:
        assert without_batches(runs[0].calls) == without_batches(runs[1].calls)
    else:
        assert_fails_alike(runs[0].error, runs[1].error)


@pytest.mark.parametrize(
    "options",
    [
        {"x": DATASET.take(0)},
        {"x": DATASET, "validation_data": DATASET.take(0)},
        {"x": DATASET, "steps_per_epoch": -1},
        {"x": DATASET, "validation_data": DATASET, "validation_steps": -1},
    ],
    ids=["no data", "no validation data", "-1 steps", "-1 validation steps"],
)
def test_no_data_and_no_steps_are_spoken_of(options):
    """As in stock, which warns and takes -1 steps for all that there are, or in a sentence."""
    models = pair(3)
    runs = [watched(model, "fit", EpochHooks, **options) for model in models]
    assert runs[1].error is None
    if runs[0].error is None:
        assert runs[0].ends == runs[1].ends
        assert bool(runs[0].warned) == bool(runs[1].warned)
    else:
        assert isinstance(runs[0].error, ValueError)
        assert_says_what_it_received(runs[0].error)


@pytest.mark.parametrize("make", [lambda: failing(8), lambda: iter(()), lambda: (1 for _ in ())])
def test_a_generator_that_fails_or_is_empty_fails_as_in_stock(make):
    models = pair(3)
    runs = [watched(model, "fit", EpochHooks, x=make()) for model in models]
    assert_fails_alike(*(one.error for one in runs))


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_not_compiled(method):
    for model in ours(), stock():
        with pytest.raises(ValueError, match="compile"):
            getattr(model, method)(X, Y)


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", "int64", "bool"])
@pytest.mark.parametrize("kind", ["array", "tensor", "dataset"])
def test_numbers_arrive_in_the_type_in_which_stock_has_them(kind, dtype):
    """Keras makes its own float of an array of floats, and leaves the rest."""
    arrived = []
    for model in pair():

        def note(data, model=model):
            arrived.append(keras.tree.map_structure(lambda value: value.dtype, data))
            return type(model).train_step(model, data)

        x = X.astype(dtype)
        if kind == "tensor":
            x = tf.constant(x)
        data = (x, Y) if kind != "dataset" else (tf.data.Dataset.from_tensors((x, Y)), None)
        model.train_step = note
        model.fit(*data, verbose=0, shuffle=False)
    assert all(types == arrived[-1] for types in arrived)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_log_of_the_users_own_arrives(jit_compile):
    """The last step's, as in stock: "first_id" is no metric."""
    models = pair(None, jit_compile, extra_log=True)
    data = arguments("array", 8, 3, "array", "x,y")
    runs = [watched(model, "fit", EpochHooks, **data, epochs=2) for model in models]
    assert_close(runs[0].result, runs[1].result)
    assert runs[0].result["first_id"] == [6, 6]
    assert runs[0].bar[-1][:2] == (3, 3)


@pytest.mark.parametrize("kind", ["pydataset", "threaded_pydataset"])
@pytest.mark.parametrize("steps_per_epoch", [None, 2])
def test_hooks_of_a_pydataset_are_called_as_in_stock(kind, steps_per_epoch):
    called = []
    for model in pair(3):
        data = arguments(kind, 8, 2, "array", "x,y")["x"]
        called.append([])
        data.on_epoch_begin = lambda: called[-1].append("begin")
        data.on_epoch_end = lambda: called[-1].append("end")
        model.fit(data, epochs=3, steps_per_epoch=steps_per_epoch, shuffle=False, verbose=0)
    assert called[0] == called[1]


def constant(epoch, rate):
    return rate * 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda path: keras.callbacks.LearningRateScheduler(constant),
        lambda path: keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, 0, min_delta=10.0),
        lambda path: keras.callbacks.EarlyStopping(
            "val_loss", min_delta=10.0, patience=1, restore_best_weights=True
        ),
        lambda path: keras.callbacks.ModelCheckpoint(
            path / "{epoch}.weights.h5", monitor="val_loss", save_weights_only=True
        ),
        lambda path: keras.callbacks.ModelCheckpoint(
            path / "{batch}.weights.h5", save_freq=3, save_weights_only=True
        ),
        lambda path: keras.callbacks.CSVLogger(path / "log.csv"),
        lambda path: keras.callbacks.TerminateOnNaN(),
        lambda path: keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        lambda path: keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
    ],
    ids=[
        "LearningRateScheduler",
        "ReduceLROnPlateau",
        "EarlyStopping",
        "ModelCheckpoint",
        "ModelCheckpoint by batch",
        "CSVLogger",
        "TerminateOnNaN",
        "SwapEMAWeights",
        "LambdaCallback",
    ],
)
def test_kerass_callbacks_do_what_they_do_in_stock(make, tmp_path):
    x, y, _ = examples(8)
    data = {"x": x, "y": y, "batch_size": 2, "validation_data": (x, y), "epochs": 3}
    models, results, files = (ours(), stock()), [], []
    for i, model in enumerate(models):
        options = {"jit_compile": False} if i == 0 else {"run_eagerly": True}
        model.compile(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), **options)
        path = tmp_path / str(i)
        path.mkdir()
        model.fit(**data, shuffle=False, verbose=0, callbacks=[make(path), History(results)])
        files.append(sorted(file.name for file in path.iterdir()))
        if (path / "log.csv").exists():
            results[-1]["csv"] = (path / "log.csv").read_text().splitlines()[0]
    assert files[0] == files[1]
    assert_alike = results[0].pop("csv", None) == results[1].pop("csv", None)
    assert assert_alike
    assert_close(*results)
    np.testing.assert_allclose(models[0].kernel, models[1].kernel, rtol=1e-5)


class History(keras.callbacks.History):
    """Keeps the logs and the learning rates of a run in a list of runs."""

    def __init__(self, runs):
        super().__init__()
        self.runs = runs

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, {**logs, "rate": float(self.model.optimizer.learning_rate)})

    def on_train_end(self, logs=None):
        self.runs.append({name: list(values) for name, values in self.history.items()})


@pytest.fixture
def superbatch_model():
    """The class, its parents as they are: Keras changes those of a functional model's class."""
    from air_tf.fitting import SuperbatchModel

    parents = SuperbatchModel.__bases__
    yield SuperbatchModel
    SuperbatchModel.__bases__ = parents


@pytest.mark.parametrize("jit_compile", [False, "auto"])
def test_a_plain_regression_with_losses_and_metrics(jit_compile, superbatch_model):
    """Keras's own `train_step`, loss and metrics; the model is functional."""
    x, y, weights = examples(8)
    runs = []
    for base, options in (
        (superbatch_model, {"jit_compile": jit_compile}),
        (keras.Model, {"run_eagerly": True}),
    ):
        inputs = keras.Input((3,))
        model = base(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"], **options)
        history = model.fit(
            x * [0.1, 1, 1],
            y,
            batch_size=3,
            epochs=3,
            sample_weight=weights,
            validation_split=0.25,
            shuffle=False,
            verbose=0,
        ).history
        evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
        runs.append((history, evaluated, [weight.numpy() for weight in model.weights]))
    for actual, expected in zip(*runs, strict=True):
        assert_close(actual, expected)


def test_a_functional_model_leaves_the_class_as_it_is(superbatch_model):
    """One that is subclassed comes after it, in the same process."""
    inputs = keras.Input((3,))
    superbatch_model(inputs, keras.layers.Dense(1)(inputs))

    class Subclassed(superbatch_model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Subclassed()
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(X, Y, verbose=0)


def test_batch_methods_train_as_in_stock():
    """`train_on_batch` and `fit` in turns, with one optimizer."""
    results = []
    for model in pair(3):
        x, y, weights = examples(6)
        values = []
        for _ in range(2):
            values.append(model.train_on_batch(x, y, sample_weight=weights, return_dict=True))
            values.append(model.train_on_batch(x, y, class_weight={0: 0.5, 1: 2.0}))
            model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
            values.append(model.test_on_batch(x, y, return_dict=True))
            values.append(model.predict_on_batch(x))
        results.append(values)
    for actual, expected in zip(*results, strict=True):
        assert_close(actual, expected)


@pytest.mark.parametrize("width", [1, 2])
def test_weights_of_shape_n_and_n_1(width):
    x, y, weights = examples(7)
    weights = weights if width == 1 else weights[:, None]
    runs = [
        watched(model, "fit", x=x, y=y, sample_weight=weights, batch_size=3, epochs=2)
        for model in pair(3)
    ]
    assert_close(runs[0].result, runs[1].result)


@pytest.mark.parametrize("batches_of_data", [2, 72])
@pytest.mark.parametrize("steps", [None, 50])
def test_the_bar_is_never_past_its_end(steps, batches_of_data):
    x = np.zeros((batches_of_data, 3), "float32")
    for data in (x, tf.data.Dataset.from_tensor_slices(x).batch(1)):
        model, _ = pair(steps, jit_compile=True)
        with progress() as bar:
            for _ in range(1 if batches_of_data > MOST_STEPS // 2 else 2):
                model.fit(data, batch_size=1 if data is x else None, verbose=1, shuffle=False)
        assert all(current <= target for current, target, _ in bar)
        assert max(current for current, _, last in bar if not last) == batches_of_data
