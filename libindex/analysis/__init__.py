"""Many files through decoders and network: worker processes and the pipeline."""
