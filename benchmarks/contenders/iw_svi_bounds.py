"""IW-SVI and the gaps of a published model's test images, by the air_tf that is found first.

    python iw_svi_bounds.py MODEL IMAGES.npy

A request is a line `{"evaluate", "options"}`: the name of a function of `air_tf.evaluation`, and
its options. The answer is a line `{"version", "seconds", "values"}`: of air_tf, of the shorter of
two calls without compilation, and of each image by name.
"""

import json
import sys
import time

import numpy as np

import air_tf

model = air_tf.zoo.load_pretrained(sys.argv[1])
x = np.load(sys.argv[2])
for line in sys.stdin:
    request = json.loads(line)
    evaluate = getattr(air_tf.evaluation, request["evaluate"])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        result = evaluate(model, x, progress=False, **request["options"])
        seconds.append(time.perf_counter() - start)
    estimates = {"log_likelihood": result}
    if hasattr(result, "summary") and hasattr(result, "elbo"):
        estimates = {name: getattr(result, name) for name in result.summary()}
    values = {name: estimate.per_example.tolist() for name, estimate in estimates.items()}
    answer = {
        "version": f"air_tf {air_tf.__version__}",
        "seconds": min(seconds[1:]),
        "values": values,
    }
    print(json.dumps(answer), flush=True)
