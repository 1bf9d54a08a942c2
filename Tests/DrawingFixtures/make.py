#!/usr/bin/env python3
"""Makes the pipelines, networks and reference numbers in this folder; see README.md.

usage: make.py [pipelines] [networks] [autoencoders] [single-files] [full-size] [inversions] [unmerged] [exact]      without a name: everything
"""
import os
import sys
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers

import autoencoders
import exact
import full_size
import inversions
import networks
import pipelines
import single_files
import unmerged

MAKERS = {"pipelines": pipelines.make, "networks": networks.make, "autoencoders": autoencoders.make,
          "single-files": single_files.make, "full-size": full_size.make, "inversions": inversions.make,
          "unmerged": unmerged.make, "exact": exact.make}


def main():
    torch.set_num_threads(1)
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    # That one picture is repeated for two prompts is wanted here.
    warnings.filterwarnings("ignore", category=FutureWarning)
    with torch.no_grad():
        for name in sys.argv[1:] or MAKERS:
            MAKERS[name]()


if __name__ == "__main__":
    sys.exit(main())
