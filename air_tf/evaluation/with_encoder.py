"""Copies of a model that share nothing with it."""

import keras


def with_encoder(model, encoder: keras.Model) -> keras.Model:
    """A copy of a model, with a copy of another encoder; not compiled.

    Args:
        model: a `VariationalAutoencoder`; a subclass must be one that `from_config` makes again.
        encoder: Keras encoder that fits the model, such as its own.

    Returns:
        A model of the same class, with the weights of the two, trainable where they are.

    Raises:
        ValueError: if the class cannot make the copy, or the encoder does not fit.

    Example:
    >>> from air_tf.evaluation.with_encoder import with_encoder
    >>> model, other = (air_tf.create_model("vae", input_dim=4, seed=seed) for seed in (0, 1))
    >>> copy = with_encoder(model, other.encoder)
    >>> bool(np.all(copy.decode(np.ones((1, 50)))["logits"] ==
    ...             model.decode(np.ones((1, 50)))["logits"]))
    True
    """
    with model.distribute_strategy.scope():
        copy = _from_config(model, encoder)
        for new, old in (
            *zip(copy.encoder.weights, encoder.weights, strict=True),
            *zip(copy.decoder.weights, model.decoder.weights, strict=True),
            *zip(_others(copy), _others(model), strict=True),
        ):
            new.assign(old)
            new.trainable = old.trainable  # a config has the flags of layers alone
    return copy


def _from_config(model, encoder):
    try:
        config = {**model.get_config(), "encoder": keras.saving.serialize_keras_object(encoder)}
        return type(model).from_config(config)
    except (TypeError, NotImplementedError) as error:
        raise ValueError(
            "The model must be one that `from_config` makes again from its `get_config`. "
            f"Received: {type(model).__name__}, for which this raises {type(error).__name__}: "
            f"{error}"
        ) from error


def _others(model):
    """The weights of a subclass that are in none of the networks."""
    inside = {id(weight) for part in (model.encoder, model.decoder) for weight in part.weights}
    return [weight for weight in model.weights if id(weight) not in inside]
