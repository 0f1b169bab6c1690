"""The codebook: frames and voices, read, checked, described and changed."""
