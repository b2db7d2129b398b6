"""The validation log-likelihood by IW-SVI: the logs, and stopping by it."""

import keras
import numpy as np
import pytest

import air_tf

OPTIONS = {"num_samples": 50, "max_steps": 30}


def test_logs_log_likelihood_of_the_weights_of_each_validation_and_stops_by_it():
    data = air_tf.datasets.load("digits")
    model = air_tf.create_model("vae", input_dim=64, encoder_units=(16,), latent_dim=3, seed=0)
    model.compile(keras.optimizers.Adam(0.1))  # too high: the best epoch is not the last
    x = data.validation[:40]

    def log_likelihood():
        return air_tf.evaluation.iw_svi(model, x, **OPTIONS, progress=False).mean

    seen = []
    history = model.fit(
        data.train,
        epochs=12,
        validation_data=(data.validation,),
        validation_freq=2,
        verbose=0,
        callbacks=[
            air_tf.callbacks.IWSVIValidation(x, **OPTIONS),
            air_tf.callbacks.EarlyStopping(1, "val_iw_svi"),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append((epoch, log_likelihood()))
            ),
        ],
    ).history
    expected = [value for epoch, value in seen if epoch % 2]
    np.testing.assert_allclose(history["val_iw_svi"], expected, rtol=1e-6)
    assert len(expected) == len(history["val_iwae"]) >= 2
    assert expected[-1] < max(expected)  # it has stopped
    assert log_likelihood() == pytest.approx(max(expected), rel=1e-6)
