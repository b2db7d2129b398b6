"""Counts: a VAE on the words of 300 documents, plain and with words masked before its encoder.

`python examples/counts_with_masking.py` takes about a minute. The documents are simulated: each
mixes a few of 8 topics, and a topic is a distribution over 100 words.
"""

import keras
import numpy as np

import air_tf

# The rate is the default of `create_model`, not tuned. A null result is a result, and so is a loss:
# if the difference is within its error bar, masking at this rate did not matter here. For your own
# data, choose the rate on the validation set.
MASKING_RATES = {"plain": 0.0, "masking": 0.2}


def bounds(rate, x, validation, test, seed, epochs):
    """Trains a model; returns its mean test log p(x), its ELBO, and their difference."""
    keras.utils.set_random_seed(seed)  # of the initial weights: the same for each rate
    counts = keras.Input((100,))
    hidden = air_tf.layers.NoiseInjection(rate, kind="masking", seed=seed)(counts)
    # The logarithm keeps frequent words from outweighing the others.
    hidden = keras.layers.Dense(100, activation="tanh")(keras.ops.log1p(hidden))
    encoder = keras.Model(counts, keras.layers.Dense(20)(hidden))  # 10 latents: loc and scale
    decoder = [keras.Input((10,)), keras.layers.Dense(100, "tanh"), keras.layers.Dense(100)]
    decoder = keras.Sequential(decoder)
    model = air_tf.VariationalAutoencoder(encoder, decoder, likelihood="multinomial", seed=seed)
    model.initialize_output_bias(x)
    # A training this short is over before XLA has compiled; leave `jit_compile` out of a long one.
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    stopping = air_tf.callbacks.EarlyStopping(patience=20)  # ends with the best epoch's weights
    batches = {"batch_size": 50, "validation_data": (validation,)}
    model.fit(x, epochs=epochs, callbacks=[stopping], verbose=0, **batches)
    log_likelihood = air_tf.evaluation.iw_svi(model, test, 500, max_steps=100, progress=False).mean
    elbo = model.evaluate(test, verbose=0, return_dict=True)["elbo"]
    return log_likelihood, elbo, log_likelihood - elbo


def main(seeds=(0, 1, 2), epochs=300):
    """Trains every model with every seed and prints the comparison."""
    rng = np.random.default_rng(0)
    words = rng.dirichlet(np.full(8, 0.2), size=900) @ rng.dirichlet(np.full(100, 0.1), size=8)
    counts = rng.multinomial(rng.integers(20, 80, size=900), words)
    splits = np.split(counts, 3)  # train, validation, test
    rows = {}
    for title, rate in MASKING_RATES.items():
        print(f"Training and evaluating with {len(seeds)} seeds: {title}", flush=True)
        rows[title] = np.array([bounds(rate, *splits, seed, epochs) for seed in seeds])
    rows["masking − plain"] = rows["masking"] - rows["plain"]
    print("\nNats per test document: mean over the seeds ± its standard error; paired differences")
    print(f"{'':18}{'log p(x)':>17}{'ELBO':>17}{'log p(x) − ELBO':>17}")
    for title, row in rows.items():
        print(f"{title:18}" + "".join(f"{air_tf.evaluation.Estimate(c)!s:>17}" for c in row.T))


if __name__ == "__main__":
    main()
