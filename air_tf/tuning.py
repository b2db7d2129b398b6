"""The search by KerasTuner, which a checkout has beside the library: `tuning/`.

air_tf.tuning.AIRHyperModel("dvae", input_dim=64, grid={"noise_stddev": (0.1, 0.2)})
"""

import importlib
import sys

try:
    # Both names give the same package, so that there is one copy of each class.
    sys.modules[__name__] = importlib.import_module("tuning")
except ModuleNotFoundError as error:
    raise ImportError(
        "air_tf.tuning needs a checkout of the repository: start Python in its folder, or put it "
        f"on PYTHONPATH. Received: {error}"
    ) from error
