"""What runs on the GPU machine: saliency tables, ensemble training, audits. Its commands are `smokegate`'s."""
