"""What `import air_tf` brings with it."""

import json
import subprocess
import sys

_NEW_PACKAGES = """
import json, sys
import keras, tensorflow, tensorflow_probability
tensorflow_probability.distributions  # TFP imports its parts when they are used
before = set(sys.modules)
import air_tf
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new - set(sys.stdlib_module_names))))
"""


def test_what_a_user_may_not_need_is_imported_when_it_is_used():
    # Also new parts of packages that Keras imports where it finds them, such as scikit-learn.
    command = [sys.executable, "-c", _NEW_PACKAGES]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert json.loads(output) == ["air_tf", "tqdm"]
