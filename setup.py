"""Package metadata of air_tf."""

import pathlib

import setuptools

setuptools.setup(
    name="air_tf",
    version="0.2.0",
    description=(
        "Amortized inference regularization for variational and importance-weighted autoencoders, "
        "on TensorFlow, Keras 3 and TensorFlow Probability"
    ),
    long_description=pathlib.Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=setuptools.find_packages(include=["air_tf", "air_tf.*"]),
    package_data={"air_tf.datasets": ["*/checksums.tsv", "*/TAGS.txt"]},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "tensorflow-probability[tf]>=0.25,<0.26",
        "keras>=3.15,<3.16",
        "tensorflow-datasets>=4.9.10",
        "importlib_resources",  # TFDS builders import it without declaring it
        "numpy",
        "scipy",
        "arviz-stats>=0.8,<0.9",  # Pareto k̂
        "scikit-learn",
        "pillow",
        "requests",
        "matplotlib",
        "tqdm",
        # The command lines in trainers/ and tuning/ also need:
        "keras-tuner>=1.4.8,<1.5",
        "tensorboard>=2.21",  # KerasTuner fails to import without it
        "tyro",
        "typeguard",
        "pyyaml",
        "rich",
    ],
    extras_require={
        "dev": [
            "pytest",
            "hypothesis",
            "ruff",
            "import-linter",
            "pytest-xdist",
            "pip-tools",
            "setuptools",
            "wheel",
            "dill",
            "jax",  # Keras's own tests of its trainer import it
            "pandas",  # Keras takes data frames
        ]
    },
)
