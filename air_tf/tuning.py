"""The search by KerasTuner, which a checkout has beside the library in `tuning/`."""

import importlib
import pathlib
import sys

_CHECKOUT = pathlib.Path(__file__).resolve().parents[1]

if (_CHECKOUT / "tuning" / "__init__.py").exists() and str(_CHECKOUT) not in sys.path:
    sys.path.append(str(_CHECKOUT))  # for scripts that lie elsewhere
try:
    # Both names give the same package, so that there is one copy of each class.
    sys.modules[__name__] = importlib.import_module("tuning")
except ModuleNotFoundError as error:
    raise ImportError(
        f"air_tf.tuning comes with a checkout of the repository. Received: {error}"
    ) from error
