"""From clips to corpus rows: real encodes, measured by the real libvmaf."""
