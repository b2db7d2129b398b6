"""The small experiment with Pythae: its trainer, and its `get_nll` at its best."""

import sys
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.trainers import BaseTrainer, BaseTrainerConfig

from benchmarks import experiment, workload
from benchmarks.contenders import pythae_trainer


class _Trainer(BaseTrainer):
    def train_step(self, epoch):
        loss = super().train_step(epoch)
        if epoch == 1:
            experiment.reached("first epoch")
        return loss


def main(k):
    """Trains an IWAE and evaluates it."""
    experiment.reached("imported")
    train, validation = (torch.tensor(x, dtype=torch.float32) for x in experiment.data())
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        num_epochs=experiment.EPOCHS,
        per_device_train_batch_size=workload.BATCH_SIZE,
        per_device_eval_batch_size=workload.BATCH_SIZE,
        learning_rate=workload.LEARNING_RATE,
        no_cuda=True,
    )
    model = pythae_trainer.iwae(k, experiment.INPUT_DIM)
    datasets = [BaseDataset(x, torch.zeros(len(x))) for x in (train, validation)]
    _Trainer(model, *datasets, training_config=config).train()
    experiment.reached("trained")
    images = validation[: experiment.NUM_EVALUATED]
    pythae_trainer.nll(model.eval(), images, experiment.NUM_SAMPLES, at_its_best=True)
    experiment.reached("evaluated")


if __name__ == "__main__":
    main(int(sys.argv[1]))
