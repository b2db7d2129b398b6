#!/bin/sh
# Makes the published models of a data set, from the root of a checkout:
#
#     [CELLS="vae dvae"] saved_models/make.sh STUDY DATASET [options of studies.reproduce]
#
# These are the models of seed 0 of a study's cells. The validation images choose the strengths;
# each winner is trained, and evaluated on the test images. The same command resumes.
set -eu
study=$1
dataset=$2
shift 2
python=.venv/bin/python
export TF_CPP_MIN_LOG_LEVEL=3
for cell in ${CELLS:-vae dvae wni_vae iwae8 diwae8 wni_iwae8}; do
  folder=saved_models/$dataset/$cell search=results/$study/$cell/search.json
  [ -e "$folder/SHA256SUMS" ] && continue
  $python -m studies.reproduce --study "$study" --cells "$cell" --seeds 0 "$@"
  chosen=
  [ -e "$search" ] && chosen="--search $search"
  $python -m studies.publish "runs/studies/$study/$cell/seed0" --out "$folder" $chosen
done
