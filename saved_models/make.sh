#!/bin/sh
# Makes the six published models of a data set, from the root of a checkout:
#
#     saved_models/make.sh DATASET WORK_FOLDER [options of trainers.train]
#
# The strengths are searched on the validation images by two workers, each winner is trained anew,
# evaluated on the test images, and published. Given again, it goes on where it was.
set -eu
dataset=$1
work=$2
shift 2
python=.venv/bin/python
export TF_CPP_MIN_LOG_LEVEL=3

make_model() { # folder, model, k, grid of the strength
  folder=$1 model=$2 k=$3
  shift 3
  [ -e "saved_models/$dataset/$folder/SHA256SUMS" ] && return
  run=$work/$folder search=$work/search_$folder
  if [ ! -e "$run/metrics.json" ]; then
    rm -rf "$run"
    if [ $# -gt 0 ]; then
      $python -m tuning.launch --workers 2 --dataset "$dataset" --model "$model" \
        --num-importance-samples "$k" "$@" $options --out "$search"
      $python -m tuning.retrain_best "$search" --out "$run"
    else
      $python -m trainers.train --dataset "$dataset" --model "$model" \
        --num-importance-samples "$k" $options --out "$run"
    fi
  fi
  $python -m trainers.evaluate "$run"
  chosen=
  [ $# -gt 0 ] && chosen="--search $search"
  $python -m trainers.publish "$run" --out "saved_models/$dataset/$folder" $chosen
}

options=$*
noise="--grid.noise-stddev 0.05 0.1 0.2 0.4 0.8"
cap="--grid.max-norm 0.5 1 2 4 8"
make_model vae vae 1
make_model dvae dvae 1 $noise
make_model wni_vae wni_vae 1 $cap
make_model iwae8 iwae 8
make_model diwae8 diwae 8 $noise
make_model wni_iwae8 wni_iwae 8 $cap
