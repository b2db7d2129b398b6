"""The validation log-likelihood by IW-SVI, to stop by the decoder alone."""

import warnings

import keras

from air_tf import evaluation


class IWSVIValidation(keras.callbacks.Callback):
    """Adds `val_iw_svi`, log p(x) of validation images by IW-SVI in nats, to each validation.

    The bound `val_iwae` uses the encoder's q(z|x), so it also falls when the encoder overfits while
    the decoder still improves. This one optimises q for each image, so it judges the decoder. It
    costs as much as `air_tf.evaluation.iw_svi`: give it a few hundred images, and give `fit` a
    `validation_freq`. Put it before the callbacks that read it.

    Args:
        x: array `[N, *S]`.
        num_samples: k ≥ 1 of the bound; each epoch uses the same samples.
        **options: of `air_tf.evaluation.iw_svi`, such as max_steps.

    Raises:
        ValueError: from `fit`, as `air_tf.evaluation.iw_svi`.

    Example:
    >>> data = air_tf.datasets.load("digits")
    >>> validation = air_tf.callbacks.IWSVIValidation(data.validation[:10], 50, max_steps=20)
    >>> stopping = air_tf.callbacks.EarlyStopping(patience=5, monitor="val_iw_svi")
    >>> model = air_tf.create_model("vae", input_dim=64, seed=0)
    >>> model.compile()
    >>> history = model.fit(data.train, validation_data=(data.validation,), epochs=1, verbose=0,
    ...                     callbacks=[validation, stopping])
    >>> bool(history.history["val_iw_svi"][0] > history.history["val_iwae"][0] - 1)
    True
    """

    def __init__(self, x, num_samples=500, **options):
        super().__init__()
        self.x = x
        self.options = {"num_samples": num_samples, "progress": False, **options}

    def on_epoch_end(self, epoch, logs=None):
        if logs and "val_iwae" in logs:
            with warnings.catch_warnings():  # the few samples of a validation often warn
                warnings.simplefilter("ignore", evaluation.UnreliableEstimateWarning)
                estimate = evaluation.iw_svi(self.model, self.x, **self.options)
            logs["val_iw_svi"] = estimate.mean
