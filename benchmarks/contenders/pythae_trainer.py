"""Pythae on PyTorch: its IWAE with its own trainer, and its `get_nll`."""

import copy
import functools
import itertools
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import IWAE, IWAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig

from benchmarks import workload


def mlp(*widths):
    """Dense layers with tanh between them."""
    layers = []
    for i, o in itertools.pairwise(widths):
        layers += [torch.nn.Linear(i, o), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


class Encoder(BaseEncoder):
    """D-200-200-50."""

    def __init__(self, input_dim):
        super().__init__()
        self.network = mlp(input_dim, *workload.UNITS, 2 * workload.LATENT_DIM)

    def forward(self, x):
        loc, log_variance = self.network(x).chunk(2, -1)
        return ModelOutput(embedding=loc, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """50-200-200-D."""

    def __init__(self, input_dim):
        super().__init__()
        self.network = mlp(workload.LATENT_DIM, *workload.UNITS, input_dim)

    def forward(self, z):
        return ModelOutput(reconstruction=torch.sigmoid(self.network(z)))


def iwae(k, input_dim=workload.INPUT_DIM):
    """The model that all contenders train."""
    config = IWAEConfig(
        input_dim=(input_dim,),
        latent_dim=workload.LATENT_DIM,
        reconstruction_loss="bce",
        number_samples=k,
    )
    return IWAE(config, Encoder(input_dim), Decoder(input_dim))


def trainer(model, *data):
    """Pythae's trainer, ready for its first epoch, of images for training and validation."""
    data = [torch.tensor(images, dtype=torch.float32) for images in data]
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=workload.BATCH_SIZE,
        per_device_eval_batch_size=workload.BATCH_SIZE,
        learning_rate=workload.LEARNING_RATE,
        no_cuda=True,
    )
    datasets = [BaseDataset(x, torch.zeros(len(x))) for x in data]
    result = BaseTrainer(model, *datasets, training_config=config)
    result.prepare_training()
    return result


def train(k):
    """Epochs of the trainer, without its work before and after all epochs."""
    train_step = trainer(iwae(k), workload.training_images(k)).train_step

    def work():
        for epoch in range(workload.EPOCHS):
            train_step(epoch)

    return work


def train_and_validate(data_set):
    """Epochs of the trainer with validation, as in its `train`.

    It would validate with the samples of training; here it takes those of all contenders.
    """
    x, validation, epochs = workload.data_set(data_set)
    model = iwae(1, x.shape[1])
    own = trainer(model, x, validation)

    def work():
        best = float("inf")
        for epoch in range(epochs):
            model.n_samples = 1
            own.train_step(epoch)
            model.n_samples = workload.VALIDATION_SAMPLES
            loss = own.eval_step(epoch)
            if loss < best:
                best, _ = loss, copy.deepcopy(own.model)

    return work


def evaluate(k, at_its_best=False):
    """IWAE-k bound of the images."""
    x = torch.tensor(workload.images(workload.NUM_IMAGES), dtype=torch.float32)
    return functools.partial(nll, iwae(1).eval(), x, k, at_its_best)


def nll(model, x, k, at_its_best=False):
    """Pythae's IWAE-k bound of x, called as in its documentation.

    At its best, it runs without the graph for gradients, with the batch size that was the fastest
    of 100, 500, 1000 and 5000 on our machine.
    """
    with torch.set_grad_enabled(not at_its_best):
        model.get_nll(x, n_samples=k, **({"batch_size": 500} if at_its_best else {}))


if __name__ == "__main__":
    at_its_best = functools.partial(evaluate, at_its_best=True)
    workload.serve(
        {
            "train": train,
            "train and validate": train_and_validate,
            "evaluate": evaluate,
            "evaluate at its best": at_its_best,
        }
    )
