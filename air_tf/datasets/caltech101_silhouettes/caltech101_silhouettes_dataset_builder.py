"""TFDS builder of the Caltech 101 Silhouettes at 28×28."""

import scipy.io
import tensorflow_datasets as tfds

_FILE = "caltech101_silhouettes_28_split1.mat"
_URL = f"https://people.cs.umass.edu/~marlin/data/{_FILE}"
_KEYS = {"train": "train_data", "validation": "val_data", "test": "test_data"}


class Caltech101Silhouettes(tfds.core.GeneratorBasedBuilder):
    """Binary silhouettes of the objects of Caltech 101, upright, figure = 1."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Download {_URL} and put {_FILE} into the manual directory."

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=(
                "Silhouettes of the objects of Caltech 101, 28×28 binary pixels: 4,100 training, "
                "2,264 validation and 2,307 test images (Marlin et al. 2010, split 1)."
            ),
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(num_classes=101),
                }
            ),
            homepage="https://people.cs.umass.edu/~marlin/data.shtml",
            citation=(
                "@inproceedings{marlin2010inductive, author={Marlin, Benjamin and Swersky, Kevin "
                "and Chen, Bo and de Freitas, Nando}, title={Inductive principles for restricted "
                "Boltzmann machine learning}, booktitle={AISTATS}, year={2010}}"
            ),
        )

    def _split_generators(self, dl_manager):
        path = dl_manager.download(_URL)
        return {split: self._generate_examples(path, key) for split, key in _KEYS.items()}

    def _generate_examples(self, path, key):
        with path.open("rb") as file:
            labels = key.replace("data", "labels")
            arrays = scipy.io.loadmat(file, variable_names=[key, labels])
        # The file has 0 = figure, 1 = background, pixels column by column, and classes from 1.
        images = 1 - arrays[key].reshape(-1, 28, 28, 1).transpose(0, 2, 1, 3)
        for index, (image, label) in enumerate(zip(images, arrays[labels].ravel(), strict=True)):
            yield index, {"image": image.astype("uint8"), "label": int(label) - 1}
