"""Tables of clips, JSONL and parquet: read in a stream, written with our cells in them."""
