"""Ways to differentiate the importance-weighted bound.

Each function takes outputs `[m, B, P]` of the encoder and returns the bound and the ELBO `[m, B]`.
The values always use k samples; only the gradient of the bound by automatic differentiation
differs. With w̃_i = w_i/Σ_j w_j and z_i = g_φ(ε_i), it is for the encoder's parameters φ

    standard    Σ_i w̃_i · d log w_i/dφ
    resampled   d log w_j/dφ for one j drawn with probability w̃_j
    stl         Σ_i w̃_i · ∂log w_i/∂z_i · dz_i/dφ       (Roeder et al. 2017)
    dreg        Σ_i w̃_i² · ∂log w_i/∂z_i · dz_i/dφ      (Tucker et al. 2019)

and for the decoder's parameters θ it is Σ_i w̃_i · d log w_i/dθ (for resampled, only the drawn j).
All are unbiased for the gradient of L_k, except stl with k > 1.
"""

import tensorflow as tf

from air_tf import prng
from air_tf.objectives.elbo import elbo as elbo_of
from air_tf.objectives.iwae_bound import iwae_bound


def _standard(model, x, outputs, k, seed):
    q = model.variational_family(outputs)
    return _bounds(model.log_importance_weights(x, q, k, seed, model.analytic_kl, training=True))


def _resampled(model, x, outputs, k, seed):
    noise_seed, choice_seed = prng.split(seed)
    family = model.variational_family
    q = family(outputs)
    noise = family.noise(q, k, noise_seed)
    log_weights = tf.stop_gradient(_log_weights(model, x, q, family.transform(q, noise)))
    bound, elbo = _bounds(log_weights)
    # Gumbel-max: log w_i + Gumbel noise is largest at index i with probability w̃_i.
    uniform = prng.uniform(tf.shape(log_weights), choice_seed, log_weights.dtype)
    gumbel = -tf.math.log(-tf.math.log(tf.maximum(uniform, 1e-30)))
    index = tf.argmax(log_weights + gumbel, axis=0)
    chosen = tf.one_hot(index, k, axis=0, dtype=noise.dtype)[..., tf.newaxis] * noise
    z = family.transform(q, tf.reduce_sum(chosen, axis=0, keepdims=True))
    log_weight = _log_weights(model, x, q, z)[0]
    return bound + log_weight - tf.stop_gradient(log_weight), elbo


def _sticking_the_landing(model, x, outputs, k, seed):
    family = model.variational_family
    z = family.sample(family(outputs), k, seed)
    return _bounds(_log_weights(model, x, family(tf.stop_gradient(outputs)), z))


def _doubly_reparameterized(model, x, outputs, k, seed):
    family = model.variational_family
    normalized_weights = []  # filled once z has its weights, before any gradient is taken

    @tf.custom_gradient
    def weighted_once_more(z):
        return tf.identity(z), lambda upstream: upstream * normalized_weights[0]

    z = weighted_once_more(family.sample(family(outputs), k, seed))
    log_weights = _log_weights(model, x, family(tf.stop_gradient(outputs)), z)
    normalized_weights.append(tf.nn.softmax(log_weights, axis=0)[..., tf.newaxis])
    return _bounds(log_weights)


def _log_weights(model, x, q, z):
    return model.log_weights_at(x, q, z, training=True)


def _bounds(log_weights):
    return iwae_bound(log_weights), elbo_of(log_weights)


GRADIENT_ESTIMATORS = {
    "standard": _standard,
    "resampled": _resampled,
    "stl": _sticking_the_landing,
    "dreg": _doubly_reparameterized,
}
