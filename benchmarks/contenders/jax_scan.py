"""JAX and optax: an epoch of Adam steps in one compiled `lax.scan`, with the data in memory."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import workload


def train(k):
    """IWAE-k, tanh, Bernoulli pixels: the model that all contenders train."""
    units, latent_dim = workload.UNITS, workload.LATENT_DIM
    x = workload.training_images(k).reshape(-1, workload.BATCH_SIZE, workload.INPUT_DIM)
    generator = np.random.default_rng(0)

    def layers(*widths):
        return [
            (jnp.array(generator.normal(size=(i, o)) / np.sqrt(i), "float32"), jnp.zeros(o))
            for i, o in itertools.pairwise(widths)
        ]

    def network(parameters, h):
        *hidden, (kernel, bias) = parameters
        for w, b in hidden:
            h = jnp.tanh(h @ w + b)
        return h @ kernel + bias

    def loss(parameters, x, key):
        loc, raw_scale = jnp.split(network(parameters["encoder"], x), 2, axis=-1)
        scale = jax.nn.softplus(raw_scale) + 1e-5
        noise = jax.random.normal(key, (k, *loc.shape))
        z = loc + scale * noise
        logits = network(parameters["decoder"], z)
        log_weights = (
            jnp.sum(x * logits - jax.nn.softplus(logits), -1)
            - 0.5 * jnp.sum(z**2, -1)
            + jnp.sum(0.5 * noise**2 + jnp.log(scale), -1)
        )
        return jnp.log(k) - jnp.mean(jax.scipy.special.logsumexp(log_weights, axis=0))

    optimizer = optax.adam(workload.LEARNING_RATE)

    @jax.jit
    def epoch(parameters, state, key, batches):
        def step(carry, batch):
            parameters, state, key = carry
            key, noise_key = jax.random.split(key)
            value, gradients = jax.value_and_grad(loss)(
                parameters, batch.astype("float32"), noise_key
            )
            updates, state = optimizer.update(gradients, state)
            return (optax.apply_updates(parameters, updates), state, key), value

        carry, values = jax.lax.scan(step, (parameters, state, key), batches)
        return carry, values.mean()

    parameters = {
        "encoder": layers(workload.INPUT_DIM, *units, 2 * latent_dim),
        "decoder": layers(latent_dim, *units, workload.INPUT_DIM),
    }
    carry = (parameters, optimizer.init(parameters), jax.random.key(0))
    batches = jnp.asarray(x)

    def work():
        nonlocal carry
        for _ in range(workload.EPOCHS):
            carry, value = epoch(*carry, batches)
            value.block_until_ready()

    return work


if __name__ == "__main__":
    workload.serve({"train": train})
