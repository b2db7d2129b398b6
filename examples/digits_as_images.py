"""Images: a convolutional VAE on 1,000 digits, plain and with noise at its encoder's input.

`python examples/digits_as_images.py` takes one to two minutes. Images of your own, `[N, h, w,
channels]`, come from `air_tf.datasets.load("PATH.npz")`, or are any array that you pass to `fit`.
"""

import keras
import numpy as np

import air_tf

# The strength is the library's default, not tuned. A null result is a result, and so is a loss: if
# the difference is within its error bar, noise of this strength did not matter here. For your own
# data, choose the strength on the validation set.
MODELS = {"plain": ("vae", {}), "noise": ("dvae", {"noise_stddev": 0.2})}


def bounds(name, strength, data, seed, epochs):
    """Trains a model; returns its mean test log p(x), its ELBO, and their difference."""
    model = air_tf.create_model(
        name,
        input_shape=(8, 8, 1),
        architecture="conv",
        latent_dim=20,
        encoder_units=(100,),
        decoder_units=(100,),
        num_validation_samples=8,  # of the bound that early stopping watches; fewer are faster
        seed=seed,
        **strength,
    )
    model.initialize_output_bias(data.train)
    model.compile(keras.optimizers.Adam(3e-3))
    stopping = air_tf.callbacks.EarlyStopping(patience=10)  # ends with the best epoch's weights
    batches = {"batch_size": 100, "validation_data": (data.validation,)}
    model.fit(data.train, epochs=epochs, callbacks=[stopping], verbose=0, **batches)
    log_likelihood = air_tf.evaluation.iw_svi(
        model, data.test, 500, max_steps=50, progress=False
    ).mean
    elbo = model.evaluate(data.test, verbose=0, return_dict=True)["elbo"]
    return log_likelihood, elbo, log_likelihood - elbo


def main(seeds=(0, 1, 2), epochs=300):
    """Trains every model with every seed and prints the comparison."""
    data = air_tf.datasets.load("digits").as_images()  # 0/1 pixels [N, 8, 8, 1]
    rows = {}
    for title, (name, strength) in MODELS.items():
        print(f"Training and evaluating with {len(seeds)} seeds: {title}", flush=True)
        rows[title] = np.array([bounds(name, strength, data, seed, epochs) for seed in seeds])
    rows["noise − plain"] = rows["noise"] - rows["plain"]
    print("\nNats per test image: mean over the seeds ± its standard error; paired differences")
    print(f"{'':18}{'log p(x)':>17}{'ELBO':>17}{'log p(x) − ELBO':>17}")
    for title, row in rows.items():
        print(f"{title:18}" + "".join(f"{air_tf.evaluation.Estimate(c)!s:>17}" for c in row.T))


if __name__ == "__main__":
    main()
