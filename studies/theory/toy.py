"""Seven training points and a fixed linear decoder, whose posteriors are Gaussian."""

import keras
import numpy as np
import scipy.stats

import air_tf

X = np.array(
    [(-1.7, -0.5), (-1.2, 0.4), (-0.2, 1.6), (0.4, 1.1), (1.4, 0.6), (1.8, -0.4), (0.2, -1.5)],
    "float32",
)
_NOISE = np.array([0.3, 0.6])  # p(x|z) = N(z, diag(0.3², 0.6²))
_OPTIONS = {
    "input_dim": 2,
    "latent_dim": 2,
    "encoder_units": (50, 50),
    "decoder_units": (),
    "likelihood": "gaussian",
    "analytic_kl": True,
}


def trained(name, num_steps, seed, **strengths):
    """A named model whose encoder is trained for the decoder of the toy."""
    model = air_tf.create_model(name, seed=seed, **_OPTIONS, **strengths)
    raw_scale = np.log(np.expm1(_NOISE - 1e-3))
    model.decoder.set_weights([np.eye(2, 4), np.concatenate([np.zeros(2), raw_scale])])
    model.decoder.trainable = False
    rate = keras.optimizers.schedules.CosineDecay(1e-2, num_steps)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    copies = np.tile(X, [30, 1])  # each with noise and latents of its own
    model.fit(copies, batch_size=len(copies), epochs=num_steps, verbose=0)
    return model


def posteriors():
    """The p(z|x_i): {"loc", "scale"}, each `[N, Z]`."""
    precision = 1 + _NOISE**-2
    loc = X / _NOISE**2 / precision
    scale = np.tile(precision**-0.5, [len(X), 1])
    return {"loc": loc.astype("float32"), "scale": scale.astype("float32")}


def log_p():
    """Log p(x) of the training points."""
    return scipy.stats.norm(scale=np.sqrt(1 + _NOISE**2)).logpdf(X).sum(axis=1)
