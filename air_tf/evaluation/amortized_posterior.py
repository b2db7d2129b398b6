"""Where all evaluators start."""

from air_tf import prng


def amortized_posterior(model, x, seed):
    """The raw parameters of q(z|x) for clean x, and seeds for what follows.

    Args:
        model: a `VariationalAutoencoder`.
        x: `[B, *S]`.
        seed: seed tensor `[2]`.

    Returns:
        Raw outputs `[B, P]` of the encoder, and a tuple of five independent seeds `[2]`.
    """
    return model.posterior_outputs(x), (*prng.split(seed), *prng.split(prng.fold_in(seed, 1), 3))
