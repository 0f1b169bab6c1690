"""Tables in, a scored table out: in threads or on a Dask cluster, resumable."""
