"""A table of reals: a Gaussian VAE on 341 patients with 30 measurements, plain and regularized.

`python examples/breast_cancer_table.py` takes one to two minutes. The measurements are standardised
on the training split; a Gaussian likelihood is made for numbers with a spread of about 1.
"""

import keras
import numpy as np

import air_tf

# The strengths are the library's defaults, not tuned. A null result is a result, and so is a loss:
# if a difference is within its error bar, the regularizer did not matter here. For your own data,
# choose the strength on the validation set.
PLAIN = {"plain": ("vae", {})}
REGULARIZED = {"noise": ("dvae", {"noise_stddev": 0.2}), "norm cap": ("wni_vae", {"max_norm": 2})}


def bounds(name, strength, data, seed, epochs):
    """Trains a model; returns its mean test log p(x), its ELBO, and their difference."""
    model = air_tf.create_model(
        name,
        input_dim=30,
        latent_dim=10,
        encoder_units=(100,),
        decoder_units=(100,),
        likelihood="gaussian",
        seed=seed,
        **strength,
    )
    model.initialize_output_bias(data.train)
    # A training this short is over before XLA has compiled; leave `jit_compile` out of a long one.
    model.compile(keras.optimizers.Adam(2e-3), jit_compile=False)
    stopping = air_tf.callbacks.EarlyStopping(patience=10)  # ends with the best epoch's weights
    batches = {"batch_size": 50, "validation_data": (data.validation,)}
    model.fit(data.train, epochs=epochs, callbacks=[stopping], verbose=0, **batches)
    log_likelihood = air_tf.evaluation.iw_svi(
        model, data.test, 500, max_steps=100, progress=False
    ).mean
    elbo = model.evaluate(data.test, verbose=0, return_dict=True)["elbo"]
    return log_likelihood, elbo, log_likelihood - elbo


def main(seeds=(0, 1, 2), epochs=300):
    """Trains every model with every seed and prints the comparison."""
    data = air_tf.datasets.load("breast_cancer")
    rows = {}
    for title, (name, strength) in (PLAIN | REGULARIZED).items():
        print(f"Training and evaluating with {len(seeds)} seeds: {title}", flush=True)
        rows[title] = np.array([bounds(name, strength, data, seed, epochs) for seed in seeds])
    rows |= {f"{title} − plain": rows[title] - rows["plain"] for title in REGULARIZED}
    print("\nNats per test patient: mean over the seeds ± its standard error; paired differences")
    print(f"{'':18}{'log p(x)':>17}{'ELBO':>17}{'log p(x) − ELBO':>17}")
    for title, row in rows.items():
        print(f"{title:18}" + "".join(f"{air_tf.evaluation.Estimate(c)!s:>17}" for c in row.T))


if __name__ == "__main__":
    main()
