"""The codebook of frames and voices: reads, checks, describes and edits it."""
