"""Signal-to-noise ratio of the gradient estimators against k, as in Rainforth et al. (2018).

The model is a VAE after some training on digits. Each parameter of the encoder has the ratio
|mean|/standard deviation over repeated estimates of the gradient on one batch; the result is the
mean over parameters. With the standard estimator it falls as 1/√k ("Tighter variational bounds are
not necessarily better", section 3). The doubly reparameterized one is designed not to fall.
"""

import json
import pathlib

import keras
import matplotlib.figure
import numpy as np
import tensorflow as tf
import tqdm
import tyro

import air_tf
from air_tf import prng
from air_tf.objectives import GRADIENT_ESTIMATORS, training_bound

_RESULTS = pathlib.Path(__file__).parent / "results"
_NUM_SAMPLES = (1, 4, 16, 64, 256, 1024)


def gradient_moments(model, x, repeats):
    """Returns a function of a seed: mean and deviation of each encoder gradient over repeats."""
    weights = model.encoder.trainable_weights

    @tf.function(jit_compile=True, autograph=False)
    def run(seed):
        def add(i, sums, squares):
            with tf.GradientTape() as tape:
                bound, _ = training_bound(model, x, prng.fold_in(seed, i))
                value = tf.reduce_mean(bound)
            gradients = tape.gradient(value, [weight.value for weight in weights])
            flat = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], axis=0)
            return i + 1, sums + flat, squares + flat**2

        zeros = tf.zeros([sum(int(np.prod(weight.shape)) for weight in weights)])
        return tf.while_loop(lambda i, *_: i < repeats, add, [0, zeros, zeros])[1:]

    def moments(seed):
        sums, squares = (total.numpy().astype("float64") for total in run(tf.constant(seed)))
        mean = sums / repeats
        variance = (squares - repeats * mean**2) / (repeats - 1)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    return moments


def main(
    repeats: int = 2000,
    groups: int = 3,
    epochs: int = 20,
    seed: int = 0,
    out: pathlib.Path = _RESULTS,
):
    """Measures, saves `signal_to_noise.json` and draws `signal_to_noise.png`.

    Args:
        repeats: estimates of the gradient in a group. A parameter without any signal has a ratio
            of about 0.8/√repeats.
        groups: independent groups, which give the standard error.
        epochs: epochs of training before.
        seed: seed of the training and the estimates.
        out: folder.
    """
    data = air_tf.datasets.load("digits")
    options = {"input_dim": 64, "latent_dim": 8, "encoder_units": (32,), "decoder_units": (32,)}
    trained = air_tf.create_model("vae", **options, seed=seed)
    trained.compile(keras.optimizers.Adam(1e-3))
    trained.fit(data.train, batch_size=100, epochs=epochs, verbose=0)
    x = tf.constant(data.train[:8])
    points = []
    cells = [(name, k) for name in GRADIENT_ESTIMATORS for k in _NUM_SAMPLES]
    for name, k in tqdm.tqdm(cells, desc="signal to noise"):
        model = air_tf.create_model(
            "iwae", **options, num_importance_samples=k, gradient_estimator=name
        )
        model.set_weights(trained.get_weights())
        moments, ratios = gradient_moments(model, x, repeats), []
        for group in range(groups):
            mean, deviation = moments([seed + 1, group])
            alive = deviation > 0  # pixels that are 0 in all eight images give no gradient
            ratios.append(np.mean(np.abs(mean[alive]) / deviation[alive]))
        error = np.std(ratios, ddof=1) / np.sqrt(groups)
        point = {"estimator": name, "k": k, "ratio": np.mean(ratios), "standard_error": error}
        points.append(point)
    out.mkdir(exist_ok=True)
    (out / "signal_to_noise.json").write_text(json.dumps(points, indent=2) + "\n", encoding="utf-8")
    _draw(points, out / "signal_to_noise.png")


def _draw(points, path):
    figure = matplotlib.figure.Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for name in GRADIENT_ESTIMATORS:
        chosen = [p for p in points if p["estimator"] == name]
        k = np.array([p["k"] for p in chosen])
        ratio = [p["ratio"] for p in chosen]
        axes.errorbar(k, ratio, [p["standard_error"] for p in chosen], marker="o", label=name)
        if name == "standard":
            axes.plot(k, ratio[0] / np.sqrt(k), ":", color="grey", label="1/√k")
    axes.set(xscale="log", yscale="log", xlabel="k", ylabel="|mean| / standard deviation")
    axes.set_title("Signal-to-noise ratio of the encoder's gradient (digits)")
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    tyro.cli(main)
